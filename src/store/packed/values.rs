//! Values that are too large for a block, one behind the other in files that only grow. Must never
//! change what it has once written: a place that a block names stays what it is.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};

use super::block::Place;
use crate::store::backend::{BackendError, io_error};

/// Bytes of a file, after which the next one begins.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Files that are open for reading at once.
const OPEN_MAX: usize = 64;
/// Bytes that are gathered before they are written.
const WRITE_BYTES: usize = 256 * 1024;
/// How the files end.
const EXTENSION: &str = "values";

/// Reads values.
#[derive(Debug)]
pub(crate) struct Values {
    folder: PathBuf,
    open: Mutex<Open>,
}

/// The files that are open, those that were opened last behind the others.
#[derive(Debug, Default)]
struct Open {
    files: HashMap<u64, Arc<File>>,
    order: VecDeque<u64>,
}

/// Writes values, behind all that are there.
#[derive(Debug)]
pub(crate) struct Writer {
    folder: PathBuf,
    number: u64,
    file: File,
    end: u64,
    pending: Vec<u8>,
}

fn path_of(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:06}.{EXTENSION}"))
}

/// Opens a folder of values, or makes it.
pub(crate) fn open(folder: &Path) -> Result<(Values, Writer), BackendError> {
    DirBuilder::new().recursive(true).create(folder).map_err(io_error("make", folder))?;
    let mut last = 0;
    for entry in fs::read_dir(folder).map_err(io_error("look into", folder))? {
        let name = entry.map_err(io_error("look into", folder))?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".values")?.parse().ok());
        last = last.max(number.unwrap_or(0));
    }
    let (file, end) = behind(folder, last)?;
    let writer = Writer { folder: folder.to_owned(), number: last, file, end, pending: Vec::new() };
    Ok((Values { folder: folder.to_owned(), open: Mutex::default() }, writer))
}

/// A file to write behind what is in it, whose name is durable.
fn behind(folder: &Path, number: u64) -> Result<(File, u64), BackendError> {
    let path = path_of(folder, number);
    let opened = OpenOptions::new().create(true).append(true).open(&path);
    let file = opened.map_err(io_error("open", &path))?;
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(io_error("sync", folder))?;
    let end = file.metadata().map_err(io_error("look at", &path))?.len();
    Ok((file, end))
}

impl Writer {
    /// Takes a value; it can be read once it is synced.
    pub(crate) fn put(&mut self, value: &[u8]) -> Result<Place, BackendError> {
        if self.end >= FILE_BYTES_MAX {
            self.sync()?;
            self.number += 1;
            (self.file, self.end) = behind(&self.folder, self.number)?;
        }
        let length = u32::try_from(value.len()).expect("values are bounded");
        let place =
            Place { file: self.number, at: self.end, length, checksum: crc32fast::hash(value) };
        self.pending.extend_from_slice(value);
        self.end += u64::from(length);
        if self.pending.len() >= WRITE_BYTES {
            self.write()?;
        }
        Ok(place)
    }

    fn write(&mut self) -> Result<(), BackendError> {
        let path = path_of(&self.folder, self.number);
        self.file.write_all(&self.pending).map_err(io_error("write to", &path))?;
        self.pending.clear();
        Ok(())
    }

    /// Makes all that was taken durable.
    pub(crate) fn sync(&mut self) -> Result<(), BackendError> {
        self.write()?;
        let path = path_of(&self.folder, self.number);
        self.file.sync_data().map_err(io_error("sync", &path))
    }
}

impl Values {
    /// The value at a place.
    pub(crate) fn get(&self, place: Place) -> Result<Bytes, BackendError> {
        let mut values = self.get_run(&[place])?;
        Ok(values.pop().expect("there is one for each place"))
    }

    /// Values that stand one behind the other in one file.
    pub(crate) fn get_run(&self, run: &[Place]) -> Result<Vec<Bytes>, BackendError> {
        let Some(first) = run.first() else { return Ok(Vec::new()) };
        let bytes = run.iter().map(|place| place.length as usize).sum();
        let path = path_of(&self.folder, first.file);
        let mut read = BytesMut::zeroed(bytes);
        let file = self.file(first.file)?;
        file.read_exact_at(&mut read, first.at).map_err(io_error("read", &path))?;
        let mut rest = read.freeze();
        let mut values = Vec::with_capacity(run.len());
        for place in run {
            let value = rest.split_to(place.length as usize);
            if crc32fast::hash(&value) != place.checksum {
                return Err(BackendError::Value { path, at: place.at });
            }
            values.push(value);
        }
        Ok(values)
    }

    fn file(&self, number: u64) -> Result<Arc<File>, BackendError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.files.get(&number) {
            return Ok(Arc::clone(file));
        }
        let path = path_of(&self.folder, number);
        let file = Arc::new(File::open(&path).map_err(io_error("open", &path))?);
        if open.order.len() == OPEN_MAX
            && let Some(oldest) = open.order.pop_front()
        {
            open.files.remove(&oldest);
        }
        open.files.insert(number, Arc::clone(&file));
        open.order.push_back(number);
        Ok(file)
    }
}

/// Whether a place stands right behind another.
pub(crate) fn follows(before: Place, place: Place) -> bool {
    before.file == place.file && before.at + u64::from(before.length) == place.at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_alone_and_in_runs_also_after_a_reopen() {
        let folder = tempfile::tempdir().unwrap();
        let (values, mut writer) = open(folder.path()).unwrap();
        let first = writer.put(b"one").unwrap();
        let second = writer.put(b"two").unwrap();
        let third = writer.put(&vec![7; 300_000]).unwrap();
        writer.sync().unwrap();
        assert!(follows(first, second) && follows(second, third) && !follows(first, third));
        assert_eq!(&values.get(first).unwrap()[..], b"one");
        drop((values, writer));
        let (values, mut writer) = open(folder.path()).unwrap();
        let fourth = writer.put(b"four").unwrap();
        writer.sync().unwrap();
        assert!(follows(third, fourth));
        let run = values.get_run(&[first, second, third, fourth]).unwrap();
        assert_eq!(run.iter().map(Bytes::len).collect::<Vec<_>>(), [3, 3, 300_000, 4]);
    }

    #[test]
    fn a_value_that_was_damaged_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let (values, mut writer) = open(folder.path()).unwrap();
        let place = writer.put(b"whole").unwrap();
        writer.sync().unwrap();
        let wrong = Place { checksum: place.checksum ^ 1, ..place };
        assert!(matches!(values.get(wrong), Err(BackendError::Value { at: 0, .. })));
        let beyond = Place { at: 3, ..place };
        assert!(matches!(values.get(beyond), Err(BackendError::Io { what: "read", .. })));
    }
}
