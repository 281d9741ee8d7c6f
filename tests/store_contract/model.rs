//! The store against a model so simple that it is plainly right: for each user, the set of
//! entries that were said while the user was there. Random commands, with restarts between.

use std::collections::{BTreeMap, BTreeSet};

use packetboat::store::{CursorMove, Edge, Outcome, Role, Start, Store};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::GroupChange;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::bed::{
    Bed, FjallBed, MemoryBed, Opened, SledBed, WIDE, change_draft, chat, code, device, draft,
    text_of, user, users, with_id,
};
use crate::shaky::ShakyBed;

const NAMES: [&str; 4] = ["ann", "bob", "cid", "dan"];
const CHATS: [&str; 5] = ["dm:ann:bob", "dm:bob:cid", "dm:dan:dan", "group:g", "group:h"];
const DEVICES: [&str; 2] = ["desk", "phone"];

/// A change to a group, as the model sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    Text(u8),
    Create(Vec<usize>),
    Add(Vec<usize>),
    Remove(Vec<usize>),
    Leave(Option<usize>),
    Rename,
}

#[derive(Clone, Debug)]
enum Command {
    Send {
        by: usize,
        to: usize,
        id: u64,
        what: Change,
    },
    Move {
        by: usize,
        on: usize,
        to: usize,
        delivered: u64,
        read: u64,
    },
    Claim {
        by: usize,
        on: usize,
        start: Start,
    },
    /// In order, or because the power was cut.
    Reopen {
        cut: bool,
    },
}

fn some_users() -> impl Strategy<Value = Vec<usize>> {
    proptest::sample::subsequence((0..NAMES.len()).collect::<Vec<_>>(), 1..=3)
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (0..2_u8).prop_map(Change::Text),
        3 => some_users().prop_map(Change::Create),
        3 => some_users().prop_map(Change::Add),
        2 => some_users().prop_map(Change::Remove),
        2 => proptest::option::of(0..NAMES.len()).prop_map(Change::Leave),
        1 => Just(Change::Rename),
    ]
}

fn start() -> impl Strategy<Value = Start> {
    prop_oneof![
        Just(Start::Undelivered),
        Just(Start::Everything),
        Just(Start::Newest),
        (0..5_u32).prop_map(Start::Last),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let (by, to, on) = (0..NAMES.len(), 0..CHATS.len(), 0..DEVICES.len());
    prop_oneof![
        12 => (by.clone(), to.clone(), 0..40_u64, change())
            .prop_map(|(by, to, id, what)| Command::Send { by, to, id, what }),
        4 => (by.clone(), on.clone(), to, 0..12_u64, 0..12_u64)
            .prop_map(|(by, on, to, delivered, read)| {
                Command::Move { by, on, to, delivered, read }
            }),
        2 => (by, on, start()).prop_map(|(by, on, start)| Command::Claim { by, on, start }),
        1 => any::<bool>().prop_map(|cut| Command::Reopen { cut }),
    ]
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Stored(u64),
    Duplicate(u64),
    Refused(RejectCode),
}

/// A user's part in a chat.
#[derive(Default)]
struct Part {
    visible: BTreeSet<u64>,
    delivered: u64,
    read: u64,
    cursors: BTreeMap<usize, u64>,
}

#[derive(Default)]
struct Room {
    log: Vec<(usize, u64, Change)>,
    members: BTreeSet<usize>,
    owner: Option<usize>,
    parts: BTreeMap<usize, Part>,
}

#[derive(Default)]
struct Model {
    rooms: [Room; CHATS.len()],
    devices: BTreeSet<(usize, usize)>,
}

impl Room {
    fn pair(to: usize, by: usize) -> Option<BTreeSet<usize>> {
        let pair: Vec<&str> = CHATS[to].strip_prefix("dm:")?.split(':').collect();
        let is_one = |at: &usize| pair.contains(&NAMES[*at]);
        Some(if is_one(&by) { (0..NAMES.len()).filter(is_one).collect() } else { BTreeSet::new() })
    }

    fn at(&self, seq: u64) -> &(usize, u64, Change) {
        &self.log[usize::try_from(seq - 1).unwrap()]
    }

    fn send(&mut self, to: usize, by: usize, id: u64, what: &Change) -> Verdict {
        let pair = Self::pair(to, by);
        if pair.as_ref().is_some_and(BTreeSet::is_empty) {
            return Verdict::Refused(RejectCode::NoSuchChat);
        }
        if pair.is_some() && !matches!(what, Change::Text(_)) {
            return Verdict::Refused(RejectCode::Invalid);
        }
        let same_id = |entry: &(usize, u64, Change)| (entry.0, entry.1) == (by, id);
        if let Some(at) = self.log.iter().position(same_id) {
            let same = self.log[at].2 == *what;
            let conflict = Verdict::Refused(RejectCode::Conflict);
            return if same { Verdict::Duplicate(at as u64 + 1) } else { conflict };
        }
        let after = match pair {
            Some(pair) => pair,
            None => match self.changed(by, what) {
                Ok(after) => after,
                Err(code) => return Verdict::Refused(code),
            },
        };
        self.log.push((by, id, what.clone()));
        let seq = self.log.len() as u64;
        for user in self.members.union(&after) {
            self.parts.entry(*user).or_default().visible.insert(seq);
        }
        self.members = after;
        Verdict::Stored(seq)
    }

    /// The members of a group after a change; the owner changes on the way.
    fn changed(&mut self, by: usize, what: &Change) -> Result<BTreeSet<usize>, RejectCode> {
        let mut after = self.members.clone();
        if let Change::Create(others) = what {
            let others: BTreeSet<usize> = others.iter().copied().collect();
            return match (self.log.is_empty(), others.contains(&by)) {
                (false, _) => Err(RejectCode::AlreadyExists),
                (true, true) => Err(RejectCode::MemberMismatch),
                (true, false) => {
                    self.owner = Some(by);
                    Ok(others.into_iter().chain([by]).collect())
                }
            };
        }
        if !after.contains(&by) {
            return Err(RejectCode::NoSuchChat);
        }
        let owns = self.owner == Some(by);
        match what {
            Change::Text(_) => {}
            Change::Leave(heir) => {
                after.remove(&by);
                match heir {
                    Some(_) if !owns => return Err(RejectCode::Invalid),
                    Some(heir) if after.contains(heir) => self.owner = Some(*heir),
                    None if !owns => {}
                    None if after.is_empty() => self.owner = None,
                    _ => return Err(RejectCode::OwnerNeeded),
                }
            }
            _ if !owns => return Err(RejectCode::NotAllowed),
            Change::Add(users) if users.iter().any(|user| after.contains(user)) => {
                return Err(RejectCode::MemberMismatch);
            }
            Change::Remove(users) if users.contains(&by) => return Err(RejectCode::Invalid),
            Change::Remove(users) if users.iter().any(|user| !after.contains(user)) => {
                return Err(RejectCode::MemberMismatch);
            }
            Change::Add(users) => after.extend(users),
            Change::Remove(users) => after.retain(|user| !users.contains(user)),
            Change::Create(_) | Change::Rename => {}
        }
        Ok(after)
    }
}

impl Part {
    fn last(&self) -> u64 {
        self.visible.last().copied().unwrap_or(0)
    }

    fn cursor(&self, on: usize) -> u64 {
        let before_first = self.visible.first().map_or(0, |first| first - 1);
        self.cursors.get(&on).copied().unwrap_or(before_first)
    }

    fn start(&mut self, on: usize, start: Start) {
        let at = match start {
            Start::Everything => 0,
            Start::Undelivered => self.delivered,
            Start::Newest | Start::Last(0) => self.last(),
            Start::Last(entries) => {
                let first = self.visible.iter().rev().nth(entries as usize - 1);
                first.map_or(0, |first| first - 1)
            }
        };
        self.cursors.remove(&on);
        if at > self.cursor(on) {
            self.cursors.insert(on, at);
        }
    }

    fn advance(&mut self, on: usize, delivered: u64, read: u64) {
        let (delivered, read) = (delivered.min(self.last()), read.min(self.last()));
        if delivered > self.cursor(on) {
            self.cursors.insert(on, delivered);
        }
        self.delivered = self.delivered.max(delivered);
        self.read = self.read.max(read);
    }
}

fn named(at: &[usize]) -> Vec<packetboat_proto::id::UserId> {
    users(&at.iter().map(|at| NAMES[*at]).collect::<Vec<_>>())
}

async fn send(open: &Opened, by: usize, to: usize, id: u64, what: &Change) -> Verdict {
    let change = match what.clone() {
        Change::Text(_) => None,
        Change::Create(others) => {
            Some(GroupChange::Created { name: "G".into(), members: named(&others) })
        }
        Change::Add(others) => Some(GroupChange::Added(named(&others))),
        Change::Remove(others) => Some(GroupChange::Removed(named(&others))),
        Change::Leave(heir) => {
            Some(GroupChange::Left { new_owner: heir.map(|heir| user(NAMES[heir])) })
        }
        Change::Rename => Some(GroupChange::Renamed("H".into())),
    };
    let draft = match (change, what) {
        (Some(change), _) => change_draft(CHATS[to], change),
        (None, Change::Text(text)) => draft(CHATS[to], &text.to_string()),
        (None, _) => unreachable!("every other change is one of a group"),
    };
    let outcome = open.put(NAMES[by], with_id(draft, id)).await;
    match outcome {
        Outcome::Stored { seq, .. } => Verdict::Stored(seq),
        Outcome::Duplicate { seq, .. } => Verdict::Duplicate(seq),
        Outcome::Refused(_) => Verdict::Refused(code(&outcome).unwrap()),
    }
}

/// Everything that can be asked, against the model.
async fn compare(open: &Opened, model: &Model) {
    for (by, name) in NAMES.iter().enumerate() {
        for (on, device_name) in DEVICES.iter().enumerate() {
            let found = open.missing(name, device_name).await;
            let found: Vec<_> = found.into_iter().map(|(to, seq, _)| (to, seq)).collect();
            let mut expected = Vec::new();
            for (to, room) in CHATS.iter().zip(&model.rooms) {
                let Some(part) = room.parts.get(&by) else { continue };
                let missing = part.visible.range(part.cursor(on) + 1..);
                expected.extend(missing.map(|seq| ((*to).to_owned(), *seq)));
            }
            assert_eq!(found, expected, "missing for {name} on {device_name}");
        }
        for (to, room) in CHATS.iter().zip(&model.rooms) {
            compare_chat(open, by, to, room).await;
        }
    }
}

async fn compare_chat(open: &Opened, by: usize, to: &str, room: &Room) {
    let name = user(NAMES[by]);
    let history = open.history(name.clone(), chat(to), Edge::After(0), WIDE).await;
    let Some(part) = room.parts.get(&by) else {
        // A direct chat is its users' before anything is written to it.
        match chat(to).peer_of(&name) {
            Some(_) => assert!(history.unwrap().items.is_empty(), "{to} is not written to yet"),
            None => assert!(history.is_err(), "{name} has no part in {to}"),
        }
        return;
    };
    let history = history.unwrap().items;
    let seqs: BTreeSet<u64> = history.iter().map(|logged| logged.seq).collect();
    assert_eq!(seqs, part.visible, "{name} in {to}");
    for logged in &history {
        if let Change::Text(text) = room.at(logged.seq).2 {
            assert_eq!(text_of(&logged.body), text.to_string());
        }
    }
    let back = open.history(name.clone(), chat(to), Edge::Before(0), WIDE).await.unwrap().items;
    assert_eq!(back, history);
    let view = open.chat(name.clone(), device(DEVICES[0]), chat(to)).await.unwrap();
    let unread = part.visible.range(part.read + 1..);
    let unread = unread.filter(|seq| room.at(**seq).0 != by).count();
    let role = room
        .members
        .contains(&by)
        .then(|| if room.owner == Some(by) { Role::Owner } else { Role::Member });
    let (head, read, at) = (part.last(), part.read, part.cursor(0));
    let found = (view.head, view.read, view.delivered, view.unread, view.role);
    assert_eq!(found, (head, read, at, unread as u64, role), "{name} in {to}");
    if role.is_some() {
        let page = open.members(name.clone(), chat(to), None, 99).await.unwrap();
        let found: Vec<_> = page.items.into_iter().map(|member| member.user).collect();
        let expected: Vec<usize> = room.members.iter().copied().collect();
        assert_eq!(found, named(&expected), "members of {to}");
    }
}

async fn run(bed: &impl Bed, commands: Vec<Command>) {
    let mut model = Model::default();
    let mut open = bed.open();
    for command in commands {
        match command {
            Command::Send { by, to, id, what } => {
                let expected = model.rooms[to].send(to, by, id, &what);
                assert_eq!(send(&open, by, to, id, &what).await, expected);
            }
            Command::Move { by, on, to, delivered, read } => {
                if let Some(part) = model.rooms[to].parts.get_mut(&by) {
                    part.advance(on, delivered, read);
                }
                let moves = vec![CursorMove { chat: chat(CHATS[to]), delivered, read }];
                open.advance(user(NAMES[by]), device(DEVICES[on]), moves).await.unwrap();
            }
            Command::Claim { by, on, start } => {
                let new = model.devices.insert((by, on));
                assert_eq!(open.claim(NAMES[by], DEVICES[on], start).await, new);
                let parts = model.rooms.iter_mut().filter_map(|room| room.parts.get_mut(&by));
                parts.filter(|_| new).for_each(|part| part.start(on, start));
            }
            Command::Reopen { cut } => {
                compare(&open, &model).await;
                if cut {
                    bed.cut_power();
                }
                open.close().await;
                open = bed.open();
            }
        }
    }
    compare(&open, &model).await;
    open.close().await;
}

fn run_on(bed: &impl Bed, commands: Vec<Command>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(bed, commands));
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, cases, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(192))]

    #[test]
    fn memory_is_what_the_model_says(commands in vec(command(), 0..120)) {
        run_on(&MemoryBed::default(), commands);
    }
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn what_a_cut_of_the_power_leaves_is_what_the_model_says(
        commands in vec(command(), 0..120),
    ) {
        run_on(&ShakyBed::default(), commands);
    }
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn sled_is_what_the_model_says(commands in vec(command(), 0..120)) {
        run_on(&SledBed::default(), commands);
    }
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn fjall_is_what_the_model_says(commands in vec(command(), 0..120)) {
        run_on(&FjallBed::default(), commands);
    }
}
