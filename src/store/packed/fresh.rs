//! Rows that are not packed yet: those of the batches since the last turn, and those that are
//! being packed. Must never drop a row before it can be read elsewhere.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

use bytes::Bytes;

use crate::store::journal::{NoWrites, Writes};

/// What a row takes in memory beside its bytes, roughly.
const ROW_BYTES: usize = 96;

/// Rows in order; `None` is one that was removed. Keys and values are slices of the batches that
/// they came with: memory is taken and given back batch by batch.
pub(crate) type Rows = BTreeMap<Bytes, Option<Bytes>>;

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
    /// Takes a batch's writes, as the journal has them.
    pub(crate) fn apply(&mut self, writes: Bytes) -> Result<(), NoWrites> {
        self.active_bytes += writes.len();
        for write in Writes::of(writes) {
            let (key, value) = write?;
            if self.active.insert(key, value).is_none() {
                self.active_bytes += ROW_BYTES;
            }
        }
        Ok(())
    }

    /// Bytes of the batches that came since the last turn, and what their rows take beside them.
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
        let behind = |rows| between(rows, from, to).nth(limit).map(|(key, _)| key.to_vec());
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
        frozen.map(|(key, _)| key).max(active.map(|(key, _)| key)).map(|key| key.to_vec())
    }
}

fn between<'a>(
    rows: &'a Rows,
    from: &[u8],
    to: Option<&[u8]>,
) -> impl DoubleEndedIterator<Item = (&'a Bytes, &'a Option<Bytes>)> {
    let upper = to.map_or(Unbounded, |to| Excluded(to.max(from)));
    rows.range::<[u8], _>((Included(from), upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes of one letter for each key and value.
    fn writes(writes: &[(&str, Option<&str>)]) -> Bytes {
        let mut bytes = Vec::new();
        for (key, value) in writes {
            bytes.extend([&[1], key.as_bytes()].concat());
            bytes.extend(value.map_or(vec![0], |value| [&[2], value.as_bytes()].concat()));
        }
        bytes.into()
    }

    fn told(rows: &Rows) -> String {
        let row = |(key, value): (&Bytes, &Option<Bytes>)| {
            let value = value.as_ref().map_or("-", |value| str::from_utf8(value).unwrap());
            format!("{}{value}", str::from_utf8(key).unwrap())
        };
        rows.iter().map(row).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_newer_row_hides_an_older_one_that_is_being_packed() {
        let mut fresh = Fresh::default();
        fresh.apply(writes(&[("a", Some("1")), ("b", Some("1")), ("c", Some("1"))])).unwrap();
        fresh.freeze();
        fresh.apply(writes(&[("b", None), ("d", Some("2"))])).unwrap();
        let (rows, rest) = fresh.range(b"", None, 10);
        assert_eq!((told(&rows).as_str(), rest), ("a1 b- c1 d2", None));
        assert_eq!(fresh.get(b"b"), Known::Removed);
        assert_eq!(fresh.last(b"", b"c"), Some(b"a".to_vec()));
        assert_eq!(fresh.last(b"", b"z"), Some(b"d".to_vec()));
        assert_eq!(fresh.apply(Bytes::from_static(&[1])), Err(NoWrites));
        fresh.drop_frozen();
        assert_eq!(fresh.get(b"a"), Known::Nothing);
        assert_eq!(fresh.drops(), 1);
    }

    #[test]
    fn a_range_that_is_cut_short_has_every_row_before_its_rest() {
        let mut fresh = Fresh::default();
        fresh.apply(writes(&[("a", Some("1")), ("c", Some("1")), ("e", Some("1"))])).unwrap();
        fresh.freeze();
        fresh.apply(writes(&[("b", Some("2")), ("c", Some("2")), ("d", Some("2"))])).unwrap();
        let (rows, rest) = fresh.range(b"a", Some(b"z"), 2);
        assert_eq!((told(&rows).as_str(), rest), ("a1 b2 c2", Some(b"d".to_vec())));
        let (rows, rest) = fresh.range(b"d", Some(b"e"), 2);
        assert_eq!((told(&rows).as_str(), rest), ("d2", None));
        assert_eq!(fresh.range(b"d", Some(b"a"), 2), (Rows::new(), None));
    }
}
