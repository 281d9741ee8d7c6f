//! Whatever stops in the middle: no row says that a file is whole without its bytes, and nobody
//! has to upload twice what was kept.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use ring::digest::{SHA256, digest};

use super::folder::FolderStore;
use super::store::Doing;
use super::*;
use crate::hub::mailbox::MailboxLimits;
use crate::hub::{Hub, HubOutlet};
use crate::store::embedded::{EmbeddedStore, Settings};
use crate::store::memory::MemoryBackend;

/// When the process ends, as far as a store of files can tell.
#[derive(Default)]
struct Fate {
    before_keep: AtomicBool,
    after_keep: AtomicBool,
    before_remove: AtomicBool,
}

struct Mortal {
    inner: FolderStore,
    fate: Arc<Fate>,
}

fn ends(at: &AtomicBool) -> io::Result<()> {
    if at.swap(false, Ordering::SeqCst) { Err(io::Error::other("the end")) } else { Ok(()) }
}

impl FileStore for Mortal {
    fn keep<'a>(&'a self, file: &'a FileId, staged: &'a Path) -> Doing<'a, ()> {
        Box::pin(async move {
            ends(&self.fate.before_keep)?;
            self.inner.keep(file, staged).await?;
            ends(&self.fate.after_keep)
        })
    }

    fn read<'a>(&'a self, file: &'a FileId, offset: u64, length: usize) -> Doing<'a, Bytes> {
        self.inner.read(file, offset, length)
    }

    fn remove<'a>(&'a self, file: &'a FileId) -> Doing<'a, ()> {
        Box::pin(async move {
            ends(&self.fate.before_remove)?;
            self.inner.remove(file).await
        })
    }
}

struct Bench {
    folder: tempfile::TempDir,
    book: EmbeddedStore,
    clock: Arc<AtomicU64>,
    fate: Arc<Fate>,
}

impl Bench {
    fn new() -> Self {
        let limits = MailboxLimits { entries: 9, bytes: 9_000 };
        let outlet = HubOutlet(Arc::new(Hub::new(limits, Arc::default())));
        let clock = Arc::new(AtomicU64::new(1_000));
        let time = Arc::clone(&clock);
        let tell = Arc::new(move || time.load(Ordering::SeqCst));
        let backend = MemoryBackend::default();
        let book = EmbeddedStore::open(backend, Settings::default(), tell, outlet).unwrap();
        Self { folder: tempfile::tempdir().unwrap(), book, clock, fate: Arc::default() }
    }

    /// The files of a process that has just begun.
    fn start(&self) -> Files {
        let kept = self.folder.path().join("kept");
        fs::create_dir_all(&kept).unwrap();
        let workers = Workers::default();
        let inner = FolderStore::new(kept, workers.clone());
        let store = Box::new(Mortal { inner, fate: Arc::clone(&self.fate) });
        let rules = FileRules {
            size_max: 1_000,
            quota: 100_000,
            types: Vec::new(),
            unreferenced_ms: 60_000,
            chunk_max: 100,
        };
        let staging = self.folder.path().join("staging");
        Files::open(rules, staging, store, workers, Arc::default()).unwrap()
    }

    fn left(&self, folder: &str) -> usize {
        let Ok(found) = fs::read_dir(self.folder.path().join(folder)) else { return 0 };
        found
            .map(|entry| entry.unwrap())
            .map(|entry| match entry.path() {
                folder if folder.is_dir() => fs::read_dir(folder).unwrap().count(),
                _ => 1,
            })
            .sum()
    }
}

fn ann() -> UserId {
    UserId::new("ann").unwrap()
}

const WHOLE: &[u8] = b"the whole of a file";

fn begin() -> FileBegin {
    FileBegin {
        file: FileId::from([1; 16]),
        size: WHOLE.len() as u64,
        media_type: "a/b".to_owned(),
        sha256: digest(&SHA256, WHOLE).as_ref().try_into().unwrap(),
        thumbnail: Bytes::new(),
    }
}

fn put(from: usize, to: usize) -> FilePut {
    let bytes = Bytes::copy_from_slice(&WHOLE[from..to]);
    FilePut { file: begin().file, offset: from as u64, bytes }
}

fn get() -> FileGet {
    let (file, part) = (begin().file, FilePart::Whole);
    FileGet { file, chat: None, offset: 0, length: 0, part }
}

#[tokio::test]
async fn an_upload_survives_the_end_of_the_process_at_every_step() {
    for step in 0..4 {
        let bench = Bench::new();
        let files = bench.start();
        files.begin(&bench.book, ann(), begin()).await.unwrap();
        files.put(&bench.book, ann(), put(0, 9)).await.unwrap();
        match step {
            // Between two chunks.
            0 => {}
            1 => bench.fate.before_keep.store(true, Ordering::SeqCst),
            2 => bench.fate.after_keep.store(true, Ordering::SeqCst),
            // In the middle of a write.
            _ => {
                let staged = files.staged(&begin().file);
                fs::write(&staged, &WHOLE[..4]).unwrap();
            }
        }
        let ended = step == 1 || step == 2;
        if ended {
            assert!(files.put(&bench.book, ann(), put(9, WHOLE.len())).await.is_err());
        }
        assert!(files.get(&bench.book, ann(), get()).await.is_err(), "not whole: {step}");
        drop(files);
        let files = bench.start();
        let mut state = files.begin(&bench.book, ann(), begin()).await.unwrap();
        let have = [9, WHOLE.len() as u64, WHOLE.len() as u64, 4][step];
        assert_eq!((state.have, state.complete), (have, ended), "{step}");
        if !state.complete {
            let rest = put(usize::try_from(have).unwrap(), WHOLE.len());
            state = files.put(&bench.book, ann(), rest).await.unwrap();
        }
        assert!(state.complete);
        assert_eq!(files.get(&bench.book, ann(), get()).await.unwrap().bytes, WHOLE);
        assert_eq!((bench.left("kept"), bench.left("staging")), (1, 0), "{step}");
    }
}

#[tokio::test]
async fn bytes_that_a_disk_lost_under_a_running_server_start_over() {
    let bench = Bench::new();
    let files = bench.start();
    files.begin(&bench.book, ann(), begin()).await.unwrap();
    files.put(&bench.book, ann(), put(0, 9)).await.unwrap();
    fs::remove_file(files.staged(&begin().file)).unwrap();
    let lost = files.put(&bench.book, ann(), put(9, WHOLE.len())).await.unwrap_err();
    let StoreError::Refused(refusal) = lost else { panic!("{lost}") };
    assert_eq!(refusal.code, RejectCode::HashMismatch);
    assert_eq!(files.begin(&bench.book, ann(), begin()).await.unwrap().have, 0);
    assert!(files.put(&bench.book, ann(), put(0, WHOLE.len())).await.unwrap().complete);
}

#[tokio::test]
async fn a_collection_that_is_cut_short_goes_on_and_leaves_nothing() {
    let bench = Bench::new();
    let files = bench.start();
    files.begin(&bench.book, ann(), begin()).await.unwrap();
    files.put(&bench.book, ann(), put(0, WHOLE.len())).await.unwrap();
    bench.clock.store(61_001, Ordering::SeqCst);
    assert!(!files.collect(&bench.book, 60_999).await.unwrap(), "it is not old enough");
    assert!(files.collect(&bench.book, 61_001).await.unwrap(), "the row goes first");
    assert_eq!(bench.left("kept"), 1);
    bench.fate.before_remove.store(true, Ordering::SeqCst);
    assert!(files.collect(&bench.book, 61_001).await.is_err());
    assert!(files.get(&bench.book, ann(), get()).await.is_err());
    drop(files);
    let files = bench.start();
    let early = files.begin(&bench.book, ann(), begin()).await;
    assert!(early.is_err(), "its bytes are not removed yet");
    assert!(files.collect(&bench.book, 61_001).await.unwrap());
    assert!(!files.collect(&bench.book, 61_001).await.unwrap());
    assert_eq!(bench.left("kept"), 0);
    assert!(!files.begin(&bench.book, ann(), begin()).await.unwrap().complete);
}
