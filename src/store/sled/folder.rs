//! What is in the folder of a sled database: what a crash may leave there, and the guarded open.
//! Must never remove anything but what sled makes again: a snapshot, which it makes from its log,
//! and its settings beside a log in which nothing stands.

use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::fs::Dir;

use crate::store::backend::{BackendError, io_error};
use crate::store::folder::{self, Engine, sync_one};

/// How often an open is tried that meets a descriptor which sled's threads have not closed yet.
const UNLOCK_TRIES: u32 = 100;
/// How long to wait between two tries.
const UNLOCK_PAUSE: Duration = Duration::from_millis(20);

/// An error of sled's.
pub(super) fn engine(error: ::sled::Error) -> BackendError {
    BackendError::Engine { detail: error.to_string() }
}

/// The folder of the values that spill, which must stay empty. It is kept open: connections may
/// have taken every other descriptor, and a commit is not to fail for the want of one.
pub(super) struct Blobs {
    path: PathBuf,
    dir: Mutex<Dir>,
}

impl Blobs {
    /// Opens the one in sled's folder, which is made by sled's open.
    pub(super) fn open(folder: &Path) -> Result<Self, BackendError> {
        let path = folder.join("blobs");
        let opened = File::open(&path).and_then(|file| Ok(Dir::new(file)?));
        let dir = Mutex::new(opened.map_err(io_error("open", &path))?);
        Ok(Self { path, dir })
    }

    /// Refuses to go on if it holds anything.
    pub(super) fn check(&self) -> Result<(), BackendError> {
        let mut dir = self.dir.lock().unwrap_or_else(PoisonError::into_inner);
        dir.rewind();
        while let Some(found) = dir.read() {
            let found =
                found.map_err(io::Error::from).map_err(io_error("look into", &self.path))?;
            if ![&b"."[..], b".."].contains(&found.file_name().to_bytes()) {
                return Err(BackendError::Blobs { path: self.path.clone() });
            }
        }
        Ok(())
    }
}

/// A folder that is ours for as long as this lives.
pub(super) struct Folder {
    path: PathBuf,
    claimed: folder::Folder,
}

/// Why one try to open sled did not succeed.
enum Fault {
    /// The data is damaged, or sled panicked on it.
    Damaged(String),
    /// Something else, which a repair would not change.
    Other(BackendError),
}

impl Folder {
    /// Makes the folder if there is none, and locks it.
    pub(super) fn claim(path: &Path) -> Result<Self, BackendError> {
        let claimed = folder::Folder::claim(path, Engine::Sled)?;
        Ok(Self { path: claimed.path().to_owned(), claimed })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses values that are not in the log.
    pub(super) fn check_blobs(&self) -> Result<(), BackendError> {
        // Before sled's first open there is none.
        if self.path.join("blobs").exists() { Blobs::open(&self.path)?.check() } else { Ok(()) }
    }

    /// Removes what a kill during an open leaves, on which the next open would fail.
    pub(super) fn remove_torn_snapshots(&self) -> Result<(), BackendError> {
        self.remove_snapshots(|name| name.ends_with(".generating"))
    }

    fn remove_snapshots(&self, which: impl Fn(&str) -> bool) -> Result<(), BackendError> {
        let found = fs::read_dir(&self.path).map_err(io_error("look into", &self.path))?;
        for entry in found {
            let entry = entry.map_err(io_error("look into", &self.path))?;
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| name.starts_with("snap.") && which(name)) {
                let path = entry.path();
                tracing::warn!(path = %path.display(), "a snapshot is removed, and made again");
                fs::remove_file(&path).map_err(io_error("remove", &path))?;
            }
        }
        Ok(())
    }

    /// Removes sled's settings if nothing was ever made durable here and sled's log is empty: a
    /// loss of power may have torn them, and then no open would get over them. They are written
    /// before the log, and sled writes them again.
    pub(super) fn remove_first_settings(&self) -> Result<(), BackendError> {
        let (log, settings) = (self.path.join("db"), self.path.join("conf"));
        let bytes = match fs::metadata(&log) {
            Ok(log) => log.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(io_error("look at", &log)(error)),
        };
        if bytes > 0 {
            return Ok(());
        }
        match fs::remove_file(&settings) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_error("remove", &settings)(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Whether something was ever made durable here.
    pub(super) fn is_marked(&self) -> Result<bool, BackendError> {
        self.claimed.is_marked()
    }

    /// Notes that something is durable here.
    pub(super) fn mark(&self) -> Result<(), BackendError> {
        self.claimed.mark()
    }

    /// Opens sled; once more without its snapshots if they may be at fault. The folder is copied
    /// aside before.
    pub(super) fn open_guarded(&self, cache_bytes: u64) -> Result<::sled::Db, BackendError> {
        let detail = match self.open(cache_bytes) {
            Ok(tree) => return Ok(tree),
            Err(Fault::Other(error)) => return Err(error),
            Err(Fault::Damaged(detail)) => detail,
        };
        let aside = self.claimed.copy_aside()?;
        tracing::error!(detail, aside = %aside.display(), "the data did not open; trying again");
        self.remove_snapshots(|_| true)?;
        let detail = match self.open(cache_bytes) {
            Ok(tree) => return Ok(tree),
            Err(Fault::Damaged(detail)) => detail,
            // The folder is ours, so it is the first try whose threads still hold the file.
            Err(Fault::Other(BackendError::Locked { .. })) => {
                format!("{detail}; its snapshots are removed, so another start may do")
            }
            Err(Fault::Other(error)) => return Err(error),
        };
        Err(BackendError::Damaged { path: self.path.clone(), aside, detail })
    }

    /// One open, which waits for descriptors of an instance that was closed just now: the folder
    /// is ours, but threads of sled's may hold its file for a moment longer.
    fn open(&self, cache_bytes: u64) -> Result<::sled::Db, Fault> {
        for _ in 1..UNLOCK_TRIES {
            match self.open_once(cache_bytes) {
                Err(Fault::Other(error))
                    if error.to_string().contains("could not acquire lock") =>
                {
                    thread::sleep(UNLOCK_PAUSE);
                }
                opened => return opened,
            }
        }
        match self.open_once(cache_bytes) {
            Err(Fault::Other(_)) => {
                Err(Fault::Other(BackendError::Locked { path: self.path.clone() }))
            }
            opened => opened,
        }
    }

    fn open_once(&self, cache_bytes: u64) -> Result<::sled::Db, Fault> {
        let config = ::sled::Config::new()
            .path(&self.path)
            .cache_capacity(cache_bytes)
            .use_compression(false)
            .flush_every_ms(None);
        match catch_unwind(AssertUnwindSafe(|| config.open())) {
            Ok(Ok(tree)) => Ok(tree),
            Ok(Err(error @ ::sled::Error::Corruption { .. })) => {
                Err(Fault::Damaged(error.to_string()))
            }
            Ok(Err(error)) => Err(Fault::Other(engine(error))),
            Err(_) => Err(Fault::Damaged("the engine panicked".to_owned())),
        }
    }

    /// Makes what an open has made survive a loss of power: sled does not.
    pub(super) fn sync(&self) -> Result<(), BackendError> {
        sync_one(&self.path.join("db"))?;
        sync_one(&self.path.join("conf"))?;
        self.claimed.sync()
    }
}
