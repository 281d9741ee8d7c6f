//! The backend of an operator's messages: sled 0.34.7, with what is known about it (the design,
//! section 5). A sync is a flush and an fdatasync on a descriptor of our own, since a flush of
//! sled's never reaches the disk. Must never answer a sync before that, never apply a batch while
//! anything before it is not durable (docs/adr/0023), and never wipe anything.

mod folder;

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use packetboat_proto::planted::{self, Bug};

use self::folder::{Blobs, Folder, engine};
use super::backend::{Backend, BackendError, Row, Visit, check_values, io_error};
use super::batch::Batch;

/// A sled database in a folder of its own. The fields are dropped in this order: the engine
/// first, the lock last.
pub struct SledBackend {
    tree: ::sled::Db,
    /// The file of the log, opened by us: sled keeps its own descriptor to itself.
    log: File,
    blobs: Blobs,
    /// Reads share it; a batch has it alone while it is applied, and while it is synced.
    still: RwLock<()>,
    /// Somebody read since all was durable: a read may write (see `settle`).
    read_since: AtomicBool,
    /// It is known from outside the log that there is something in it.
    marked: AtomicBool,
    folder: Folder,
}

impl SledBackend {
    /// Opens a folder, or makes it. It is a blocking call.
    pub fn open(path: &Path, cache_bytes: u64) -> Result<Self, BackendError> {
        let folder = Folder::claim(path)?;
        folder.check_blobs()?;
        folder.remove_torn_snapshots()?;
        let marked = folder.is_marked()?;
        if !marked {
            folder.remove_first_settings()?;
        }
        let tree = folder.open_guarded(cache_bytes)?;
        if marked && tree.is_empty() {
            return Err(BackendError::Lost { path: folder.path().to_owned() });
        }
        match open_beside(&folder) {
            Ok((log, blobs)) => {
                let (still, marked) = (RwLock::default(), AtomicBool::new(marked));
                let read_since = AtomicBool::new(true);
                Ok(Self { tree, log, blobs, still, read_since, marked, folder })
            }
            Err(error) => {
                // Dropping it would sync, and panic if that fails too.
                std::mem::forget(tree);
                Err(error)
            }
        }
    }
}

impl SledBackend {
    /// Makes everything durable that stands in sled's log; called with nobody beside. sled takes
    /// for stable what it has written, and says so in the head of the next segment that it begins;
    /// if a power cut leaves that head and takes what it speaks of, no open gets over it. A batch
    /// counts for stable only as a whole, but reads write too, when they tidy pages up, and may
    /// have flushed what they wrote.
    fn settle(&self) -> Result<(), BackendError> {
        let written = self.flush()?;
        if self.read_since.swap(false, Ordering::Relaxed) || written {
            self.sync_log()?;
        }
        Ok(())
    }

    /// Nobody reads while this is held.
    fn alone(&self) -> RwLockWriteGuard<'_, ()> {
        self.still.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there was something to write.
    fn flush(&self) -> Result<bool, BackendError> {
        Ok(self.tree.flush().map_err(engine)? > 0)
    }

    fn sync_log(&self) -> Result<(), BackendError> {
        if planted::is(Bug::SyncWithoutFdatasync) {
            return Ok(());
        }
        self.log.sync_data().map_err(io_error("sync", &self.folder.path().join("db")))
    }

    fn reading(&self) -> RwLockReadGuard<'_, ()> {
        let reading = self.still.read().unwrap_or_else(PoisonError::into_inner);
        self.read_since.store(true, Ordering::Relaxed);
        reading
    }
}

/// What we do to the files of an open engine, and keep open of them.
fn open_beside(folder: &Folder) -> Result<(File, Blobs), BackendError> {
    folder.sync()?;
    let file = folder.path().join("db");
    let opened = OpenOptions::new().read(true).write(true).open(&file);
    let log = opened.map_err(io_error("open", &file))?;
    Ok((log, Blobs::open(folder.path())?))
}

impl Backend for SledBackend {
    fn apply(&self, batch: Batch) -> Result<(), BackendError> {
        check_values(&batch)?;
        let mut writes = ::sled::Batch::default();
        for (key, value) in batch.writes() {
            match value {
                Some(value) => writes.insert(key, value),
                None => writes.remove(key),
            }
        }
        let _alone = self.alone();
        self.settle()?;
        self.tree.apply_batch(writes).map_err(engine)
    }

    fn sync(&self) -> Result<(), BackendError> {
        // No read beside it: what one wrote now might declare the batch stable before it is.
        let alone = self.alone();
        self.flush()?;
        self.sync_log()?;
        self.read_since.store(false, Ordering::Relaxed);
        drop(alone);
        self.blobs.check()?;
        if !self.marked.load(Ordering::Relaxed) {
            self.folder.mark()?;
            self.marked.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        let _reading = self.reading();
        Ok(self.tree.get(key).map_err(engine)?.map(|value| value.to_vec()))
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), BackendError> {
        let _reading = self.reading();
        for row in self.tree.range(from..to) {
            let (key, value) = row.map_err(engine)?;
            if visit(&key, &value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn last_key(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        let _reading = self.reading();
        let last = self.tree.range(from..to).next_back().transpose().map_err(engine)?;
        Ok(last.map(|(key, _)| key.to_vec()))
    }

    fn last_row(&self, from: &[u8], to: &[u8]) -> Result<Option<Row>, BackendError> {
        let _reading = self.reading();
        let last = self.tree.range(from..to).next_back().transpose().map_err(engine)?;
        Ok(last.map(|(key, value)| (key.to_vec(), value.to_vec())))
    }

    fn free_bytes(&self) -> Result<Option<u64>, BackendError> {
        let path = self.folder.path();
        let space = rustix::fs::statvfs(path).map_err(std::io::Error::from);
        let space = space.map_err(io_error("look at the free space of", path))?;
        Ok(Some(space.f_bavail.saturating_mul(space.f_frsize)))
    }
}
