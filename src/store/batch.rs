//! Writes, all of which or none of which come to be. Ordered by key, so that
//! a reader can lay it over what a backend has. Must never know what a key or a value means.

use std::collections::BTreeMap;

use bytes::Bytes;

/// Operations (puts and removes) of one batch.
pub const OPERATIONS_PER_BATCH_MAX: usize = 8_192;
/// Operations that an empty batch has room for, whatever they write.
pub const OPERATIONS_PER_COMMAND_MAX: usize = 2_048;
/// Bytes of a value. A longer entry is split over several keys.
pub const VALUE_BYTES_MAX: usize = 4 * 1024;
/// Bytes of one operation: a value, the longest key, and the lengths of both.
const OPERATION_BYTES_MAX: usize = VALUE_BYTES_MAX + 512;
/// Bytes of a batch, wherever it is written.
pub const BATCH_BYTES_MAX: usize = OPERATIONS_PER_COMMAND_MAX * OPERATION_BYTES_MAX;
/// Bytes of an operation's lengths, at most.
const LENGTHS_BYTES_MAX: usize = 8;

/// Puts and removes, one for each key: the last one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    writes: BTreeMap<Vec<u8>, Option<Bytes>>,
    /// Of its operations.
    bytes: usize,
    erases: bool,
}

impl Batch {
    /// Writes a value.
    pub fn put(&mut self, key: Vec<u8>, value: impl Into<Bytes>) {
        self.write(key, Some(value.into()));
    }

    /// Removes a key, whether or not it is there.
    pub fn remove(&mut self, key: Vec<u8>) {
        self.write(key, None);
    }

    fn write(&mut self, key: Vec<u8>, value: Option<Bytes>) {
        let value_bytes = |value: &Option<Bytes>| value.as_ref().map_or(0, Bytes::len);
        let key_bytes = key.len();
        self.bytes += value_bytes(&value);
        match self.writes.insert(key, value) {
            Some(replaced) => self.bytes -= value_bytes(&replaced),
            None => self.bytes += key_bytes + LENGTHS_BYTES_MAX,
        }
    }

    /// What it writes over or removes is to be erased soon, wherever it stands.
    pub fn erase(&mut self) {
        self.erases = true;
    }

    /// Whether what it writes over or removes is to be erased.
    pub fn erases(&self) -> bool {
        self.erases
    }

    /// Bytes that it takes where it is written, at most.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Operations that it has room for, whatever they write.
    pub fn room(&self) -> usize {
        let bytes = BATCH_BYTES_MAX.saturating_sub(self.bytes);
        let operations = OPERATIONS_PER_BATCH_MAX.saturating_sub(self.operations());
        operations.min(bytes / OPERATION_BYTES_MAX)
    }

    /// What the batch does to a key: `Some(None)` removes it.
    pub fn get(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        self.writes.get(key).map(Option::as_deref)
    }

    /// Every write, in order of key; `None` is a remove.
    pub fn writes(&self) -> impl DoubleEndedIterator<Item = (&[u8], Option<&[u8]>)> {
        self.writes.iter().map(|(key, value)| (key.as_slice(), value.as_deref()))
    }

    /// The same, to be kept.
    pub fn into_rows(self) -> impl Iterator<Item = (Vec<u8>, Option<Bytes>)> {
        self.writes.into_iter()
    }

    /// The writes from one key up to another, which is not among them.
    pub fn range(
        &self,
        from: &[u8],
        to: &[u8],
    ) -> impl DoubleEndedIterator<Item = (&[u8], Option<&[u8]>)> {
        use std::ops::Bound::{Excluded, Included};
        let bounds = (Included(from), Excluded(to));
        self.writes.range::<[u8], _>(bounds).map(|(key, value)| (key.as_slice(), value.as_deref()))
    }

    /// How many operations it has.
    pub fn operations(&self) -> usize {
        self.writes.len()
    }

    /// There is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_many_small_writes_or_for_a_commands_large_ones() {
        let mut batch = Batch::default();
        assert_eq!(batch.room(), OPERATIONS_PER_COMMAND_MAX);
        let mut number = 0_u64;
        while batch.room() > 0 {
            batch.put(number.to_be_bytes().to_vec(), vec![0; 200]);
            number += 1;
        }
        assert_eq!(batch.operations(), OPERATIONS_PER_BATCH_MAX);
        let mut batch = Batch::default();
        for left in (0..OPERATIONS_PER_COMMAND_MAX).rev() {
            batch.put(left.to_be_bytes().to_vec(), vec![0; VALUE_BYTES_MAX]);
            assert!(batch.room() >= left, "{left}");
        }
        assert!(batch.bytes <= BATCH_BYTES_MAX);
    }

    #[test]
    fn the_last_write_of_a_key_counts_once() {
        let mut batch = Batch::default();
        batch.put(b"a".to_vec(), b"1".to_vec());
        batch.remove(b"a".to_vec());
        batch.put(b"b".to_vec(), b"2".to_vec());
        assert_eq!((batch.operations(), batch.bytes), (2, 2 + 1 + 2 * LENGTHS_BYTES_MAX));
        assert_eq!(batch.get(b"a"), Some(None));
        assert_eq!(batch.get(b"b"), Some(Some(&b"2"[..])));
        assert_eq!(batch.get(b"c"), None);
        let keys: Vec<_> = batch.range(b"a", b"b").map(|(key, _)| key.to_vec()).collect();
        assert_eq!(keys, [b"a".to_vec()]);
    }
}
