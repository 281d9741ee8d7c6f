//! Packed rows against plain ones, with restarts and with a packing that is cut short.

mod erased;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use proptest::prelude::*;

use super::*;
use crate::store::backend::Row;
use crate::store::memory::MemoryBackend;

/// So few that rows are packed all the time.
const SETTINGS: PackedSettings = PackedSettings {
    fresh_bytes: 1_500,
    stall: Duration::from_secs(5),
    erase_after: Duration::ZERO,
    apart: b"b",
};

fn open(engine: &MemoryBackend, folder: &Path) -> PackedBackend<MemoryBackend> {
    PackedBackend::open(engine.clone(), folder, SETTINGS).unwrap()
}

fn rows(backend: &impl Backend, from: &[u8], to: &[u8], limit: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let seen = backend.scan(from, to, &mut |key, value| {
        rows.push((key.to_vec(), value.to_vec()));
        if rows.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    seen.unwrap();
    rows
}

fn whole(backend: &impl Backend) -> Vec<Row> {
    rows(backend, &[], &[0xff], usize::MAX)
}

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<(String, Option<usize>)>, bool),
    Get(String),
    Scan(String, String, usize),
    Last(String, String),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || "[a-c]{0,3}";
    // Some stand in a block, some in a file.
    let value = || proptest::option::of(prop_oneof![0..100_usize, 100..900_usize]);
    prop_oneof![
        6 => (proptest::collection::vec((key(), value()), 1..12), proptest::bool::weighted(0.2))
            .prop_map(|(writes, erases)| Step::Commit(writes, erases)),
        2 => key().prop_map(Step::Get),
        2 => (key(), key(), 1..40_usize).prop_map(|(from, to, limit)| Step::Scan(from, to, limit)),
        2 => (key(), key()).prop_map(|(from, to)| Step::Last(from, to)),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn packed_rows_are_what_plain_ones_are(steps in proptest::collection::vec(step(), 1..80)) {
        let folder = tempfile::tempdir().unwrap();
        let (plain, engine) = (MemoryBackend::default(), MemoryBackend::default());
        let mut packed = open(&engine, folder.path());
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Commit(writes, erases) => {
                    let mut batch = Batch::default();
                    if erases {
                        batch.erase();
                    }
                    for (key, value) in writes {
                        let byte = u8::try_from(number).unwrap();
                        match value {
                            Some(length) => batch.put(key.into_bytes(), vec![byte; length]),
                            None => batch.remove(key.into_bytes()),
                        }
                    }
                    plain.commit(batch.clone()).unwrap();
                    packed.commit(batch).unwrap();
                }
                Step::Get(key) => {
                    let key = key.as_bytes();
                    prop_assert_eq!(packed.get(key).unwrap(), plain.get(key).unwrap());
                }
                Step::Scan(from, to, limit) => {
                    let (from, to) = (from.as_bytes().min(to.as_bytes()), to.as_bytes());
                    let wanted = rows(&plain, from, to, limit);
                    prop_assert_eq!(rows(&packed, from, to, limit), wanted);
                }
                Step::Last(from, to) => {
                    let (from, to) = (from.as_bytes().min(to.as_bytes()), to.as_bytes());
                    let wanted = plain.last_key(from, to).unwrap();
                    prop_assert_eq!(packed.last_key(from, to).unwrap(), wanted.clone());
                    let row = packed.last_row(from, to).unwrap();
                    prop_assert_eq!(row.map(|(key, _)| key), wanted);
                }
                Step::Reopen => {
                    drop(packed);
                    packed = open(&engine, folder.path());
                }
            }
        }
        prop_assert_eq!(whole(&packed), whole(&plain));
        packed.wait_until_erased().unwrap();
        prop_assert_eq!(whole(&packed), whole(&plain));
    }
}

/// An engine that fails after some commits, or waits at each, or is slow to tell what it read.
#[derive(Clone, Default)]
struct Faulty {
    rows: MemoryBackend,
    commits_left: Arc<AtomicU32>,
    fails: Arc<AtomicBool>,
    held: Arc<Mutex<()>>,
    lags: bool,
}

impl Faulty {
    /// What was read, once others had the time to change it.
    fn late<T>(&self, read: T) -> T {
        if self.lags {
            thread::sleep(Duration::from_micros(200));
        }
        read
    }
}

impl Backend for Faulty {
    fn apply(&self, batch: Batch) -> Result<(), BackendError> {
        drop(self.held.lock());
        if self.fails.load(Ordering::SeqCst)
            && self.commits_left.fetch_sub(1, Ordering::SeqCst) == 0
        {
            return Err(BackendError::Engine { detail: "the disk is gone".to_owned() });
        }
        self.rows.apply(batch)
    }

    fn sync(&self) -> Result<(), BackendError> {
        self.rows.sync()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.rows.get(key)
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), BackendError> {
        self.rows.scan(from, to, visit)
    }

    fn last_key(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.late(self.rows.last_key(from, to))
    }

    fn last_row(&self, from: &[u8], to: &[u8]) -> Result<Option<Row>, BackendError> {
        self.late(self.rows.last_row(from, to))
    }

    fn free_bytes(&self) -> Result<Option<u64>, BackendError> {
        Ok(None)
    }
}

fn numbered(number: u32) -> Batch {
    let mut batch = Batch::default();
    for row in 0..10 {
        batch.put(format!("{:03} {number:05}", row * 7 % 10).into_bytes(), vec![1; 100]);
    }
    batch
}

#[test]
fn a_packing_that_fails_half_way_ends_the_backend_and_loses_nothing() {
    for commits in 0..6 {
        let folder = tempfile::tempdir().unwrap();
        let (faulty, plain) = (Faulty::default(), MemoryBackend::default());
        let settings = PackedSettings { fresh_bytes: 100_000, ..SETTINGS };
        let packed = PackedBackend::open(faulty.clone(), folder.path(), settings).unwrap();
        faulty.commits_left.store(commits, Ordering::SeqCst);
        faulty.fails.store(true, Ordering::SeqCst);
        let mut refused = None;
        for number in 0..20_000 {
            let batch = numbered(number);
            match packed.commit(batch.clone()) {
                Ok(()) => plain.commit(batch).unwrap(),
                Err(error) => {
                    refused = Some((error, batch));
                    break;
                }
            }
        }
        let (error, batch) = refused.expect("a failure is told");
        assert!(error.to_string().contains("the disk is gone"), "{error}");
        assert!(packed.check().is_err());
        drop(packed);
        faulty.fails.store(false, Ordering::SeqCst);
        let packed = PackedBackend::open(faulty.clone(), folder.path(), settings).unwrap();
        let found = whole(&packed);
        if found != whole(&plain) {
            // What was refused may have come into the journal.
            plain.commit(batch).unwrap();
            assert_eq!(found, whole(&plain));
        }
    }
}

#[test]
fn commits_wait_while_too_much_is_to_be_packed_and_a_stuck_packing_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let faulty = Faulty::default();
    let stall = Duration::from_millis(500);
    let settings = PackedSettings { fresh_bytes: 10_000, stall, ..SETTINGS };
    let packed = Arc::new(PackedBackend::open(faulty.clone(), folder.path(), settings).unwrap());
    let held = faulty.held.lock().unwrap();
    let (committing, done) = (Arc::clone(&packed), Arc::new(AtomicU32::new(0)));
    let count = Arc::clone(&done);
    let writer = thread::spawn(move || {
        for number in 0..100 {
            committing.commit(numbered(number)).unwrap();
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    while packed.check().is_ok() {
        thread::yield_now();
    }
    assert!(done.load(Ordering::SeqCst) < 100, "commits wait");
    drop(held);
    writer.join().unwrap();
    assert_eq!(whole(packed.as_ref()).len(), 1_000);
}

#[test]
fn a_journal_that_is_gone_is_no_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let engine = MemoryBackend::default();
    open(&engine, folder.path()).commit(numbered(1)).unwrap();
    std::fs::remove_dir_all(folder.path().join("journal")).unwrap();
    for _ in 0..2 {
        let opened = PackedBackend::open(engine.clone(), folder.path(), SETTINGS);
        let Err(error) = opened else { panic!("it opened") };
        assert!(matches!(error, BackendError::Lost { .. }), "{error}");
    }
}

#[test]
fn an_engine_with_rows_of_another_kind_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let engine = MemoryBackend::default();
    engine.commit(numbered(1)).unwrap();
    let Err(error) = PackedBackend::open(engine.clone(), folder.path(), SETTINGS) else {
        panic!("it opened")
    };
    assert!(matches!(error, BackendError::Layout { .. }), "{error}");
    assert_eq!(whole(&engine).len(), 10);
}

/// Rows of the trial below, each with a commit of its own: a prime, so that they come in no order.
const STREWN_ROWS: u32 = 307;
/// Rows of a range that is looked at.
const LOOKED_AT: u32 = 40;
/// Stores that grow from nothing: few blocks are divided often.
const STREWN_STORES: u32 = 40;

/// The row of a number. Some values stand in a file.
fn strewn(number: u32) -> Row {
    let key = format!("{number:04}");
    let value = key.repeat(if number.is_multiple_of(9) { 50 } else { 30 });
    (key.into_bytes(), value.into_bytes())
}

/// The commit that a row comes with.
fn commit_of(number: u32) -> u32 {
    number * 769 % STREWN_ROWS
}

/// Looks at ranges until all is committed; how often it looked.
fn look(packed: &PackedBackend<Faulty>, committed: &AtomicU32, mut state: u32) -> u32 {
    for looks in 1.. {
        // xorshift32
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let first = state % STREWN_ROWS;
        let numbers = first..(first + LOOKED_AT).min(STREWN_ROWS);
        let (from, to) = (strewn(numbers.start).0, strewn(numbers.end).0);
        let before = committed.load(Ordering::SeqCst);
        let found = rows(packed, &from, &to, usize::MAX);
        let last = packed.last_key(&from, &to).unwrap();
        // The next commit may be seen before it is told.
        let after = committed.load(Ordering::SeqCst) + 1;
        let of = |upto: u32| numbers.clone().filter(move |number| commit_of(*number) < upto);
        let (must, may): (Vec<_>, Vec<_>) = (of(before).collect(), of(after).collect());
        assert!(found.is_sorted_by(|one, next| one.0 < next.0), "in order, none twice");
        let is_found = |number: &u32| found.binary_search(&strewn(*number)).is_ok();
        assert!(must.iter().all(is_found), "a row is missing in {numbers:?}");
        let is_known = |row: &Row| may.iter().any(|number| strewn(*number) == *row);
        assert!(found.iter().all(is_known), "a row of elsewhere in {numbers:?}");
        let (least, most) = (must.last().map(|at| strewn(*at).0), may.last());
        assert!(last >= least && last <= most.map(|at| strewn(*at).0), "the last of {numbers:?}");
        if before == STREWN_ROWS {
            return looks;
        }
    }
    unreachable!("it ends with the commits")
}

#[test]
fn who_reads_beside_commits_and_packing_sees_each_row_of_its_range_once() {
    let looks: u32 = (0..STREWN_STORES).map(looked_at_while_it_grows).sum();
    assert!(looks > 100 * STREWN_STORES, "{looks} looks while rows came");
}

fn looked_at_while_it_grows(store: u32) -> u32 {
    let folder = tempfile::tempdir().unwrap();
    let engine = Faulty { lags: true, ..Faulty::default() };
    let packed = PackedBackend::open(engine, folder.path(), SETTINGS).unwrap();
    let committed = AtomicU32::new(0);
    let mut by_commit: Vec<u32> = (0..STREWN_ROWS).collect();
    by_commit.sort_by_key(|number| commit_of(*number));
    thread::scope(|scope| {
        let readers = [1, 22, 333, 4_444, 55_555, 666_666].map(|seed| {
            let (packed, committed) = (&packed, &committed);
            scope.spawn(move || look(packed, committed, seed + store * 7_919))
        });
        for (number, told) in by_commit.into_iter().zip(1..) {
            let (key, value) = strewn(number);
            let mut batch = Batch::default();
            batch.put(key, value);
            packed.commit(batch).unwrap();
            committed.store(told, Ordering::SeqCst);
        }
        readers.into_iter().map(|reader| reader.join().unwrap()).sum()
    })
}
