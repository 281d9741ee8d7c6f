//! A backend that can lose its power: what was not synced goes, from the last batch backwards. Must
//! never lose what was synced.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use packetboat::store::backend::{Backend, BackendError, Visit};
use packetboat::store::batch::{BATCH_BYTES_MAX, Batch, OPERATIONS_PER_BATCH_MAX, VALUE_BYTES_MAX};

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Debug, Default)]
struct Platter {
    synced: Rows,
    /// Synced, and the batches laid over it.
    seen: Rows,
    batches: Vec<Batch>,
}

/// A backend in memory; clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<Platter>>);

impl Disk {
    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The power goes: of the batches since the last sync, the first `kept` have made it.
    pub fn cut_power(&self, kept: usize) {
        let mut platter = self.platter();
        let mut rows = platter.synced.clone();
        let batches = std::mem::take(&mut platter.batches);
        batches.iter().take(kept).for_each(|batch| lay(batch, &mut rows));
        platter.synced = rows.clone();
        platter.seen = rows;
    }
}

fn lay(batch: &Batch, rows: &mut Rows) {
    for (key, value) in batch.writes() {
        match value {
            Some(value) => rows.insert(key.to_vec(), value.to_vec()),
            None => rows.remove(key),
        };
    }
}

impl Backend for Disk {
    fn apply(&self, batch: Batch) -> Result<(), BackendError> {
        assert!(batch.operations() <= OPERATIONS_PER_BATCH_MAX, "a batch has its bound");
        assert!(batch.bytes() <= BATCH_BYTES_MAX, "a batch fits where it is written");
        let lengths = batch.writes().filter_map(|(_, value)| value.map(<[u8]>::len));
        let longest = lengths.max().unwrap_or_default();
        assert!(longest <= VALUE_BYTES_MAX, "a value of {longest} bytes would not be durable");
        let mut platter = self.platter();
        lay(&batch, &mut platter.seen);
        platter.batches.push(batch);
        Ok(())
    }

    fn sync(&self) -> Result<(), BackendError> {
        let mut platter = self.platter();
        platter.synced = platter.seen.clone();
        platter.batches.clear();
        Ok(())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        Ok(self.platter().seen.get(key).cloned())
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), BackendError> {
        let platter = self.platter();
        let mut rows = platter.seen.range::<[u8], _>((Included(from), Excluded(to)));
        // Stops with the first visit that breaks, or at the end.
        let _ = rows.try_for_each(|(key, value)| visit(key, value));
        Ok(())
    }

    fn last_key(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        let platter = self.platter();
        let mut rows = platter.seen.range::<[u8], _>((Included(from), Excluded(to)));
        Ok(rows.next_back().map(|(key, _)| key.clone()))
    }

    fn free_bytes(&self) -> Result<Option<u64>, BackendError> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_synced_goes_from_the_last_batch_backwards() {
        let disk = Disk::default();
        for key in [b"a", b"b", b"c"] {
            let mut batch = Batch::default();
            batch.put(key.to_vec(), b"1".to_vec());
            disk.apply(batch).unwrap();
            if key == b"a" {
                disk.sync().unwrap();
            }
        }
        assert_eq!(disk.get(b"c").unwrap(), Some(b"1".to_vec()));
        disk.cut_power(1);
        let held = |key: &[u8]| disk.get(key).unwrap().is_some();
        assert_eq!((held(b"a"), held(b"b"), held(b"c")), (true, true, false));
        disk.cut_power(0);
        assert_eq!((held(b"a"), held(b"b")), (true, true), "what made it has made it");
    }
}
