//! An ordered key-value engine, as small as the embedded store needs it. Synchronous: it is called
//! on the committer's threads and on blocking threads. Reads come beside everything; an apply and a
//! sync never beside each other. Must never know what a key or a value means.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::batch::{Batch, VALUE_BYTES_MAX};

/// Bytes of a value in an engine below packed rows: what is larger would leave sled's log for
/// `blobs/`, which a flush and an fdatasync do not cover.
pub(crate) const BLOCK_BYTES_MAX: usize = 4 * 1024;

/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Sees one row, and says whether to go on.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// An ordered key-value engine with one writer.
pub trait Backend: Send + Sync + 'static {
    /// Waits while rows come faster than they can be put in their place, however long that takes:
    /// whether it goes on at all is for `check` to say. It may come before each batch.
    fn wait_for_room(&self) -> Result<(), BackendError> {
        Ok(())
    }

    /// Applies all of a batch or nothing. It is seen at once, and durable after the next `sync`;
    /// a crash before that takes the batches from the last one backwards. After an error it is
    /// unknown what was applied, and the backend must not be used again.
    fn apply(&self, batch: Batch) -> Result<(), BackendError>;

    /// Returns once every batch that was applied is on stable storage. After an error the
    /// backend must not be used again.
    fn sync(&self) -> Result<(), BackendError>;

    /// Applies one batch once there is room, and returns once it is on stable storage.
    fn commit(&self, batch: Batch) -> Result<(), BackendError> {
        self.wait_for_room()?;
        self.apply(batch)?;
        self.sync()
    }

    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError>;

    /// Shows the rows from one key up to another, which is not shown, in ascending order until
    /// `visit` breaks. `visit` must not call the backend: a lock may be held.
    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), BackendError>;

    /// The last key from one up to another, which is not counted.
    fn last_key(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, BackendError>;

    /// The last row from one key up to another, which is not counted.
    fn last_row(&self, from: &[u8], to: &[u8]) -> Result<Option<Row>, BackendError> {
        let Some(key) = self.last_key(from, to)? else { return Ok(None) };
        Ok(self.get(&key)?.map(|value| (key, value)))
    }

    /// Whether what is done in the background still goes well; after an error the backend must
    /// not be used again.
    fn check(&self) -> Result<(), BackendError> {
        Ok(())
    }

    /// The bytes that can still be written, if there is such a bound.
    fn free_bytes(&self) -> Result<Option<u64>, BackendError>;
}

/// Why a backend did not open, or did not do what it was asked.
#[derive(Debug, Error)]
pub enum BackendError {
    /// Another process, or another store of this one, has the folder.
    #[error("the data folder {path} is in use by another instance")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// Another backend has its data in the folder.
    #[error(
        "the folder {path} has a store of the backend \"{found}\", and \"{asked}\" is asked for: \
         set store.backend to \"{found}\", or take another folder; nothing was touched"
    )]
    OtherEngine {
        /// The folder.
        path: PathBuf,
        /// The backend that it is of.
        found: &'static str,
        /// The backend that was asked for.
        asked: &'static str,
    },
    /// The system refused something.
    #[error("could not {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A value spilled to where it is not made durable.
    #[error("{path} is not empty: values there are not durable, so the store does not go on")]
    Blobs {
        /// The folder of the spilled values.
        path: PathBuf,
    },
    /// The folder did not open, nor did it without its snapshots.
    #[error(
        "the data in {path} is damaged ({detail}); a copy from before the repair is in {aside}"
    )]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// The copy.
        aside: PathBuf,
        /// What the engine said.
        detail: String,
    },
    /// The folder held a store, and there is none in it any more.
    #[error(
        "the folder {path} held a store, but its data is gone or unreadable; put a backup in its \
         place, or move the folder away to begin with an empty store"
    )]
    Lost {
        /// The folder.
        path: PathBuf,
    },
    /// A journal has a hole.
    #[error("the journal in {path} is damaged: {detail}; put a backup in its place")]
    Journal {
        /// Its folder.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A value is not what was written.
    #[error("{path} is damaged at {at}: put a backup in its place")]
    Value {
        /// The file.
        path: PathBuf,
        /// Where the value begins.
        at: u64,
    },
    /// Rows that were packed cannot be read.
    #[error("the data is damaged: {detail}; put a backup in its place")]
    Block {
        /// What is wrong.
        detail: String,
    },
    /// Another version wrote it, or another program.
    #[error("the data is in no layout that this version knows: {detail}")]
    Layout {
        /// What it has.
        detail: String,
    },
    /// A value has more bytes than are safe.
    #[error("a value of {bytes} bytes, at most {VALUE_BYTES_MAX} are allowed")]
    ValueTooLarge {
        /// The bytes that it has.
        bytes: usize,
    },
    /// The engine failed.
    #[error("the storage engine failed: {detail}")]
    Engine {
        /// What it said.
        detail: String,
    },
}

/// An error of the system's, with what was tried.
pub(crate) fn io_error<'a>(
    what: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> BackendError + 'a {
    move |source| BackendError::Io { what, path: path.to_owned(), source }
}

/// Refuses a batch with a value that is too large: every backend does it, so that tests on
/// memory find what sled would refuse.
pub(crate) fn check_values(batch: &Batch) -> Result<(), BackendError> {
    let too_large = |value: &&[u8]| value.len() > VALUE_BYTES_MAX;
    match batch.writes().filter_map(|(_, value)| value).find(too_large) {
        Some(value) => Err(BackendError::ValueTooLarge { bytes: value.len() }),
        None => Ok(()),
    }
}
