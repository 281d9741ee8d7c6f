//! The file of a durable relay: all that came, as it came. Must never be written without being
//! synced.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::frame::whole;

/// The file, open at its end.
#[derive(Debug)]
pub(super) struct Journal(File);

impl Journal {
    /// Opens it, and reads what it holds. What a kill has cut off at its end goes.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Vec<u8>)> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).open(path)?;
        let mut kept = Vec::new();
        file.read_to_end(&mut kept)?;
        let end = whole(&kept).ok_or_else(|| io::Error::other("the journal makes no sense"))?;
        kept.truncate(end);
        file.set_len(end as u64)?;
        file.seek(SeekFrom::End(0))?;
        file.sync_all()?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        Ok((Self(file), kept))
    }

    /// One write and one fdatasync.
    pub(super) fn write(&mut self, batch: &[u8]) -> io::Result<()> {
        self.0.write_all(batch)?;
        self.0.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::frame::{SEND, put};
    use bytes::BytesMut;

    #[test]
    fn what_was_written_is_there_again_but_for_a_frame_that_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, kept) = Journal::open(&path).unwrap();
        assert!(kept.is_empty());
        let mut frame = BytesMut::new();
        put(&mut frame, SEND, &[b"one"]);
        journal.write(&frame).unwrap();
        journal.write(&frame[..5]).unwrap();
        drop(journal);
        let (mut journal, kept) = Journal::open(&path).unwrap();
        assert_eq!(kept, frame);
        journal.write(&frame).unwrap();
        assert_eq!(Journal::open(&path).unwrap().1, [&frame[..], &frame[..]].concat());
    }
}
