//! What makes a commit durable: every batch, in order, in a few files that are used again and
//! again. Must never use a file again while a batch in it stands nowhere else, and never take what
//! a crash left in the middle for the end.
//!
//! A commit is one record, one write and one fdatasync. After a crash only the last record can be
//! torn, for nothing is written before the one before it is durable; so a whole record behind one
//! that is missing means that the disk has damaged what was durable, and is an error. Every record
//! names a nonce that no client knows: what a message holds is never taken for a record.

mod record;
mod segment;

use std::fs::{self, DirBuilder, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use packetboat_proto::planted::{self, Bug};

pub(crate) use self::record::{NoWrites, Writes};
use self::segment::Found;
pub(crate) use self::segment::{SEGMENT_BYTES, Segment};
use super::backend::{BackendError, io_error};
use super::batch::Batch;

/// How the files of a journal end.
const EXTENSION: &str = "journal";
/// A segment so full has the next one made beside it.
const SPARE_FROM_BYTES: u64 = SEGMENT_BYTES / 4;

/// A batch that was written.
#[derive(Debug)]
pub(crate) struct Appended {
    /// What has to be synced to make it durable.
    pub(crate) file: Arc<File>,
    /// Its writes.
    pub(crate) writes: Bytes,
}

/// A journal that is open for writing.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    current: Segment,
    /// Full ones, and the last number in each.
    full: Vec<(Segment, u64)>,
    /// Those that nothing needs any more.
    free: Vec<Segment>,
    /// Only empty ones are used again.
    erasing: bool,
    nonce: u64,
    /// The number of the next commit.
    next: u64,
    record: Vec<u8>,
}

impl Journal {
    /// Opens a journal, or makes it if it `is_new`, in a folder of its own; gives the writes of the
    /// batches that were committed after `packed`, in order. It is a blocking call.
    pub(crate) fn open(
        folder: &Path,
        nonce: u64,
        packed: u64,
        is_new: bool,
    ) -> Result<(Self, Vec<Bytes>), BackendError> {
        if !is_new && (!folder.exists() || files(folder)?.is_empty()) {
            return Err(BackendError::Lost { path: folder.to_owned() });
        }
        DirBuilder::new().recursive(true).create(folder).map_err(io_error("make", folder))?;
        let mut segments = Vec::new();
        for path in files(folder)? {
            let segment = Segment::open(path)?;
            let bytes = segment.read()?;
            let found = segment::records(&bytes, nonce);
            segments.push((segment, bytes, found));
        }
        let (writes, last) = replayed(folder, &segments, packed)?;
        let mut full = Vec::new();
        let mut free = Vec::new();
        for (segment, _, found) in segments {
            let newest = found.iter().map(|found| found.head.number).max();
            match newest.filter(|newest| *newest > packed) {
                Some(newest) => {
                    // A kill may have left in it what only the system's memory has so far.
                    sync(&segment.file(), folder)?;
                    full.push((segment, newest));
                }
                None => free.push(segment),
            }
        }
        let current = fresh(folder, &mut free, false)?;
        let (folder, next, record) = (folder.to_owned(), last + 1, Vec::new());
        let erasing = false;
        let journal = Self { folder, current, full, free, erasing, nonce, next, record };
        Ok((journal, writes))
    }

    /// Writes a batch behind the others.
    pub(crate) fn append(&mut self, batch: &Batch) -> Result<Appended, BackendError> {
        let number = self.next;
        let bytes = record::encode(batch, number, self.nonce, &mut self.record);
        if !self.current.has_room(self.record.len()) {
            self.turn()?;
        }
        self.current.write(&self.record)?;
        self.next += 1;
        // Bytes of its own: padding would stay in memory with them.
        let writes = Bytes::copy_from_slice(&self.record[record::HEAD_BYTES..][..bytes]);
        Ok(Appended { file: self.current.file(), writes })
    }

    /// The number of the last commit.
    pub(crate) fn last(&self) -> u64 {
        self.next - 1
    }

    /// The next segment will have to be made: better before it is needed, by [`spare`].
    pub(crate) fn wants_spare(&self) -> bool {
        self.free.is_empty() && self.current.written() >= SPARE_FROM_BYTES
    }

    /// Takes a segment that was made, or that was taken and is empty now.
    pub(crate) fn add_spare(&mut self, spare: Segment) {
        self.free.push(spare);
    }

    /// Goes on in another segment, so that those before it can be freed as a whole.
    pub(crate) fn turn(&mut self) -> Result<(), BackendError> {
        let next = fresh(&self.folder, &mut self.free, self.erasing)?;
        let full = std::mem::replace(&mut self.current, next);
        let last = self.last();
        self.full.push((full, last));
        Ok(())
    }

    /// The same, before all that stands in it so far is erased: from here on until that is done no
    /// segment is used again that is not empty. All that was written so far is durable then.
    pub(crate) fn turn_to_erase(&mut self) -> Result<(), BackendError> {
        for (segment, _) in &self.full {
            segment.sync_aside()?;
        }
        self.current.sync_aside()?;
        self.erasing = true;
        self.turn()
    }

    /// All is erased that was to be.
    pub(crate) fn end_erasing(&mut self) {
        self.erasing = false;
    }

    /// A segment that nothing needs, and in which something stands still.
    pub(crate) fn take_used(&mut self) -> Option<Segment> {
        let at = self.free.iter().position(Segment::is_used)?;
        Some(self.free.swap_remove(at))
    }

    /// Whether there is anything in it that commits before this opening may have left.
    pub(crate) fn is_used(&self) -> bool {
        let full = self.full.iter().map(|(segment, _)| segment);
        full.chain(&self.free).chain([&self.current]).any(Segment::is_used)
    }

    /// All commits up to this number stand elsewhere.
    pub(crate) fn release(&mut self, packed: u64) {
        let (free, full) =
            std::mem::take(&mut self.full).into_iter().partition(|(_, last)| *last <= packed);
        self.full = full;
        let free: Vec<_> = free;
        self.free.extend(free.into_iter().map(|(segment, _)| segment));
    }
}

/// Makes what was written to a journal's file durable.
pub(crate) fn sync(file: &File, folder: &Path) -> Result<(), BackendError> {
    if planted::is(Bug::SyncWithoutFdatasync) {
        return Ok(());
    }
    file.sync_data().map_err(io_error("sync", folder))
}

/// A segment that nothing needs, an empty one if it must be, or a new one.
fn fresh(folder: &Path, free: &mut Vec<Segment>, empty: bool) -> Result<Segment, BackendError> {
    let Some(at) = free.iter().rposition(|segment| !(empty && segment.is_used())) else {
        return made(folder);
    };
    let mut segment = free.swap_remove(at);
    segment.begin();
    Ok(segment)
}

/// A new segment, with nothing in it. Its name outlives a loss of power.
fn made(folder: &Path) -> Result<Segment, BackendError> {
    let paths = (0_u64..).map(|number| folder.join(format!("{number:04}.{EXTENSION}")));
    // Another thread may make one, too: a file belongs to who made it.
    let made = paths.map(Segment::make).find_map(Result::transpose);
    let segment = made.expect("a name is free")?;
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(io_error("sync", folder))?;
    Ok(segment)
}

/// A new segment with zeros to its end; `go_on` is asked now and then, and without it there is
/// none. It takes a while: meant for a thread that nobody waits for.
pub(crate) fn spare(
    folder: &Path,
    mut go_on: impl FnMut() -> bool,
) -> Result<Option<Segment>, BackendError> {
    let mut segment = made(folder)?;
    while segment.fill_more()? {
        if !go_on() {
            return Ok(None);
        }
    }
    Ok(Some(segment))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, BackendError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_error("look into", folder))? {
        let path = entry.map_err(io_error("look into", folder))?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The writes of the batches after `packed`, and the number of the last one.
fn replayed(
    folder: &Path,
    segments: &[(Segment, Vec<u8>, Vec<Found>)],
    packed: u64,
) -> Result<(Vec<Bytes>, u64), BackendError> {
    let mut after: Vec<(&Found, &[u8])> = Vec::new();
    for (_, bytes, found) in segments {
        after.extend(
            found
                .iter()
                .filter(|found| found.head.number > packed)
                .map(|found| (found, &bytes[found.writes.clone()])),
        );
    }
    after.sort_by_key(|(found, _)| found.head.number);
    let mut batches = Vec::with_capacity(after.len());
    let mut last = packed;
    for (found, writes) in after {
        if found.head.number != last + 1 {
            return Err(damaged(folder, format!("commit {} is missing", last + 1)));
        }
        batches.push(Bytes::copy_from_slice(writes));
        last += 1;
    }
    Ok((batches, last))
}

fn damaged(folder: &Path, detail: String) -> BackendError {
    BackendError::Journal { path: folder.to_owned(), detail }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::os::unix::fs::FileExt;

    use super::*;

    const NONCE: u64 = 0x1234_5678;

    fn batch(text: &str) -> Batch {
        let mut batch = Batch::default();
        batch.put(text.as_bytes().to_vec(), vec![7; 3_000]);
        batch
    }

    /// The journal, and the key of each batch that is in it.
    fn open(folder: &Path, packed: u64) -> (Journal, Vec<String>) {
        let (journal, batches) = Journal::open(folder, NONCE, packed, packed == 0).unwrap();
        let key = |writes: Bytes| {
            let rows: Vec<_> = Writes::of(writes).map(Result::unwrap).collect();
            let [(key, Some(value))] = rows.as_slice() else { panic!("one row: {rows:?}") };
            assert_eq!(value, &vec![7; 3_000]);
            String::from_utf8(key.to_vec()).unwrap()
        };
        (journal, batches.into_iter().map(key).collect())
    }

    fn commit(journal: &mut Journal, text: &str) {
        let appended = journal.append(&batch(text)).unwrap();
        assert_eq!(Writes::of(appended.writes).count(), 1);
        sync(&appended.file, &journal.folder).unwrap();
    }

    #[test]
    fn a_segment_is_made_beside_the_one_in_use_and_is_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(folder.path(), 0);
        while !journal.wants_spare() {
            journal.append(&batch("filler")).unwrap();
        }
        assert!(spare(folder.path(), || false).unwrap().is_none(), "it was given up");
        let made = spare(folder.path(), || true).unwrap().unwrap();
        let path = folder.path().join("0002.journal");
        assert_eq!(path.metadata().unwrap().len(), SEGMENT_BYTES);
        journal.add_spare(made);
        assert!(!journal.wants_spare());
        journal.turn().unwrap();
        commit(&mut journal, "next");
        let head = record::head(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(head.number, journal.last());
    }

    fn change(folder: &Path, file: &str, at: u64, bytes: &[u8]) {
        let file = OpenOptions::new().write(true).open(folder.join(file)).unwrap();
        file.write_all_at(bytes, at).unwrap();
    }

    #[test]
    fn what_was_committed_comes_back_in_order_and_once_it_is_packed_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, before) = open(folder.path(), 0);
        assert_eq!(before, [""; 0]);
        commit(&mut journal, "1");
        commit(&mut journal, "2");
        drop(journal);
        let (mut journal, before) = open(folder.path(), 0);
        assert_eq!(before, ["1", "2"]);
        commit(&mut journal, "3");
        drop(journal);
        let (journal, before) = open(folder.path(), 2);
        assert_eq!((before, journal.last()), (vec!["3".to_owned()], 3));
    }

    #[test]
    fn files_are_used_again_and_their_old_records_are_not_taken_for_new_ones() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(folder.path(), 0);
        for round in 0..20 {
            for number in 0..5 {
                commit(&mut journal, &format!("{round} {number}"));
            }
            journal.turn().unwrap();
            journal.release(journal.last());
        }
        commit(&mut journal, "last");
        assert_eq!(files(folder.path()).unwrap().len(), 2);
        drop(journal);
        let (_, before) = open(folder.path(), 100);
        assert_eq!(before, ["last"]);
    }

    #[test]
    fn a_record_that_is_torn_at_the_end_was_never_committed() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(folder.path(), 0);
        commit(&mut journal, "1");
        commit(&mut journal, "2");
        drop(journal);
        change(folder.path(), "0000.journal", 4_096 + 100, &[0; 50]);
        let (mut journal, before) = open(folder.path(), 0);
        assert_eq!(before, ["1"]);
        commit(&mut journal, "2 anew");
        drop(journal);
        let (_, before) = open(folder.path(), 0);
        assert_eq!(before, ["1", "2 anew"]);
    }

    #[test]
    fn a_record_that_is_damaged_in_the_middle_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(folder.path(), 0);
        for text in ["1", "2", "3"] {
            commit(&mut journal, text);
        }
        drop(journal);
        change(folder.path(), "0000.journal", 4_096, &[0; 4_096]);
        let error = Journal::open(folder.path(), NONCE, 0, false).unwrap_err();
        assert!(error.to_string().contains("commit 2 is missing"), "{error}");
        // Once it is packed, it is of no more use.
        assert_eq!(open(folder.path(), 2).1, ["3"]);
    }

    #[test]
    fn a_message_that_looks_like_a_record_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(folder.path(), 0);
        commit(&mut journal, "1");
        let mut forged = Vec::new();
        record::encode(&batch("forged"), 2, NONCE + 1, &mut forged);
        drop(journal);
        change(folder.path(), "0000.journal", 4_096, &forged);
        assert_eq!(open(folder.path(), 0).1, ["1"]);
    }
}
