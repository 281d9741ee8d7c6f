//! The whole client between an app and a server that keeps its promises, over connections that do
//! not: each message ends once and as the log says, each entry is handed over once and in order,
//! and nothing goes out that the server does not allow.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use packetboat_proto::code::RejectCode;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::MessageId;
use packetboat_proto::packet::{Accepted, Rejected};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::*;
use crate::config::AckMode;
use crate::draft::Draft;
use crate::handover::Marks;
use crate::sending::Sending;
use server::{CHATS, CONTENT_MAX, SENDS_MAX, Server, alice, chat, number};

mod server;

/// Behind a `Hello` there may be so many.
const EARLY_MAX: usize = 32;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The app sends a message of so many bytes.
    Send(u8, u8),
    /// Somebody else writes.
    Other(u8),
    /// What the client dials is there, or not.
    Dialed(bool),
    /// The server reads a packet; a message it may refuse.
    Read(Option<RejectCode>),
    /// It delivers the next of a chat, or again all that is not acknowledged.
    Deliver(u8),
    DeliverAgain(u8),
    /// It goes, or sends a ping.
    Goodbye,
    Ping,
    /// A packet comes to the client.
    Arrive,
    /// The app asks for the next event; acknowledges the last in manual mode; wants another
    /// connection.
    Next,
    Ack(u8),
    Reconnect,
    Cut,
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let chat = || 0..CHATS;
    let refusal = prop_oneof![
        6 => Just(None),
        1 => Just(Some(RejectCode::StoreFull)),
        1 => Just(Some(RejectCode::NoSuchChat)),
    ];
    prop_oneof![
        4 => (chat(), 1..70_u8).prop_map(|(chat, bytes)| Step::Send(chat, bytes)),
        3 => chat().prop_map(Step::Other),
        3 => prop::bool::weighted(0.8).prop_map(Step::Dialed),
        9 => refusal.prop_map(Step::Read),
        5 => chat().prop_map(Step::Deliver),
        1 => chat().prop_map(Step::DeliverAgain),
        1 => prop_oneof![Just(Step::Goodbye), Just(Step::Ping), Just(Step::Reconnect)],
        9 => Just(Step::Arrive),
        5 => Just(Step::Next),
        2 => chat().prop_map(Step::Ack),
        1 => Just(Step::Cut),
        4 => (0..900_u16).prop_map(Step::Wait),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    None,
    Dialing,
    /// Whether a `Hello` went out, and a `Goodbye`.
    Up(bool, bool),
}

struct World {
    flow: Flow,
    now: Time,
    line: Line,
    server: Server,
    /// The app: what waits for it, what it took of each chat, and is done with.
    events: VecDeque<Entry>,
    in_hand: Option<Entry>,
    taken: Vec<Vec<u64>>,
    done: Vec<u64>,
    sends: Vec<(u8, MessageId, Bytes, Sending)>,
    outcomes: BTreeMap<MessageId, Result<u64, ()>>,
    /// How often each message is on this connection without an answer.
    unanswered: BTreeMap<MessageId, u32>,
    closed: u32,
    is_auto: bool,
}

type Checked = Result<(), TestCaseError>;

impl World {
    fn new(is_auto: bool, strict_order: bool) -> Self {
        let mut config = Config::new("s:1", alice(), "desk".parse().unwrap(), Credential::Open);
        config.acks = if is_auto { AckMode::Auto } else { AckMode::Manual };
        config.strict_order = strict_order;
        config.resend_after = Duration::from_millis(700);
        config.backoff.base = Duration::from_millis(100);
        config.backoff.cap = Duration::from_millis(400);
        let chats = usize::from(CHATS);
        Self {
            flow: Flow::new(config, 11),
            now: Time::default(),
            line: Line::None,
            server: Server::new(),
            events: VecDeque::new(),
            in_hand: None,
            taken: vec![vec![]; chats],
            done: vec![0; chats],
            sends: vec![],
            outcomes: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            closed: 0,
            is_auto,
        }
    }

    fn feed(&mut self, input: Input) -> Checked {
        let mut out = vec![];
        self.flow.handle(self.now, input, &mut out);
        self.act(out)
    }

    /// As the driver does after each thing that happened.
    fn turn(&mut self) -> Checked {
        for _ in 0..3 {
            let mut out = vec![];
            self.flow.handle(self.now, Input::Tick, &mut out);
            self.flow.pump(self.now, 1 << 16, &mut out);
            self.act(out)?;
        }
        let due = self.flow.deadline();
        prop_assert!(due.is_none_or(|at| at > self.now), "{due:?} is past at {:?}", self.now);
        Ok(())
    }

    fn act(&mut self, actions: Vec<Action>) -> Checked {
        for action in actions {
            match action {
                Action::Dial => {
                    prop_assert_eq!(self.line, Line::None);
                    self.line = Line::Dialing;
                }
                Action::Write(packet) => self.written(packet)?,
                Action::HangUp => {
                    // What was written may still arrive; the answers do not.
                    while self.line != Line::Dialing && !self.server.up.is_empty() {
                        self.server.read(None);
                    }
                    self.hang_up();
                }
                Action::Tell(Event::Entry(entry)) => self.events.push_back(entry),
                Action::Tell(Event::Closed(_)) => self.closed += 1,
                Action::Tell(Event::LogReset { .. }) => {
                    return Err(TestCaseError::fail("no log starts over here"));
                }
                Action::Tell(_) => {}
            }
        }
        Ok(())
    }

    fn hang_up(&mut self) {
        self.line = Line::None;
        self.unanswered.clear();
        self.server.hang_up();
    }

    /// The rules of what may go out, and when.
    fn written(&mut self, packet: Packet) -> Checked {
        let Line::Up(greeted, gone) = self.line else {
            return Err(TestCaseError::fail(format!("{packet:?} goes nowhere")));
        };
        prop_assert!(!gone, "{packet:?} goes out behind a goodbye");
        prop_assert_eq!(greeted, !matches!(packet, Packet::Hello(_)), "a Hello, first and once");
        let is_open = matches!(self.flow.phase, Phase::Open(_));
        match &packet {
            Packet::Goodbye(_) => self.line = Line::Up(true, true),
            Packet::Hello(_) => self.line = Line::Up(true, false),
            Packet::Send(send) => {
                // Those that were sent early count, but they were allowed.
                let copies = self.unanswered.entry(send.id).or_insert(0);
                *copies += 1;
                if *copies == 1 && is_open {
                    prop_assert!(send.content.len() <= CONTENT_MAX as usize);
                    // Of a message that has its outcome a second answer may be on its way.
                    let is_kept = |id: &&MessageId| !self.is_out(id);
                    let open = self.unanswered.keys().filter(is_kept).count();
                    prop_assert!(open <= SENDS_MAX as usize, "{open} are unanswered");
                }
                prop_assert!(self.unanswered.len() <= EARLY_MAX);
                let of = self.sends.iter().find(|(.., id, _, _)| *id == send.id).unwrap();
                prop_assert_eq!((&chat(of.0), &of.2), (&send.chat, &send.content));
                prop_assert!(!self.outcomes.contains_key(&send.id), "it has its outcome");
            }
            Packet::Ack(cursors) => {
                for cursor in cursors {
                    let at = number(&cursor.chat);
                    let open = self.server.next_other(at, self.done[at]);
                    prop_assert!(open.is_none_or(|open| cursor.delivered < open), "{cursor:?}");
                }
            }
            Packet::Ping(_) | Packet::Pong(_) | Packet::Request(_) => {
                // An open flow may have left on the way to this action.
                prop_assert!(greeted);
            }
            other => return Err(TestCaseError::fail(format!("a client sends no {other:?}"))),
        }
        self.server.up.push_back(packet);
        Ok(())
    }

    fn is_up(&self) -> bool {
        matches!(self.line, Line::Up(..))
    }

    /// The server has let the client in.
    fn is_let_in(&self) -> bool {
        let welcomed = |packet: &Packet| matches!(packet, Packet::Welcome(_));
        matches!(self.flow.phase, Phase::Open(_)) || self.server.down.iter().any(welcomed)
    }

    fn arrive(&mut self) -> Checked {
        let Some(packet) = self.server.down.pop_front() else { return Ok(()) };
        match &packet {
            Packet::Accepted(Accepted { id, .. }) | Packet::Rejected(Rejected { id, .. }) => {
                if let Some(copies) = self.unanswered.get_mut(id) {
                    *copies -= 1;
                }
                self.unanswered.retain(|_, copies| *copies > 0);
            }
            // An own one shows to be stored.
            Packet::Deliver(entry) => {
                self.unanswered.remove(&entry.id);
            }
            _ => {}
        }
        self.feed(Input::Heard)?;
        self.feed(Input::Packet(packet))
    }

    fn next(&mut self) -> Checked {
        let mut marks: BTreeMap<ChatId, Marks> = BTreeMap::new();
        let mut passed = 0;
        if let Some(last) = self.in_hand.take() {
            passed = 1;
            marks.entry(last.chat.clone()).or_default().passed = last.seq;
            if self.is_auto {
                self.done[number(&last.chat)] = last.seq;
            }
        }
        if let Some(entry) = self.events.pop_front() {
            marks.entry(entry.chat.clone()).or_default().taken = entry.seq;
            let at = number(&entry.chat);
            let last = self.taken[at].last().copied().unwrap_or(0);
            prop_assert_eq!(Some(entry.seq), self.server.next_other(at, last), "it is the next");
            self.taken[at].push(entry.seq);
            self.in_hand = Some(entry);
        }
        self.feed(Input::Doings(Doings { marks, passed, reconnect: false }))
    }

    fn ack(&mut self, at: u8) -> Checked {
        let last = self.taken[usize::from(at)].last().copied().unwrap_or(0);
        self.done[usize::from(at)] = last.max(self.done[usize::from(at)]);
        let marks = Marks { acked: last + 1, ..Marks::default() };
        let marks = BTreeMap::from([(chat(at), marks)]);
        self.feed(Input::Doings(Doings { marks, ..Doings::default() }))
    }

    fn send(&mut self, to: u8, bytes: u8) -> Checked {
        let number = self.sends.len() as u64;
        let mut id = [3; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        let (id, content) = (MessageId::from(id), Bytes::from(vec![bytes; bytes.into()]));
        let (sending, reply) = Sending::new(id, None);
        self.sends.push((to, id, content.clone(), sending));
        let draft = Draft { chat: chat(to), id, content, once: false, known: 0, reply };
        self.feed(Input::Command(Command::Send(draft)))
    }

    fn step(&mut self, step: Step) -> Checked {
        match step {
            Step::Send(to, bytes) => self.send(to, bytes)?,
            Step::Other(at) => {
                let log = &mut self.server.logs[usize::from(at)];
                let seq = log.entries.len() as u64 + 1;
                let (sender, id) = ("bob".parse().unwrap(), MessageId::from([9; 16]));
                let content = Bytes::from_static(b"from bob");
                log.entries.push(Entry { chat: chat(at), seq, sender, id, at_ms: 0, content });
            }
            Step::Dialed(true) if self.line == Line::Dialing => {
                self.line = Line::Up(false, false);
                self.feed(Input::Dialed)?;
            }
            Step::Dialed(false) if self.line == Line::Dialing => {
                self.feed(Input::DialFailed("no".into()))?;
            }
            Step::Read(refusal) => self.server.read(refusal),
            Step::Deliver(at) if self.is_let_in() => self.server.deliver(at),
            Step::DeliverAgain(at) if self.is_let_in() => self.server.deliver_again(at),
            Step::Goodbye if self.is_up() => {
                let verdict = Verdict::close(CloseCode::ShuttingDown, "", 50);
                self.server.down.push_back(Packet::Goodbye(verdict));
            }
            Step::Ping if self.is_let_in() => self.server.down.push_back(Packet::Ping(1)),
            Step::Arrive => self.arrive()?,
            Step::Next => self.next()?,
            Step::Ack(at) if !self.is_auto => self.ack(at)?,
            Step::Reconnect => {
                let doings = Doings { reconnect: true, ..Doings::default() };
                self.feed(Input::Doings(doings))?;
            }
            Step::Cut if self.is_up() => self.feed(Input::Lost(Lost::Cut))?,
            Step::Wait(ms) => self.now = self.now + Duration::from_millis(ms.into()),
            _ => {}
        }
        self.turn()?;
        self.collect()
    }

    /// What became of messages, which must be so.
    fn collect(&mut self) -> Checked {
        for (to, id, content, sending) in &mut self.sends {
            if self.outcomes.contains_key(id) {
                continue;
            }
            let Some(outcome) = sending.now_or_never() else { continue };
            let log = &self.server.logs[usize::from(*to)].entries;
            let is_one = |entry: &&Entry| entry.id == *id && entry.sender == alice();
            let stood = log.iter().find(is_one).map(|entry| entry.seq);
            let outcome = match outcome {
                Ok(accepted) => {
                    prop_assert_eq!(Some(accepted.seq), stood);
                    Ok(accepted.seq)
                }
                Err(SendError::Rejected { .. }) => {
                    prop_assert_eq!(None, stood, "{:?} was rejected, and stands", content);
                    Err(())
                }
                Err(error) => return Err(TestCaseError::fail(format!("{error}"))),
            };
            self.outcomes.insert(*id, outcome);
        }
        Ok(())
    }

    /// Whether a message is out of the outbox.
    fn is_out(&self, id: &MessageId) -> bool {
        let of = self.sends.iter().find(|(_, of, ..)| of == id).unwrap();
        self.flow.outbox.draft(&chat(of.0), *id).is_none()
    }

    /// From here on nothing goes wrong.
    fn settle(&mut self) -> Checked {
        for _ in 0..300 {
            self.step(Step::Wait(60))?;
            self.step(Step::Dialed(true))?;
            (0..12).try_for_each(|_| self.step(Step::Read(None)))?;
            for at in 0..CHATS {
                (0..8).try_for_each(|_| self.step(Step::Deliver(at)))?;
                self.step(Step::Ack(at))?;
            }
            while !self.server.down.is_empty() {
                self.step(Step::Arrive)?;
            }
            (0..8).try_for_each(|_| self.step(Step::Next))?;
            let is_over = self.outcomes.len() == self.sends.len();
            if is_over && self.server.logs.iter().all(|log| log.cursor == log.entries.len() as u64)
            {
                break;
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, cases: 96, ..ProptestConfig::default()
    })]

    #[test]
    fn each_message_ends_once_and_each_entry_comes_once_whatever_happens_on_the_way(
        is_auto in any::<bool>(),
        strict in any::<bool>(),
        steps in proptest::collection::vec(step(), 0..250),
    ) {
        let mut world = World::new(is_auto, strict);
        for step in steps {
            world.step(step)?;
        }
        world.settle()?;
        prop_assert_eq!(world.outcomes.len(), world.sends.len(), "each message has its outcome");
        for (at, log) in world.server.logs.iter().enumerate() {
            let last = world.taken[at].last().copied().unwrap_or(0);
            prop_assert_eq!(world.server.next_other(at, last), None, "all was handed over");
            prop_assert_eq!(log.cursor, log.entries.len() as u64, "and acknowledged");
            let own = log.entries.iter().filter(|entry| entry.sender == alice());
            let own: Vec<_> = own.map(|entry| entry.id).collect();
            let may_differ = world.server.refused && !strict;
            prop_assert!(own.is_sorted() || may_differ, "in the order of sending: {own:?}");
        }
        let (close, _) = oneshot::channel();
        world.feed(Input::Command(Command::Close(close)))?;
        world.feed(Input::Command(Command::Ping(oneshot::channel().0)))?;
        world.step(Step::Wait(60_000))?;
        prop_assert_eq!((world.closed, world.line), (1, Line::None));
        prop_assert_eq!(world.flow.deadline(), None);
    }
}
