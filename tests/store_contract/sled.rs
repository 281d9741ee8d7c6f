//! What is only true of sled: its lock, and what a crash may leave in its folder.

use std::fs;
use std::path::PathBuf;

use packetboat::store::backend::{Backend, BackendError};
use packetboat::store::batch::Batch;
use packetboat::store::sled::SledBackend;

use crate::bed::{Bed, CACHE_BYTES, SledBed};

const DM: &str = "dm:ann:bob";

fn snapshots(bed: &SledBed) -> Vec<PathBuf> {
    let found = fs::read_dir(bed.path()).unwrap().map(|entry| entry.unwrap().path());
    let is_snapshot =
        |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("snap.");
    found.filter(is_snapshot).collect()
}

#[tokio::test]
async fn a_second_instance_is_told_that_the_folder_is_in_use() {
    let bed = SledBed::default();
    let open = bed.open();
    let Err(error) = SledBackend::open(&bed.path(), CACHE_BYTES) else { panic!("opened twice") };
    assert!(matches!(&error, BackendError::Locked { path } if path.ends_with("data")), "{error}");
    open.say("ann", DM, &["still here"]).await;
    open.close().await;
    let open = bed.open();
    assert_eq!(open.missing_texts("bob", "phone").await, ["still here"]);
    open.close().await;
}

#[cfg(unix)]
#[tokio::test]
async fn the_folder_is_made_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let bed = SledBed::default();
    let deep = bed.path().join("a/b");
    drop(SledBackend::open(&deep, CACHE_BYTES).unwrap());
    assert_eq!(fs::metadata(&deep).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_torn_snapshot_is_removed_and_nothing_is_lost() {
    let bed = SledBed::default();
    let open = bed.open();
    open.say("ann", DM, &["1", "2"]).await;
    open.close().await;
    let torn = bed.path().join("snap.00000000000FFFFF.generating");
    fs::write(&torn, b"half a snap").unwrap();
    let open = bed.open();
    assert!(!torn.exists());
    assert_eq!(open.missing_texts("bob", "phone").await, ["1", "2"]);
    open.close().await;
}

#[tokio::test]
async fn a_damaged_snapshot_is_copied_aside_and_made_again() {
    let bed = SledBed::default();
    let open = bed.open();
    open.say("ann", DM, &["1", "2"]).await;
    open.close().await;
    for snapshot in snapshots(&bed) {
        fs::remove_file(snapshot).unwrap();
    }
    let damaged = bed.path().join("snap.0000000000FFFFFF");
    fs::write(&damaged, [0xab; 64]).unwrap();
    let open = bed.open();
    assert_eq!(open.missing_texts("bob", "phone").await, ["1", "2"]);
    open.close().await;
    let aside = bed.0.path().join("data.damaged-1");
    assert_eq!(fs::read(aside.join("snap.0000000000FFFFFF")).unwrap(), [0xab; 64]);
    assert!(aside.join("db").exists());
    assert!(!damaged.exists());
}

#[tokio::test]
async fn data_beyond_repair_is_named_and_never_wiped() {
    let bed = SledBed::default();
    let open = bed.open();
    open.say("ann", DM, &["1", "2"]).await;
    open.close().await;
    let conf = bed.path().join("conf");
    fs::write(&conf, b"this is no configuration of sled's").unwrap();
    let db = fs::read(bed.path().join("db")).unwrap();
    let Err(error) = SledBackend::open(&bed.path(), CACHE_BYTES) else { panic!("it was opened") };
    let BackendError::Damaged { path, aside, .. } = &error else { panic!("{error}") };
    assert!(path.ends_with("data") && aside.ends_with("data.damaged-1"), "{error}");
    assert!(fs::read(bed.path().join("db")).unwrap() == db, "the log is as it was");
}

#[tokio::test]
async fn settings_that_were_torn_at_the_first_open_are_made_again() {
    for (settings, log) in [(&b"torn"[..], None), (&[0; 62], None), (&[0; 62], Some(&b""[..]))] {
        let bed = SledBed::default();
        fs::create_dir(bed.path()).unwrap();
        fs::write(bed.path().join("conf"), settings).unwrap();
        if let Some(log) = log {
            fs::write(bed.path().join("db"), log).unwrap();
        }
        let open = bed.open();
        open.say("ann", DM, &["1"]).await;
        open.close().await;
        let open = bed.open();
        assert_eq!(open.missing_texts("bob", "phone").await, ["1"]);
        open.close().await;
        assert!(!bed.0.path().join("data.damaged-1").exists(), "there was nothing to copy");
    }
}

#[tokio::test]
async fn values_outside_the_log_are_refused() {
    let bed = SledBed::default();
    let engine = || SledBackend::open(&bed.path(), CACHE_BYTES);
    let backend = engine().unwrap();
    let blob = bed.path().join("blobs").join("1234");
    fs::write(&blob, b"spilled").unwrap();
    let mut batch = Batch::default();
    batch.put(b"key".to_vec(), b"value".to_vec());
    let error = backend.commit(batch).unwrap_err();
    assert!(matches!(error, BackendError::Blobs { .. }), "{error}");
    drop(backend);
    let Err(error) = engine() else { panic!("it was opened") };
    assert!(matches!(&error, BackendError::Blobs { path } if path.ends_with("blobs")), "{error}");
    fs::remove_file(blob).unwrap();
    assert_eq!(engine().unwrap().get(b"key").unwrap().as_deref(), Some(&b"value"[..]));
}

#[tokio::test]
async fn large_entries_do_not_spill() {
    let bed = SledBed::default();
    let open = bed.open();
    let large = "x".repeat(200 * 1024);
    for _ in 0..40 {
        open.say("ann", DM, &[&large]).await;
    }
    open.close().await;
    assert_eq!(fs::read_dir(bed.path().join("blobs")).unwrap().count(), 0);
    let open = bed.open();
    assert_eq!(open.missing_texts("bob", "phone").await, vec![large; 40]);
    open.close().await;
}

#[tokio::test]
async fn free_space_is_known() {
    let bed = SledBed::default();
    let free = bed.backend().free_bytes().unwrap();
    assert!(free.is_some_and(|free| free > 0), "{free:?}");
}

#[tokio::test]
async fn a_store_whose_data_is_gone_is_not_taken_for_a_new_one() {
    let spoil: [fn(&SledBed); 3] = [
        |bed| fs::remove_file(bed.path().join("db")).unwrap(),
        |bed| {
            fs::remove_file(bed.path().join("db")).unwrap();
            for path in snapshots(bed) {
                fs::remove_file(path).unwrap();
            }
        },
        |bed| {
            let db = fs::read(bed.path().join("db")).unwrap();
            let flipped: Vec<u8> = db.iter().map(|byte| !byte).collect();
            fs::write(bed.path().join("db"), flipped).unwrap();
        },
    ];
    for (number, spoil) in spoil.into_iter().enumerate() {
        let bed = SledBed::default();
        let open = bed.open();
        open.say("ann", DM, &["1", "2"]).await;
        open.close().await;
        spoil(&bed);
        for start in ["first", "second"] {
            let Err(error) = SledBackend::open(&bed.path(), CACHE_BYTES) else {
                panic!("case {number}: it was opened as new at the {start} start")
            };
            let told = matches!(error, BackendError::Lost { .. } | BackendError::Damaged { .. });
            assert!(told, "case {number}, {start} start: {error}");
        }
    }
}
