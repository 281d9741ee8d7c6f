//! Values that stand outside of blocks, one behind the other in files that only grow. Must never
//! change what it has once written but where nothing is of use any more: a place that a block names
//! stays what it is.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use packetboat_proto::planted::{self, Bug};

use super::block::Place;
use crate::store::backend::{BackendError, io_error};

/// Bytes of a file, after which the next one begins.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Files that are open for reading at once.
const OPEN_MAX: usize = 64;
/// Bytes that are gathered before they are written.
const WRITE_BYTES: usize = 256 * 1024;
/// Zeros that are written at once over what is erased.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
/// Bytes, and places, that are erased between two syncs: no step takes long, and no commit waits
/// long behind one.
const ERASED_BYTES_PER_SYNC: u64 = 1024 * 1024;
const ERASED_PLACES_PER_SYNC: usize = 64;
/// Bytes side by side that, once erased, are given back to the file system.
const GIVEN_BACK_BYTES: u64 = ZEROS.len() as u64;
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

/// Bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// The file.
    pub(crate) file: u64,
    /// Where they begin in it.
    pub(crate) at: u64,
    /// How many.
    pub(crate) bytes: u64,
}

impl Stretch {
    /// Whether it ends there.
    pub(crate) fn ends_at(&self, file: u64, at: u64) -> bool {
        self.file == file && self.at + self.bytes == at
    }
}

impl Stretch {
    /// Itself, as parts that are erased one by one.
    fn parts(&self) -> impl Iterator<Item = Self> {
        let Self { file, at, bytes } = *self;
        let step = usize::try_from(ERASED_BYTES_PER_SYNC).unwrap_or(usize::MAX);
        let parts = (0..bytes).step_by(step);
        parts.map(move |from| {
            let bytes = (bytes - from).min(ERASED_BYTES_PER_SYNC);
            Self { file, at: at + from, bytes }
        })
    }
}

/// Where values end: the file, and the place in it.
pub(crate) type End = (u64, u64);

/// Writes values, behind all that are there.
#[derive(Debug)]
pub(crate) struct Writer {
    folder: PathBuf,
    number: u64,
    file: File,
    end: u64,
    pending: Vec<u8>,
    /// What a packing that was cut short has left.
    torn: Vec<Stretch>,
}

fn path_of(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:06}.{EXTENSION}"))
}

/// Opens a folder of values, or makes it. `packed`: where those end that blocks may name for good,
/// if that is known.
pub(crate) fn open(folder: &Path, packed: Option<End>) -> Result<(Values, Writer), BackendError> {
    DirBuilder::new().recursive(true).create(folder).map_err(io_error("make", folder))?;
    let mut last = 0;
    for entry in fs::read_dir(folder).map_err(io_error("look into", folder))? {
        let name = entry.map_err(io_error("look into", folder))?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".values")?.parse().ok());
        last = last.max(number.unwrap_or(0));
    }
    let (file, end) = behind(folder, last)?;
    let torn = packed.map(|packed| behind_end(folder, packed, (last, end))).transpose()?;
    let torn = torn.unwrap_or_default();
    let pending = Vec::new();
    let writer = Writer { folder: folder.to_owned(), number: last, file, end, pending, torn };
    Ok((Values { folder: folder.to_owned(), open: Mutex::default() }, writer))
}

/// All bytes from one end to a later one.
fn behind_end(folder: &Path, from: End, to: End) -> Result<Vec<Stretch>, BackendError> {
    let mut stretches = Vec::new();
    for file in from.0..=to.0 {
        let at = if file == from.0 { from.1 } else { 0 };
        let path = path_of(folder, file);
        let end = if file == to.0 {
            to.1
        } else {
            fs::metadata(&path).map_err(io_error("look at", &path))?.len()
        };
        if at < end {
            stretches.push(Stretch { file, at, bytes: end - at });
        }
    }
    Ok(stretches)
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

    /// Where the next value goes.
    pub(crate) fn end(&self) -> End {
        (self.number, self.end)
    }

    /// What a packing that was cut short has left: once its rows are packed anew, it is of no use.
    pub(crate) fn take_torn(&mut self) -> Vec<Stretch> {
        std::mem::take(&mut self.torn)
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

    /// Writes zeros over stretches, which are in order, durably; `go_on` is asked now and then, and
    /// without it there is an end before. Whether all of them are erased.
    pub(crate) fn erase(
        &self,
        stretches: &[Stretch],
        go_on: &mut impl FnMut() -> bool,
    ) -> Result<bool, BackendError> {
        for stretches in stretches.chunk_by(|a, b| a.file == b.file) {
            let path = path_of(&self.folder, stretches[0].file);
            let file = match OpenOptions::new().write(true).open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(io_error("open", &path)(error)),
            };
            let mut zeroing = Zeroing { file: &file, bytes: 0, places: 0 };
            for part in stretches.iter().flat_map(Stretch::parts) {
                zeroing.step(&part).map_err(io_error("write to", &path))?;
                if zeroing.is_full() {
                    zeroing.sync().map_err(io_error("sync", &path))?;
                    if !go_on() {
                        return Ok(false);
                    }
                }
            }
            zeroing.sync().map_err(io_error("sync", &path))?;
            if !go_on() {
                return Ok(false);
            }
        }
        Ok(true)
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

/// Writes zeros over part of a file of values, a step at a time.
struct Zeroing<'a> {
    file: &'a File,
    /// Bytes and places that are written and not durable yet.
    bytes: u64,
    places: usize,
}

impl Zeroing<'_> {
    /// Writes zeros over so many bytes, which are no more than those of a step.
    fn step(&mut self, stretch: &Stretch) -> io::Result<()> {
        if planted::is(Bug::ErasingSkipsValues) {
            return Ok(());
        }
        let (mut at, end) = (stretch.at, stretch.at + stretch.bytes);
        while at < end {
            let bytes = (end - at).min(ZEROS.len() as u64);
            self.file.write_all_at(&ZEROS[..usize::try_from(bytes).unwrap_or(ZEROS.len())], at)?;
            at += bytes;
        }
        (self.bytes, self.places) = (self.bytes + stretch.bytes, self.places + 1);
        if stretch.bytes >= GIVEN_BACK_BYTES {
            // Zeros that are not durable may never come to the disk where there is a hole.
            self.sync()?;
            give_back(self.file, stretch);
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.bytes >= ERASED_BYTES_PER_SYNC || self.places >= ERASED_PLACES_PER_SYNC
    }

    fn sync(&mut self) -> io::Result<()> {
        (self.bytes, self.places) = (0, 0);
        self.file.sync_data()
    }
}

/// Gives the room of zeros back where the file system can do that: they stay zeros.
#[cfg(target_os = "linux")]
fn give_back(file: &File, stretch: &Stretch) {
    use rustix::fs::{FallocateFlags, fallocate};
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    if let Err(error) = fallocate(file, hole, stretch.at, stretch.bytes) {
        tracing::debug!(%error, "the room of erased values is not given back");
    }
}

#[cfg(not(target_os = "linux"))]
fn give_back(_: &File, _: &Stretch) {}

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
        let (values, mut writer) = open(folder.path(), None).unwrap();
        let first = writer.put(b"one").unwrap();
        let second = writer.put(b"two").unwrap();
        let third = writer.put(&vec![7; 300_000]).unwrap();
        writer.sync().unwrap();
        assert!(follows(first, second) && follows(second, third) && !follows(first, third));
        assert_eq!(&values.get(first).unwrap()[..], b"one");
        drop((values, writer));
        let (values, mut writer) = open(folder.path(), Some((0, 6))).unwrap();
        assert_eq!(writer.end(), (0, 300_006));
        assert_eq!(writer.take_torn(), [Stretch { file: 0, at: 6, bytes: 300_000 }]);
        let fourth = writer.put(b"four").unwrap();
        writer.sync().unwrap();
        assert!(follows(third, fourth));
        let run = values.get_run(&[first, second, third, fourth]).unwrap();
        assert_eq!(run.iter().map(Bytes::len).collect::<Vec<_>>(), [3, 3, 300_000, 4]);
    }

    #[test]
    fn a_value_that_was_damaged_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let (values, mut writer) = open(folder.path(), None).unwrap();
        let place = writer.put(b"whole").unwrap();
        writer.sync().unwrap();
        let wrong = Place { checksum: place.checksum ^ 1, ..place };
        assert!(matches!(values.get(wrong), Err(BackendError::Value { at: 0, .. })));
        let beyond = Place { at: 3, ..place };
        assert!(matches!(values.get(beyond), Err(BackendError::Io { what: "read", .. })));
    }
}
