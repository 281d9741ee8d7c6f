//! What is only true of fjall: what a crash may leave in its folder, what counts for damage, and
//! what its work behind does. And that neither engine touches what is the other's.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use packetboat::store::backend::{Backend, BackendError};
use packetboat::store::batch::Batch;
use packetboat::store::fjall::FjallBackend;
use packetboat::store::sled::SledBackend;

use crate::bed::{Bed, CACHE_BYTES, FjallBed, SledBed};

const DM: &str = "dm:ann:bob";
/// So small that rows are written to tables and merged all the time.
const TINY_CACHE_BYTES: u64 = 64 * 1024;

fn refused(bed: &FjallBed, case: impl Display) -> BackendError {
    match FjallBackend::open(&bed.path(), CACHE_BYTES) {
        Ok(_) => panic!("{case}: it was opened"),
        Err(error) => error,
    }
}

fn aside(bed: &FjallBed) -> PathBuf {
    bed.0.path().join("data.damaged-1")
}

/// The journal that is written; where its last batch ends.
fn journal(bed: &FjallBed) -> (PathBuf, usize) {
    let path = bed.path().join("fjall/0.jnl");
    let bytes = fs::read(&path).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    (path, end)
}

/// Every file, with its bytes.
fn all_of(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(all_of(&path));
            found.insert(path, Vec::new());
        } else {
            let bytes = fs::read(&path).unwrap();
            found.insert(path, bytes);
        }
    }
    found
}

fn is_list(path: &Path) -> bool {
    let number = path.file_name().and_then(|name| name.to_str()?.strip_prefix('v'));
    number.is_some_and(|number| number.parse::<u64>().is_ok())
}

async fn with_two(bed: &FjallBed) {
    let open = bed.open();
    open.say("ann", DM, &["1", "2"]).await;
    open.close().await;
}

async fn has_two_and_goes_on(bed: &FjallBed) {
    let open = bed.open();
    assert_eq!(open.missing_texts("bob", "phone").await, ["1", "2"]);
    open.say("ann", DM, &["3"]).await;
    open.close().await;
    let open = bed.open();
    assert_eq!(open.missing_texts("bob", "phone").await, ["1", "2", "3"]);
    open.close().await;
}

#[tokio::test]
async fn a_second_instance_is_told_that_the_folder_is_in_use() {
    let bed = FjallBed::default();
    let open = bed.open();
    let error = refused(&bed, "locked");
    assert!(matches!(&error, BackendError::Locked { path } if path.ends_with("data")), "{error}");
    open.say("ann", DM, &["1", "2"]).await;
    open.close().await;
    has_two_and_goes_on(&bed).await;
}

#[tokio::test]
async fn a_folder_of_the_other_backend_is_refused_and_not_touched() {
    let (fjall, sled) = (FjallBed::default(), SledBed::default());
    with_two(&fjall).await;
    let open = sled.open();
    open.say("ann", DM, &["1"]).await;
    open.close().await;
    let before = (all_of(&fjall.path()), all_of(&sled.path()));
    let errors = [
        SledBackend::open(&fjall.path(), CACHE_BYTES).err().unwrap(),
        FjallBackend::open(&sled.path(), CACHE_BYTES).err().unwrap(),
    ];
    for (error, name) in errors.iter().zip(["fjall", "sled"]) {
        let BackendError::OtherEngine { found, .. } = error else { panic!("{error}") };
        assert_eq!(*found, name);
        assert!(error.to_string().contains(&format!("set store.backend to \"{name}\"")), "{error}");
    }
    assert!(before == (all_of(&fjall.path()), all_of(&sled.path())), "they are as they were");
    has_two_and_goes_on(&fjall).await;
}

#[tokio::test]
async fn what_a_first_open_left_that_was_cut_off_is_made_anew() {
    let left: [&[(&str, &[u8])]; 4] = [
        &[],
        &[("0.jnl", &[0; 100]), ("lock", b"")],
        &[("0.jnl", &[0; 100]), ("version", b"FJ"), ("keyspaces/0/tables/0", b"half a table")],
        &[("0.jnl", b""), ("version", b"FJL\x03"), ("keyspaces/1/v0", b"?")],
    ];
    for files in left {
        let bed = FjallBed::default();
        fs::create_dir_all(bed.path().join("fjall")).unwrap();
        for (name, bytes) in files {
            let path = bed.path().join("fjall").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        with_two(&bed).await;
        has_two_and_goes_on(&bed).await;
        assert!(!aside(&bed).exists(), "there was nothing to copy");
    }
}

#[tokio::test]
async fn what_no_first_open_leaves_is_not_removed() {
    let bed = FjallBed::default();
    fs::create_dir_all(bed.path().join("fjall")).unwrap();
    let file = bed.path().join("fjall/diary.txt");
    fs::write(&file, "mine").unwrap();
    let error = refused(&bed, "a foreign file");
    assert!(matches!(error, BackendError::Lost { .. }), "{error}");
    assert_eq!(fs::read_to_string(file).unwrap(), "mine");
}

#[tokio::test]
async fn a_store_without_its_mark_is_still_a_store() {
    let bed = FjallBed::default();
    with_two(&bed).await;
    fs::remove_file(bed.path().join("founded")).unwrap();
    has_two_and_goes_on(&bed).await;
    assert!(bed.path().join("founded").exists());
}

#[tokio::test]
async fn a_batch_that_a_crash_has_torn_is_taken_away() {
    let bed = FjallBed::default();
    with_two(&bed).await;
    let (path, end) = journal(&bed);
    for torn in [&b"\x01"[..], b"\x01\x02\0\0\0\x09\0\0\0\0\0\0\0\x02\0", b"\xff", &[7; 5000]] {
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(end);
        bytes.extend(torn);
        fs::write(&path, bytes).unwrap();
        drop(bed.backend());
        assert_eq!(journal(&bed).1, end, "{torn:?}");
    }
    assert!(!aside(&bed).exists());
    has_two_and_goes_on(&bed).await;
}

#[tokio::test]
async fn a_last_batch_with_wrong_bytes_is_copied_aside_and_taken_away() {
    let bed = FjallBed::default();
    with_two(&bed).await;
    let open = bed.open();
    open.say("ann", DM, &["the third one"]).await;
    open.close().await;
    let (path, end) = journal(&bed);
    let mut bytes = fs::read(&path).unwrap();
    bytes[end - 14] ^= 1;
    fs::write(&path, &bytes).unwrap();
    has_two_and_goes_on(&bed).await;
    assert!(fs::read(aside(&bed).join("fjall/0.jnl")).unwrap() == bytes);
}

#[tokio::test]
async fn damage_before_the_end_is_named_and_nothing_is_wiped() {
    let spoil: [fn(&FjallBed); 4] = [
        |bed| {
            let (path, _) = journal(bed);
            let mut bytes = fs::read(&path).unwrap();
            bytes[40] ^= 0x10;
            fs::write(path, bytes).unwrap();
        },
        |bed| {
            let (path, end) = journal(bed);
            let bytes = fs::read(&path).unwrap();
            fs::write(path, [&[0; 100], &bytes[..end]].concat()).unwrap();
        },
        |bed| {
            let current = bed.path().join("fjall/keyspaces/1/current");
            let bytes = fs::read(&current).unwrap();
            fs::write(current, &bytes[..4]).unwrap();
        },
        |bed| {
            let tables = fs::read_dir(bed.path().join("fjall/keyspaces/0/tables")).unwrap();
            tables.for_each(|table| fs::remove_file(table.unwrap().path()).unwrap());
        },
    ];
    for (number, spoil) in spoil.into_iter().enumerate() {
        let bed = FjallBed::default();
        with_two(&bed).await;
        spoil(&bed);
        let before = all_of(&bed.path().join("fjall"));
        let error = refused(&bed, number);
        let BackendError::Damaged { path, aside, .. } = &error else { panic!("{number}: {error}") };
        assert!(path.ends_with("data") && aside.ends_with("data.damaged-1"), "{error}");
        let (mut before, mut copied) = (before, all_of(&aside.join("fjall")));
        // Lists of tables that count no more go with any open.
        before.retain(|path, _| !is_list(path));
        copied.retain(|path, _| !is_list(path));
        assert!(copied.values().eq(before.values()), "case {number}: it is all in the copy");
    }
}

#[tokio::test]
async fn a_store_whose_data_is_gone_is_not_taken_for_a_new_one() {
    let gone = [
        "",
        "0.jnl",
        "version",
        "keyspaces",
        "keyspaces/0",
        "keyspaces/0/current",
        "keyspaces/1",
        "keyspaces/1/current",
    ];
    for name in gone {
        let bed = FjallBed::default();
        with_two(&bed).await;
        let path = bed.path().join("fjall").join(name);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
        let before = all_of(&bed.path());
        for start in ["first", "second"] {
            let error = refused(&bed, name);
            assert!(matches!(error, BackendError::Lost { .. }), "{name}, {start} start: {error}");
        }
        assert!(before == all_of(&bed.path()), "{name}: what is left is not touched");
    }
    let bed = FjallBed::default();
    with_two(&bed).await;
    let (path, end) = journal(&bed);
    fs::write(path, vec![0; end]).unwrap();
    assert!(matches!(refused(&bed, "zeros"), BackendError::Lost { .. }), "nothing is left in it");
}

#[tokio::test]
async fn what_is_written_to_tables_and_merged_is_all_there() {
    let bed = FjallBed::default();
    let mut expected = BTreeMap::new();
    for round in 0..3_u64 {
        let backend = FjallBackend::open(&bed.path(), TINY_CACHE_BYTES).unwrap();
        for number in 0..150_u64 {
            let mut batch = Batch::default();
            for row in 0..8 {
                let key = (number * 7919 % 500 * 8 + row).to_be_bytes().to_vec();
                if (number + row + round) % 5 == 0 {
                    expected.remove(&key);
                    batch.remove(key);
                } else {
                    let value = vec![u8::try_from(number).unwrap(); 300];
                    expected.insert(key.clone(), value.clone());
                    batch.put(key, value);
                }
            }
            backend.commit(batch).unwrap();
        }
        let mut found = BTreeMap::new();
        let mut take = |key: &[u8], value: &[u8]| {
            found.insert(key.to_vec(), value.to_vec());
            ControlFlow::Continue(())
        };
        backend.scan(&[], &[0xff], &mut take).unwrap();
        assert!(found == expected, "round {round}");
        let last = backend.last_key(&[], &[0xff]).unwrap();
        assert_eq!(last.as_ref(), expected.keys().next_back());
    }
    let tables = fs::read_dir(bed.path().join("fjall/keyspaces/1/tables")).unwrap().count();
    assert!(tables > 0, "some rows went to tables");
}

#[test]
fn a_read_sees_all_of_a_batch_or_nothing() {
    // So many that tables of earlier ones come to be seen while a batch is applied.
    const ROWS: u64 = 10_000;
    const BATCHES: u64 = 40;
    let bed = FjallBed::default();
    let backend = FjallBackend::open(&bed.path(), TINY_CACHE_BYTES).unwrap();
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut looks = 0;
            while !ended.load(Ordering::Relaxed) {
                let mut values = Vec::new();
                let mut take = |_: &[u8], value: &[u8]| {
                    values.push(value.to_vec());
                    ControlFlow::Continue(())
                };
                backend.scan(&[], &[0xff], &mut take).unwrap();
                assert!(values.windows(2).all(|pair| pair[0] == pair[1]), "half of a batch");
                looks += 1;
            }
            looks
        });
        for number in 0..BATCHES {
            let mut batch = Batch::default();
            for row in 0..ROWS {
                batch.put(row.to_be_bytes().to_vec(), number.to_be_bytes().to_vec());
            }
            backend.apply(batch).unwrap();
        }
        ended.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
}

#[tokio::test]
async fn free_space_is_known() {
    let free = FjallBed::default().backend().free_bytes().unwrap();
    assert!(free.is_some_and(|free| free > 0), "{free:?}");
}
