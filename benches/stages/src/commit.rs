//! A batch to the disk: applied and made durable. Must never count a commit whose rows are not
//! there after the backend was closed and opened again.

use std::sync::Arc;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion};
use packetboat::store::backend::Backend;
use packetboat::store::batch::{Batch, OPERATIONS_PER_BATCH_MAX};
use packetboat::store::key;

use crate::ground::{Ground, Hold, Kind};
use crate::round::{Stage, measure as measure_stage};
use crate::scene;

/// Operations of a commit.
const OPERATIONS: [u64; 3] = [1, 64, OPERATIONS_PER_BATCH_MAX as u64];
/// Chats that the entries are of, in turn.
const CHATS: u64 = 50;
/// Rows in memory, with no disk below: then an empty backend takes the place.
const MEMORY_ROWS_MAX: u64 = 100_000;

/// Measures commits on each backend.
pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("commit");
    for kind in Kind::ALL {
        for count in OPERATIONS {
            let id = BenchmarkId::new(kind.name(), count);
            measure_stage(&mut group, id, count, || Commits::new(kind, count));
        }
    }
}

/// Commits of such rows as messages in direct chats make: an entry, and the row of its id.
struct Commits {
    ground: Ground,
    kind: Kind,
    count: u64,
    rows: u64,
    /// The last of each commit.
    samples: Vec<Row>,
}

/// A key, and its value.
type Row = (Vec<u8>, Bytes);

impl Commits {
    fn new(kind: Kind, count: u64) -> Self {
        let ground = Ground::new(kind, Hold::Default);
        Self { ground, kind, count, rows: 0, samples: Vec::new() }
    }

    fn row(number: u64) -> Row {
        let message = number / 2;
        let (of, seq) = (message % CHATS, message / CHATS + 1);
        if number.is_multiple_of(2) {
            let entry = scene::entry(of, seq);
            (key::entry(&entry.chat, seq, 0), entry.encode())
        } else {
            let key = key::dedup(&scene::direct(of), &scene::writer(of), &scene::message_id(seq));
            (key, Bytes::copy_from_slice(&seq.to_be_bytes()))
        }
    }
}

impl Stage for Commits {
    /// Where to, what, and its last row.
    type Input = (Arc<dyn Backend>, Batch, Row);
    type Output = ();

    fn at_once(&self) -> u64 {
        if self.kind == Kind::Memory { 64_u64.div_ceil(self.count) } else { 1 }
    }

    fn prepare(&mut self) -> Self::Input {
        if self.kind == Kind::Memory && self.rows > MEMORY_ROWS_MAX {
            *self = Self::new(self.kind, self.count);
        }
        let mut batch = Batch::default();
        let last = self.rows + self.count - 1;
        for number in self.rows..=last {
            let (key, value) = Self::row(number);
            batch.put(key, value);
        }
        assert_eq!(batch.operations() as u64, self.count, "each row has a key of its own");
        let last = Self::row(last);
        self.samples.push(last.clone());
        self.rows += self.count;
        (Arc::clone(self.ground.backend()), batch, last)
    }

    fn work(&mut self, (backend, batch, _): &mut Self::Input) {
        let batch = std::mem::take(batch);
        backend.commit(batch).expect("the disk takes it");
    }

    fn check(&mut self, (backend, _, (key, value)): Self::Input, (): ()) {
        let found = backend.get(&key).expect("it can be read");
        assert_eq!(found.as_deref(), Some(&value[..]), "its last row is there");
    }

    fn end(self) {
        let ground = self.ground.reopen();
        for (key, value) in &self.samples {
            let found = ground.backend().get(key).expect("it can be read");
            assert_eq!(found.as_deref(), Some(&value[..]), "each commit is there for good");
        }
    }
}
