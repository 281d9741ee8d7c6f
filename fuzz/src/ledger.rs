//! The ledger on commands of any bytes against a model of maps and sets, with power cuts between
//! batches and starts after them. Must never compare less than all that can be asked.

mod alter;
mod asked;
mod command;
mod compare;
mod contact;
mod device;
pub mod disk;
mod inviting;
mod keys;
mod links;
pub mod model;
mod names;
mod own;
mod part;
mod piles;
mod receipts;
mod saying;
mod setting;
mod standing;
mod waiting;
mod what;

use std::sync::Arc;

use packetboat::store::act::{Act, Acted};
use packetboat::store::backend::Backend;
use packetboat::store::batch::OPERATIONS_PER_COMMAND_MAX;
use packetboat::store::proof::{Bench, OpenTurn, Step, View};
use packetboat::store::rules::{Rooms, Rules};
use packetboat::store::{
    Author, Claim, Claimed, CursorMove, Effect, Outcome, ReceiptRule, Refusal,
};
use packetboat_proto::code::RejectCode;
use packetboat_proto::id::{SessionId, UserId};
use packetboat_proto::limits::EXPIRES_MS_LOWEST;
use packetboat_proto::packet::{JoinState, KeyBundle};

use self::command::{Command, command, operations_max};
use self::compare::compare_chat;
use self::disk::Disk;
use self::model::{CHATS, DEVICES, NAMES, Told, Verdict, World};
use self::names::{chat, device as on_device, index, number, session, user};
use self::saying::{check_entry, draft};
use self::standing::Refused;
use crate::choices::Choices;

/// Chats whose ends are kept at hand: so few that they are read again all the time.
const CHATS_CACHED: usize = 2;

/// Runs the commands that the bytes say.
pub fn run(data: &[u8]) {
    let mut choices = Choices::new(data);
    let (unknown_users, who_writes, tell_blocked) = choices.one_of(&contact::RULES);
    let rules = Rules {
        unknown_users,
        group_members_max: choices.one_of(&[10_000, 4, 2]),
        chats_per_user_max: choices.one_of(&[10_000, 4, 1]),
        devices_per_user_max: choices.one_of(&[100, 2]),
        edit_ms: choices.one_of(&[1_000_000, 5, 0]),
        recall_ms: choices.one_of(&[1_000_000, 5, 0]),
        // Its one room is never opened: what rooms keep is in the store's contracts.
        rooms: Rooms::Nobody,
        who_writes,
        tell_blocked,
    };
    let disk = Disk::default();
    let bench = Bench::open(Arc::new(disk.clone()), rules, CHATS_CACHED);
    let world = World::new(rules);
    let mut site = Site { disk, bench, snapshots: vec![world.clone()], world, now_ms: 1 };
    while !choices.is_empty() {
        site.now_ms += choices.below(3) as u64;
        if choices.once_in(8) {
            // What expires, and what was put off, comes to its time.
            site.now_ms += choices.one_of(&[EXPIRES_MS_LOWEST, 10 * EXPIRES_MS_LOWEST]);
        }
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
        self.world.piles.restart();
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
            Effect::Claimed { groups, blocked, .. } => {
                let groups = groups.iter().map(|chat| number(&CHATS, chat.as_str()));
                Told::Claimed(groups.collect(), numbers(blocked))
            }
            Effect::LoggedOut { user, device } => {
                Told::LoggedOut(number(&NAMES, user.as_str()), number(&DEVICES, device.as_str()))
            }
            Effect::Joined { chat, users } => {
                Told::Joined(number(&CHATS, chat.as_str()), numbers(users))
            }
            Effect::Left { chat, users } => {
                Told::Left(number(&CHATS, chat.as_str()), numbers(users))
            }
            Effect::OwnChanged { user, revision } => {
                Told::Own(number(&NAMES, user.as_str()), *revision)
            }
            Effect::ProfileSet { user, receipts, .. } => {
                let told = *receipts == ReceiptRule::Told;
                Told::Reads(number(&NAMES, user.as_str()), told)
            }
            Effect::Keys(news) => {
                let (by, keys) = (number(&NAMES, news.user.as_str()), &news.device);
                let on = number(&DEVICES, keys.device.as_str());
                Told::Keys(by, on, keys.state.map(|state| state.left))
            }
            Effect::Related { user, other, relation } => {
                let [by, of] = [user, other].map(|one| number(&NAMES, one.as_str()));
                Told::Related(by, of, relation.contact, relation.blocked)
            }
            Effect::Dissolved { chat } => Told::Dissolved(number(&CHATS, chat.as_str())),
            Effect::Joining { news, .. } => {
                let (to, by) =
                    (number(&CHATS, news.chat.as_str()), number(&NAMES, news.user.as_str()));
                match news.state {
                    Some(JoinState::Refused) => Told::NotLetIn(to, by),
                    _ => Told::Asked(to, by),
                }
            }
            Effect::ScheduleFailed { user, name, .. } => {
                let by = number(&NAMES, user.as_str());
                Told::NotSent((by, number(&CHATS, name.chat.as_str()), name.id.as_bytes()[0]))
            }
            Effect::CursorMoved { chat, delivered, read, told, .. } => {
                Told::Moved(number(&CHATS, chat.as_str()), *delivered, *read, *told)
            }
            Effect::Stored(stored) => {
                let to = number(&CHATS, stored.chat.as_str());
                let line = &self.world.rooms[to].log[index(stored.seq)];
                // Whatever became of it since.
                check_entry(&stored.body, (to, stored.seq), line, None);
                let is_origin = stored.origin == session(line.by);
                let is_nobodys = stored.origin == SessionId::from([0; 16]);
                assert!(is_origin || is_nobodys, "an entry's origin is its session, if it has one");
                Told::Stored(to, stored.seq)
            }
        }
    }

    /// Everything that can be asked, against the model.
    fn compare(&self) {
        let view = self.bench.view(self.now_ms);
        keys::compare(&view, &self.world);
        for by in 0..NAMES.len() {
            self.world.compare_waiting(&view, by);
            for on in 0..DEVICES.len() {
                self.compare_lags(&view, by, on);
            }
            setting::compare(&view, by, &self.world.own[by]);
            for to in 0..CHATS.len() {
                let (room, own) = (&self.world.rooms[to], &self.world.own[by]);
                compare_chat(&view, (by, to), room, own, self.now_ms);
                receipts::compare(&view, by, to, &self.world);
            }
        }
    }

    fn compare_lags(&self, view: &View, by: usize, on: usize) {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = view.lagging(&user(by), &on_device(on), after.as_ref(), 2);
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
            turn.advance(&user(*by), &on_device(*on), &to_where).expect(READ);
            world.advance((*by, *on, *to), (delivered, read), told);
        }
        Command::Claim { by, on, start, by_ticket } => {
            let claim = Claim::new(user(*by), on_device(*on), session(*by), *start);
            let claim = Claim { by_ticket: *by_ticket, ..claim };
            let expected = world.claim((*by, *on), *start, *by_ticket, told);
            match turn.claim(&claim, None).expect(READ) {
                Step::Done(Claimed { new_device, number, .. }) => {
                    assert_eq!(Ok((new_device, number)), expected, "{command:?}");
                }
                Step::Refused(refusal) => assert_eq!(Err(refusal.code), expected, "{command:?}"),
                Step::After(chat) => panic!("a user of few chats is not done after {chat}"),
            }
        }
        Command::DoDue => {
            let expected = world.do_next_due((now_ms, full), told);
            assert_eq!(turn.do_next_due(now_ms).expect(READ), expected);
        }
        Command::Release { by, on } => turn.release(&user(*by), &on_device(*on)).expect(READ),
        Command::Device { by, on, end } => device::end(turn, world, (*by, *on), *end, told),
        Command::SetAccount { by, bytes, new } => {
            let found = turn.set_account(&user(*by), &"h".repeat(*bytes), *new).expect(READ);
            let expected = world.set_account(*by, *bytes, *new);
            assert_eq!(found.map_err(code), expected, "{command:?}");
        }
        Command::RemoveAccount { by } => {
            let found = turn.remove_account(&user(*by)).expect(READ);
            assert_eq!(found.map_err(code), world.remove_account(*by), "{command:?}");
        }
        _ => {
            let (by, act, expected) = acted(world, command, (now_ms, full), told);
            let found = turn.act(&user(by), &act).expect(READ);
            assert_eq!(found.map_err(code), expected.map(Some), "{command:?}");
        }
    }
}

/// Who asks for what, and what comes of it in the model.
fn acted(
    world: &mut World,
    command: &Command,
    (now_ms, full): (u64, bool),
    told: &mut Vec<Told>,
) -> (usize, Act, Refused<Acted>) {
    let when = (now_ms, full);
    match command {
        Command::Ask { by, to, pass } => {
            let expected = world.ask((*by, *to), *pass, when, told).map(Acted::Asked);
            let proof = pass.map(|pass| inviting::proof(pass, *to));
            (*by, Act::AskToJoin { chat: chat(*to), proof }, expected)
        }
        Command::Link { by, to, link, made } => {
            let expected = world.change_link((*by, *to), *link, *made, when).map(|()| Acted::Done);
            (*by, inviting::act(*to, *link, *made), expected)
        }
        Command::NotLetIn { by, to, users } => {
            let expected = world.refuse((*by, *to), users, when, told).map(|()| Acted::Done);
            let users = users.iter().map(|by| user(*by)).collect();
            (*by, Act::RefuseJoin { chat: chat(*to), users }, expected)
        }
        Command::Set { by, to, setting } => {
            let expected = world.set_own((*by, *to), *setting, full, told).map(Acted::Set);
            (*by, setting::act(*to, *setting), expected)
        }
        Command::PublishKeys { by, on, batch } => {
            let act = Act::PublishKeys { device: on_device(*on), keys: batch.keys() };
            let expected = world.publish_keys((*by, *on), *batch, full, told);
            (*by, act, expected.map(Acted::Published))
        }
        Command::ClaimKey { by, claim, of, on } => {
            let (of_whom, device) = (user(*of), on_device(*on));
            let act = Act::ClaimKey { claim: piles::claim_id(*claim), of: of_whom, device };
            let expected = world.claim_key((*by, *claim), (*of, *on), when, told);
            let expected = expected.map(|given| {
                let one_time = given.id.map(|id| piles::one(given.identity, id));
                let (identity, prekey) = (vec![given.identity].into(), "prekey".into());
                Acted::Key(Box::new(KeyBundle { identity, prekey, one_time }))
            });
            (*by, act, expected)
        }
        Command::SetContact { by, of, wanted, letters } => {
            let expected = world.set_contact((*by, *of), (*wanted, *letters), full, told);
            (*by, contact::wish(*of, *wanted, *letters), expected.map(Acted::Set))
        }
        Command::SetBlock { by, of, blocked } => {
            let expected = world.set_block((*by, *of), *blocked, full, told);
            (*by, contact::block(*of, *blocked), expected.map(Acted::Set))
        }
        Command::TellReads { by, told: reads } => {
            let rule = if *reads { ReceiptRule::Told } else { ReceiptRule::Hidden };
            let expected = world.tell_reads(*by, *reads, full, told).map(|()| Acted::Done);
            (*by, Act::SetReceipts(rule), expected)
        }
        Command::Schedule { by, to, id, what, at_ms } => {
            let expected = world.schedule((*by, *to, *id), what, *at_ms, when);
            let draft = Box::new(draft(*to, *id, what));
            (*by, Act::Schedule { draft, at_ms: *at_ms }, expected.map(|()| Acted::Done))
        }
        Command::Unschedule { by, to, id } => {
            let expected = world.unschedule((*by, *to, *id), full).map(|()| Acted::Done);
            (*by, Act::Unschedule(waiting::name(*to, *id)), expected)
        }
        _ => unreachable!("{command:?} is no act"),
    }
}

fn code(refusal: Refusal) -> RejectCode {
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
