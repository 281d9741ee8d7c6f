//! What a batch erases leaves the files, and nothing else does.

use std::fs;

use super::*;
use crate::store::sled::SledBackend;

const SECRET: &str = "the treasure is under the old oak";
/// A row of a kind that is kept apart.
const KEY: &[u8] = b"b secret";

fn batch(key: &[u8], value: impl Into<Vec<u8>>, erases: bool) -> Batch {
    let mut batch = Batch::default();
    batch.put(key.to_vec(), value.into());
    if erases {
        batch.erase();
    }
    batch
}

/// How often the secret stands in the files of a folder.
fn secrets(folder: &Path) -> usize {
    let mut found = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found += secrets(&path);
        } else {
            let bytes = fs::read(&path).unwrap();
            found += bytes.windows(SECRET.len()).filter(|part| *part == SECRET.as_bytes()).count();
        }
    }
    found
}

fn pack_all(packed: &impl Backend) {
    for number in 0..100 {
        packed.commit(numbered(number)).unwrap();
    }
}

/// Nothing is packed but when it is asked for by many rows, or by what is erased.
const SELDOM: PackedSettings = PackedSettings { fresh_bytes: 100_000, ..SETTINGS };

fn on_sled(folder: &Path, settings: PackedSettings) -> PackedBackend<SledBackend> {
    let engine = SledBackend::open(folder, 1024 * 1024).unwrap();
    PackedBackend::open(engine, folder, settings).unwrap()
}

#[test]
fn what_was_erased_stands_in_no_file_wherever_it_stood() {
    for (packs, reopens, bytes) in
        [(false, false, 1), (true, false, 1), (true, true, 1), (false, true, 30), (true, true, 30)]
    {
        let folder = tempfile::tempdir().unwrap();
        let mut packed = on_sled(folder.path(), SELDOM);
        packed.commit(batch(KEY, SECRET.repeat(bytes), false)).unwrap();
        packed.commit(batch(b"b other", "it stays", false)).unwrap();
        if packs {
            pack_all(&packed);
        }
        assert!(secrets(folder.path()) > 0);
        if reopens {
            drop(packed);
            packed = on_sled(folder.path(), SELDOM);
        }
        packed.commit(batch(KEY, "gone", true)).unwrap();
        packed.wait_until_erased().unwrap();
        assert_eq!(secrets(folder.path()), 0, "{packs} {reopens} {bytes}");
        assert_eq!(packed.get(KEY).unwrap(), Some(b"gone".to_vec()));
        assert_eq!(packed.get(b"b other").unwrap(), Some(b"it stays".to_vec()));
        let before = whole(&packed);
        drop(packed);
        assert_eq!(whole(&on_sled(folder.path(), SELDOM)), before);
    }
}

#[test]
fn what_a_life_before_has_erased_leaves_the_files_in_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let later = PackedSettings { erase_after: Duration::from_hours(1), ..SELDOM };
    let packed = on_sled(folder.path(), later);
    packed.commit(batch(KEY, SECRET.repeat(9), false)).unwrap();
    pack_all(&packed);
    packed.commit(batch(KEY, "gone", true)).unwrap();
    drop(packed);
    assert!(secrets(folder.path()) > 0);
    let packed = on_sled(folder.path(), SELDOM);
    packed.wait_until_erased().unwrap();
    assert_eq!(secrets(folder.path()), 0);
    assert_eq!(packed.get(KEY).unwrap(), Some(b"gone".to_vec()));
}

#[test]
fn a_packing_that_was_cut_short_leaves_nothing_of_what_is_erased_then() {
    for commits in 0..4 {
        let (folder, faulty) = (tempfile::tempdir().unwrap(), Faulty::default());
        let open = || PackedBackend::open(faulty.clone(), folder.path(), SELDOM);
        let packed = open().unwrap();
        pack_all(&packed);
        // Nothing is being packed after that.
        packed.commit(batch(b"b other", "", true)).unwrap();
        packed.wait_until_erased().unwrap();
        packed.commit(batch(KEY, SECRET.repeat(9), false)).unwrap();
        faulty.commits_left.store(commits, Ordering::SeqCst);
        faulty.fails.store(true, Ordering::SeqCst);
        let failed = (0..20_000).any(|number| packed.commit(numbered(number)).is_err());
        assert!(failed);
        drop(packed);
        faulty.fails.store(false, Ordering::SeqCst);
        let values = || secrets(&folder.path().join("values"));
        assert_eq!(values(), 9, "it was written, and no block may name it");
        let packed = open().unwrap();
        packed.commit(batch(KEY, "gone", true)).unwrap();
        packed.wait_until_erased().unwrap();
        assert_eq!(secrets(folder.path()), 0, "after {commits} commits");
        assert_eq!(packed.get(KEY).unwrap(), Some(b"gone".to_vec()));
    }
}

#[test]
fn what_an_older_version_has_packed_is_not_taken_for_what_was_cut_short() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), MemoryBackend::default());
    let open = || PackedBackend::open(engine.clone(), folder.path(), SELDOM).unwrap();
    let pack = |key: &[u8]| {
        let packed = open();
        packed.commit(batch(key, "kept".repeat(99), true)).unwrap();
        packed.wait_until_erased().unwrap();
    };
    pack(b"b one");
    let noted = engine.get(VALUES).unwrap().unwrap();
    pack(b"b two");
    // That is how it is left by a version that notes nothing of it.
    engine.commit(batch(VALUES, noted, false)).unwrap();
    pack(b"b three");
    let found = rows(&open(), b"b", b"c", usize::MAX);
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|(_, value)| *value == "kept".repeat(99).as_bytes()));
}

#[test]
fn who_reads_beside_takes_nothing_that_was_erased_for_damage() {
    const ROWS: u8 = 20;
    const ROUNDS: u8 = 60;
    let folder = tempfile::tempdir().unwrap();
    let engine = Faulty { lags: true, ..Faulty::default() };
    let packed = PackedBackend::open(engine, folder.path(), SETTINGS).unwrap();
    let write = |round: u8| {
        let mut batch = Batch::default();
        for row in 0..ROWS {
            batch.put(vec![b'b', row], vec![round; 300]);
        }
        batch.erase();
        packed.commit(batch).unwrap();
    };
    write(0);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let look = || {
            while !done.load(Ordering::SeqCst) {
                let found = rows(&packed, b"b", b"c", usize::MAX);
                assert_eq!(found.len(), usize::from(ROWS));
                for (key, value) in found {
                    assert!(value.iter().all(|byte| *byte == value[0]) && value.len() == 300);
                    let alone = packed.get(&key).unwrap().unwrap();
                    assert!(alone[0] >= value[0], "what is newer came later");
                }
            }
        };
        let readers = [scope.spawn(look), scope.spawn(look)];
        for round in 1..ROUNDS {
            write(round);
            if round.is_multiple_of(4) {
                packed.wait_until_erased().unwrap();
            }
        }
        done.store(true, Ordering::SeqCst);
        for reader in readers {
            reader.join().unwrap();
        }
    });
    packed.wait_until_erased().unwrap();
    let bytes = fs::read(folder.path().join("values/000000.values")).unwrap();
    let left = bytes.iter().filter(|byte| **byte != 0).count();
    assert_eq!(left, usize::from(ROWS) * 300, "what is of no use is zeros");
}
