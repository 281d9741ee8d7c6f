//! A page of a chat's log, as a device reads it that catches up: from rows that are in memory yet,
//! and from rows that have left it. Must never count a page that is not the very entries.

use std::sync::Arc;

use criterion::{BenchmarkId, Criterion};
use packetboat::store::backend::Backend;
use packetboat::store::batch::Batch;
use packetboat::store::proof::{Bench, View};
use packetboat::store::rules::Rules;
use packetboat::store::{PageLimit, Read, Stretch};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::UserId;

use crate::ground::{Ground, Hold, Kind};
use crate::ledger::append;
use crate::round::{Stage, measure as measure_stage};
use crate::scene;

/// Entries of a page: half of the default window.
const PAGE_ENTRIES: usize = 128;
const PAGE_SEQS: u64 = PAGE_ENTRIES as u64;
/// Bytes of a page at most; the default.
const PAGE_BYTES: usize = 256 * 1024;
/// Chats, each with so many entries; their rows lie behind each other.
const CHATS: u64 = 4;
const ENTRIES: u64 = 1_024;
/// Sends that come together.
const SENDS: usize = 512;
/// Commits that come after them and drive them out of memory, the values of each, and their bytes:
/// twice as much as may stay there, sets of rows that grow and what is being packed included.
const FILLERS: u64 = 100;
const FILLER_VALUES: u64 = 16;
const FILLER_BYTES: usize = 4 * 1024;
const FILLERS_BYTES: u64 = FILLERS * FILLER_VALUES * FILLER_BYTES as u64;

/// Measures a page on each backend.
pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("catch_up");
    for (kind, hold, name) in [
        (Kind::Memory, Hold::Default, "memory"),
        (Kind::Sled, Hold::Default, "sled_fresh"),
        (Kind::Sled, Hold::Short, "sled_packed"),
        (Kind::Fjall, Hold::Default, "fjall_fresh"),
        (Kind::Fjall, Hold::Short, "fjall_tables"),
    ] {
        let id = BenchmarkId::new(name, PAGE_ENTRIES);
        measure_stage(&mut group, id, PAGE_SEQS, || Pages::of(kind, hold));
    }
}

struct Pages {
    view: View,
    /// Its folder is needed as long as the view, which has the backend too.
    _ground: Ground,
    next: u64,
}

impl Pages {
    fn of(kind: Kind, hold: Hold) -> Self {
        let mut ground = Ground::new(kind, hold);
        let mut bench =
            Bench::open(Arc::clone(ground.backend()), Rules::default(), scene::CHATS_CACHED);
        let mut log_bytes = 0;
        let sends: Vec<u64> = (0..CHATS * ENTRIES).collect();
        for sends in sends.chunks(SENDS) {
            let drafts = sends.iter().map(|number| {
                let chat = scene::direct(number % CHATS);
                let author = scene::author(scene::writer(number % CHATS));
                (author, scene::draft(&chat, number / CHATS + 1))
            });
            for (_, done) in append(&mut bench, &drafts.collect::<Vec<_>>()) {
                let values = done.batch.writes().filter_map(|(_, value)| value);
                log_bytes += values.map(|value| value.len() as u64).sum::<u64>();
                ground.backend().commit(done.batch).expect("the disk takes it");
            }
        }
        drop(bench);
        if hold == Hold::Short {
            drive_out(ground.backend().as_ref());
            ground = ground.reopen();
            let behind = ground.bytes_behind();
            assert!(behind >= log_bytes + FILLERS_BYTES / 2, "only {behind} bytes left memory");
        }
        let view = Bench::open(Arc::clone(ground.backend()), Rules::default(), scene::CHATS_CACHED)
            .view(0);
        Self { view, _ground: ground, next: 0 }
    }
}

fn drive_out(backend: &dyn Backend) {
    for number in 0..FILLERS {
        let mut batch = Batch::default();
        for value in 0..FILLER_VALUES {
            batch.put(format!("~{number:04} {value:02}").into_bytes(), vec![0; FILLER_BYTES]);
        }
        backend.commit(batch).expect("the disk takes it");
    }
}

impl Stage for Pages {
    /// Who reads, and what.
    type Input = (UserId, Vec<Stretch>);
    type Output = Vec<Read>;

    fn at_once(&self) -> u64 {
        CHATS
    }

    fn prepare(&mut self) -> Self::Input {
        let page = self.next;
        self.next += 1;
        let (of, page) = (page % CHATS, page / CHATS % (ENTRIES / PAGE_SEQS));
        let (chat, after) = (scene::direct(of), page * PAGE_SEQS);
        (scene::reader(of), vec![Stretch { chat, after, upto: ENTRIES }])
    }

    fn work(&mut self, (reader, stretches): &mut Self::Input) -> Vec<Read> {
        let limit = PageLimit { items: PAGE_ENTRIES, bytes: PAGE_BYTES };
        let read = self.view.stretches(reader, std::mem::take(stretches), limit);
        read.expect("it can be read")
    }

    fn check(&mut self, _: Self::Input, reads: Vec<Read>) {
        assert_eq!(reads.len(), 1, "one chat was asked for");
        let Read { chat, entries, reached } = &reads[0];
        assert_eq!(entries.len(), PAGE_ENTRIES, "a whole page");
        for (logged, seq) in entries.iter().zip(reached - PAGE_SEQS + 1..) {
            let entry = Entry::decode(logged.body.clone()).expect("it is an entry");
            let found = (&entry.chat, entry.seq, entry.id, entry.content);
            let wanted = (chat, seq, scene::message_id(seq), scene::content());
            assert_eq!(found, wanted, "each entry in its place");
        }
    }
}
