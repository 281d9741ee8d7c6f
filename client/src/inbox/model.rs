//! The inbox between a server that delivers at least once and an app that must be given each entry
//! once, against a model that knows each log as a list. Whatever is lost, comes twice or late: what
//! is handed over is next in its log, and what is told to be had the app is done with.

use std::collections::HashSet;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::*;

const CHATS: usize = 3;
const BODY_MAX: usize = 4096;

#[derive(Clone, Debug)]
enum Step {
    /// Somebody else writes.
    Write(usize),
    /// The app writes; it is stored, and the server says so.
    WriteOwn(usize),
    /// What was stored, without the app knowing, is sent again.
    SendAgain,
    /// The server delivers so many more of a chat.
    Push(usize, u8),
    /// It delivers again what was not acknowledged.
    PushAgain(usize),
    /// So many packets arrive here.
    Arrive(u8),
    /// And there.
    ServerReads(u8),
    /// The app asks for so many events.
    Next(u8),
    /// It says that it is done with those up to its last one, more or less.
    Ack(usize, i8),
    /// Its user read.
    Read(usize, u8),
    /// Time passes, and what is due goes out.
    Wait(u8),
    Ping,
    Cut,
    /// The process ends, and starts again with the cursors that it stored.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let chat = || 0..CHATS;
    let few = || 1..6_u8;
    prop_oneof![
        4 => chat().prop_map(Step::Write),
        3 => chat().prop_map(Step::WriteOwn),
        1 => Just(Step::SendAgain),
        6 => (chat(), few()).prop_map(|(chat, count)| Step::Push(chat, count)),
        1 => chat().prop_map(Step::PushAgain),
        6 => few().prop_map(Step::Arrive),
        4 => few().prop_map(Step::ServerReads),
        6 => few().prop_map(Step::Next),
        2 => (chat(), -3..3_i8).prop_map(|(chat, by)| Step::Ack(chat, by)),
        1 => (chat(), any::<u8>()).prop_map(|(chat, seq)| Step::Read(chat, seq)),
        3 => (0..40_u8).prop_map(Step::Wait),
        1 => Just(Step::Ping),
        1 => Just(Step::Cut),
        1 => Just(Step::Restart),
    ]
}

/// From the server.
#[derive(Clone, Copy, Debug)]
enum Down {
    Deliver(usize, u64),
    Accepted(usize, u64),
    Stand(usize, u64),
    Pong,
}

/// To the server.
#[derive(Clone, Debug)]
enum Up {
    Ack(Vec<Cursor>),
    Ask(usize),
    Ping,
}

/// An entry, from the first on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Other,
    /// This process sent it, and was not told yet that it is stored.
    Sent,
    /// This process knows that it is stored.
    Known,
}

/// A chat, as server and app see it.
#[derive(Default)]
struct Chat {
    log: Vec<Kind>,
    /// What the server thinks that the device has.
    cursor: u64,
    sent_to: u64,
    /// What this connection sent: the server does not deliver it here.
    sent_here: HashSet<u64>,
    /// The last one that the app was given, took, and is done with.
    handed: u64,
    taken: u64,
    done: u64,
    told: (u64, u64),
}

impl Chat {
    fn head(&self) -> u64 {
        self.log.len() as u64
    }

    fn kind(&mut self, seq: u64) -> &mut Kind {
        &mut self.log[usize::try_from(seq - 1).unwrap()]
    }

    /// The first that the app is to be given behind `after`.
    fn next_other(&self, after: u64) -> Option<u64> {
        let mut seqs = after + 1..=self.head();
        seqs.find(|seq| self.log[usize::try_from(seq - 1).unwrap()] == Kind::Other)
    }
}

struct World {
    inbox: Inbox,
    mode: AckMode,
    now: Time,
    chats: Vec<Chat>,
    down: VecDeque<Down>,
    up: VecDeque<Up>,
    queue: VecDeque<(usize, u64)>,
    in_hand: Option<(usize, u64)>,
}

type Checked = Result<(), TestCaseError>;

fn name(at: usize) -> ChatId {
    ChatId::group(&format!("g{at}")).unwrap()
}

fn number(chat: &ChatId) -> usize {
    (0..CHATS).find(|at| name(*at) == *chat).unwrap()
}

impl World {
    /// The device is new, and owed what comes after `starts` of the chats.
    fn new(mode: AckMode, starts: &[u8]) -> Self {
        let chat = |start: &u8| {
            let start = u64::from(*start);
            let log = vec![Kind::Other; usize::try_from(start).unwrap()];
            let told = (0, 0);
            Chat {
                log,
                cursor: start,
                sent_to: start,
                handed: start,
                taken: start,
                done: start,
                told,
                ..Chat::default()
            }
        };
        Self {
            inbox: Inbox::new(mode, HashMap::new()),
            mode,
            now: Time::default(),
            chats: starts.iter().map(chat).collect(),
            down: VecDeque::new(),
            up: VecDeque::new(),
            queue: VecDeque::new(),
            in_hand: None,
        }
    }

    fn step(&mut self, step: &Step) -> Checked {
        match *step {
            Step::Write(at) => self.chats[at].log.push(Kind::Other),
            Step::WriteOwn(at) => {
                self.chats[at].log.push(Kind::Sent);
                let seq = self.chats[at].head();
                self.chats[at].sent_here.insert(seq);
                self.down.push_back(Down::Accepted(at, seq));
            }
            Step::SendAgain => self.send_again(),
            Step::Push(at, count) => (0..count).for_each(|_| self.push(at)),
            Step::PushAgain(at) => self.push_again(at),
            Step::Arrive(count) => {
                for _ in 0..count {
                    self.arrive()?;
                }
            }
            Step::ServerReads(count) => (0..count).for_each(|_| self.server_reads()),
            Step::Next(count) => (0..count).for_each(|_| self.next()),
            Step::Ack(at, by) => {
                let seq = self.chats[at].taken.saturating_add_signed(by.into());
                self.finish(at, seq);
            }
            Step::Read(at, seq) => self.inbox.read(self.now, &name(at), seq.into()),
            Step::Wait(ms) => {
                self.now = self.now + Duration::from_millis(ms.into());
                self.send()?;
            }
            Step::Ping => {
                self.inbox.ping_sent();
                self.up.push_back(Up::Ping);
            }
            Step::Cut => self.cut(),
            Step::Restart => self.restart(),
        }
        prop_assert_eq!(self.inbox.due.is_empty(), self.inbox.deadline().is_none());
        Ok(())
    }

    fn send_again(&mut self) {
        for (at, chat) in self.chats.iter().enumerate() {
            let sent = (1..).zip(&chat.log).filter(|(_, kind)| **kind == Kind::Sent);
            let sent = sent.filter(|(seq, _)| !chat.sent_here.contains(seq));
            self.down.extend(sent.map(|(seq, _)| Down::Accepted(at, seq)));
        }
    }

    fn push(&mut self, at: usize) {
        let chat = &mut self.chats[at];
        if chat.sent_to < chat.head() {
            chat.sent_to += 1;
            if !chat.sent_here.contains(&chat.sent_to) {
                self.down.push_back(Down::Deliver(at, chat.sent_to));
            }
        }
    }

    fn push_again(&mut self, at: usize) {
        let chat = &self.chats[at];
        let unacked = (chat.cursor + 1..=chat.sent_to).filter(|seq| !chat.sent_here.contains(seq));
        self.down.extend(unacked.map(|seq| Down::Deliver(at, seq)));
    }

    fn arrive(&mut self) -> Checked {
        match self.down.pop_front() {
            Some(Down::Deliver(at, seq)) => self.deliver(at, seq)?,
            Some(Down::Accepted(at, seq)) => self.accepted(at, seq),
            Some(Down::Stand(at, delivered)) => {
                self.inbox.anchor(self.now, &name(at), Some(delivered));
            }
            Some(Down::Pong) => self.inbox.pong_came(),
            None => {}
        }
        Ok(())
    }

    fn accepted(&mut self, at: usize, seq: u64) {
        self.inbox.accepted(self.now, &name(at), seq);
        *self.chats[at].kind(seq) = Kind::Known;
    }

    fn deliver(&mut self, at: usize, seq: u64) -> Checked {
        // As the flow does: an own one shows to be stored.
        if *self.chats[at].kind(seq) == Kind::Sent {
            self.accepted(at, seq);
        }
        let is_new = self.inbox.deliver(self.now, &name(at), seq);
        let chat = &mut self.chats[at];
        let next = chat.next_other(chat.handed);
        if is_new {
            prop_assert_eq!(Some(seq), next, "what is handed over is next");
            chat.handed = seq;
            self.queue.push_back((at, seq));
        } else {
            prop_assert_ne!(Some(seq), next, "what is next is handed over");
        }
        Ok(())
    }

    fn next(&mut self) {
        if let Some((at, seq)) = self.in_hand.take() {
            self.inbox.count_passed(1);
            self.inbox.pass(self.now, &name(at), seq);
            if self.mode == AckMode::Auto {
                self.chats[at].done = self.chats[at].done.max(seq);
            }
        }
        if let Some((at, seq)) = self.queue.pop_front() {
            self.inbox.take(self.now, &name(at), seq);
            self.chats[at].taken = seq;
            self.in_hand = Some((at, seq));
        }
    }

    fn finish(&mut self, at: usize, seq: u64) {
        self.inbox.finish(self.now, &name(at), seq);
        let chat = &mut self.chats[at];
        chat.done = chat.done.max(seq.min(chat.taken));
    }

    /// What the flow sends: acks that are due, and a question.
    fn send(&mut self) -> Checked {
        if self.inbox.must_flush(self.now) {
            let cursors = self.inbox.flush(BODY_MAX);
            for cursor in &cursors {
                let chat = &mut self.chats[number(&cursor.chat)];
                let (delivered, read) = (cursor.delivered, cursor.read);
                let open = chat.next_other(chat.done);
                let is_done = open.is_none_or(|open| delivered < open);
                prop_assert!(is_done, "the app is not done with {open:?} of {cursor:?}");
                prop_assert!(delivered <= chat.head(), "{cursor:?} is beyond the log");
                prop_assert!((delivered, read) >= chat.told, "{cursor:?} goes back");
                prop_assert!(read >= chat.told.1, "{cursor:?} goes back");
                chat.told = (delivered, read);
            }
            self.up.push_back(Up::Ack(cursors));
        }
        if let Some((chat, had)) = self.inbox.next_adrift() {
            let at = number(&chat);
            prop_assert!(had <= self.chats[at].head(), "more was had than there is");
            self.up.push_back(Up::Ask(at));
        }
        Ok(())
    }

    fn server_reads(&mut self) {
        match self.up.pop_front() {
            Some(Up::Ack(cursors)) => {
                for cursor in cursors {
                    let chat = &mut self.chats[number(&cursor.chat)];
                    chat.cursor = chat.cursor.max(cursor.delivered);
                    chat.sent_to = chat.sent_to.max(chat.cursor);
                }
            }
            Some(Up::Ask(at)) => self.down.push_back(Down::Stand(at, self.chats[at].cursor)),
            Some(Up::Ping) => self.down.push_back(Down::Pong),
            None => {}
        }
    }

    fn cut(&mut self) {
        self.down.clear();
        self.up.clear();
        self.inbox.disconnected(self.now);
        for chat in &mut self.chats {
            chat.sent_to = chat.cursor;
            chat.sent_here.clear();
        }
    }

    fn restart(&mut self) {
        self.cut();
        let cursors = self.inbox.cursors();
        self.inbox = Inbox::new(self.mode, cursors.clone());
        self.queue.clear();
        self.in_hand = None;
        for (at, chat) in self.chats.iter_mut().enumerate() {
            let cursor = cursors.get(&name(at)).copied().unwrap_or(0);
            let is_done = chat.next_other(chat.done).is_none_or(|open| cursor < open);
            assert!(is_done, "a stored cursor is one that the app is done with");
            chat.handed = cursor.max(chat.cursor);
            let again = chat.next_other(chat.handed);
            assert!(again.is_none_or(|seq| seq > chat.done), "it is done with that");
            (chat.taken, chat.told) = (chat.handed, (0, 0));
            // What the process before sent is delivered like that of others.
            let kinds = (1..).zip(&mut chat.log).filter(|(seq, _)| *seq > chat.handed);
            kinds.for_each(|(_, kind)| *kind = Kind::Other);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, cases: 256, ..ProptestConfig::default()
    })]

    #[test]
    fn each_entry_is_handed_over_once_in_order_and_told_when_it_is_done_with(
        is_auto in any::<bool>(),
        starts in proptest::collection::vec(0..9_u8, CHATS),
        steps in proptest::collection::vec(step(), 0..250),
    ) {
        let mode = if is_auto { AckMode::Auto } else { AckMode::Manual };
        let mut world = World::new(mode, &starts);
        for step in &steps {
            world.step(step)?;
        }
        for _ in 0..CHATS + 5 {
            world.step(&Step::SendAgain)?;
            for at in 0..CHATS {
                (0..250).for_each(|_| world.push(at));
            }
            while !world.down.is_empty() {
                world.step(&Step::Arrive(9))?;
            }
            while !world.queue.is_empty() || world.in_hand.is_some() {
                world.step(&Step::Next(1))?;
            }
            for at in 0..CHATS {
                world.step(&Step::Ack(at, 0))?;
            }
            world.step(&Step::Wait(30))?;
            world.step(&Step::ServerReads(9))?;
        }
        for (at, chat) in world.chats.iter().enumerate() {
            prop_assert_eq!(chat.next_other(chat.handed), None, "all of {} is there", at);
            prop_assert_eq!(chat.cursor, chat.head(), "and the server knows, of {}", at);
        }
    }
}
