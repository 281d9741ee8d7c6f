//! A disk in memory that keeps only what was synced, and fails when it is told to. Must never lose
//! what a sync has returned for.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included};
use std::sync::{Arc, Mutex, MutexGuard};

use fastrand::Rng;
use packetboat::store::backend::{Backend, BackendError, Visit};
use packetboat::store::batch::Batch;

/// Free bytes of a disk that is nearly full.
const NEARLY_FULL_BYTES: u64 = 1;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;
/// What a batch has replaced.
type Undo = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// A disk, which is there whether or not a server runs.
#[derive(Clone, Default)]
pub struct Disk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    rows: Rows,
    /// Batches that are applied and not synced, in order.
    unsynced: Vec<Undo>,
    /// Counts the crashes: a mount from before one is dead.
    generation: u64,
    /// Writes and syncs until one fails.
    fails_in: Option<u32>,
    full: bool,
}

/// What a server has of a disk until it crashes.
pub struct Mount {
    disk: Disk,
    generation: u64,
}

impl Disk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it is held")
    }

    /// For a server that starts.
    pub fn mount(&self) -> Mount {
        Mount { disk: self.clone(), generation: self.state().generation }
    }

    /// The power goes: of the batches not synced, only some of the first are there.
    pub fn crash(&self, rng: &mut Rng) {
        let mut state = self.state();
        let kept = rng.usize(0..=state.unsynced.len());
        let lost = state.unsynced.split_off(kept);
        for undo in lost.into_iter().rev() {
            for (key, before) in undo.into_iter().rev() {
                match before {
                    Some(value) => state.rows.insert(key, value),
                    None => state.rows.remove(&key),
                };
            }
        }
        state.unsynced.clear();
        state.generation += 1;
        state.fails_in = None;
    }

    /// The process ends: it writes nothing more.
    pub fn unmount(&self) {
        let mut state = self.state();
        state.unsynced.clear();
        state.generation += 1;
        state.fails_in = None;
    }

    /// The write or sync after so many others fails.
    pub fn fail_in(&self, calls: u32) {
        self.state().fails_in = Some(calls);
    }

    /// It fails no more.
    pub fn heal(&self) {
        self.state().fails_in = None;
    }

    /// Whether it is nearly full.
    pub fn set_full(&self, full: bool) {
        self.state().full = full;
    }
}

impl Mount {
    fn alive(&self) -> Result<MutexGuard<'_, State>, BackendError> {
        let state = self.disk.state();
        if state.generation == self.generation {
            return Ok(state);
        }
        Err(BackendError::Engine { detail: "the machine is off".to_owned() })
    }

    /// The disk for a write or a sync, which may fail.
    fn working(&self) -> Result<MutexGuard<'_, State>, BackendError> {
        let mut state = self.alive()?;
        match &mut state.fails_in {
            Some(0) => Err(BackendError::Engine { detail: "the disk fails".to_owned() }),
            Some(calls) => {
                *calls -= 1;
                Ok(state)
            }
            None => Ok(state),
        }
    }
}

impl Backend for Mount {
    fn apply(&self, batch: Batch) -> Result<(), BackendError> {
        let mut state = self.working()?;
        // A power cut could leave the later one without the earlier (docs/adr/0023).
        assert!(state.unsynced.is_empty(), "a batch is applied before the last is durable");
        let mut undo = Undo::new();
        for (key, value) in batch.into_rows() {
            let before = match value {
                Some(value) => state.rows.insert(key.clone(), value.into()),
                None => state.rows.remove(&key),
            };
            undo.push((key, before));
        }
        state.unsynced.push(undo);
        Ok(())
    }

    fn sync(&self) -> Result<(), BackendError> {
        self.working()?.unsynced.clear();
        Ok(())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        Ok(self.alive()?.rows.get(key).cloned())
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), BackendError> {
        for (key, value) in self.alive()?.rows.range::<[u8], _>((Included(from), Excluded(to))) {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn last_key(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        let state = self.alive()?;
        let mut range = state.rows.range::<[u8], _>((Included(from), Excluded(to)));
        Ok(range.next_back().map(|(key, _)| key.clone()))
    }

    fn free_bytes(&self) -> Result<Option<u64>, BackendError> {
        Ok(self.alive()?.full.then_some(NEARLY_FULL_BYTES))
    }
}
