//! The client in front of a server that says whatever it likes: it may lose time by it, but keeps
//! to the protocol, hands nothing over twice, and tells its app what becomes of everything.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use packetboat_proto::code::{Fault, Retry};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{MessageId, SessionId};
use packetboat_proto::packet::{
    Accepted, Answer, AskReceipts, ChatState, Cursor, Notice, Operation, Receipts, Rejected,
    Request, Response, RoomState, Send,
};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::*;
use crate::asks::Ask;
use crate::draft::Draft;
use crate::handover::Marks;
use crate::sending::Sending;

/// Actions that one input may bring about: an answer for each of what is kept, and some.
const ACTIONS_MAX: usize = 200;

type Checked = Result<(), TestCaseError>;

fn chat(number: u64) -> ChatId {
    match number % 3 {
        0 => ChatId::group("deck").unwrap(),
        1 => ChatId::group("crew").unwrap(),
        _ => room(),
    }
}

fn room() -> ChatId {
    ChatId::room("lobby").unwrap()
}

fn id(number: u64) -> MessageId {
    MessageId::from([u8::try_from(number % 20).unwrap(); 16])
}

/// Small ones that meet others, and those at the ends.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..20_u64, 1 => Just(u64::MAX), 1 => Just(u64::MAX - 1), 1 => any::<u64>()]
}

fn verdict(number: u64, other: u64) -> Verdict {
    let retry = [None, Some(Retry::Never), Some(Retry::AtOnce), Some(Retry::Later)];
    Verdict {
        code: u32::try_from(other % 40).unwrap(),
        reason: String::new(),
        fault: Some(Fault::Server),
        retry: retry[usize::try_from(number % 4).unwrap()],
        retry_after_ms: u32::try_from(other).unwrap_or(u32::MAX),
    }
}

fn entry(number: u64, other: u64) -> Entry {
    let sender = if other.is_multiple_of(3) { "alice" } else { "bob" };
    Entry {
        chat: chat(other),
        seq: number.max(1),
        sender: sender.parse().unwrap(),
        id: id(other),
        at_ms: number,
        content: Bytes::from_static(b"x"),
    }
}

fn state(number: u64, other: u64) -> ChatState {
    let (delivered, unread) = (number, number);
    ChatState { head: other, delivered, read: other, unread, ..ChatState::of(chat(number)) }
}

fn room_state(head: u64) -> RoomState {
    RoomState {
        room: room(),
        name: String::new(),
        topic: String::new(),
        listeners: 0,
        head,
        first: 0,
        keep: 0,
        slow_ms: 0,
        role: None,
        muted_until_ms: 0,
    }
}

fn packet(kind: u8, number: u64, other: u64) -> Packet {
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let (chat, id) = (chat(other), id(number));
    match kind {
        0..=2 => Packet::Welcome(Welcome {
            session: SessionId::from([1; 16]),
            limits: Limits {
                max_body: small(number).saturating_mul(500),
                window: small(other),
                heartbeat_ms: small(number),
                max_content: small(other),
                sends: small(number),
            },
            ticket: Bytes::from_static(b"t"),
            ticket_expires_ms: other,
            now_ms: number,
            server: String::new(),
            new_device: false,
        }),
        3 => Packet::Goodbye(verdict(number, other)),
        4..=5 => {
            let duplicate = other.is_multiple_of(4);
            Packet::Accepted(Accepted { chat, id, seq: other.max(1), at_ms: 0, duplicate })
        }
        6 => Packet::Rejected(Rejected { chat, id, verdict: verdict(number, other) }),
        7..=10 => Packet::Deliver(entry(number, other)),
        11 => Packet::Ping(number),
        12 => Packet::Pong(number),
        13 => Packet::Notice(Notice::Missed),
        14 => {
            let answer = Answer::Chats { chats: vec![state(number, other)], more: false };
            Packet::Response(Response { id: number, answer: Ok(answer) })
        }
        15..=16 => {
            let answer = Ok(Answer::Chat(state(number, other).into()));
            Packet::Response(Response { id: other, answer })
        }
        17 => Packet::Response(Response { id: number, answer: Err(verdict(number, other)) }),
        18 => Packet::Send(Send { chat, id, content: Bytes::from_static(b"x") }),
        19 => Packet::Ack(vec![Cursor { chat, delivered: number, read: other }]),
        20..=21 => {
            let answer = Ok(Answer::RoomJoin(room_state(number)));
            Packet::Response(Response { id: other, answer })
        }
        22..=23 => {
            let answer = Ok(Answer::Room(room_state(number)));
            Packet::Response(Response { id: other, answer })
        }
        24 => Packet::Response(Response { id: other, answer: Ok(Answer::SetPresence) }),
        25 => {
            let answer = Ok(Answer::Receipts(Receipts::Watched));
            Packet::Response(Response { id: other, answer })
        }
        _ => Packet::Request(Request { id: number, operation: None }),
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Packet(u8, u64, u64),
    Send(u64, u64),
    Next,
    Ack(u64, u64),
    Ask(u64),
    Ping,
    Reconnect,
    Dialed(bool),
    Lost,
    Broken,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        18 => (0..27_u8, number(), number()).prop_map(|(kind, a, b)| Step::Packet(kind, a, b)),
        3 => (number(), number()).prop_map(|(a, b)| Step::Send(a, b)),
        4 => Just(Step::Next),
        1 => (number(), number()).prop_map(|(a, b)| Step::Ack(a, b)),
        2 => number().prop_map(Step::Ask),
        1 => prop_oneof![Just(Step::Ping), Just(Step::Reconnect)],
        4 => prop::bool::weighted(0.9).prop_map(Step::Dialed),
        1 => prop_oneof![Just(Step::Lost), Just(Step::Broken)],
        3 => (0..3000_u64).prop_map(Step::Wait),
    ]
}

struct World {
    flow: Flow,
    now: Time,
    /// Nothing, dialing, and then what went out last: nothing yet, a `Hello` or more, a `Goodbye`.
    line: Line,
    welcomed: bool,
    /// Handed over and not passed, of the log as it is now; and the last seq of it.
    open: BTreeMap<ChatId, VecDeque<u64>>,
    last: BTreeMap<ChatId, u64>,
    queue: VecDeque<Event>,
    in_hand: Option<Entry>,
    sends: Vec<Sending>,
    asks: Vec<oneshot::Receiver<crate::asks::Outcome>>,
    is_over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    None,
    Dialing,
    Fresh,
    Greeted,
    Parted,
}

impl World {
    fn new() -> Self {
        let (user, device) = ("alice".parse().unwrap(), "desk".parse().unwrap());
        Self {
            flow: Flow::new(Config::new("s:1", user, device, Credential::Open), 5),
            now: Time::default(),
            line: Line::None,
            welcomed: false,
            open: BTreeMap::new(),
            last: BTreeMap::new(),
            queue: VecDeque::new(),
            in_hand: None,
            sends: vec![],
            asks: vec![],
            is_over: false,
        }
    }

    fn feed(&mut self, input: Input) -> Checked {
        self.welcomed |= matches!(input, Input::Packet(Packet::Welcome(_)));
        if matches!(&input, Input::Packet(Packet::Response(response)) if response.answer.is_err()) {
            // Who is refused a room is out of it, and knows nothing of it the next time.
            self.last.remove(&room());
        }
        let mut out = vec![];
        self.flow.handle(self.now, input, &mut out);
        self.act(out)
    }

    fn act(&mut self, out: Vec<Action>) -> Checked {
        prop_assert!(out.len() <= ACTIONS_MAX, "{} actions", out.len());
        for action in out {
            prop_assert!(!self.is_over, "{action:?} comes after the end");
            match action {
                Action::Dial => {
                    prop_assert_eq!(self.line, Line::None);
                    self.line = Line::Dialing;
                }
                Action::Write(packet) => self.written(&packet)?,
                Action::HangUp => (self.line, self.welcomed) = (Line::None, false),
                Action::Tell(event) => self.told(event)?,
            }
        }
        Ok(())
    }

    fn written(&mut self, packet: &Packet) -> Checked {
        let (before, line) = match packet {
            Packet::Hello(_) => (Line::Fresh, Line::Greeted),
            Packet::Goodbye(_) => (Line::Greeted, Line::Parted),
            _ => (Line::Greeted, Line::Greeted),
        };
        prop_assert_eq!(self.line, before, "{:?}", packet);
        self.line = line;
        let is_early = matches!(packet, Packet::Hello(_) | Packet::Send(_) | Packet::Ack(_));
        let is_last = matches!(packet, Packet::Goodbye(_));
        prop_assert!(is_early || is_last || self.welcomed, "{packet:?} comes too early");
        let is_the_servers = matches!(
            packet,
            Packet::Welcome(_)
                | Packet::Accepted(_)
                | Packet::Rejected(_)
                | Packet::Deliver(_)
                | Packet::Notice(_)
                | Packet::Response(_)
        );
        prop_assert!(!is_the_servers, "a client sends no {packet:?}");
        if let Packet::Ack(cursors) = packet {
            for cursor in cursors {
                let open = self.open.get(&cursor.chat).and_then(|open| open.front());
                let is_done = open.is_none_or(|open| cursor.delivered < *open);
                prop_assert!(is_done, "{cursor:?}, and the app is not done with {open:?}");
            }
        }
        Ok(())
    }

    fn told(&mut self, event: Event) -> Checked {
        match &event {
            Event::Entry(entry) => {
                let last = self.last.insert(entry.chat.clone(), entry.seq);
                prop_assert!(last.is_none_or(|last| last < entry.seq), "{entry:?} after {last:?}");
                self.open.entry(entry.chat.clone()).or_default().push_back(entry.seq);
            }
            Event::LogReset { chat, .. } => {
                self.open.remove(chat);
                self.last.remove(chat);
            }
            Event::Closed(_) => self.is_over = true,
            _ => {}
        }
        self.queue.push_back(event);
        Ok(())
    }

    /// The app asks for the next event.
    fn next(&mut self) -> Checked {
        let mut marks: BTreeMap<ChatId, Marks> = BTreeMap::new();
        if let Some(last) = self.in_hand.take() {
            marks.entry(last.chat.clone()).or_default().passed = last.seq;
            if let Some(open) = self.open.get_mut(&last.chat).filter(|open| open[0] == last.seq) {
                open.pop_front();
            }
        }
        self.open.retain(|_, open| !open.is_empty());
        match self.queue.pop_front() {
            Some(Event::Entry(entry)) => {
                marks.entry(entry.chat.clone()).or_default().taken = entry.seq;
                self.in_hand = Some(entry);
            }
            Some(Event::LogReset { chat, .. }) => marks.entry(chat).or_default().restarted = true,
            _ => {}
        }
        self.feed(Input::Doings(Doings { marks, passed: 1, reconnect: false }))
    }

    fn command(&mut self, command: Command) -> Checked {
        self.feed(Input::Command(command))
    }

    fn step(&mut self, step: Step) -> Checked {
        match step {
            Step::Packet(kind, number, other) if self.line != Line::None => {
                self.feed(Input::Packet(packet(kind, number, other)))?;
            }
            Step::Send(number, other) => {
                let (sending, reply) = Sending::new(id(number), None);
                self.sends.push(sending);
                let (chat, id, content) = (chat(other), id(number), Bytes::from_static(b"x"));
                let once = number.is_multiple_of(5);
                let draft = Draft { chat, id, content, once, known: 0, reply };
                self.command(Command::Send(draft))?;
            }
            Step::Next => self.next()?,
            Step::Ask(number) => {
                let (reply, outcome) = oneshot::channel();
                self.asks.push(outcome);
                let add = vec![chat(0)];
                let operation = match number % 5 {
                    0 => Operation::Chat { chat: chat(0) },
                    1 => Operation::RoomJoin { room: room() },
                    2 => Operation::Room { room: room() },
                    3 => Operation::Receipts(AskReceipts::Watch { add, remove: vec![] }),
                    _ => Operation::SetPresence { away: number.is_multiple_of(2) },
                };
                self.command(Command::Ask(Ask { operation, reply, place: None }))?;
            }
            Step::Ping => self.command(Command::Ping(oneshot::channel().0))?,
            Step::Ack(number, other) => {
                let marks = Marks { read: number, ..Marks::default() };
                let marks = BTreeMap::from([(chat(other), marks)]);
                self.feed(Input::Doings(Doings { marks, ..Doings::default() }))?;
            }
            Step::Reconnect => {
                self.feed(Input::Doings(Doings { reconnect: true, ..Doings::default() }))?;
            }
            Step::Dialed(true) if self.line == Line::Dialing => {
                self.line = Line::Fresh;
                self.feed(Input::Dialed)?;
            }
            Step::Dialed(false) if self.line == Line::Dialing => {
                self.feed(Input::DialFailed("no".into()))?;
            }
            Step::Lost if self.line == Line::Greeted => self.feed(Input::Lost(Lost::Cut))?,
            Step::Broken if self.line == Line::Greeted => {
                self.feed(Input::Broken(CloseCode::BadFrame, "bad".into()))?;
            }
            Step::Wait(ms) => self.now = self.now + Duration::from_millis(ms),
            _ => {}
        }
        self.turn()
    }

    fn turn(&mut self) -> Checked {
        for _ in 0..3 {
            let mut out = vec![];
            self.flow.handle(self.now, Input::Tick, &mut out);
            self.flow.pump(self.now, 1 << 16, &mut out);
            self.act(out)?;
        }
        let due = self.flow.deadline();
        prop_assert!(due.is_none_or(|at| at > self.now), "{due:?} is past at {:?}", self.now);
        prop_assert!(self.flow.pings.len() <= 16);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, cases: 256, ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_the_server_says_the_client_keeps_to_the_protocol(
        steps in proptest::collection::vec(step(), 0..200),
    ) {
        let mut world = World::new();
        for step in steps {
            world.step(step)?;
        }
        world.command(Command::Close(oneshot::channel().0))?;
        prop_assert!(world.is_over && world.line == Line::None);
        for sending in &mut world.sends {
            prop_assert!(sending.now_or_never().is_some(), "each message has its outcome");
        }
        for ask in &mut world.asks {
            prop_assert!(ask.try_recv().is_ok(), "each question has its answer");
        }
    }
}
