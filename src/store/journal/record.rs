//! One commit in a journal: a head, and the batch's writes. Must never take for a record what was
//! torn, what an earlier life of the file left behind, or what a client wrote into a message.
//!
//! The head is 32 bytes, big-endian: mark `u32`, bytes of the writes `u32`, number `u64`, the
//! journal's nonce `u64`, CRC-32 `u32` over these four and the writes, and four bytes of zero. A
//! write is the key's length, the key, the value's length plus one (zero: a remove), the value;
//! the lengths are varints. A record begins at a multiple of `ALIGN`, and is padded to one.

use std::path::Path;

use bytes::{Buf, BufMut, Bytes};
use prost::encoding::{decode_varint, encode_varint};
use thiserror::Error;

use crate::store::backend::BackendError;
use crate::store::batch::Batch;

/// A record begins on a page of its own, so that a write never touches one that is durable.
pub(crate) const ALIGN: usize = 4_096;
/// Bytes of a record's head.
pub(crate) const HEAD_BYTES: usize = 32;

const MARK: u32 = 0x504b_424a;
/// Where the checksum stands in the head.
const CHECKSUM_AT: usize = 24;

/// What a record's head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Bytes of the writes.
    pub(crate) bytes: usize,
    /// Which commit it is: one more than the one before it.
    pub(crate) number: u64,
    /// Of the journal that it was written for.
    pub(crate) nonce: u64,
    checksum: u32,
}

/// A record whose checksum is right holds something else than writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a record is whole, but holds no writes")]
pub(crate) struct NoWrites;

impl NoWrites {
    /// That a journal in this folder has such a record.
    pub(crate) fn of_journal(self, folder: &Path) -> BackendError {
        BackendError::Journal { path: folder.to_owned(), detail: self.to_string() }
    }
}

/// Bytes that a record of so many bytes takes in a segment.
pub(crate) fn padded(bytes: usize) -> usize {
    (HEAD_BYTES + bytes).next_multiple_of(ALIGN)
}

/// Makes the record of a batch in `out`, padded; gives the bytes of its writes.
pub(crate) fn encode(batch: &Batch, number: u64, nonce: u64, out: &mut Vec<u8>) -> usize {
    out.clear();
    out.resize(HEAD_BYTES, 0);
    for (key, value) in batch.writes() {
        put_bytes(key, 0, out);
        match value {
            Some(value) => put_bytes(value, 1, out),
            None => encode_varint(0, out),
        }
    }
    let bytes = out.len() - HEAD_BYTES;
    let mut head = &mut out[..HEAD_BYTES];
    head.put_u32(MARK);
    head.put_u32(u32::try_from(bytes).expect("a batch is smaller than a segment"));
    head.put_u64(number);
    head.put_u64(nonce);
    let checksum = checksum(&out[..CHECKSUM_AT], &out[HEAD_BYTES..]);
    out[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&checksum.to_be_bytes());
    out.resize(out.len().next_multiple_of(ALIGN), 0);
    bytes
}

fn put_bytes(bytes: &[u8], plus: u64, out: &mut Vec<u8>) {
    encode_varint(bytes.len() as u64 + plus, out);
    out.extend_from_slice(bytes);
}

fn checksum(head: &[u8], writes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(writes);
    hasher.finalize()
}

/// The head that bytes begin with, if they do; whether its record is whole is not looked at.
pub(crate) fn head(mut bytes: &[u8]) -> Option<Head> {
    if bytes.len() < HEAD_BYTES || bytes.get_u32() != MARK {
        return None;
    }
    let length = bytes.get_u32() as usize;
    let (number, nonce) = (bytes.get_u64(), bytes.get_u64());
    Some(Head { bytes: length, number, nonce, checksum: bytes.get_u32() })
}

/// The writes of the record that bytes begin with; `None` if it is torn.
pub(crate) fn writes<'a>(head: &Head, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let writes = bytes.get(HEAD_BYTES..HEAD_BYTES.checked_add(head.bytes)?)?;
    (checksum(&bytes[..CHECKSUM_AT], writes) == head.checksum).then_some(writes)
}

/// The writes of a record, each as slices of it; a value of `None` is a remove.
pub(crate) struct Writes {
    rest: Bytes,
}

impl Writes {
    /// Those of a record whose checksum is right.
    pub(crate) fn of(writes: Bytes) -> Self {
        Self { rest: writes }
    }

    fn read(&mut self) -> Option<(Bytes, Option<Bytes>)> {
        let length = self.length()?;
        let key = self.take(length)?;
        let value = match self.length()?.checked_sub(1) {
            Some(length) => Some(self.take(length)?),
            None => None,
        };
        Some((key, value))
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(decode_varint(&mut self.rest).ok()?).ok()
    }

    fn take(&mut self, length: usize) -> Option<Bytes> {
        (length <= self.rest.len()).then(|| self.rest.split_to(length))
    }
}

impl Iterator for Writes {
    type Item = Result<(Bytes, Option<Bytes>), NoWrites>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let write = self.read().ok_or(NoWrites);
        if write.is_err() {
            self.rest.clear();
        }
        Some(write)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn batch(writes: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Batch {
        let mut batch = Batch::default();
        for (key, value) in writes {
            match value {
                Some(value) => batch.put(key, value),
                None => batch.remove(key),
            }
        }
        batch
    }

    fn read(bytes: &[u8]) -> Option<Batch> {
        let head = head(bytes)?;
        let writes = Bytes::copy_from_slice(writes(&head, bytes)?);
        let mut batch = Batch::default();
        for write in Writes::of(writes) {
            match write.unwrap() {
                (key, Some(value)) => batch.put(key.into(), value),
                (key, None) => batch.remove(key.into()),
            }
        }
        Some(batch)
    }

    #[test]
    fn a_record_is_padded_to_whole_pages() {
        let mut out = Vec::new();
        encode(&batch(vec![(b"k".to_vec(), Some(vec![7; 5_000]))]), 3, 9, &mut out);
        assert_eq!(out.len(), 2 * ALIGN);
        let head = head(&out).unwrap();
        assert_eq!((head.number, head.nonce), (3, 9));
        assert_eq!(padded(head.bytes), out.len());
    }

    #[test]
    fn what_is_no_record_is_none() {
        assert_eq!(head(&[0; ALIGN]), None);
        assert_eq!(head(&[]), None);
        let mut out = Vec::new();
        encode(&Batch::default(), 1, 1, &mut out);
        assert_eq!(head(&out[..HEAD_BYTES - 1]), None);
        assert_eq!(read(&out), Some(Batch::default()));
    }

    #[test]
    fn writes_that_are_none_end_with_an_error() {
        for wrong in [&[2, b'k'][..], &[1], &[1, b'k'], &[1, b'k', 3, 0], &[0xff; 12]] {
            let last = Writes::of(Bytes::copy_from_slice(wrong)).last();
            assert_eq!(last, Some(Err(NoWrites)), "{wrong:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_batch_comes_back_as_it_was_and_not_when_torn(
            rows in proptest::collection::vec(
                (proptest::collection::vec(any::<u8>(), 0..50),
                 proptest::option::of(proptest::collection::vec(any::<u8>(), 0..3_000))),
                1..20,
            ),
            at in any::<prop::sample::Index>(),
            bit in 0..8_u8,
        ) {
            let batch = batch(rows);
            let mut out = Vec::new();
            encode(&batch, 7, 11, &mut out);
            prop_assert_eq!(read(&out), Some(batch.clone()));
            let used = HEAD_BYTES + head(&out).unwrap().bytes;
            let at = at.index(used);
            out[at] ^= 1 << bit;
            // The last four bytes of the head say nothing.
            let counts = !(CHECKSUM_AT + 4..HEAD_BYTES).contains(&at);
            prop_assert_eq!(read(&out).is_none(), counts);
        }
    }
}
