//! The outbox against a model so simple that it is plainly right: for each chat the list of what
//! has no outcome, and what of it is on the wire. Answers come in any order, refusals too.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::*;

const CHATS: u8 = 3;
const RESEND: Duration = Duration::from_millis(100);
/// The largest content that passes.
const CONTENT_MAX: usize = 40;

#[derive(Clone, Debug)]
enum Step {
    /// A message of so many bytes.
    Push {
        chat: u8,
        bytes: usize,
    },
    /// One that is in the outbox already.
    PushAgain(usize),
    /// As many as there is room for, on a connection that takes so many.
    Pump(usize),
    /// Behind the `Hello`: what is too large may pass later.
    PumpEarly(usize),
    /// One on the wire has its outcome.
    Answer(usize),
    /// One on the wire is refused for now.
    PutOff(usize, u8),
    /// One that is not on the wire has its outcome: it was delivered by another connection.
    Found(usize),
    Cut,
    Welcome,
    Wait(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let any_of = || 0..64_usize;
    prop_oneof![
        6 => (0..CHATS, 1..CONTENT_MAX + 4).prop_map(|(chat, bytes)| Step::Push { chat, bytes }),
        1 => any_of().prop_map(Step::PushAgain),
        6 => (1..6_usize).prop_map(Step::Pump),
        1 => (1..6_usize).prop_map(Step::PumpEarly),
        6 => any_of().prop_map(Step::Answer),
        2 => (any_of(), any::<u8>()).prop_map(|(at, ms)| Step::PutOff(at, ms)),
        1 => any_of().prop_map(Step::Found),
        1 => Just(Step::Cut),
        1 => Just(Step::Welcome),
        2 => (1..150_u8).prop_map(Step::Wait),
    ]
}

fn chat(at: u8) -> ChatId {
    ChatId::group(&format!("g{at}")).unwrap()
}

fn id(number: u64) -> MessageId {
    let mut bytes = [7; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes.into()
}

/// A message, as the model knows it.
#[derive(Clone, Debug)]
struct Waiting {
    number: u64,
    chat: u8,
    content: Bytes,
    /// When it went out last, while it is on the wire.
    sent_ms: Option<u64>,
}

struct World {
    outbox: Outbox<u64>,
    strict: bool,
    is_early: bool,
    now_ms: u64,
    next: u64,
    /// In the order in which they were pushed.
    waiting: Vec<Waiting>,
    /// Chats that are put off, until when; and go one by one after it.
    held: BTreeMap<u8, u64>,
    loose: BTreeMap<u8, u64>,
    single: BTreeMap<u8, bool>,
    ended: Vec<u64>,
}

type Checked = Result<(), TestCaseError>;

impl World {
    fn new(strict: bool) -> Self {
        Self {
            outbox: Outbox::new(RESEND, strict),
            strict,
            is_early: false,
            now_ms: 0,
            next: 0,
            waiting: vec![],
            held: BTreeMap::new(),
            loose: BTreeMap::new(),
            single: BTreeMap::new(),
            ended: vec![],
        }
    }

    fn now(&self) -> Time {
        Time::from_ms(self.now_ms)
    }

    fn draft(of: &Waiting) -> Draft<u64> {
        let (chat, id, content) = (chat(of.chat), id(of.number), of.content.clone());
        Draft { chat, id, content, once: false, known: 0, reply: of.number }
    }

    fn on_wire(&self) -> usize {
        self.waiting.iter().filter(|of| of.sent_ms.is_some()).count()
    }

    fn push(&mut self, to: u8, bytes: usize) {
        let content = Bytes::from(vec![u8::try_from(self.next % 251).unwrap(); bytes]);
        let waiting = Waiting { number: self.next, chat: to, content, sent_ms: None };
        self.next += 1;
        self.outbox.push(Self::draft(&waiting)).unwrap();
        self.waiting.push(waiting);
    }

    /// What the model allows to go out next, in each chat.
    fn may_go(&self, to: u8) -> Option<&Waiting> {
        let of_chat = || self.waiting.iter().filter(|of| of.chat == to);
        let busy = of_chat().any(|of| of.sent_ms.is_some());
        let one_by_one = self.strict || self.single.get(&to) == Some(&true);
        if self.held.contains_key(&to) || (busy && one_by_one) {
            return None;
        }
        of_chat().find(|of| of.sent_ms.is_none())
    }

    fn pump(&mut self, room: Room) -> Checked {
        while let Some(next) = self.outbox.next(self.now(), room) {
            match next {
                Next::Send(send) => self.check_sent(&send, room)?,
                Next::TooLarge(draft) => {
                    prop_assert!(room.is_final && draft.content.len() > CONTENT_MAX);
                    self.end(draft.reply)?;
                }
            }
        }
        // What was too large for an early connection waits for the next word of the server.
        self.is_early |= !room.is_final;
        if !self.is_early && self.on_wire() < room.sends {
            let waits =
                (0..CHATS).find(|to| !self.loose.contains_key(to) && self.may_go(*to).is_some());
            prop_assert_eq!(waits, None, "there is room for it");
        }
        Ok(())
    }

    fn check_sent(&mut self, send: &Send, room: Room) -> Checked {
        prop_assert!(self.on_wire() < room.sends, "there is room for {}", room.sends);
        let to = (0..CHATS).find(|to| chat(*to) == send.chat).unwrap();
        let next = self.may_go(to).cloned();
        let next = next.ok_or_else(|| TestCaseError::fail(format!("{send:?} has to wait")))?;
        prop_assert_eq!(&send.id, &id(next.number), "it is the next of its chat");
        prop_assert_eq!(&send.content, &next.content);
        let now_ms = self.now_ms;
        self.waiting.iter_mut().filter(|of| of.number == next.number).for_each(|of| {
            of.sent_ms = Some(now_ms);
        });
        Ok(())
    }

    /// The chosen one of those on the wire, or of those that are not.
    fn chosen(&self, at: usize, on_wire: bool) -> Option<Waiting> {
        let fits = |of: &&Waiting| of.sent_ms.is_some() == on_wire;
        let all: Vec<_> = self.waiting.iter().filter(fits).collect();
        all.get(at % all.len().max(1)).map(|of| (*of).clone())
    }

    fn end(&mut self, number: u64) -> Checked {
        let before = self.waiting.len();
        self.waiting.retain(|of| of.number != number);
        prop_assert_eq!(self.waiting.len() + 1, before, "{} ends once", number);
        self.ended.push(number);
        Ok(())
    }

    fn outcome(&mut self, of: Option<Waiting>) -> Checked {
        let Some(of) = of else { return Ok(()) };
        let taken = self.outbox.take(&chat(of.chat), id(of.number));
        prop_assert_eq!(taken.map(|draft| draft.reply), Some(of.number));
        let again = self.outbox.take(&chat(of.chat), id(of.number));
        prop_assert!(again.is_none(), "it is gone");
        self.single.remove(&of.chat);
        self.end(of.number)?;
        let is_empty = self.waiting.iter().all(|other| other.chat != of.chat);
        if is_empty && let Some(until) = self.held.remove(&of.chat) {
            // What comes next may wait as long, or not at all.
            self.loose.insert(of.chat, until);
        }
        Ok(())
    }

    fn put_off(&mut self, at: usize, ms: u8) {
        let Some(of) = self.chosen(at, true) else { return };
        let until = self.now_ms + u64::from(ms);
        self.outbox.put_off(&chat(of.chat), id(of.number), Time::from_ms(until));
        let held = self.held.entry(of.chat).or_insert(until);
        *held = until.max(*held);
        self.single.insert(of.chat, true);
        self.back_from_wire(|other| other.number == of.number);
    }

    fn back_from_wire(&mut self, which: impl Fn(&Waiting) -> bool) {
        let back = self.waiting.iter_mut().filter(|of| which(of));
        back.for_each(|of| of.sent_ms = None);
    }

    /// Time passes; what is overdue goes out again, the oldest first and one at a time.
    fn wait(&mut self, ms: u64) -> Checked {
        self.now_ms += ms;
        let now_ms = self.now_ms;
        let again = self.outbox.tick(self.now(), true);
        self.held.retain(|_, until| *until > now_ms);
        self.loose.retain(|_, until| *until > now_ms);
        let Some(send) = again else { return Ok(()) };
        let oldest = self.waiting.iter().filter_map(|of| of.sent_ms).min();
        let same = |of: &&mut Waiting| chat(of.chat) == send.chat && id(of.number) == send.id;
        let of = self.waiting.iter_mut().find(same).unwrap();
        prop_assert_eq!(of.sent_ms, oldest, "the oldest is sent again");
        prop_assert!(oldest.is_some_and(|sent| sent + 100 <= now_ms), "it was overdue");
        prop_assert_eq!(&send.content, &of.content);
        of.sent_ms = Some(now_ms);
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Checked {
        let room = |sends, is_final| Room { sends, content: CONTENT_MAX, is_final };
        match *step {
            Step::Push { chat, bytes } => self.push(chat, bytes),
            Step::PushAgain(at) => {
                if let Some(of) = self.waiting.get(at % self.waiting.len().max(1)) {
                    let back = self.outbox.push(Self::draft(of));
                    prop_assert!(back.is_err_and(|draft| draft.reply == of.number));
                }
            }
            Step::Pump(sends) => self.pump(room(sends, true))?,
            Step::PumpEarly(sends) => self.pump(room(sends, false))?,
            Step::Answer(at) => self.outcome(self.chosen(at, true))?,
            Step::Found(at) => self.outcome(self.chosen(at, false))?,
            Step::PutOff(at, ms) => self.put_off(at, ms),
            Step::Cut => {
                self.outbox.disconnected();
                self.is_early = false;
                self.back_from_wire(|_| true);
            }
            Step::Welcome => {
                self.outbox.all_ready();
                self.is_early = false;
            }
            Step::Wait(ms) => self.wait(ms.into())?,
        }
        self.check()
    }

    fn check(&self) -> Checked {
        prop_assert_eq!(self.outbox.on_wire, self.on_wire());
        for of in &self.waiting {
            let kept = self.outbox.draft(&chat(of.chat), id(of.number));
            prop_assert_eq!(kept.map(|draft| draft.reply), Some(of.number), "none is lost");
        }
        let due = self.outbox.deadline();
        let oldest = self.waiting.iter().filter_map(|of| of.sent_ms).min();
        let overdue = oldest.map(|sent| Time::from_ms(sent) + RESEND);
        let latest = overdue.into_iter().chain(self.held.values().map(|ms| Time::from_ms(*ms)));
        let latest = latest.filter(|at| *at > self.now()).min();
        prop_assert!(latest.is_none() || due.is_some(), "a tick is due");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, cases: 256, ..ProptestConfig::default()
    })]

    #[test]
    fn the_outbox_is_what_the_model_says(
        strict in any::<bool>(),
        steps in proptest::collection::vec(step(), 0..200),
    ) {
        let mut world = World::new(strict);
        for step in &steps {
            world.step(step)?;
        }
        for _ in 0..world.next + 8 {
            for step in [Step::Wait(140), Step::Wait(140), Step::Welcome, Step::Pump(9)] {
                world.step(&step)?;
            }
            world.step(&Step::Answer(0))?;
        }
        let mut ended = world.ended.clone();
        ended.sort_unstable();
        prop_assert_eq!(ended, (0..world.next).collect::<Vec<_>>(), "each ends, and once");
        prop_assert!(world.outbox.lanes.is_empty() && world.outbox.held.is_empty());
    }

    #[test]
    fn all_that_waits_ends_with_the_client_in_the_order_of_each_chat(
        steps in proptest::collection::vec(step(), 0..100),
    ) {
        let mut world = World::new(false);
        for step in &steps {
            world.step(step)?;
        }
        let drained = world.outbox.drain();
        for to in 0..CHATS {
            let of_chat = drained.iter().filter(|draft| draft.chat == chat(to));
            let found: Vec<_> = of_chat.map(|draft| draft.reply).collect();
            let expected = world.waiting.iter().filter(|of| of.chat == to).map(|of| of.number);
            prop_assert_eq!(found, expected.collect::<Vec<_>>());
        }
        prop_assert_eq!((world.outbox.on_wire, world.outbox.deadline()), (0, None));
    }
}
