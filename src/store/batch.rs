//! Writes, all of which or none of which come to be. Ordered by key, so that
//! a reader can lay it over what a backend has. Must never know what a key or a value means.

use std::collections::BTreeMap;

use bytes::Bytes;

/// Operations (puts and removes) of one batch.
pub const OPERATIONS_PER_BATCH_MAX: usize = 2_048;

/// Puts and removes, one for each key: the last one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    writes: BTreeMap<Vec<u8>, Option<Bytes>>,
}

impl Batch {
    /// Writes a value.
    pub fn put(&mut self, key: Vec<u8>, value: impl Into<Bytes>) {
        self.writes.insert(key, Some(value.into()));
    }

    /// Removes a key, whether or not it is there.
    pub fn remove(&mut self, key: Vec<u8>) {
        self.writes.insert(key, None);
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
    fn the_last_write_of_a_key_counts_once() {
        let mut batch = Batch::default();
        batch.put(b"a".to_vec(), b"1".to_vec());
        batch.remove(b"a".to_vec());
        batch.put(b"b".to_vec(), b"2".to_vec());
        assert_eq!(batch.operations(), 2);
        assert_eq!(batch.get(b"a"), Some(None));
        assert_eq!(batch.get(b"b"), Some(Some(&b"2"[..])));
        assert_eq!(batch.get(b"c"), None);
        let keys: Vec<_> = batch.range(b"a", b"b").map(|(key, _)| key.to_vec()).collect();
        assert_eq!(keys, [b"a".to_vec()]);
    }
}
