//! One file of a journal. It is filled with zeros ahead of the records, and used again once they
//! are of no more use, so that a sync has no metadata to write. Must never write over a record of
//! the life that it is in.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::record::{self, ALIGN, Head};
use crate::store::backend::{BackendError, io_error};

/// Bytes of a segment: more than the largest batch.
pub(crate) const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of zeros that are written ahead at a time.
const FILL_BYTES: u64 = 1024 * 1024;

/// A file of a journal, open for the whole life of the store: connections may take every other
/// descriptor.
#[derive(Debug)]
pub(crate) struct Segment {
    path: PathBuf,
    file: Arc<File>,
    /// Bytes that the file has, zeros or records.
    filled: u64,
    /// Where the next record goes.
    at: u64,
    /// There may be something else than zeros in it.
    used: bool,
}

/// A record that was found whole.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) head: Head,
    /// Where its writes are in the bytes of the segment.
    pub(crate) writes: std::ops::Range<usize>,
}

impl Segment {
    /// Makes a file; `None` if there is one of that name.
    pub(crate) fn make(path: PathBuf) -> Result<Option<Self>, BackendError> {
        match OpenOptions::new().create_new(true).read(true).write(true).open(&path) {
            Ok(file) => {
                Ok(Some(Self { path, file: Arc::new(file), filled: 0, at: 0, used: false }))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(io_error("make", &path)(error)),
        }
    }

    /// Opens a file.
    pub(crate) fn open(path: PathBuf) -> Result<Self, BackendError> {
        let opened = OpenOptions::new().read(true).write(true).open(&path);
        let file = opened.map_err(io_error("open", &path))?;
        let filled = file.metadata().map_err(io_error("look at", &path))?.len();
        Ok(Self { path, file: Arc::new(file), filled, at: 0, used: filled > 0 })
    }

    pub(crate) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Begins the file anew: what stands in it is of no use any more.
    pub(crate) fn begin(&mut self) {
        self.at = 0;
    }

    /// Makes what was written durable, by a descriptor of its own: a failure is told to each
    /// descriptor, and must not be heard here in place of who waits for it.
    pub(crate) fn sync_aside(&self) -> Result<(), BackendError> {
        let synced = File::open(&self.path).and_then(|file| file.sync_data());
        synced.map_err(io_error("sync", &self.path))
    }

    /// Whether there may be something else than zeros in it.
    pub(crate) const fn is_used(&self) -> bool {
        self.used
    }

    /// Writes zeros over all that stands in the file, durably; `go_on` is asked now and then, and
    /// without it there is an end before. Whether all of it is zeros.
    pub(crate) fn erase(&mut self, mut go_on: impl FnMut() -> bool) -> Result<bool, BackendError> {
        let zeros = vec![0; usize::try_from(FILL_BYTES).expect("a step fits in memory")];
        for at in (0..self.filled).step_by(zeros.len()) {
            let bytes = (self.filled - at).min(FILL_BYTES);
            let zeros = &zeros[..usize::try_from(bytes).expect("a step fits in memory")];
            let written = self.file.write_all_at(zeros, at).and_then(|()| self.file.sync_data());
            written.map_err(io_error("write to", &self.path))?;
            if !go_on() {
                return Ok(false);
            }
        }
        self.used = false;
        Ok(true)
    }

    /// Bytes of records, padded.
    pub(crate) const fn written(&self) -> u64 {
        self.at
    }

    /// Whether a record of so many bytes, padded, fits behind the others.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.at + bytes as u64 <= SEGMENT_BYTES
    }

    /// Writes a record, which is padded and fits. It is not durable yet.
    pub(crate) fn write(&mut self, record: &[u8]) -> Result<(), BackendError> {
        debug_assert!(self.has_room(record.len()) && record.len().is_multiple_of(ALIGN));
        let end = self.at + record.len() as u64;
        self.used = true;
        let done = self.fill(end).and_then(|()| self.file.write_all_at(record, self.at));
        done.map_err(io_error("write to", &self.path))?;
        self.at = end;
        Ok(())
    }

    /// Writes some zeros behind what the file has, durably; false once it is full of them.
    pub(crate) fn fill_more(&mut self) -> Result<bool, BackendError> {
        let filled = self.fill((self.filled + 1).min(SEGMENT_BYTES));
        filled.map_err(io_error("write to", &self.path))?;
        Ok(self.filled < SEGMENT_BYTES)
    }

    /// Writes zeros ahead, if the file ends before that.
    fn fill(&mut self, end: u64) -> io::Result<()> {
        if end <= self.filled {
            return Ok(());
        }
        let to = (end + FILL_BYTES).min(SEGMENT_BYTES);
        let zeros = vec![0; usize::try_from(to - self.filled).expect("a segment fits in memory")];
        self.file.write_all_at(&zeros, self.filled)?;
        self.filled = to;
        self.file.sync_all()
    }

    /// All of the file.
    pub(crate) fn read(&self) -> Result<Vec<u8>, BackendError> {
        let mut bytes = vec![0; usize::try_from(self.filled).expect("a segment fits in memory")];
        let read = self.file.read_exact_at(&mut bytes, 0);
        read.map_err(io_error("read", &self.path))?;
        Ok(bytes)
    }
}

/// Every whole record of a journal in a segment's bytes, in order of place. They need not follow
/// each other: what is left of an earlier use stands behind and between them.
pub(crate) fn records(bytes: &[u8], nonce: u64) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let whole = record::head(&bytes[at..])
            .filter(|head| head.nonce == nonce)
            .and_then(|head| Some((head, record::writes(&head, &bytes[at..])?)));
        let Some((head, writes)) = whole else {
            at += ALIGN;
            continue;
        };
        let from = at + record::HEAD_BYTES;
        found.push(Found { head, writes: from..from + writes.len() });
        at += record::padded(head.bytes);
    }
    found
}
