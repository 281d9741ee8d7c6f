//! Where the server of a run keeps files: the real code over a folder of the machine's, on which a
//! crash leaves what was not synced in pieces; and perhaps what was, but has no place of its own
//! yet, which is worse than a disk does. Must never touch what is kept.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use fastrand::Rng;
use packetboat::files::Files;
use packetboat::files::folder::FolderStore;
use packetboat::files::rules::{FileRules, chunk_max};
use packetboat::files::store::{Doing, FileStore};
use packetboat::files::workers::Workers;
use packetboat::metrics::Metrics;
use packetboat::store::crew::Pace;
use packetboat_proto::id::FileId;
use packetboat_proto::limits::BODY_BYTES_DEFAULT;
use tempfile::TempDir;

use crate::plan::FilePlan;

/// Bytes of the largest file.
const SIZE_MAX: u64 = 1 << 20;

/// Where files are kept, over all lives of a server.
#[derive(Clone)]
pub struct Bay {
    folder: Arc<TempDir>,
    plan: FilePlan,
    /// Of a hundred pieces of work so many fail.
    fails: Arc<AtomicU32>,
}

impl Bay {
    /// An empty one.
    pub fn new(plan: FilePlan) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a folder can be made"));
        for part in ["kept", "staging"] {
            fs::create_dir(folder.path().join(part)).expect("a folder can be made");
        }
        Self { folder, plan, fails: Arc::new(AtomicU32::new(plan.fails)) }
    }

    fn part(&self, part: &str) -> PathBuf {
        self.folder.path().join(part)
    }

    /// The files of a server that has just begun.
    pub fn open(&self, pace: Arc<dyn Pace>, rng: Rng, metrics: Arc<Metrics>) -> Files {
        let workers = Workers::at(pace);
        let inner = FolderStore::new(self.part("kept"), workers.clone());
        let store = Fickle { inner, fails: Arc::clone(&self.fails), rng: Mutex::new(rng) };
        let rules = FileRules {
            size_max: SIZE_MAX,
            quota: self.plan.quota,
            types: Vec::new(),
            unreferenced_ms: self.plan.unreferenced_ms,
            chunk_max: chunk_max(BODY_BYTES_DEFAULT),
        };
        let files = Files::open(rules, self.part("staging"), Box::new(store), workers, metrics);
        files.expect("the folder is there")
    }

    /// Nothing fails any more.
    pub fn heal(&self) {
        self.fails.store(0, Ordering::Relaxed);
    }

    /// The power goes: what was not synced is there in part, or as zeros, or not at all.
    pub fn crash(&self, rng: &mut Rng) {
        for name in names(&self.part("staging")) {
            damage(&self.part("staging").join(name), rng).expect("a staged file can be written");
        }
    }

    /// What is there: whole files, and uploads.
    pub fn names(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let shards =
            names(&self.part("kept")).into_iter().map(|shard| self.part("kept").join(shard));
        let kept = shards.flat_map(|shard| names(&shard)).collect();
        (kept, names(&self.part("staging")))
    }
}

fn names(folder: &Path) -> BTreeSet<String> {
    let found = fs::read_dir(folder).expect("the folder is there");
    let name = |entry: io::Result<fs::DirEntry>| entry.expect("it can be read").file_name();
    found.map(|entry| name(entry).to_string_lossy().into_owned()).collect()
}

fn damage(path: &Path, rng: &mut Rng) -> io::Result<()> {
    let there = fs::metadata(path)?;
    // One that has another name is kept.
    if there.nlink() > 1 || there.len() == 0 {
        return Ok(());
    }
    let file = OpenOptions::new().write(true).open(path)?;
    let from = rng.u64(0..there.len());
    match rng.u8(0..4) {
        0 => file.set_len(from),
        1 => {
            let lost = usize::try_from(there.len() - from).expect("files are small");
            file.write_all_at(&vec![0; lost], from)
        }
        2 => fs::remove_file(path),
        _ => Ok(()),
    }
}

/// A folder that fails now and then, before or behind what it does.
struct Fickle {
    inner: FolderStore,
    fails: Arc<AtomicU32>,
    rng: Mutex<Rng>,
}

impl Fickle {
    fn may_fail(&self) -> io::Result<()> {
        let dice = self.rng.lock().expect("no panic").u32(0..100);
        let fails = dice < self.fails.load(Ordering::Relaxed);
        if fails { Err(io::Error::other("the disk of the files")) } else { Ok(()) }
    }
}

impl FileStore for Fickle {
    fn keep<'a>(&'a self, file: &'a FileId, staged: &'a Path) -> Doing<'a, ()> {
        Box::pin(async move {
            self.may_fail()?;
            self.inner.keep(file, staged).await?;
            self.may_fail()
        })
    }

    fn read<'a>(&'a self, file: &'a FileId, offset: u64, length: usize) -> Doing<'a, Bytes> {
        Box::pin(async move {
            self.may_fail()?;
            self.inner.read(file, offset, length).await
        })
    }

    fn remove<'a>(&'a self, file: &'a FileId) -> Doing<'a, ()> {
        Box::pin(async move {
            self.may_fail()?;
            self.inner.remove(file).await?;
            self.may_fail()
        })
    }
}
