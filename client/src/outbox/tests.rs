//! The outbox in front of a server that stores, refuses for now, and is cut off at any moment.

use std::collections::VecDeque;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

const RESEND: Duration = Duration::from_millis(100);
const ROOM: Room = Room { sends: 4, content: 100, is_final: true };

fn chat(at: u8) -> ChatId {
    ChatId::group(&format!("g{at}")).unwrap()
}

fn id(at: u32) -> MessageId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&at.to_be_bytes());
    bytes.into()
}

fn draft(lane: u8, at: u32) -> Draft<u32> {
    Draft {
        chat: chat(lane),
        id: id(at),
        content: Bytes::from_static(b"content"),
        once: false,
        known: 0,
        reply: at,
    }
}

fn at(ms: u64) -> Time {
    Time::from_ms(ms)
}

fn outbox() -> Outbox<u32> {
    Outbox::new(RESEND, false)
}

fn sent(outbox: &mut Outbox<u32>, now: u64) -> Option<MessageId> {
    match outbox.next(at(now), ROOM) {
        Some(Next::Send(send)) => Some(send.id),
        Some(Next::TooLarge(draft)) => panic!("{draft:?} is small"),
        None => None,
    }
}

#[test]
fn no_more_is_on_the_wire_than_there_is_room() {
    let mut outbox = outbox();
    for number in 0..6 {
        outbox.push(draft(0, number)).unwrap();
    }
    let wire: Vec<_> = std::iter::from_fn(|| sent(&mut outbox, 0)).collect();
    assert_eq!(wire, [id(0), id(1), id(2), id(3)]);
    assert_eq!(outbox.take(&chat(0), id(0)).unwrap().reply, 0);
    assert_eq!(sent(&mut outbox, 0), Some(id(4)));
    assert_eq!(sent(&mut outbox, 0), None);
}

#[test]
fn chats_take_turns() {
    let mut outbox = outbox();
    for (lane, number) in [(0, 0), (0, 1), (0, 2), (1, 3)] {
        outbox.push(draft(lane, number)).unwrap();
    }
    let wire: Vec<_> = std::iter::from_fn(|| sent(&mut outbox, 0)).collect();
    assert_eq!(wire, [id(0), id(3), id(1), id(2)]);
}

#[test]
fn a_message_that_is_in_is_not_taken_twice() {
    let mut outbox = outbox();
    outbox.push(draft(0, 1)).unwrap();
    assert!(outbox.push(draft(0, 1)).is_err());
    assert!(outbox.push(draft(1, 1)).is_ok());
    outbox.take(&chat(0), id(1)).unwrap();
    assert!(outbox.push(draft(0, 1)).is_ok());
}

#[test]
fn a_cut_puts_all_back_in_their_order() {
    let mut outbox = outbox();
    for number in 0..3 {
        outbox.push(draft(0, number)).unwrap();
    }
    sent(&mut outbox, 0);
    sent(&mut outbox, 0);
    outbox.disconnected();
    assert_eq!(outbox.deadline(), None);
    let wire: Vec<_> = std::iter::from_fn(|| sent(&mut outbox, 9)).collect();
    assert_eq!(wire, [id(0), id(1), id(2)]);
}

#[test]
fn only_the_oldest_is_sent_again_and_not_too_often() {
    let mut outbox = outbox();
    for number in 0..3 {
        outbox.push(draft(0, number)).unwrap();
        sent(&mut outbox, u64::from(number) * 10);
    }
    assert_eq!(outbox.deadline(), Some(at(100)));
    assert_eq!(outbox.tick(at(99), true), None);
    assert_eq!(outbox.tick(at(150), true).unwrap().id, id(0));
    assert_eq!(outbox.tick(at(150), true), None);
    assert_eq!(outbox.tick(at(250), true).unwrap().id, id(1));
    for number in 0..3 {
        outbox.take(&chat(0), id(number)).unwrap();
    }
    assert_eq!(outbox.deadline(), None);
}

#[test]
fn what_is_overdue_waits_until_it_can_be_sent() {
    let mut outbox = outbox();
    outbox.push(draft(0, 0)).unwrap();
    sent(&mut outbox, 0);
    assert_eq!(outbox.tick(at(100), false), None);
    assert_eq!(outbox.deadline(), Some(at(200)));
    assert!(outbox.refused(&chat(0), id(0)), "it went out once");
    assert_eq!(outbox.tick(at(200), true).unwrap().id, id(0));
}

#[test]
fn the_refusal_of_a_message_that_went_out_twice_counts_the_second_time() {
    let mut outbox = outbox();
    outbox.push(draft(0, 0)).unwrap();
    sent(&mut outbox, 0);
    assert_eq!(outbox.tick(at(100), true).unwrap().id, id(0));
    assert!(!outbox.refused(&chat(0), id(0)), "the other may be stored");
    assert!(outbox.refused(&chat(0), id(0)));
    outbox.disconnected();
    sent(&mut outbox, 200);
    assert!(outbox.refused(&chat(0), id(0)), "it went out once on this connection");
    assert!(!outbox.refused(&chat(0), id(1)), "there is none");
}

#[test]
fn a_message_that_was_refused_once_is_not_sent_again_on_that_connection() {
    let mut outbox = outbox();
    outbox.push(draft(0, 0)).unwrap();
    sent(&mut outbox, 0);
    assert_eq!(outbox.tick(at(100), true).unwrap().id, id(0));
    assert!(!outbox.refused(&chat(0), id(0)));
    // A server slower than the resends would else never be heard to refuse the last.
    assert!(outbox.tick(at(200), true).is_none());
    assert_eq!(outbox.deadline(), None);
    assert!(outbox.refused(&chat(0), id(0)));
}

#[test]
fn a_lane_that_is_put_off_waits_and_then_goes_one_by_one() {
    let mut outbox = outbox();
    for number in 0..4 {
        outbox.push(draft(0, number)).unwrap();
    }
    outbox.push(draft(1, 9)).unwrap();
    for _ in 0..3 {
        sent(&mut outbox, 0);
    }
    outbox.put_off(&chat(0), id(0), at(50));
    outbox.put_off(&chat(0), id(1), at(40));
    assert_eq!(sent(&mut outbox, 1), None, "the other lane is on the wire");
    outbox.tick(at(40), true);
    assert_eq!(sent(&mut outbox, 40), None);
    outbox.tick(at(50), true);
    assert_eq!(sent(&mut outbox, 50), Some(id(0)));
    assert_eq!(sent(&mut outbox, 50), None);
    outbox.take(&chat(0), id(0)).unwrap();
    let wire: Vec<_> = std::iter::from_fn(|| sent(&mut outbox, 60)).collect();
    assert_eq!(wire, [id(1), id(2), id(3)]);
}

#[test]
fn what_never_passes_is_taken_out_and_what_may_later_waits() {
    let mut outbox = outbox();
    let mut large = draft(0, 0);
    large.content = Bytes::from(vec![0; 101]);
    outbox.push(large).unwrap();
    outbox.push(draft(0, 1)).unwrap();
    let early = Room { is_final: false, ..ROOM };
    assert!(outbox.next(at(0), early).is_none());
    outbox.all_ready();
    let next = outbox.next(at(0), ROOM);
    assert!(matches!(next, Some(Next::TooLarge(draft)) if draft.reply == 0));
    assert_eq!(sent(&mut outbox, 0), Some(id(1)));
}

#[test]
fn nothing_is_kept_of_what_is_over() {
    let mut outbox = outbox();
    for number in 0..50 {
        let lane = u8::try_from(number).unwrap();
        outbox.push(draft(lane, number)).unwrap();
        sent(&mut outbox, 0);
        outbox.put_off(&chat(lane), id(number), at(5));
        outbox.take(&chat(lane), id(number)).unwrap();
    }
    sent(&mut outbox, 0);
    assert!(outbox.lanes.is_empty() && outbox.ready.is_empty() && outbox.held.is_empty());
    assert_eq!((outbox.on_wire, outbox.deadline()), (0, None));
}

#[test]
fn nothing_is_kept_of_what_was_over_before_it_was_its_turn() {
    let mut outbox = outbox();
    for number in 0..50 {
        let lane = u8::try_from(number).unwrap();
        outbox.push(draft(lane, number)).unwrap();
        outbox.put_off(&chat(lane), id(number), at(5));
        outbox.take(&chat(lane), id(number)).unwrap();
    }
    outbox.disconnected();
    assert!(outbox.lanes.is_empty() && outbox.ready.is_empty() && outbox.held.is_empty());
}

#[derive(Clone, Debug)]
enum Step {
    Push(u8),
    Pump,
    Serve { refuse: bool },
    Answer,
    Cut,
    Wait(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3u8).prop_map(Step::Push),
        4 => Just(Step::Pump),
        4 => prop::bool::weighted(0.2).prop_map(|refuse| Step::Serve { refuse }),
        4 => Just(Step::Answer),
        1 => Just(Step::Cut),
        1 => (1..120u8).prop_map(Step::Wait),
    ]
}

/// The outbox, the wire both ways, and the log of each chat.
struct World {
    outbox: Outbox<u32>,
    now: u64,
    wire: VecDeque<Send>,
    answers: VecDeque<(Send, bool)>,
    logs: [Vec<MessageId>; 3],
    pushed: [Vec<MessageId>; 3],
    outcomes: Vec<u32>,
}

impl World {
    fn new(strict: bool) -> Self {
        Self {
            outbox: Outbox::new(RESEND, strict),
            now: 0,
            wire: VecDeque::new(),
            answers: VecDeque::new(),
            logs: Default::default(),
            pushed: Default::default(),
            outcomes: vec![],
        }
    }

    fn log(&mut self, of: &ChatId) -> &mut Vec<MessageId> {
        let lane = (0..3).find(|lane| chat(*lane) == *of).unwrap();
        &mut self.logs[usize::from(lane)]
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Push(lane) => {
                let number =
                    u32::try_from(self.pushed.iter().map(Vec::len).sum::<usize>()).unwrap();
                self.outbox.push(draft(*lane, number)).unwrap();
                self.pushed[usize::from(*lane)].push(id(number));
            }
            Step::Pump => match self.outbox.next(at(self.now), ROOM) {
                Some(Next::Send(send)) => self.wire.push_back(send),
                Some(Next::TooLarge(draft)) => panic!("{draft:?} is small"),
                None => {}
            },
            Step::Serve { refuse } => {
                if let Some(send) = self.wire.pop_front() {
                    let stored = self.log(&send.chat).contains(&send.id);
                    if !refuse && !stored {
                        self.log(&send.chat).push(send.id);
                    }
                    self.answers.push_back((send, *refuse && !stored));
                }
            }
            Step::Answer => match self.answers.pop_front() {
                Some((send, true)) => {
                    self.outbox.put_off(&send.chat, send.id, at(self.now + 30));
                }
                Some((send, false)) => {
                    let draft = self.outbox.take(&send.chat, send.id);
                    self.outcomes.extend(draft.map(|draft| draft.reply));
                }
                None => {}
            },
            Step::Cut => {
                self.wire.clear();
                self.answers.clear();
                self.outbox.disconnected();
            }
            Step::Wait(ms) => {
                self.now += u64::from(*ms);
                let again = self.outbox.tick(at(self.now), true);
                self.wire.extend(again);
            }
        }
    }
}

proptest! {
    #[test]
    fn every_message_is_stored_once_and_in_order_whatever_happens_to_the_connection(
        strict in any::<bool>(),
        steps in proptest::collection::vec(step(), 0..150),
    ) {
        let mut world = World::new(strict);
        for step in &steps {
            world.step(step);
        }
        for _ in 0..1000 {
            for step in [Step::Pump, Step::Serve { refuse: false }, Step::Answer, Step::Wait(5)] {
                world.step(&step);
            }
        }
        let mut outcomes = world.outcomes.clone();
        outcomes.sort_unstable();
        let pushed = world.pushed.iter().map(Vec::len).sum::<usize>();
        prop_assert_eq!(outcomes, (0..u32::try_from(pushed).unwrap()).collect::<Vec<_>>());
        prop_assert!(world.outbox.lanes.is_empty());
        let refused = steps.iter().any(|step| matches!(step, Step::Serve { refuse: true }));
        for (log, pushed) in world.logs.iter_mut().zip(&world.pushed) {
            if strict || !refused {
                prop_assert_eq!(&*log, pushed);
            }
            log.sort_unstable();
            prop_assert_eq!(&*log, pushed, "each is in the log once");
        }
    }
}
