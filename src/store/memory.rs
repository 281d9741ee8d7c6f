//! A backend that keeps everything in memory, for tests and simulation: durable for as long as a
//! clone of it lives. Must never be what an operator's messages are kept in.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::backend::{Backend, BackendError, Visit, check_values};
use super::batch::Batch;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Rows in memory; clones share them, so that a store can be opened again.
#[derive(Clone, Debug, Default)]
pub struct MemoryBackend {
    rows: Arc<RwLock<Rows>>,
}

impl MemoryBackend {
    fn rows(&self) -> RwLockReadGuard<'_, Rows> {
        // A visitor that panics leaves the rows whole: it only reads.
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for MemoryBackend {
    fn apply(&self, batch: Batch) -> Result<(), BackendError> {
        check_values(&batch)?;
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in batch.into_rows() {
            match value {
                Some(value) => rows.insert(key, value.into()),
                None => rows.remove(&key),
            };
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), BackendError> {
        Ok(())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        Ok(self.rows().get(key).cloned())
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), BackendError> {
        for (key, value) in self.rows().range::<[u8], _>((Included(from), Excluded(to))) {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn last_key(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        let rows = self.rows();
        let mut range = rows.range::<[u8], _>((Included(from), Excluded(to)));
        Ok(range.next_back().map(|(key, _)| key.clone()))
    }

    fn free_bytes(&self) -> Result<Option<u64>, BackendError> {
        Ok(None)
    }
}
