//! The store when the power is cut or a write fails, with many commands on their way: all that was
//! answered or released is there when it comes back, what was not answered is there once or not at
//! all, each log is without a hole, and what has failed says nothing more.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use packetboat::store::batch::OPERATIONS_PER_BATCH_MAX;
use packetboat::store::embedded::Settings;
use packetboat::store::{
    CursorMove, Draft, Edge, Effect, Logged, Outcome, Start, Store, StoreError,
};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::MessageId;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::bed::{Bed, Opened, WIDE, author, chat, created, device, draft, user, with_id};
use crate::shaky::{Fault, ShakyBed};

const USERS: [&str; 3] = ["ann", "bob", "cid"];
/// All of them are ann's, the first user's.
const CHATS: [&str; 3] = ["dm:ann:bob", "dm:ann:cid", "group:crew"];

/// No commit takes as long.
const STALL_MS: u64 = 60_000;

/// Commands that are given at once.
type Wave = Vec<Given>;

#[derive(Clone, Copy, Debug)]
enum Given {
    /// So many messages of one user, in turn to each of its chats.
    Append { by: usize, drafts: usize },
    /// A device has had, and its user read, up to there.
    Move { by: usize, to: usize, delivered: u64, read: u64 },
}

/// A time between two openings: what is given, and what ends it.
#[derive(Clone, Debug)]
struct Life {
    waves: Vec<Wave>,
    /// A write that fails: after how many, and how. Else the power is cut with all quiet.
    fault: Option<(usize, Fault)>,
    /// Batches that are lost, of those that may be.
    lost: usize,
}

fn given() -> impl Strategy<Value = Given> {
    let by = 0..USERS.len();
    let drafts = prop_oneof![9 => 1..5_usize, 1 => 60..130_usize];
    prop_oneof![
        4 => (by.clone(), drafts).prop_map(|(by, drafts)| Given::Append { by, drafts }),
        1 => (by, 0..CHATS.len(), 0..9_u64, 0..9_u64).prop_map(|(by, to, delivered, read)| {
            Given::Move { by, to, delivered, read }
        }),
    ]
}

fn life() -> impl Strategy<Value = Life> {
    let fault = prop_oneof![Just(Fault::Before), Just(Fault::After), Just(Fault::Panic)];
    let fault = prop::option::weighted(0.8, (0..12_usize, fault));
    (vec(vec(given(), 1..12), 1..5), fault, 0..4_usize).prop_map(|(waves, fault, lost)| Life {
        waves,
        fault,
        lost,
    })
}

/// A message, where it was said to be, if anything was said.
struct Sent {
    by: usize,
    draft: Draft,
    seq: Option<u64>,
}

#[derive(Default)]
struct World {
    bed: ShakyBed,
    next: u64,
    sent: Vec<Sent>,
    /// The appends, as ranges of those: what of one is stored comes before what of it is not.
    appends: Vec<(usize, usize)>,
    /// Cursors that were answered, by user and chat: delivered and read.
    cursors: BTreeMap<(usize, usize), (u64, u64)>,
    released: Vec<Entry>,
}

fn chats_of(by: usize) -> Vec<&'static str> {
    let is_of = |name: &&&str| name.starts_with("group:") || name.contains(USERS[by]);
    CHATS.iter().filter(is_of).copied().collect()
}

impl World {
    /// With time for a commit, however slow the machine is: batches are to be many.
    fn open(&self) -> Opened {
        self.bed.open_with(Settings { stall_ms: STALL_MS, ..Settings::default() })
    }

    fn drafts(&mut self, by: usize, count: usize) -> Vec<Draft> {
        let chats = chats_of(by);
        let from = self.sent.len();
        for at in 0..count {
            self.next += 1;
            let to = chats[at % chats.len()];
            let draft = with_id(draft(to, &format!("text {}", self.next)), self.next);
            self.sent.push(Sent { by, draft, seq: None });
        }
        self.appends.push((from, self.sent.len()));
        self.sent[from..].iter().map(|sent| sent.draft.clone()).collect()
    }

    /// Gives a wave, and takes what is answered. True if the store has stopped.
    async fn wave(&mut self, open: &Opened, wave: &Wave) -> bool {
        let mut appends = Vec::new();
        let mut advances = Vec::new();
        for given in wave {
            match *given {
                Given::Append { by, drafts } => {
                    let drafts = self.drafts(by, drafts);
                    let from = self.sent.len() - drafts.len();
                    appends.push((from, open.append(author(USERS[by]), drafts)));
                }
                Given::Move { by, to, delivered, read } => {
                    let cursor = CursorMove { chat: chat(CHATS[to]), delivered, read };
                    let moved = open.advance(user(USERS[by]), device("desk"), vec![cursor]);
                    advances.push(((by, to), (delivered, read), moved));
                }
            }
        }
        let (places, appends): (Vec<_>, Vec<_>) = appends.into_iter().unzip();
        let heads = self.heads();
        let advances = advances
            .into_iter()
            .map(|(of, cursor, moved)| async move { (of, cursor, moved.await) });
        let (answers, advances) =
            futures_util::future::join(join_all(appends), join_all(advances)).await;
        let mut stopped = false;
        for (from, answer) in places.into_iter().zip(answers) {
            match answer {
                Ok(outcomes) => self.answered(from, &outcomes),
                Err(error) => {
                    assert_eq!(error, StoreError::Stopped);
                    stopped = true;
                }
            }
        }
        for (of, (delivered, read), answer) in advances {
            if answer.is_err() {
                stopped = true;
                continue;
            }
            // What was there before the wave is the least that it was cut to.
            let head = heads.get(&of.1).copied().unwrap_or(0);
            let cursor = self.cursors.entry(of).or_default();
            *cursor = (cursor.0.max(delivered.min(head)), cursor.1.max(read.min(head)));
        }
        stopped
    }

    fn heads(&self) -> BTreeMap<usize, u64> {
        let mut heads = BTreeMap::new();
        for sent in &self.sent {
            let to = CHATS.iter().position(|name| chat(name) == sent.draft.chat).unwrap();
            let head: &mut u64 = heads.entry(to).or_default();
            *head = sent.seq.unwrap_or(0).max(*head);
        }
        heads
    }

    fn answered(&mut self, from: usize, outcomes: &[Outcome]) {
        for (sent, outcome) in self.sent[from..].iter_mut().zip(outcomes) {
            let Outcome::Stored { seq, .. } = outcome else { panic!("{outcome:?}") };
            sent.seq = Some(*seq);
        }
    }

    /// Nothing is answered any more, and the backend is left alone.
    async fn check_stopped(&mut self, open: &Opened) {
        open.failed().await;
        let stopped = Err(StoreError::Stopped);
        let more = self.drafts(0, 1);
        assert_eq!(open.append(author("ann"), more).await, stopped);
        let history = open.history(user("ann"), chat(CHATS[0]), Edge::After(0), WIDE).await;
        assert_eq!(history.unwrap_err(), StoreError::Stopped);
        let cursor = CursorMove { chat: chat(CHATS[0]), delivered: 1, read: 1 };
        let moved = open.advance(user("ann"), device("desk"), vec![cursor]).await;
        assert_eq!(moved, Err(StoreError::Stopped));
        assert_eq!(self.bed.failed(), Some(0), "nothing is written after a failure");
    }

    fn hear(&mut self, open: &Opened) {
        for effect in open.effects() {
            if let Effect::Stored(stored) = effect {
                self.released.push(Entry::decode(stored.body.clone()).unwrap());
            }
        }
    }

    /// Compares what came back with what was said.
    async fn check(&mut self, open: &Opened) {
        let mut found: BTreeMap<(String, MessageId), u64> = BTreeMap::new();
        for name in CHATS {
            let log = open.history(user("ann"), chat(name), Edge::After(0), WIDE).await;
            let log = log.unwrap().items;
            for (seq, logged) in (1..).zip(&log) {
                assert_eq!(logged.seq, seq, "{name} has no hole");
                self.check_entry(logged);
                let entry = Entry::decode(logged.body.clone()).unwrap();
                let twice = found.insert((name.to_owned(), entry.id), seq);
                assert_eq!(twice, None, "{entry:?} is there once");
            }
        }
        let place = |sent: &Sent| found.get(&(sent.draft.chat.to_string(), sent.draft.id)).copied();
        for sent in self.sent.iter().filter(|sent| sent.seq.is_some()) {
            assert_eq!(place(sent), sent.seq, "{:?} was answered", sent.draft);
        }
        for (from, to) in &self.appends {
            let there: Vec<bool> =
                self.sent[*from..*to].iter().map(|sent| place(sent).is_some()).collect();
            assert!(there.is_sorted_by(|one, next| one >= next), "a beginning: {there:?}");
        }
        for entry in &self.released {
            let seq = found.get(&(entry.chat.to_string(), entry.id));
            assert_eq!(seq, Some(&entry.seq), "{entry:?} was released");
        }
        for ((by, to), (delivered, read)) in &self.cursors {
            if !chats_of(*by).contains(&CHATS[*to]) {
                continue;
            }
            let view = open.chat(user(USERS[*by]), device("desk"), chat(CHATS[*to])).await.unwrap();
            assert!(view.delivered >= *delivered && view.read >= *read, "{view:?}");
        }
    }

    fn check_entry(&self, logged: &Logged) {
        let entry = Entry::decode(logged.body.clone()).unwrap();
        let is_one = |sent: &&Sent| sent.draft.chat == entry.chat && sent.draft.id == entry.id;
        let Some(sent) = self.sent.iter().find(is_one) else {
            assert!(entry.chat.as_str() == "group:crew" && entry.seq == 1, "{entry:?} is invented");
            return;
        };
        assert_eq!((&entry.content, entry.seq), (&sent.draft.content, logged.seq));
        assert_eq!(entry.sender, user(USERS[sent.by]));
    }

    /// Who was not answered sends again, and is told the truth. Gives how many were there.
    async fn send_again(&mut self, open: &Opened) -> usize {
        let mut there = 0;
        for sent in self.sent.iter_mut().filter(|sent| sent.seq.is_none()) {
            match open.put(USERS[sent.by], sent.draft.clone()).await {
                Outcome::Stored { seq, .. } => sent.seq = Some(seq),
                Outcome::Duplicate { seq, .. } => {
                    sent.seq = Some(seq);
                    there += 1;
                }
                Outcome::Refused(refusal) => panic!("{refusal:?}"),
            }
        }
        there
    }
}

/// How often each thing happened, so that the tests say that they looked.
#[derive(Debug, Default)]
struct Seen {
    stopped: usize,
    /// Batches that a cut could take.
    unsynced: usize,
    /// Messages that were not answered, and are there.
    kept: usize,
}

async fn run(lives: Vec<Life>) -> Seen {
    let mut world = World::default();
    let mut seen = Seen::default();
    let open = world.open();
    for name in USERS {
        open.claim(name, "desk", Start::Everything).await;
    }
    open.must("ann", "group:crew", created(&USERS[1..])).await;
    open.close().await;
    for life in lives {
        let open = world.open();
        if let Some((writes, fault)) = life.fault {
            world.bed.fail_after(writes, fault);
        }
        let mut stopped = false;
        for wave in &life.waves {
            stopped |= world.wave(&open, wave).await;
            assert!(stopped || world.bed.unsynced() == 0, "what is answered is synced");
        }
        assert_eq!(stopped, world.bed.failed().is_some(), "a failure is told");
        if stopped {
            world.check_stopped(&open).await;
        }
        world.hear(&open);
        seen.stopped += usize::from(stopped);
        seen.unsynced += world.bed.unsynced();
        world.bed.cut(life.lost);
        open.close().await;
        world.hear(&open);
        let open = world.open();
        world.check(&open).await;
        seen.kept += world.send_again(&open).await;
        world.check(&open).await;
        world.hear(&open);
        open.close().await;
    }
    seen
}

fn run_on_a_runtime(lives: Vec<Life>) -> Seen {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(lives))
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, cases: 96, ..ProptestConfig::default()
    })]

    #[test]
    fn what_was_answered_is_there_after_any_crash(lives in vec(life(), 1..5)) {
        run_on_a_runtime(lives);
    }
}

#[test]
fn a_failed_write_leaves_batches_that_a_cut_takes_from_the_last_one_backwards() {
    let by = 0;
    let faults = [(0, Fault::Before), (0, Fault::After), (1, Fault::Before), (1, Fault::Panic)];
    let small = vec![vec![Given::Append { by, drafts: 1 }; 3]];
    let lives = faults.map(|fault| Life { waves: small.clone(), fault: Some(fault), lost: 9 });
    let seen = run_on_a_runtime(lives.to_vec());
    assert!(seen.stopped == 4 && seen.unsynced >= 3 && seen.kept == 0, "{seen:?}");
    // An append of more than a batch, whose second one is not synced: what is lost is its end.
    let drafts = OPERATIONS_PER_BATCH_MAX * 6 / 5;
    let large = vec![vec![Given::Append { by, drafts }]];
    let lives =
        [1, 2].map(|lost| Life { waves: large.clone(), fault: Some((3, Fault::Before)), lost });
    let seen = run_on_a_runtime(lives.to_vec());
    assert_eq!((seen.stopped, seen.unsynced), (2, 2));
    assert!(seen.kept > 50, "of the first, what was not in its last batch: {seen:?}");
}
