//! The ledger on commands of any bytes against a model of maps and sets, with power cuts between
//! batches and starts after them. Must never compare less than all that can be asked.

pub mod disk;
pub mod model;
mod standing;

use std::sync::Arc;

use bytes::Bytes;
use packetboat::store::backend::Backend;
use packetboat::store::batch::OPERATIONS_PER_COMMAND_MAX;
use packetboat::store::proof::{
    Bench, CLAIM_OPERATIONS_MAX, MOVE_OPERATIONS_MAX, OpenTurn, Step, View, draft_operations_max,
};
use packetboat::store::rules::{Rooms, Rules, UnknownUsers};
use packetboat::store::{
    Author, Claim, CursorMove, Draft, Edge, Effect, Outcome, PageLimit, Refusal, Role, Start,
    Stretch,
};
use packetboat_proto::content::{Change, Content, GroupChange};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, DeviceId, MessageId, SessionId, UserId};

use self::disk::Disk;
use self::model::{CHATS, DEVICES, Line, NAMES, Part, Room, Told, Verdict, What, World};
use crate::choices::Choices;
use crate::invent;

/// Chats whose ends are kept at hand: so few that they are read again all the time.
const CHATS_CACHED: usize = 2;
/// Bytes of a content that the ledger takes.
pub const CONTENT_BYTES_MAX: usize = 256 * 1024;
/// Sizes of texts: of one part, at the edge of one, of several, of too many.
const TEXT_BYTES: [usize; 8] =
    [1, 2, 30, 4_030, 4_100, 9_000, CONTENT_BYTES_MAX, CONTENT_BYTES_MAX + 1];
/// Everything at once.
/// Times until which somebody is mute: long ago, soon over, never.
const MUTED_UNTIL_MS: [u64; 4] = [0, 5, 40, u64::MAX];
const WIDE: PageLimit = PageLimit { items: usize::MAX, bytes: usize::MAX };
/// Operations of a command that writes one row.
const ROW_OPERATIONS: usize = 1;

/// One thing to do.
#[derive(Clone, Debug)]
enum Command {
    Send { by: usize, to: usize, id: u8, what: What },
    Move { by: usize, on: usize, to: usize, delivered: u64, read: u64 },
    Claim { by: usize, on: usize, start: Start },
    Release { by: usize },
    SetAccount { by: usize, bytes: usize, new: bool },
    RemoveAccount { by: usize },
}

/// Runs the commands that the bytes say.
pub fn run(data: &[u8]) {
    let mut choices = Choices::new(data);
    let rules = Rules {
        unknown_users: choices.one_of(&[UnknownUsers::Keep, UnknownUsers::Reject]),
        group_members_max: choices.one_of(&[10_000, 4, 2]),
        chats_per_user_max: choices.one_of(&[10_000, 4, 1]),
        devices_per_user_max: choices.one_of(&[100, 2]),
        // Its one room is never opened: what rooms keep is in the store's contracts.
        rooms: Rooms::Nobody,
    };
    let disk = Disk::default();
    let bench = Bench::open(Arc::new(disk.clone()), rules, CHATS_CACHED);
    let world = World::new(rules);
    let mut site = Site { disk, bench, snapshots: vec![world.clone()], world, now_ms: 1 };
    while !choices.is_empty() {
        site.now_ms += choices.below(3) as u64;
        site.turn(&mut choices);
        match choices.byte() % 8 {
            0 => site.cut_power(&mut choices),
            1 => site.compare(),
            2..=4 => site.sync(),
            _ => {}
        }
    }
    site.compare();
    site.sync();
    site.cut_power(&mut choices);
}

/// The ledger and the model side by side.
struct Site {
    disk: Disk,
    bench: Bench,
    world: World,
    /// The model as of the last sync, and after each batch since.
    snapshots: Vec<World>,
    now_ms: u64,
}

impl Site {
    fn turn(&mut self, choices: &mut Choices<'_>) {
        let full = choices.once_in(16);
        let mut turn = self.bench.turn(self.now_ms, full);
        let mut told = Vec::new();
        for _ in 0..=choices.below(6) {
            let command = command(choices);
            let room = turn.room();
            let needed = operations_max(&command);
            if room < needed {
                assert!(needed <= OPERATIONS_PER_COMMAND_MAX, "a batch can hold {command:?}");
                break;
            }
            let when = (self.now_ms, full);
            perform(&mut turn, &mut self.world, &command, when, &mut told);
            let used = room.saturating_sub(turn.room());
            assert!(used <= needed, "{command:?} used {used} operations of {needed}");
        }
        let done = turn.finish();
        let effects: Vec<Told> = done.effects.iter().map(|effect| self.told(effect)).collect();
        assert_eq!(effects, told, "others are told what happened");
        for (chat, before) in &done.heads_before {
            let to = number(&CHATS, chat.as_str());
            let last = self.snapshots.last().expect("there is one from the start");
            assert_eq!(*before, last.rooms[to].log.len() as u64, "where {chat} ended before");
        }
        let grown = (0..CHATS.len()).filter(|to| {
            let last = self.snapshots.last().expect("there is one from the start");
            last.rooms[*to].log.len() < self.world.rooms[*to].log.len()
        });
        assert_eq!(done.heads_before.len(), grown.count(), "every log that grows is named");
        self.disk.apply(done.batch).expect("memory takes every batch");
        self.snapshots.push(self.world.clone());
    }

    fn sync(&mut self) {
        self.disk.sync().expect("memory is durable");
        self.snapshots = vec![self.world.clone()];
    }

    /// The power goes, and the store is opened again.
    fn cut_power(&mut self, choices: &mut Choices<'_>) {
        let kept = choices.below(self.snapshots.len());
        self.disk.cut_power(kept);
        self.world = self.snapshots.swap_remove(kept);
        self.snapshots = vec![self.world.clone()];
        self.bench = Bench::open(Arc::new(self.disk.clone()), self.world.rules, CHATS_CACHED);
        self.compare();
    }

    /// An effect in the words of the model.
    fn told(&self, effect: &Effect) -> Told {
        let numbers = |users: &[UserId]| {
            let mut numbers: Vec<_> =
                users.iter().map(|user| number(&NAMES, user.as_str())).collect();
            numbers.sort_unstable();
            numbers
        };
        match effect {
            Effect::Claimed { groups, .. } => {
                let groups = groups.iter().map(|chat| number(&CHATS, chat.as_str()));
                Told::Claimed(groups.collect())
            }
            Effect::Joined { chat, users } => {
                Told::Joined(number(&CHATS, chat.as_str()), numbers(users))
            }
            Effect::Left { chat, users } => {
                Told::Left(number(&CHATS, chat.as_str()), numbers(users))
            }
            Effect::ProfileSet { .. } => unreachable!("nobody says anything of itself here"),
            Effect::Dissolved { chat } => Told::Dissolved(number(&CHATS, chat.as_str())),
            Effect::CursorMoved { chat, delivered, read, .. } => {
                Told::Moved(number(&CHATS, chat.as_str()), *delivered, *read)
            }
            Effect::Stored(stored) => {
                let to = number(&CHATS, stored.chat.as_str());
                let line = &self.world.rooms[to].log[index(stored.seq)];
                check_entry(&stored.body, to, stored.seq, line);
                assert_eq!(stored.origin, session(line.by), "an entry's origin is its session");
                Told::Stored(to, stored.seq)
            }
        }
    }

    /// Everything that can be asked, against the model.
    fn compare(&self) {
        let view = self.bench.view();
        for by in 0..NAMES.len() {
            for on in 0..DEVICES.len() {
                self.compare_lags(&view, by, on);
            }
            for to in 0..CHATS.len() {
                compare_chat(&view, by, to, &self.world.rooms[to]);
            }
        }
    }

    fn compare_lags(&self, view: &View, by: usize, on: usize) {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = view.lagging(&user(by), &device(on), after.as_ref(), 2);
            let page = page.expect("what was written can be read");
            found.extend(page.lags.into_iter().map(|lag| (lag.chat, lag.delivered, lag.head)));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let mut expected = Vec::new();
        for (to, room) in self.world.rooms.iter().enumerate() {
            let Some(part) = room.parts.get(&by) else { continue };
            if part.last() > part.cursor(on) {
                expected.push((chat(to), part.cursor(on), part.last()));
            }
        }
        expected.sort();
        assert_eq!(found, expected, "what {} lacks on {}", NAMES[by], DEVICES[on]);
    }
}

fn command(choices: &mut Choices<'_>) -> Command {
    let by = choices.below(NAMES.len());
    let on = choices.below(DEVICES.len());
    let to = choices.below(CHATS.len());
    match choices.byte() % 16 {
        0..=8 => Command::Send { by, to, id: choices.byte() % 24, what: what(choices) },
        9..=11 => {
            let (delivered, read) = (choices.number(), choices.number());
            Command::Move { by, on, to, delivered, read }
        }
        12 | 13 => {
            let last = Start::Last(choices.number_32());
            let starts = [Start::Undelivered, Start::Everything, Start::Newest, last];
            Command::Claim { by, on, start: choices.one_of(&starts) }
        }
        14 if choices.flag() => Command::Release { by },
        14 => Command::RemoveAccount { by },
        _ => {
            let bytes = choices.one_of(&[7, 256, 257, 0]);
            Command::SetAccount { by, bytes, new: choices.flag() }
        }
    }
}

fn what(choices: &mut Choices<'_>) -> What {
    match choices.byte() % 20 {
        0..=5 => {
            // Long texts are copied often: they come more seldom.
            let sizes = if choices.once_in(16) { &TEXT_BYTES[..] } else { &TEXT_BYTES[..3] };
            What::Text(choices.byte() % 4, choices.one_of(sizes))
        }
        6 | 7 => What::Create(some_users(choices)),
        8..=10 => What::Add(some_users(choices)),
        11 => What::Remove(some_users(choices)),
        12 => What::Leave(choices.flag().then(|| choices.below(NAMES.len()))),
        13 => What::Rename,
        14 => What::Describe,
        15 => What::Rules(invent::rules(choices)),
        16 => What::Role(some_users(choices), choices.flag()),
        17 => What::HandOver(choices.below(NAMES.len())),
        18 => What::Mute(some_users(choices), choices.one_of(&MUTED_UNTIL_MS)),
        _ if choices.once_in(4) => What::Dissolve,
        _ => What::Rename,
    }
}

/// Some users, each once; at least one.
fn some_users(choices: &mut Choices<'_>) -> Vec<usize> {
    let chosen = choices.byte();
    let users: Vec<usize> = (0..NAMES.len()).filter(|at| chosen >> at & 1 == 1).collect();
    if users.is_empty() { vec![usize::from(chosen) % NAMES.len()] } else { users }
}

fn number(names: &[&str], name: &str) -> usize {
    names.iter().position(|known| *known == name).expect("nobody else is spoken of")
}

fn index(seq: u64) -> usize {
    usize::try_from(seq - 1).expect("logs are short here")
}

fn user(by: usize) -> UserId {
    UserId::new(NAMES[by]).expect("it is an id")
}

fn device(on: usize) -> DeviceId {
    DeviceId::new(DEVICES[on]).expect("it is an id")
}

fn chat(to: usize) -> ChatId {
    ChatId::new(CHATS[to]).expect("it is an id")
}

fn session(by: usize) -> SessionId {
    SessionId::from([u8::try_from(by).expect("users are few"); 16])
}

fn draft(to: usize, id: u8, what: &What) -> Draft {
    let users = |some: &[usize]| some.iter().map(|by| user(*by)).collect();
    let change = match what {
        What::Text(..) => None,
        What::Create(members) => {
            Some(GroupChange::Created { name: "G".to_owned(), members: users(members) })
        }
        What::Add(some) => Some(GroupChange::Added(users(some))),
        What::Remove(some) => Some(GroupChange::Removed(users(some))),
        What::Leave(heir) => Some(GroupChange::Left { new_owner: heir.map(user) }),
        What::Rename => Some(GroupChange::Renamed("H".to_owned())),
        What::Describe => {
            Some(GroupChange::Described { topic: Some("T".to_owned()), avatar: None })
        }
        What::Rules(rules) => Some(GroupChange::RulesSet(*rules)),
        What::Role(some, gives) => {
            let role = if *gives { Role::Admin } else { Role::Member };
            Some(GroupChange::RolesGiven { users: users(some), role })
        }
        What::HandOver(to) => Some(GroupChange::OwnerChanged(user(*to))),
        What::Mute(some, until_ms) => {
            Some(GroupChange::Muted { users: users(some), until_ms: *until_ms })
        }
        What::Dissolve => Some(GroupChange::Dissolved),
    };
    Draft {
        chat: chat(to),
        id: MessageId::from([id; 16]),
        content: content(what, change.as_ref()),
        change: change.map(Change::Group),
        file: None,
    }
}

fn content(what: &What, change: Option<&GroupChange>) -> Bytes {
    match (what, change) {
        (What::Text(letter, bytes), _) => vec![b'a' + letter; *bytes].into(),
        (_, Some(change)) => Content::Group(change.clone()).encode(),
        (_, None) => Bytes::new(),
    }
}

fn operations_max(command: &Command) -> usize {
    match command {
        Command::Send { to, id, what, .. } => draft_operations_max(&draft(*to, *id, what)),
        Command::Move { .. } => MOVE_OPERATIONS_MAX,
        Command::Claim { .. } => CLAIM_OPERATIONS_MAX,
        _ => ROW_OPERATIONS,
    }
}

/// Does one thing on both sides.
fn perform(
    turn: &mut OpenTurn<'_>,
    world: &mut World,
    command: &Command,
    (now_ms, full): (u64, bool),
    told: &mut Vec<Told>,
) {
    const READ: &str = "what was written can be read";
    match command {
        Command::Send { by, to, id, what } => {
            let author = Author { user: user(*by), session: session(*by) };
            let found = turn.append(&author, &draft(*to, *id, what)).expect(READ);
            let expected = world.send((*by, *to, *id), what, (now_ms, full), told);
            assert_eq!(verdict(&found, now_ms), expected, "{command:?}");
        }
        Command::Move { by, on, to, delivered, read } => {
            let (delivered, read) = (*delivered, *read);
            let to_where = CursorMove { chat: chat(*to), delivered, read };
            turn.advance(&user(*by), &device(*on), &to_where).expect(READ);
            world.advance((*by, *on, *to), (delivered, read), told);
        }
        Command::Claim { by, on, start } => {
            let (user, device) = (user(*by), device(*on));
            let claim = Claim { user, device, session: session(*by), start: *start };
            let expected = world.claim(*by, *on, *start, told);
            match turn.claim(&claim, None).expect(READ) {
                Step::Done(claimed) => assert_eq!(Ok(claimed.new_device), expected, "{command:?}"),
                Step::Refused(refusal) => assert_eq!(Err(refusal.code), expected, "{command:?}"),
                Step::After(chat) => panic!("a user of few chats is not done after {chat}"),
            }
        }
        Command::Release { by } => turn.release(&user(*by)).expect(READ),
        Command::SetAccount { by, bytes, new } => {
            let found = turn.set_account(&user(*by), &"h".repeat(*bytes), *new).expect(READ);
            let expected = world.set_account(*by, *bytes, *new);
            assert_eq!(found.map_err(code), expected, "{command:?}");
        }
        Command::RemoveAccount { by } => {
            let found = turn.remove_account(&user(*by)).expect(READ);
            assert_eq!(found.map_err(code), world.remove_account(*by), "{command:?}");
        }
    }
}

fn code(refusal: Refusal) -> packetboat_proto::code::RejectCode {
    refusal.code
}

fn verdict(outcome: &Outcome, now_ms: u64) -> Verdict {
    match outcome {
        Outcome::Stored { seq, at_ms } => {
            assert_eq!(*at_ms, now_ms, "what is stored now is stored now");
            Verdict::Stored(*seq)
        }
        Outcome::Duplicate { seq, at_ms } => Verdict::Duplicate(*seq, *at_ms),
        Outcome::Refused(refusal) => Verdict::Refused(refusal.code),
    }
}

fn check_entry(body: &Bytes, to: usize, seq: u64, line: &Line) {
    let entry = Entry::decode(body.clone()).expect("a log holds entries");
    let made = draft(to, line.id, &line.what);
    let Draft { chat, id, content, .. } = made;
    let (sender, at_ms) = (user(line.by), line.at_ms);
    let expected = Entry { chat, seq, sender, id, at_ms, content };
    assert!(entry == expected, "{seq} of {} is what was said: {line:?}", CHATS[to]);
}

fn compare_chat(view: &View, by: usize, to: usize, room: &Room) {
    let (name, id) = (user(by), chat(to));
    let history = view.history(&name, &id, Edge::After(0), WIDE);
    let Some(part) = room.parts.get(&by) else {
        // A direct chat is its users' before anything is written to it.
        match id.peer_of(&name) {
            Some(_) => assert_eq!(history.map(|page| page.items.len()), Ok(0), "{id} is empty"),
            None => assert!(history.is_err(), "{id} is not {name}'s"),
        }
        return;
    };
    let history = history.expect("what was written can be read").items;
    let seqs: Vec<u64> = history.iter().map(|logged| logged.seq).collect();
    assert!(part.visible().iter().eq(&seqs), "{name} sees {seqs:?} in {id}");
    for logged in &history {
        check_entry(&logged.body, to, logged.seq, &room.log[index(logged.seq)]);
    }
    let back = view.history(&name, &id, Edge::Before(0), WIDE).map(|page| page.items);
    assert_eq!(back.as_ref(), Ok(&history), "a log is the same from its end");
    let upto = room.log.len() as u64;
    let stretch = Stretch { chat: id.clone(), after: 0, upto };
    let reads = view.stretches(&name, vec![stretch], WIDE).expect("what was written can be read");
    assert_eq!(reads[0].entries, history, "a stretch is read as a page is");
    assert_eq!(reads[0].reached, upto, "and to its end");
    compare_view(view, by, to, room, part);
}

fn compare_view(view: &View, by: usize, to: usize, room: &Room, part: &Part) {
    let (name, id) = (user(by), chat(to));
    for (on, on_name) in DEVICES.iter().enumerate() {
        let seen = view.chat(&name, &device(on), &id).expect("what was written can be read");
        let unread = part.visible().range(part.read + 1..).copied().collect::<Vec<_>>();
        let unread = unread.into_iter().filter(|seq| room.log[index(*seq)].by != by).count();
        let standing = &room.standing;
        let there = standing.members.contains(&by) && !standing.over;
        let role = there.then(|| standing.rank(by));
        let last_at_ms = part
            .last()
            .checked_sub(1)
            .map_or(0, |at| room.log[usize::try_from(at).expect("logs are short here")].at_ms);
        let found = (seen.head, seen.delivered, seen.read, seen.unread, seen.role, seen.last_at_ms);
        let (head, at) = (part.last(), part.cursor(on));
        let expected = (head, at, part.read, unread as u64, role, last_at_ms);
        assert_eq!(found, expected, "{name} in {id} on {on_name}");
        if CHATS[to].starts_with("group:") {
            let members = if standing.over { 0 } else { standing.members.len() };
            assert_eq!(seen.members as usize, members, "members of {id}");
            assert_eq!(seen.rules, standing.rules, "rules of {id}");
            assert_eq!(seen.muted_until_ms, part.muted_until_ms, "{name} in {id}");
        }
    }
    let members = view.members(&name, &id);
    if room.standing.members.contains(&by) && !room.standing.over {
        let found: Vec<_> = members
            .expect("what was written can be read")
            .items
            .iter()
            .map(|member| (number(&NAMES, member.user.as_str()), member.role))
            .collect();
        let expected = room.standing.members.iter();
        let expected = expected.map(|user| (*user, room.standing.rank(*user)));
        assert!(expected.eq(found), "members of {id}");
    } else {
        assert!(members.is_err(), "who is out of {id} is not told who is in");
    }
}
