//! The ledger: drafts into entries, batch by batch, over rows in memory. Must never count a draft
//! that was not given the next seq of its chat.

use std::collections::HashMap;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion};
use packetboat::store::backend::Backend;
use packetboat::store::memory::MemoryBackend;
use packetboat::store::proof::{Bench, Done, draft_operations_max};
use packetboat::store::rules::Rules;
use packetboat::store::{Author, Draft, Effect, Outcome};
use packetboat_proto::content::{Content, GroupChange};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::ChatId;

use crate::round::{Stage, measure as measure_stage};
use crate::scene;

/// Direct chats that the sends go to in turn.
const CHATS: u64 = 50;
/// Members of the group.
const MEMBERS: u64 = 100;
/// Sends that come together.
const SENDS: [u64; 3] = [1, 64, 2_048];

/// Measures a few sends and many, to direct chats and to a group.
pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ledger");
    for count in SENDS {
        let id = BenchmarkId::new("direct", count);
        measure_stage(&mut group, id, count, || Sends::to_direct_chats(count));
        let id = BenchmarkId::new("group", count);
        measure_stage(&mut group, id, count, || Sends::to_a_group(count));
    }
}

/// A batch of sends. What it comes to is not applied: all that a later one needs of it stands in
/// the ledger's caches, so memory does not grow with the time of the measurement.
struct Sends {
    count: u64,
    bench: Bench,
    lanes: Vec<(Author, ChatId)>,
    lane: usize,
    sent: u64,
    heads: HashMap<ChatId, u64>,
}

/// One turn: what was told of its drafts, and what it comes to.
pub(crate) type Turn = (Vec<Outcome>, Done);

impl Sends {
    fn to_direct_chats(count: u64) -> Self {
        let lanes =
            (0..CHATS).map(|number| (scene::author(scene::writer(number)), scene::direct(number)));
        Self::over(count, lanes.collect(), &[])
    }

    fn to_a_group(count: u64) -> Self {
        let chat = scene::group(0);
        let members = (1..MEMBERS).map(scene::user).collect();
        let created = GroupChange::Created { name: "Group".to_owned(), members };
        let making = Draft {
            content: Content::Group(created.clone()).encode(),
            change: Some(created.into()),
            ..scene::draft(&chat, 0)
        };
        Self::over(count, vec![(scene::author(scene::user(0)), chat)], &[making])
    }

    /// With one entry in each chat at least.
    fn over(count: u64, lanes: Vec<(Author, ChatId)>, first: &[Draft]) -> Self {
        let backend = Arc::new(MemoryBackend::default());
        let bench = Bench::open(Arc::clone(&backend) as _, Rules::default(), scene::CHATS_CACHED);
        let mut sends = Self { count, bench, lanes, lane: 0, sent: 1, heads: HashMap::new() };
        let mut drafts: Vec<(Author, Draft)> = Vec::new();
        drafts.extend(first.iter().map(|draft| (sends.lanes[0].0.clone(), draft.clone())));
        drafts.extend((0..sends.lanes.len()).map(|_| sends.next()));
        let turns = append(&mut sends.bench, &drafts);
        for (_, done) in &turns {
            backend.apply(done.batch.clone()).expect("memory takes every batch");
        }
        sends.check(drafts, turns);
        sends
    }

    fn next(&mut self) -> (Author, Draft) {
        self.sent += 1;
        self.lane = (self.lane + 1) % self.lanes.len();
        let (author, chat) = &self.lanes[self.lane];
        (author.clone(), scene::draft(chat, self.sent))
    }
}

/// Puts drafts into their logs, in as many turns as it takes, none of which is applied.
pub(crate) fn append(bench: &mut Bench, drafts: &[(Author, Draft)]) -> Vec<Turn> {
    let mut turns = Vec::new();
    append_each(bench, drafts, |turn| turns.push(turn));
    turns
}

/// Puts drafts into their logs, in as many turns as it takes, each taken before the next begins.
pub(crate) fn append_each(
    bench: &mut Bench,
    drafts: &[(Author, Draft)],
    mut take: impl FnMut(Turn),
) {
    let mut left = drafts;
    while !left.is_empty() {
        let mut turn = bench.turn(scene::NOW_MS, false);
        let mut outcomes = Vec::new();
        while let Some(((author, draft), others)) = left.split_first()
            && turn.room() >= draft_operations_max(draft)
        {
            outcomes.push(turn.append(author, draft).expect("memory can be read"));
            left = others;
        }
        take((outcomes, turn.finish()));
    }
}

impl Stage for Sends {
    type Input = Vec<(Author, Draft)>;
    type Output = Vec<Turn>;

    fn at_once(&self) -> u64 {
        64_u64.div_ceil(self.count)
    }

    fn prepare(&mut self) -> Self::Input {
        (0..self.count).map(|_| self.next()).collect()
    }

    fn work(&mut self, drafts: &mut Self::Input) -> Vec<Turn> {
        append(&mut self.bench, drafts)
    }

    fn check(&mut self, drafts: Self::Input, turns: Vec<Turn>) {
        let mut drafts = drafts.iter();
        for (outcomes, Done { batch, effects, .. }) in turns {
            assert!(batch.operations() >= 2 * outcomes.len(), "an entry, and its id's row");
            let stored = effects.iter().filter_map(|effect| match effect {
                Effect::Stored(stored) => Some(stored),
                _ => None,
            });
            let mut stored = stored.zip(outcomes.iter());
            for ((entry, outcome), (author, draft)) in stored.by_ref().zip(drafts.by_ref()) {
                let head = self.heads.entry(draft.chat.clone()).or_default();
                *head += 1;
                let wanted = Outcome::Stored { seq: *head, at_ms: scene::NOW_MS };
                assert_eq!(*outcome, wanted, "the next seq of its chat");
                let found = Entry::decode(entry.body.clone()).expect("it is an entry");
                let alike = (&found.chat, found.seq, &found.sender, &found.content);
                assert_eq!(alike, (&draft.chat, *head, &author.user, &draft.content), "as sent");
            }
        }
        assert_eq!(drafts.next(), None, "each draft is told of");
    }
}
