//! Rows packed into one value of the engine below: in order of key, each key without what it
//! shares with the one before. Must never panic on what it reads, nor make a block that is larger
//! than `BLOCK_BYTES`.
//!
//! A row is three varints (bytes of the key that it shares with the one before, bytes that are its
//! own, and the cell's tag) and then the key's own bytes and the cell. A tag that is even says the
//! length of a value that stands here; an odd one, the length of a value that stands in a file of
//! `values`: then its place follows.

use bytes::Bytes;
use prost::encoding::{decode_varint, encode_varint, encoded_len_varint};
use thiserror::Error;

use crate::store::backend::{BLOCK_BYTES_MAX, BackendError};

/// Bytes of a block: the largest value that the engine takes.
pub(crate) const BLOCK_BYTES: usize = BLOCK_BYTES_MAX;

/// Where a value stands that is too large for a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file.
    pub(crate) file: u64,
    /// Where it begins in it.
    pub(crate) at: u64,
    /// Its bytes.
    pub(crate) length: u32,
    /// CRC-32 of them.
    pub(crate) checksum: u32,
}

/// What a row holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Here(Bytes),
    There(Place),
}

/// A row of a block.
pub(crate) type Packed = (Vec<u8>, Cell);

/// A block that is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a block of {bytes} bytes is malformed at {at}")]
pub(crate) struct BlockError {
    /// Bytes of the block.
    pub(crate) bytes: usize,
    /// Where.
    pub(crate) at: usize,
}

impl From<BlockError> for BackendError {
    fn from(error: BlockError) -> Self {
        Self::Block { detail: error.to_string() }
    }
}

/// Makes one block after the other of rows that come in order.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    last: Vec<u8>,
    block: Vec<u8>,
}

impl Packer {
    /// Adds a row if it fits into the block.
    pub(crate) fn add(&mut self, key: &[u8], cell: &Cell) -> bool {
        let shared = shared(&self.last, key);
        let own = &key[shared..];
        if self.block.len() + sharing_len(shared, own, cell) > BLOCK_BYTES {
            return false;
        }
        encode_varint(shared as u64, &mut self.block);
        encode_varint(own.len() as u64, &mut self.block);
        encode_varint(tag(cell), &mut self.block);
        self.block.extend_from_slice(own);
        match cell {
            Cell::Here(value) => self.block.extend_from_slice(value),
            Cell::There(place) => {
                encode_varint(place.file, &mut self.block);
                encode_varint(place.at, &mut self.block);
                self.block.extend_from_slice(&place.checksum.to_be_bytes());
            }
        }
        self.last.truncate(shared);
        self.last.extend_from_slice(own);
        true
    }

    /// The block; the next one begins.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        self.last.clear();
        std::mem::take(&mut self.block)
    }

    /// Bytes of the block so far.
    pub(crate) fn bytes(&self) -> usize {
        self.block.len()
    }
}

fn tag(cell: &Cell) -> u64 {
    match cell {
        Cell::Here(value) => (value.len() as u64) << 1,
        Cell::There(place) => (u64::from(place.length) << 1) | 1,
    }
}

fn shared(before: &[u8], key: &[u8]) -> usize {
    /// Bytes that are compared at once.
    const STEP: usize = 16;
    let steps = before.chunks_exact(STEP).zip(key.chunks_exact(STEP));
    let same = steps.take_while(|(a, b)| a == b).count() * STEP;
    same + before[same..].iter().zip(&key[same..]).take_while(|(a, b)| a == b).count()
}

/// Bytes of a row behind another.
pub(crate) fn row_len(before: &[u8], key: &[u8], cell: &Cell) -> usize {
    let shared = shared(before, key);
    sharing_len(shared, &key[shared..], cell)
}

/// Bytes of a row that shares so many with the one before.
fn sharing_len(shared: usize, own: &[u8], cell: &Cell) -> usize {
    let head = encoded_len_varint(shared as u64)
        + encoded_len_varint(own.len() as u64)
        + encoded_len_varint(tag(cell));
    let cell = match cell {
        Cell::Here(value) => value.len(),
        Cell::There(place) => encoded_len_varint(place.file) + encoded_len_varint(place.at) + 4,
    };
    head + own.len() + cell
}

/// The rows of a block, in order.
pub(crate) struct Rows {
    block: Bytes,
    at: usize,
    key: Vec<u8>,
}

impl Rows {
    pub(crate) fn of(block: Bytes) -> Self {
        Self { block, at: 0, key: Vec::new() }
    }

    /// The next row; its key is good until the one after it.
    pub(crate) fn next_row(&mut self) -> Result<Option<(&[u8], Cell)>, BlockError> {
        if self.at == self.block.len() {
            return Ok(None);
        }
        let error = BlockError { bytes: self.block.len(), at: self.at };
        let cell = self.read().ok_or(error)?;
        Ok(Some((&self.key, cell)))
    }

    fn read(&mut self) -> Option<Cell> {
        let mut rest = &self.block[self.at..];
        let shared = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
        let own = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
        let tag = decode_varint(&mut rest).ok()?;
        if shared > self.key.len() {
            return None;
        }
        let (own, mut rest) = rest.split_at_checked(own)?;
        let before = self.block.len() - rest.len();
        let cell = if tag & 1 == 0 {
            let length = usize::try_from(tag >> 1).ok()?;
            rest = rest.get(length..)?;
            Cell::Here(self.block.slice(before..before + length))
        } else {
            let file = decode_varint(&mut rest).ok()?;
            let at = decode_varint(&mut rest).ok()?;
            let (checksum, behind) = rest.split_first_chunk::<4>()?;
            rest = behind;
            let checksum = u32::from_be_bytes(*checksum);
            Cell::There(Place { file, at, length: u32::try_from(tag >> 1).ok()?, checksum })
        };
        self.at = self.block.len() - rest.len();
        self.key.truncate(shared);
        self.key.extend_from_slice(own);
        Some(cell)
    }
}

/// What a block has under a key.
pub(crate) fn find(block: Bytes, wanted: &[u8]) -> Result<Option<Cell>, BlockError> {
    let mut rows = Rows::of(block);
    while let Some((key, cell)) = rows.next_row()? {
        if key >= wanted {
            return Ok((key == wanted).then_some(cell));
        }
    }
    Ok(None)
}

/// What a block has from one key up to another.
pub(crate) fn rows_between(
    block: Bytes,
    from: &[u8],
    to: &[u8],
) -> Result<Vec<Packed>, BlockError> {
    let (mut rows, mut found) = (Rows::of(block), Vec::new());
    while let Some((key, cell)) = rows.next_row()? {
        if key >= to {
            break;
        }
        if key >= from {
            found.push((key.to_vec(), cell));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn cell() -> impl Strategy<Value = Cell> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200)
                .prop_map(|value| Cell::Here(value.into())),
            (any::<u64>(), any::<u64>(), 0..=i32::MAX as u32, any::<u32>()).prop_map(
                |(file, at, length, checksum)| Cell::There(Place { file, at, length, checksum })
            ),
        ]
    }

    fn rows(block: Bytes) -> Result<Vec<Packed>, BlockError> {
        let mut found = Vec::new();
        let mut rows = Rows::of(block);
        while let Some((key, cell)) = rows.next_row()? {
            found.push((key.to_vec(), cell));
        }
        Ok(found)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn rows_come_back_as_they_were(
            wanted in proptest::collection::btree_map("[a-c]{0,8}", cell(), 0..60),
        ) {
            let wanted: BTreeMap<Vec<u8>, Cell> =
                wanted.into_iter().map(|(key, cell)| (key.into_bytes(), cell)).collect();
            let (mut packer, mut blocks) = (Packer::default(), Vec::new());
            for (key, cell) in &wanted {
                if !packer.add(key, cell) {
                    blocks.push(Bytes::from(packer.finish()));
                    prop_assert!(packer.add(key, cell), "a row fits into a block of its own");
                }
            }
            blocks.push(Bytes::from(packer.finish()));
            prop_assert!(blocks.iter().all(|block| block.len() <= BLOCK_BYTES));
            let mut found = BTreeMap::new();
            for block in &blocks {
                for (key, cell) in rows(block.clone()).unwrap() {
                    prop_assert_eq!(find(block.clone(), &key).unwrap(), Some(cell.clone()));
                    found.insert(key, cell);
                }
                prop_assert_eq!(find(block.clone(), b"zz").unwrap(), None);
            }
            prop_assert_eq!(found, wanted);
        }

        #[test]
        fn garbage_is_an_error_or_rows_but_never_a_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            if let Ok(rows) = rows(Bytes::from(bytes)) {
                prop_assert!(rows.len() <= 300);
            }
        }
    }
}
