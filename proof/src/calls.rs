//! What a server asked of its files and sockets, read from the log of `tests/powercut/shim.c`. The
//! order of the calls is the order in which they were done. Must never guess: a log that is not
//! whole is refused, but for the last record of a process that ended while it was at it.
//!
//! A record is `kind u8 | path length u16 | path | place i64 | data length u64 | data`, numbers
//! little-endian. What place and data are depends on the kind: see `Call::of`. The first is the
//! beginning of a process, whose path is the recorded folder.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use thiserror::Error;

/// Bytes of a record's numbers, without those of path and data.
const HEAD_BYTES: usize = 19;

/// Where a file is, from the recorded folder on; empty: the folder itself.
pub type Name = Arc<str>;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// A process begins; those before have ended.
    Began,
    /// A file is there; `emptied` if what was in it is cut off.
    Opened {
        /// Which.
        name: Name,
        /// All that was in it is gone.
        emptied: bool,
    },
    /// Bytes of a file.
    Written {
        /// Which.
        name: Name,
        /// From where on.
        at: u64,
        /// They.
        data: Bytes,
    },
    /// An fsync or fdatasync begins.
    SyncBegan {
        /// Of a file or a folder.
        name: Name,
        /// Which of its process.
        number: i64,
    },
    /// It has ended, without an error.
    SyncEnded {
        /// Which of its process.
        number: i64,
    },
    /// A `sync_file_range`, which promises nothing.
    RangeSynced,
    /// A file has a new length.
    Cut {
        /// Which.
        name: Name,
        /// Its bytes.
        length: u64,
    },
    /// A file has a new name.
    Renamed {
        /// The old one.
        from: Name,
        /// The new one, whose file is gone if there was one.
        to: Name,
    },
    /// A name is gone.
    Removed {
        /// Which.
        name: Name,
    },
    /// A folder is there.
    FolderMade {
        /// Which.
        name: Name,
    },
    /// Bytes left for a client.
    Sent {
        /// Which connection of its process.
        connection: i64,
        /// They.
        data: Bytes,
    },
    /// Bytes came from a client.
    Received {
        /// Which connection of its process.
        connection: i64,
        /// They.
        data: Bytes,
    },
    /// Bytes for the standard error.
    Said {
        /// They.
        data: Bytes,
    },
    /// A call was made to fail, for the first time; it was not done.
    Failed {
        /// The letter of its kind.
        kind: char,
        /// Of which file.
        name: Name,
        /// When, in milliseconds of Unix time.
        at_ms: u64,
    },
}

/// Why a log cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CallsError {
    /// It ends within a record.
    #[error("the log ends within the record at byte {at}")]
    Torn {
        /// Where the record begins.
        at: usize,
    },
    /// A process begins within what is taken for a record of one before it.
    #[error("a record is torn, and another process has gone on behind it")]
    TornBefore,
    /// A record is none.
    #[error("the record at byte {at} is of the kind {kind:?}, which is none")]
    Kind {
        /// Where it begins.
        at: usize,
        /// Its kind.
        kind: char,
    },
    /// A path is not in the recorded folder, or a number out of its bounds.
    #[error("the record at byte {at} is malformed")]
    Malformed {
        /// Where it begins.
        at: usize,
    },
}

/// Reads a log that has to be whole.
pub fn read(log: Bytes) -> Result<Vec<Call>, CallsError> {
    read_to_tear(log).and_then(|(calls, tear)| match tear {
        None => Ok(calls),
        Some(at) => Err(CallsError::Torn { at }),
    })
}

/// Reads a log whose process was killed, or ended by itself while other threads of it were at
/// work: the record that was being written then may be torn. Says where it begins, too. A tear with
/// the beginning of another process behind it is refused: that is not the end of the log.
pub fn read_to_tear(mut log: Bytes) -> Result<(Vec<Call>, Option<usize>), CallsError> {
    let whole = log.clone();
    let mut names = Names { root: Bytes::new(), known: HashSet::new() };
    let (mut calls, mut tear) = (Vec::new(), None);
    while !log.is_empty() {
        let at = whole.len() - log.len();
        let Some(record) = Record::take(&mut log) else {
            tear = Some(at);
            break;
        };
        let kind = record.kind;
        match Call::of(record, &mut names) {
            Ok(Some(call)) => calls.push(call),
            Ok(None) => return Err(CallsError::Kind { at, kind }),
            Err(Malformed) => return Err(CallsError::Malformed { at }),
        }
    }
    let began = calls.iter().filter(|call| **call == Call::Began).count();
    if began == beginnings(&whole) { Ok((calls, tear)) } else { Err(CallsError::TornBefore) }
}

/// How often the first record, which begins a process, stands in a log: also where it is taken for
/// what is missing of a record that was torn before it.
fn beginnings(log: &Bytes) -> usize {
    let mut rest = log.clone();
    let Some(Record { kind: 'L', .. }) = Record::take(&mut rest) else { return 0 };
    let begin = &log[..log.len() - rest.len()];
    log.windows(begin.len()).filter(|window| *window == begin).count()
}

struct Malformed;

struct Record {
    kind: char,
    path: Bytes,
    place: i64,
    data: Bytes,
}

impl Record {
    fn take(log: &mut Bytes) -> Option<Self> {
        if log.len() < HEAD_BYTES {
            return None;
        }
        let kind = char::from(log.get_u8());
        let path_bytes = usize::from(log.get_u16_le());
        if log.len() < path_bytes + size_of::<i64>() + size_of::<u64>() {
            return None;
        }
        let path = log.split_to(path_bytes);
        let place = log.get_i64_le();
        let bytes = usize::try_from(log.get_u64_le()).ok()?;
        if log.len() < bytes {
            return None;
        }
        Some(Self { kind, path, place, data: log.split_to(bytes) })
    }

    fn place(&self) -> Result<u64, Malformed> {
        u64::try_from(self.place).map_err(|_| Malformed)
    }
}

/// Each name once, however many calls are about it.
struct Names {
    root: Bytes,
    known: HashSet<Name>,
}

impl Names {
    fn of(&mut self, path: &[u8]) -> Result<Name, Malformed> {
        let inner = path.strip_prefix(&*self.root).ok_or(Malformed)?;
        let inner = std::str::from_utf8(inner).map_err(|_| Malformed)?.trim_matches('/');
        if let Some(name) = self.known.get(inner) {
            return Ok(Arc::clone(name));
        }
        let name = Name::from(inner);
        self.known.insert(Arc::clone(&name));
        Ok(name)
    }
}

impl Call {
    /// `None`: there is no such kind.
    fn of(record: Record, names: &mut Names) -> Result<Option<Self>, Malformed> {
        let connection = record.place;
        Ok(Some(match record.kind {
            'L' => {
                names.root = record.path;
                Self::Began
            }
            'O' => Self::Opened { name: names.of(&record.path)?, emptied: record.place != 0 },
            'P' | 'W' => Self::Written {
                name: names.of(&record.path)?,
                at: record.place()?,
                data: record.data,
            },
            'B' => Self::SyncBegan { name: names.of(&record.path)?, number: record.place },
            'F' => Self::SyncEnded { number: record.place },
            'S' => Self::RangeSynced,
            'T' => Self::Cut { name: names.of(&record.path)?, length: record.place()? },
            'R' => Self::Renamed { from: names.of(&record.data)?, to: names.of(&record.path)? },
            'U' => Self::Removed { name: names.of(&record.path)? },
            'M' => Self::FolderMade { name: names.of(&record.path)? },
            'A' => Self::Sent { connection, data: record.data },
            'I' => Self::Received { connection, data: record.data },
            'E' => Self::Said { data: record.data },
            '!' => Self::Failed {
                kind: record.data.first().copied().map(char::from).ok_or(Malformed)?,
                name: names.of(&record.path)?,
                at_ms: record.place()?,
            },
            _ => return Ok(None),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, path: &str, place: i64, data: &[u8]) -> Vec<u8> {
        let mut record = vec![kind];
        record.extend(u16::try_from(path.len()).unwrap().to_le_bytes());
        record.extend(path.as_bytes());
        record.extend(place.to_le_bytes());
        record.extend((data.len() as u64).to_le_bytes());
        record.extend(data);
        record
    }

    #[test]
    fn records_are_read_in_their_order() {
        let log = [
            record(b'L', "/r", 0, b""),
            record(b'O', "/r/data/db", 1, b""),
            record(b'P', "/r/data/db", 7, b"abc"),
            record(b'B', "/r", 3, b""),
            record(b'F', "/r", 3, b""),
            record(b'R', "/r/b", 0, b"/r/a"),
            record(b'A', "", 2, b"hi"),
            record(b'!', "/r/a", 9, b"W"),
        ];
        let name = |text: &str| Name::from(text);
        let calls = read(log.concat().into()).unwrap();
        let expected = [
            Call::Began,
            Call::Opened { name: name("data/db"), emptied: true },
            Call::Written { name: name("data/db"), at: 7, data: Bytes::from_static(b"abc") },
            Call::SyncBegan { name: name(""), number: 3 },
            Call::SyncEnded { number: 3 },
            Call::Renamed { from: name("a"), to: name("b") },
            Call::Sent { connection: 2, data: Bytes::from_static(b"hi") },
            Call::Failed { kind: 'W', name: name("a"), at_ms: 9 },
        ];
        assert_eq!(calls, expected);
    }

    #[test]
    fn a_log_that_is_not_whole_is_refused() {
        let good = record(b'L', "/r", 0, b"");
        for cut in 1..good.len() {
            let torn = [good.clone(), good[..cut].to_vec()].concat();
            assert_eq!(read(torn.into()), Err(CallsError::Torn { at: good.len() }), "{cut}");
        }
        let behind = |record: Vec<u8>| read([good.clone(), record].concat().into());
        let at = good.len();
        let strange = record(b'?', "", 0, b"");
        assert_eq!(behind(strange), Err(CallsError::Kind { at, kind: '?' }));
        let elsewhere = record(b'U', "/other", 0, b"");
        assert_eq!(behind(elsewhere), Err(CallsError::Malformed { at }));
        let negative = record(b'T', "/r/a", -1, b"");
        assert_eq!(behind(negative), Err(CallsError::Malformed { at }));
    }

    #[test]
    fn only_the_last_record_of_a_process_may_be_torn() {
        let begin = record(b'L', "/r", 0, b"");
        let last = record(b'A', "", 2, &[7; 100]);
        let at = begin.len();
        for cut in 1..last.len() {
            let torn = [&begin[..], &last[..cut]].concat();
            let read = read_to_tear(torn.clone().into());
            assert_eq!(read, Ok((vec![Call::Began], Some(at))), "{cut}");
            // What came after it hides in what is missing of it.
            let middle = [&torn[..], &begin].concat();
            assert!(read_to_tear(middle.into()).is_err(), "{cut}");
        }
        let sent = Call::Sent { connection: 2, data: vec![7; 100].into() };
        let whole = [begin, last].concat();
        assert_eq!(read_to_tear(whole.into()), Ok((vec![Call::Began, sent], None)));
    }
}
