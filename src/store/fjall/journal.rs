//! fjall's journals as they stand on the disk, read to tell a torn end from damage. fjall itself
//! cuts a journal at the first thing that it cannot read, whatever is behind it, and does not open
//! at all where only a checksum is wrong. Must never change anything.
//!
//! A batch is `1 | count u32 | seqno u64`, so many items, and `3 | checksum u64 | magic`; an item
//! is `2 | kind u8 | 0 | keyspace u64 | key length u16 | value length u32 | the same again | key |
//! value`; numbers are little-endian, and the checksum is XXH3 of the items. A journal begins with
//! its first batch, and ends with zeros, if with anything.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const START_BYTES: usize = 13;
const ITEM_HEAD_BYTES: usize = 21;
const END_BYTES: usize = 13;
/// What stands behind a checksum.
const MAGIC: [u8; 4] = *b"FJL\x03";

/// A journal is read in pieces of this size.
const PIECE_BYTES: usize = 1024 * 1024;
/// What zeros are compared with.
static ZEROS: [u8; 4096] = [0; 4096];

/// How a journal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With a whole batch, and zeros perhaps.
    Clean,
    /// With a part of a batch.
    Torn {
        /// Where it begins.
        at: u64,
    },
    /// With a batch that has all its parts, but bytes in it are wrong.
    Mangled {
        /// Where it begins.
        at: u64,
    },
    /// With something that is no batch, and further ones behind it.
    Damaged {
        /// Where it begins.
        at: u64,
    },
}

/// Whether anything stands at the beginning of a journal.
pub(super) fn begins(path: &Path) -> io::Result<bool> {
    const LOOKED_AT: u64 = 4096;
    let mut head = Vec::new();
    File::open(path)?.take(LOOKED_AT).read_to_end(&mut head)?;
    Ok(head.iter().any(|byte| *byte != 0))
}

/// Reads a journal.
pub(super) fn end_of(path: &Path) -> io::Result<End> {
    Ok(end(&written(path)?))
}

/// What stands in a journal, without the zeros at its end: fjall puts 64 MiB aside for each.
fn written(path: &Path) -> io::Result<Vec<u8>> {
    let (mut file, mut piece) = (File::open(path)?, vec![0; PIECE_BYTES]);
    let (mut bytes, mut zeros) = (Vec::new(), 0);
    loop {
        let read = match file.read(&mut piece) {
            Ok(0) => return Ok(bytes),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if is_zero(&piece[..read]) {
            zeros += read;
        } else {
            bytes.resize(bytes.len() + std::mem::take(&mut zeros), 0);
            bytes.extend_from_slice(&piece[..read]);
        }
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(ZEROS.len()).all(|chunk| *chunk == ZEROS[..chunk.len()])
}

fn end(bytes: &[u8]) -> End {
    let mut whole = 0;
    let mut batch = Batch::at(bytes, whole);
    while let Batch::Whole { end } = batch {
        whole = end;
        batch = Batch::at(bytes, whole);
    }
    let (at, rest) = (whole as u64, &bytes[whole..]);
    if is_zero(rest) {
        return End::Clean;
    }
    // A batch is durable before the next is begun: with another one behind it, it was.
    let has_more = rest.iter().enumerate().skip(1).any(|(place, byte)| {
        *byte == START && matches!(Batch::at(rest, place), Batch::Whole { .. })
    });
    match batch {
        _ if has_more => End::Damaged { at },
        Batch::Mangled => End::Mangled { at },
        Batch::Whole { .. } | Batch::Broken => End::Torn { at },
    }
}

/// What is found where a batch is to begin.
enum Batch {
    Whole { end: usize },
    Mangled,
    Broken,
}

impl Batch {
    fn at(bytes: &[u8], at: usize) -> Self {
        Self::read(bytes, at).unwrap_or(Self::Broken)
    }

    /// `None`: it is broken.
    fn read(bytes: &[u8], at: usize) -> Option<Self> {
        let start = part(bytes, at, START_BYTES).filter(|start| start[0] == START)?;
        let count = u32::from_le_bytes(start[1..5].try_into().ok()?);
        let first = at + START_BYTES;
        let mut end = first;
        for _ in 0..count {
            let head = part(bytes, end, ITEM_HEAD_BYTES).filter(|head| head[0] == ITEM)?;
            let key = usize::from(u16::from_le_bytes(head[11..13].try_into().ok()?));
            let value = u32::from_le_bytes(head[13..17].try_into().ok()?);
            let stored = u32::from_le_bytes(head[17..21].try_into().ok()?);
            if value != stored || head[2] != 0 {
                return None;
            }
            end = end
                .checked_add(ITEM_HEAD_BYTES + key)?
                .checked_add(usize::try_from(value).ok()?)?;
        }
        let items = bytes.get(first..end)?;
        let last = part(bytes, end, END_BYTES)?;
        if last[0] != END || last[9..] != MAGIC {
            return None;
        }
        let checksum = u64::from_le_bytes(last[1..9].try_into().ok()?);
        let right = checksum == xxh3_64(items);
        Some(if right { Self::Whole { end: end + END_BYTES } } else { Self::Mangled })
    }
}

fn part(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::LazyLock;

    use ::fjall::{Database, KeyspaceCreateOptions, PersistMode};
    use proptest::prelude::*;

    use super::*;

    /// What fjall itself writes for batches of values of these lengths, and where each ends.
    fn by_fjall(batches: &[Vec<usize>]) -> (Vec<u8>, Vec<usize>) {
        let place = tempfile::tempdir().unwrap();
        let engine = Database::builder(place.path()).open().unwrap();
        let rows = engine.keyspace("rows", KeyspaceCreateOptions::default).unwrap();
        let read = || fs::read(place.path().join("0.jnl")).unwrap();
        let mut ends = Vec::new();
        for (number, lengths) in batches.iter().enumerate() {
            let mut batch = engine.batch();
            for (place, length) in lengths.iter().enumerate() {
                let (key, fill) = (format!("{number}-{place}"), u8::try_from(number + 1).unwrap());
                batch.insert(&rows, key, vec![fill; *length]);
            }
            batch.remove(&rows, format!("{number}-gone"));
            batch.commit().unwrap();
            engine.persist(PersistMode::Buffer).unwrap();
            ends.push(read().iter().rposition(|byte| *byte != 0).unwrap() + 1);
        }
        let mut bytes = read();
        bytes.truncate(ends.last().copied().unwrap_or(0) + 100);
        (bytes, ends)
    }

    fn at(place: usize) -> u64 {
        place as u64
    }

    #[test]
    fn what_fjall_writes_is_clean_with_and_without_zeros_behind() {
        let (bytes, ends) = by_fjall(&[vec![3], vec![0, 4096, 100], vec![]]);
        assert_eq!(end(&bytes), End::Clean);
        assert!(ends.iter().all(|place| end(&bytes[..*place]) == End::Clean));
        assert_eq!((end(&[]), end(&[0; 9])), (End::Clean, End::Clean));
        let file = tempfile::NamedTempFile::new().unwrap();
        for zeros in [0, 1, 3 * PIECE_BYTES] {
            fs::write(file.path(), [&bytes[..ends[2]], &vec![0; zeros]].concat()).unwrap();
            assert_eq!(end_of(file.path()).unwrap(), End::Clean, "{zeros}");
            assert!(written(file.path()).unwrap().starts_with(&bytes[..ends[2]]));
        }
        fs::write(file.path(), [&vec![0; 2 * PIECE_BYTES], &bytes[..ends[2]]].concat()).unwrap();
        assert_eq!(end_of(file.path()).unwrap(), End::Damaged { at: 0 });
    }

    #[test]
    fn a_last_batch_cut_anywhere_is_torn() {
        let (bytes, ends) = by_fjall(&[vec![40], vec![7, 300]]);
        for cut in ends[0] + 1..ends[1] {
            assert_eq!(end(&bytes[..cut]), End::Torn { at: at(ends[0]) }, "{cut}");
        }
    }

    #[test]
    fn a_last_batch_with_wrong_bytes_in_a_value_is_mangled() {
        let (mut bytes, ends) = by_fjall(&[vec![40], vec![300]]);
        bytes[ends[0] + 100] ^= 1;
        assert_eq!(end(&bytes), End::Mangled { at: at(ends[0]) });
    }

    #[test]
    fn what_has_a_whole_batch_behind_it_is_damaged() {
        let (bytes, ends) = by_fjall(&[vec![40], vec![300], vec![5]]);
        for (place, begin) in [(0, 0), (ends[0] + 50, ends[0]), (ends[1] - 1, ends[0])] {
            let mut bytes = bytes.clone();
            bytes[place] ^= 0x55;
            assert_eq!(end(&bytes), End::Damaged { at: at(begin) }, "{place}");
        }
    }

    proptest! {
        #[test]
        fn what_is_no_batch_is_torn_whatever_it_is(
            rest in proptest::collection::vec(0..5_u8, 0..200),
        ) {
            static WHOLE: LazyLock<(Vec<u8>, Vec<usize>)> = LazyLock::new(|| by_fjall(&[vec![3]]));
            let whole = WHOLE.1[0];
            let is_zero = rest.iter().all(|byte| *byte == 0);
            let expected = if is_zero { End::Clean } else { End::Torn { at: at(whole) } };
            prop_assert_eq!(end(&[&WHOLE.0[..whole], &rest].concat()), expected);
        }
    }
}
