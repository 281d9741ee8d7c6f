//! The folder of a fjall database: what a crash may leave in it, what must be there, and the
//! guarded open. fjall takes the absence of a file for a store that is new, and removes what is
//! beside it; so what is there is checked before fjall sees it. Must never remove anything but what
//! a first open has left that did not come to its end.

use std::error::Error as _;
use std::fs::{self, OpenOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use ::fjall::{Database, Error, Keyspace, KeyspaceCreateOptions};

use super::journal::{self, End};
use crate::store::backend::{BackendError, io_error};
use crate::store::folder::{Folder, sync_one};

/// fjall's folder in the store's.
const DATA_FOLDER: &str = "fjall";
/// The one keyspace, which holds all rows. It is the first, whose folder fjall gives this number.
const KEYSPACE: &str = "rows";
const KEYSPACE_FOLDER: &str = "keyspaces/1";
/// Files without which there is no store.
const NEEDED: [&str; 3] = ["version", "keyspaces/0/current", "keyspaces/1/current"];
/// What else than journals is beside them.
const BESIDE: [&str; 3] = ["keyspaces", "lock", "version"];
/// What ends the name of a journal; a number is before it.
const JOURNAL_ENDING: &str = "jnl";
/// Bytes of the journals, for which fjall takes no less.
const JOURNALS_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Threads that write tables and merge them: one is always free to make room for new rows.
const WORKERS: usize = 2;
/// Descriptors of tables that are kept open.
const TABLES_OPEN_MAX: usize = 128;
/// Of `store.cache_bytes`, one part in so many is for what was read.
const READ_SHARE: u64 = 2;
/// And one part in so many for each table of new rows in memory, of which there are five at most.
/// fjall keeps what it was when the store was founded.
const FRESH_SHARE: u64 = 8;
/// But no more than this.
const FRESH_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The data of a store in its folder.
pub(super) struct Data<'a> {
    folder: &'a Folder,
    path: PathBuf,
}

/// An error of fjall's while it works.
pub(super) fn engine(error: Error) -> BackendError {
    let detail = match (&error, system_error(&error)) {
        (_, Some(system)) => system.to_string(),
        (Error::Poisoned, None) => {
            "an earlier write, or its work behind, has failed: see the log".to_owned()
        }
        (other, None) => other.to_string(),
    };
    BackendError::Engine { detail }
}

/// What the system said, if it is its error.
fn system_error(error: &Error) -> Option<&io::Error> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.raw_os_error().map(|_| error);
        }
        cause = error.source();
    }
    None
}

impl<'a> Data<'a> {
    pub(super) fn of(folder: &'a Folder) -> Self {
        Self { folder, path: folder.path().join(DATA_FOLDER) }
    }

    /// Makes sure that fjall can open the data without losing any of it. `marked`: something was
    /// durable in it once.
    pub(super) fn prepare(&self, marked: bool) -> Result<(), BackendError> {
        let exists = self.path.try_exists().map_err(io_error("look for", &self.path))?;
        if !exists {
            return if marked { Err(self.lost()) } else { Ok(()) };
        }
        if !marked && self.is_blank()? {
            return remove(&self.path);
        }
        for needed in NEEDED {
            let file = self.path.join(needed);
            if !file.try_exists().map_err(io_error("look for", &file))? {
                return Err(self.lost());
            }
        }
        let journals = self.journals()?;
        let Some((active, sealed)) = journals.split_last() else { return Err(self.lost()) };
        for path in sealed {
            self.check_sealed(path)?;
        }
        self.mend_active(active)
    }

    fn lost(&self) -> BackendError {
        BackendError::Lost { path: self.folder.path().to_owned() }
    }

    /// Nothing stands in it: a first open was cut off, or nothing has been written since. Nothing
    /// was accepted then, and whatever that open had made may be torn.
    fn is_blank(&self) -> Result<bool, BackendError> {
        for entry in fs::read_dir(&self.path).map_err(io_error("look into", &self.path))? {
            let path = entry.map_err(io_error("look into", &self.path))?.path();
            let is_blank = match number_of(&path) {
                Some(_) => !journal::begins(&path).map_err(io_error("read", &path))?,
                None => path.file_name().is_some_and(|name| BESIDE.iter().any(|own| name == *own)),
            };
            if !is_blank {
                return Ok(false);
            }
        }
        let tables = self.path.join(KEYSPACE_FOLDER).join("tables");
        match fs::read_dir(&tables) {
            Ok(mut found) => Ok(found.next().is_none()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(io_error("look into", &tables)(error)),
        }
    }

    /// The journals in the order in which they were written.
    fn journals(&self) -> Result<Vec<PathBuf>, BackendError> {
        let mut journals = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(io_error("look into", &self.path))? {
            let path = entry.map_err(io_error("look into", &self.path))?.path();
            journals.extend(number_of(&path).map(|number| (number, path)));
        }
        journals.sort();
        Ok(journals.into_iter().map(|(_, path)| path).collect())
    }

    /// One that is written no more was durable before the next was begun: it has no torn end.
    fn check_sealed(&self, path: &Path) -> Result<(), BackendError> {
        match journal::end_of(path).map_err(io_error("read", path))? {
            End::Clean => Ok(()),
            End::Torn { at } | End::Mangled { at } | End::Damaged { at } => {
                Err(self.damaged(format!("{} is damaged at byte {at}", path.display()))?)
            }
        }
    }

    /// Takes away a last batch that is not whole: it was not durable, so nobody was told of it.
    fn mend_active(&self, path: &Path) -> Result<(), BackendError> {
        match journal::end_of(path).map_err(io_error("read", path))? {
            End::Clean => Ok(()),
            End::Torn { at } => cut(path, at),
            End::Mangled { at } => {
                // The same that a loss of power leaves may be damage of what was durable.
                let aside = self.folder.copy_aside()?;
                let (journal, aside) = (path.display(), aside.display());
                let what = "the last batch is damaged; it is taken away";
                tracing::error!(%journal, at, %aside, "{what}");
                cut(path, at)
            }
            End::Damaged { at } => {
                Err(self.damaged(format!("{} is damaged at byte {at}", path.display()))?)
            }
        }
    }

    fn damaged(&self, detail: String) -> Result<BackendError, BackendError> {
        let aside = self.folder.copy_aside()?;
        Ok(BackendError::Damaged { path: self.folder.path().to_owned(), aside, detail })
    }

    /// Opens fjall. If it finds damage, the folder is copied aside: what it does about it, if
    /// anything, is not undone.
    pub(super) fn open_guarded(
        &self,
        cache_bytes: u64,
    ) -> Result<(Database, Keyspace), BackendError> {
        let opened = catch_unwind(AssertUnwindSafe(|| self.open(cache_bytes)));
        let Ok(opened) = opened else {
            return Err(self.damaged("the engine panicked".to_owned())?);
        };
        let error = match opened {
            Ok(opened) => return Ok(opened),
            Err(error) => error,
        };
        // A file that is not there, but should be, is damage too.
        let system = system_error(&error).filter(|error| error.kind() != io::ErrorKind::NotFound);
        match (&error, system.and_then(io::Error::raw_os_error)) {
            (Error::Locked, _) => Err(BackendError::Locked { path: self.folder.path().to_owned() }),
            (Error::InvalidVersion(_), _) => Err(engine(error)),
            (_, Some(code)) => {
                Err(io_error("open the data in", &self.path)(io::Error::from_raw_os_error(code)))
            }
            (_, None) => Err(self.damaged(error.to_string())?),
        }
    }

    fn open(&self, cache_bytes: u64) -> Result<(Database, Keyspace), Error> {
        let engine = Database::builder(&self.path)
            .cache_size(cache_bytes / READ_SHARE)
            .manual_journal_persist(true)
            .max_journaling_size(JOURNALS_BYTES_MAX)
            .max_cached_files(Some(TABLES_OPEN_MAX))
            .worker_threads(WORKERS)
            .open()?;
        let options = || {
            KeyspaceCreateOptions::default()
                .manual_journal_persist(true)
                .max_memtable_size((cache_bytes / FRESH_SHARE).min(FRESH_BYTES_MAX))
        };
        let rows = engine.keyspace(KEYSPACE, options)?;
        Ok((engine, rows))
    }

    /// Makes the names that an open has made survive a loss of power: not all of them do by fjall.
    pub(super) fn sync(&self) -> Result<(), BackendError> {
        let inner = ["keyspaces/0/tables", "keyspaces/0", "keyspaces/1/tables", "keyspaces/1"];
        inner.iter().chain(&["keyspaces", ""]).try_for_each(|name| sync_one(&self.path.join(name)))
    }
}

/// The number of a journal; `None`: it is none.
fn number_of(path: &Path) -> Option<u64> {
    path.extension().filter(|ending| *ending == JOURNAL_ENDING)?;
    path.file_stem()?.to_str()?.parse().ok()
}

fn cut(path: &Path, at: u64) -> Result<(), BackendError> {
    let opened = OpenOptions::new().write(true).open(path);
    let cut = opened.and_then(|file| {
        file.set_len(at)?;
        file.sync_all()
    });
    cut.map_err(io_error("cut the torn end of", path))
}

/// Removes a folder with all that is in it.
fn remove(path: &Path) -> Result<(), BackendError> {
    for entry in fs::read_dir(path).map_err(io_error("look into", path))? {
        let entry = entry.map_err(io_error("look into", path))?;
        let inner = entry.path();
        if entry.file_type().map_err(io_error("look at", &inner))?.is_dir() {
            remove(&inner)?;
        } else {
            fs::remove_file(&inner).map_err(io_error("remove", &inner))?;
        }
    }
    fs::remove_dir(path).map_err(io_error("remove", path))
}
