//! Rows that are not packed yet: those of the batches since the last turn, and those that are
//! being packed. Must never drop a row before it can be read elsewhere.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

use bytes::Bytes;

use crate::store::batch::Batch;

/// What a row takes in memory beside its bytes, roughly.
const ROW_BYTES: usize = 96;

/// Rows in order; `None` is one that was removed.
pub(crate) type Rows = BTreeMap<Vec<u8>, Option<Bytes>>;

/// What memory knows of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It has this value.
    Row(Bytes),
    /// It was removed.
    Removed,
    /// What is packed counts.
    Nothing,
}

/// Rows that are not packed yet.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    active: Rows,
    active_bytes: usize,
    frozen: Option<Arc<Rows>>,
    /// How often frozen rows were dropped: who looked here before and elsewhere after has to look
    /// again if it changed in between.
    drops: u64,
}

impl Fresh {
    /// Takes a batch.
    pub(crate) fn apply(&mut self, batch: Batch) {
        for (key, value) in batch.into_rows() {
            let bytes = |value: &Option<Bytes>| value.as_ref().map_or(0, Bytes::len);
            self.active_bytes += bytes(&value);
            let key_bytes = key.len();
            match self.active.insert(key, value) {
                Some(old) => self.active_bytes -= bytes(&old),
                None => self.active_bytes += key_bytes + ROW_BYTES,
            }
        }
    }

    /// Bytes of the rows that came since the last turn.
    pub(crate) fn active_bytes(&self) -> usize {
        self.active_bytes
    }

    /// The rows so far are to be packed; none are already.
    pub(crate) fn freeze(&mut self) -> Arc<Rows> {
        debug_assert!(self.frozen.is_none(), "one set of rows is packed at a time");
        let rows = Arc::new(std::mem::take(&mut self.active));
        self.active_bytes = 0;
        self.frozen = Some(Arc::clone(&rows));
        rows
    }

    pub(crate) fn is_packing(&self) -> bool {
        self.frozen.is_some()
    }

    /// The frozen rows can be read elsewhere.
    pub(crate) fn drop_frozen(&mut self) {
        self.frozen = None;
        self.drops += 1;
    }

    pub(crate) fn drops(&self) -> u64 {
        self.drops
    }

    /// What is known of a key.
    pub(crate) fn get(&self, key: &[u8]) -> Known {
        let frozen = || self.frozen.as_ref().and_then(|rows| rows.get(key));
        match self.active.get(key).or_else(frozen) {
            Some(Some(value)) => Known::Row(value.clone()),
            Some(None) => Known::Removed,
            None => Known::Nothing,
        }
    }

    /// The rows from one key up to another, about `limit` of them; and the key that the rest
    /// begins with, if there is any.
    pub(crate) fn range(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> (Rows, Option<Vec<u8>>) {
        let sets = [self.frozen.as_deref(), Some(&self.active)];
        let behind = |rows| between(rows, from, to).nth(limit).map(|(key, _)| key.clone());
        let rest = sets.into_iter().flatten().filter_map(behind).min();
        let mut found = Rows::new();
        for rows in sets.into_iter().flatten() {
            // The active row of a key comes after the frozen one, and replaces it.
            let part = between(rows, from, rest.as_deref().or(to));
            found.extend(part.map(|(key, value)| (key.clone(), value.clone())));
        }
        (found, rest)
    }

    /// The last row that is there from one key up to another.
    pub(crate) fn last(&self, from: &[u8], to: &[u8]) -> Option<Vec<u8>> {
        let frozen = self.frozen.as_deref().and_then(|rows| {
            between(rows, from, Some(to))
                .rev()
                .find(|(key, value)| value.is_some() && !self.active.contains_key(*key))
        });
        let active = between(&self.active, from, Some(to)).rev().find(|(_, value)| value.is_some());
        frozen.map(|(key, _)| key).max(active.map(|(key, _)| key)).cloned()
    }
}

fn between<'a>(
    rows: &'a Rows,
    from: &[u8],
    to: Option<&[u8]>,
) -> impl DoubleEndedIterator<Item = (&'a Vec<u8>, &'a Option<Bytes>)> {
    let upper = to.map_or(Unbounded, |to| Excluded(to.max(from)));
    rows.range::<[u8], _>((Included(from), upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(writes: &[(&str, Option<&str>)]) -> Batch {
        let mut batch = Batch::default();
        for (key, value) in writes {
            match value {
                Some(value) => batch.put(key.as_bytes().to_vec(), value.as_bytes().to_vec()),
                None => batch.remove(key.as_bytes().to_vec()),
            }
        }
        batch
    }

    fn told(rows: &Rows) -> String {
        let row = |(key, value): (&Vec<u8>, &Option<Bytes>)| {
            let value = value.as_ref().map_or("-", |value| str::from_utf8(value).unwrap());
            format!("{}{value}", str::from_utf8(key).unwrap())
        };
        rows.iter().map(row).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_newer_row_hides_an_older_one_that_is_being_packed() {
        let mut fresh = Fresh::default();
        fresh.apply(batch(&[("a", Some("1")), ("b", Some("1")), ("c", Some("1"))]));
        fresh.freeze();
        fresh.apply(batch(&[("b", None), ("d", Some("2"))]));
        let (rows, rest) = fresh.range(b"", None, 10);
        assert_eq!((told(&rows).as_str(), rest), ("a1 b- c1 d2", None));
        assert_eq!(fresh.get(b"b"), Known::Removed);
        assert_eq!(fresh.last(b"", b"c"), Some(b"a".to_vec()));
        assert_eq!(fresh.last(b"", b"z"), Some(b"d".to_vec()));
        fresh.drop_frozen();
        assert_eq!(fresh.get(b"a"), Known::Nothing);
        assert_eq!(fresh.drops(), 1);
    }

    #[test]
    fn a_range_that_is_cut_short_has_every_row_before_its_rest() {
        let mut fresh = Fresh::default();
        fresh.apply(batch(&[("a", Some("1")), ("c", Some("1")), ("e", Some("1"))]));
        fresh.freeze();
        fresh.apply(batch(&[("b", Some("2")), ("c", Some("2")), ("d", Some("2"))]));
        let (rows, rest) = fresh.range(b"a", Some(b"z"), 2);
        assert_eq!((told(&rows).as_str(), rest), ("a1 b2 c2", Some(b"d".to_vec())));
        let (rows, rest) = fresh.range(b"d", Some(b"e"), 2);
        assert_eq!((told(&rows).as_str(), rest), ("d2", None));
        assert_eq!(fresh.range(b"d", Some(b"a"), 2), (Rows::new(), None));
    }
}
