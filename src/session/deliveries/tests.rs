//! Deliveries against a model of a log and a device: in order, none missing, bounded.

use std::collections::BTreeSet;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::store::Lag;

const RETRIES: Retries = Retries { first: Duration::from_millis(100), max: 5 };

fn chat(text: &str) -> ChatId {
    ChatId::new(text).unwrap()
}

fn at(ms: u64) -> Time {
    Time::from_ms(ms)
}

fn live(window: u32) -> Deliveries {
    let mut deliveries = Deliveries::new(window, RETRIES);
    assert_eq!(deliveries.next_scan(), Some(None));
    deliveries.scanned(LagPage::default());
    assert!(deliveries.is_live());
    deliveries
}

fn entries(seqs: impl IntoIterator<Item = u64>) -> Vec<Logged> {
    seqs.into_iter().map(|seq| Logged { seq, body: Bytes::new() }).collect()
}

fn read(of: &ChatId, seqs: impl IntoIterator<Item = u64>, reached: u64) -> Vec<Read> {
    vec![Read { chat: of.clone(), entries: entries(seqs), reached }]
}

#[test]
fn a_live_session_is_sent_each_entry_once() {
    let (mut deliveries, a) = (live(4), chat("dm:a:b"));
    assert_eq!(deliveries.push(at(0), &a, 1, false), Pushed::Send);
    assert_eq!(deliveries.push(at(0), &a, 1, false), Pushed::Hold);
    assert_eq!(deliveries.push(at(0), &a, 2, false), Pushed::Send);
    assert_eq!(deliveries.unacked(), 2);
    deliveries.ack(&a, 2);
    assert_eq!(deliveries.unacked(), 0);
    assert_eq!(deliveries.deadline(), None);
}

#[test]
fn an_own_entry_is_not_sent_and_leaves_no_gap() {
    let (mut deliveries, a) = (live(4), chat("dm:a:b"));
    assert_eq!(deliveries.push(at(0), &a, 1, true), Pushed::Hold);
    assert_eq!(deliveries.push(at(0), &a, 2, false), Pushed::Send);
    assert!(deliveries.is_live());
}

#[test]
fn idle_chats_are_forgotten_and_their_next_entry_is_sent_all_the_same() {
    let mut deliveries = live(2);
    let busy = chat("dm:a:busy");
    deliveries.push(at(0), &busy, 1, false);
    let idle = |number: usize| chat(&format!("group:{number}"));
    for number in 0..=POSITIONS_MAX {
        assert_eq!(deliveries.push(at(0), &idle(number), 1, false), Pushed::Send);
        deliveries.ack(&idle(number), 1);
        assert!(deliveries.positions.len() <= POSITIONS_MAX + 1);
    }
    assert!(deliveries.positions.len() < 3, "only what is on its way is kept");
    assert_eq!(deliveries.push(at(0), &idle(0), 2, false), Pushed::Send);
    assert_eq!(deliveries.push(at(0), &busy, 1, false), Pushed::Hold, "it was not forgotten");
}

#[test]
fn a_gap_is_read_from_the_log() {
    let (mut deliveries, a) = (live(4), chat("dm:a:b"));
    deliveries.push(at(0), &a, 1, false);
    assert_eq!(deliveries.push(at(0), &a, 3, false), Pushed::Hold);
    let (stretches, room) = deliveries.next_read().unwrap();
    assert_eq!(stretches, [Stretch { chat: a.clone(), after: 1, upto: 3 }]);
    assert_eq!(room, 3);
    assert_eq!(deliveries.read(at(1), read(&a, [2, 3], 3)), entries([2, 3]));
    assert!(deliveries.is_live());
}

#[test]
fn a_full_window_turns_only_its_chat_to_lagging_until_acks_make_room() {
    let (mut deliveries, a, b) = (live(2), chat("dm:a:b"), chat("dm:a:c"));
    deliveries.push(at(0), &a, 1, false);
    deliveries.push(at(0), &a, 2, false);
    assert_eq!(deliveries.push(at(0), &a, 3, false), Pushed::HoldFull);
    assert_eq!(deliveries.next_read(), None);
    deliveries.ack(&a, 2);
    assert_eq!(deliveries.push(at(0), &b, 1, false), Pushed::Send);
    let (stretches, room) = deliveries.next_read().unwrap();
    assert_eq!(stretches, [Stretch { chat: a.clone(), after: 2, upto: 3 }]);
    assert_eq!(room, 1);
}

#[test]
fn a_push_during_the_first_scan_waits_for_what_lies_before_it() {
    let mut deliveries = Deliveries::new(4, RETRIES);
    let a = chat("dm:a:b");
    assert_eq!(deliveries.push(at(0), &a, 5, false), Pushed::Hold);
    assert_eq!(deliveries.next_scan(), Some(None));
    assert_eq!(deliveries.push(at(0), &a, 6, false), Pushed::Hold);
    let lags = vec![Lag { chat: a.clone(), delivered: 3, head: 5 }];
    deliveries.scanned(LagPage { lags, next: None });
    assert!(!deliveries.is_live());
    assert_eq!(deliveries.next_scan(), Some(None), "a push was held: look again");
}

#[test]
fn what_is_not_acknowledged_is_read_again_and_in_the_end_given_up() {
    let (mut deliveries, a) = (live(4), chat("dm:a:b"));
    deliveries.push(at(0), &a, 1, false);
    deliveries.push(at(0), &a, 2, false);
    deliveries.ack(&a, 1);
    let mut now = 0;
    for tries in 0..RETRIES.max {
        assert_eq!(deliveries.tick(at(now)), Due::Nothing);
        now += 100 << tries;
        assert_eq!(deliveries.deadline(), Some(at(now)));
        assert_eq!(deliveries.tick(at(now)), Due::Again);
        let (stretches, _) = deliveries.next_read().unwrap();
        assert_eq!(stretches[0].after, 1);
        assert_eq!(deliveries.read(at(now), read(&a, [2], 2)), entries([2]));
    }
    now += 100 << RETRIES.max;
    assert_eq!(deliveries.tick(at(now)), Due::GiveUp);
}

#[test]
fn an_acknowledgement_sets_the_tries_back() {
    let (mut deliveries, a) = (live(4), chat("dm:a:b"));
    deliveries.push(at(0), &a, 1, false);
    assert_eq!(deliveries.tick(at(100)), Due::Again);
    deliveries.next_read().unwrap();
    deliveries.read(at(100), read(&a, [1], 1));
    deliveries.ack(&a, 1);
    deliveries.push(at(200), &a, 2, false);
    assert_eq!(deliveries.deadline(), Some(at(300)));
}

#[test]
fn a_read_that_a_retry_overtook_is_read_once_more() {
    let (mut deliveries, a) = (live(4), chat("dm:a:b"));
    deliveries.push(at(0), &a, 1, false);
    deliveries.push(at(0), &a, 3, false);
    deliveries.next_read().unwrap();
    assert_eq!(deliveries.tick(at(100)), Due::Again);
    assert_eq!(deliveries.read(at(101), read(&a, [2, 3], 3)), []);
    let (stretches, _) = deliveries.next_read().unwrap();
    assert_eq!(stretches, [Stretch { chat: a.clone(), after: 0, upto: 3 }]);
}

#[test]
fn more_lagging_chats_than_fit_are_found_by_a_scan() {
    let mut deliveries = live(1);
    deliveries.push(at(0), &chat("group:first"), 1, false);
    for number in 0..=LAGGING_CHATS_MAX {
        deliveries.push(at(0), &chat(&format!("group:g{number}")), 1, false);
    }
    assert_eq!(deliveries.lagging.len(), LAGGING_CHATS_MAX);
    assert!(!deliveries.is_live());
    assert_eq!(deliveries.next_scan(), None, "first what is known");
    deliveries.lagging.clear();
    assert_eq!(deliveries.next_scan(), Some(None));
}

/// What can happen to a session.
#[derive(Clone, Debug)]
enum Step {
    /// An entry is stored, and pushed unless it is lost on the way.
    Store { chat: usize, own: bool, lost: bool },
    /// The device acknowledges so much of what it has.
    Ack { chat: usize, share: u64 },
    /// The store answers a scan, or a read, of so many entries.
    Work { limit: usize },
    /// Time passes.
    Wait { ms: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3usize, any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(chat, own, lost)| Step::Store { chat, own, lost }),
        3 => (0..3usize, 0..=4u64).prop_map(|(chat, share)| Step::Ack { chat, share }),
        3 => (1..6usize).prop_map(|limit| Step::Work { limit }),
        1 => (1..150u64).prop_map(|ms| Step::Wait { ms }),
    ]
}

/// A log of three chats, and a device that takes what it is sent.
struct Model {
    deliveries: Deliveries,
    chats: Vec<ChatId>,
    heads: Vec<u64>,
    own: Vec<BTreeSet<u64>>,
    had: Vec<u64>,
    cursors: Vec<u64>,
    asked: Option<(Vec<Stretch>, usize)>,
    scanning: bool,
    now: u64,
}

impl Model {
    fn new(window: u32, heads: [u64; 3]) -> Self {
        Self {
            deliveries: Deliveries::new(window, RETRIES),
            chats: ["dm:a:b", "dm:a:c", "group:g"].map(chat).into(),
            heads: heads.into(),
            own: vec![BTreeSet::new(); 3],
            had: vec![0; 3],
            cursors: vec![0; 3],
            asked: None,
            scanning: false,
            now: 0,
        }
    }

    /// The device is sent an entry: none between it and what the device had may be missing.
    fn deliver(&mut self, index: usize, seq: u64) {
        for skipped in self.had[index] + 1..seq {
            assert!(self.own[index].contains(&skipped), "{skipped} skipped for {seq}");
        }
        self.had[index] = self.had[index].max(seq);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Store { chat, own, lost } => {
                self.heads[chat] += 1;
                let seq = self.heads[chat];
                if own {
                    self.own[chat].insert(seq);
                }
                if lost {
                    self.deliveries.lost();
                } else {
                    let id = self.chats[chat].clone();
                    if self.deliveries.push(at(self.now), &id, seq, own) == Pushed::Send {
                        self.deliver(chat, seq);
                    }
                }
            }
            Step::Ack { chat, share } => {
                let seq = self.cursors[chat] + (self.had[chat] - self.cursors[chat]) * share / 4;
                self.cursors[chat] = seq;
                self.deliveries.ack(&self.chats[chat].clone(), seq);
            }
            Step::Work { limit } => self.work(limit),
            Step::Wait { ms } => {
                self.now += ms;
                // A session that gives up is over; the model's device is only slow.
                self.deliveries.tries = self.deliveries.tries.min(2);
                assert_ne!(self.deliveries.tick(at(self.now)), Due::GiveUp);
            }
        }
        assert!(self.deliveries.unacked() <= self.deliveries.window);
    }

    fn work(&mut self, limit: usize) {
        if std::mem::take(&mut self.scanning) {
            let lags = (0..3).filter(|&index| self.cursors[index] < self.heads[index]);
            let lags = lags.map(|index| Lag {
                chat: self.chats[index].clone(),
                delivered: self.cursors[index],
                head: self.heads[index],
            });
            let page = LagPage { lags: lags.collect(), next: None };
            self.deliveries.scanned(page);
        } else if let Some((stretches, room)) = self.asked.take() {
            self.answer(&stretches, room.min(limit));
        }
        self.scanning = self.scanning || self.deliveries.next_scan().is_some();
        self.asked = self.asked.take().or_else(|| self.deliveries.next_read());
    }

    fn answer(&mut self, stretches: &[Stretch], mut limit: usize) {
        let mut reads = Vec::new();
        for stretch in stretches {
            if limit == 0 {
                break;
            }
            let seqs: Vec<u64> = (stretch.after + 1..=stretch.upto).take(limit).collect();
            limit -= seqs.len();
            let reached = seqs.last().copied().unwrap_or(stretch.upto);
            reads.extend(read(&stretch.chat, seqs, reached));
        }
        for reading in reads {
            let index = self.chats.iter().position(|chat| *chat == reading.chat).unwrap();
            // One at a time, so that the entries can be told apart by chat.
            let held = self.deliveries.reading.clone();
            for entry in self.deliveries.read(at(self.now), vec![reading]) {
                self.deliver(index, entry.seq);
            }
            self.deliveries.reading = held;
        }
        self.deliveries.reading.clear();
    }

    fn settle(&mut self) {
        for _ in 0..1_000 {
            self.work(3);
            for chat in 0..3 {
                self.step(Step::Ack { chat, share: 4 });
            }
            if self.deliveries.is_live() && self.asked.is_none() && !self.scanning {
                return;
            }
        }
        panic!("the session never turns live: {:?}", self.deliveries);
    }
}

proptest! {
    #[test]
    fn everything_arrives_in_order_whatever_happens(
        window in 1..6u32, heads in [0..9u64, 0..9u64, 0..9u64],
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut model = Model::new(window, heads);
        for step in steps {
            model.step(step);
        }
        model.settle();
        for index in 0..3 {
            let missing = (model.had[index] + 1..=model.heads[index])
                .find(|seq| !model.own[index].contains(seq));
            prop_assert_eq!(missing, None);
        }
    }
}
