//! A backend whose power can be cut, and which can fail at a chosen moment. What was applied and
//! not synced goes with the power, from the last batch backwards. Must never lose what was synced.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use packetboat::store::backend::{Backend, BackendError, Visit};
use packetboat::store::batch::Batch;
use packetboat::store::memory::MemoryBackend;

use crate::bed::Bed;

/// Where a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Before it does anything.
    Before,
    /// When all is done.
    After,
    /// By a panic, before it does anything.
    Panic,
}

/// The disk, whose power is cut between one backend and the next.
#[derive(Clone, Default)]
pub(crate) struct ShakyBed(Arc<Mutex<Disk>>);

#[derive(Default)]
struct Disk {
    /// What is on the disk for sure.
    synced: MemoryBackend,
    /// What was applied since, in order.
    unsynced: Vec<Batch>,
    /// Backends up to now: an older one than the last is dead.
    opened: u64,
    /// So many writes (applies and syncs) later, one fails so.
    fault: Option<(usize, Fault)>,
    failed: bool,
    /// Writes after the failure, of which there may be none.
    writes_after: usize,
}

pub(crate) struct Shaky {
    disk: Arc<Mutex<Disk>>,
    /// What is seen: with what is not synced.
    rows: MemoryBackend,
    number: u64,
}

/// Another backend with the same rows.
fn copied(rows: &MemoryBackend) -> MemoryBackend {
    let mut batch = Batch::default();
    let mut take = |key: &[u8], value: &[u8]| {
        batch.put(key.to_vec(), value.to_vec());
        ControlFlow::Continue(())
    };
    rows.scan(&[], &[0xff; 64], &mut take).unwrap();
    let copy = MemoryBackend::default();
    copy.apply(batch).unwrap();
    copy
}

fn down() -> BackendError {
    BackendError::Engine { detail: "the power is cut".into() }
}

impl ShakyBed {
    /// Cuts the power: of the batches that were not synced, the last ones are lost, up to `lost`.
    pub(crate) fn cut(&self, lost: usize) {
        let mut disk = self.0.lock().unwrap();
        let kept = disk.unsynced.len().saturating_sub(lost);
        for batch in disk.unsynced.drain(..).take(kept).collect::<Vec<_>>() {
            disk.synced.apply(batch).unwrap();
        }
        disk.opened += 1;
        (disk.fault, disk.failed, disk.writes_after) = (None, false, 0);
    }

    /// Lets a write fail, after so many that do not.
    pub(crate) fn fail_after(&self, writes: usize, fault: Fault) {
        self.0.lock().unwrap().fault = Some((writes, fault));
    }

    /// Whether that was met, and how much was written after it.
    pub(crate) fn failed(&self) -> Option<usize> {
        let disk = self.0.lock().unwrap();
        disk.failed.then_some(disk.writes_after)
    }

    /// Batches that a cut may take now.
    pub(crate) fn unsynced(&self) -> usize {
        self.0.lock().unwrap().unsynced.len()
    }
}

impl Bed for ShakyBed {
    type Backend = Shaky;

    fn backend(&self) -> Shaky {
        let disk = self.0.lock().unwrap();
        let rows = copied(&disk.synced);
        for batch in &disk.unsynced {
            rows.apply(batch.clone()).unwrap();
        }
        Shaky { disk: Arc::clone(&self.0), rows, number: disk.opened }
    }

    fn cut_power(&self) {
        self.cut(usize::MAX);
    }
}

impl Shaky {
    /// One write, which may be the one that fails.
    fn write(&self, work: impl FnOnce(&mut Disk)) -> Result<(), BackendError> {
        let mut disk = self.disk.lock().unwrap();
        if disk.opened != self.number {
            return Err(down());
        }
        if disk.failed {
            disk.writes_after += 1;
            return Err(down());
        }
        let fault = match &mut disk.fault {
            Some((0, fault)) => Some(*fault),
            Some((writes, _)) => {
                *writes -= 1;
                None
            }
            None => None,
        };
        disk.failed = fault.is_some();
        match fault {
            Some(Fault::Before) => return Err(down()),
            Some(Fault::Panic) => {
                drop(disk);
                panic!("a fault in the engine");
            }
            Some(Fault::After) | None => work(&mut disk),
        }
        if fault.is_some() { Err(down()) } else { Ok(()) }
    }
}

impl Backend for Shaky {
    fn apply(&self, batch: Batch) -> Result<(), BackendError> {
        self.write(|disk| {
            assert!(disk.unsynced.is_empty(), "a batch is applied before the last is durable");
            self.rows.apply(batch.clone()).unwrap();
            disk.unsynced.push(batch);
        })
    }

    fn sync(&self) -> Result<(), BackendError> {
        self.write(|disk| {
            for batch in std::mem::take(&mut disk.unsynced) {
                disk.synced.apply(batch).unwrap();
            }
        })
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.rows.get(key)
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), BackendError> {
        self.rows.scan(from, to, visit)
    }

    fn last_key(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.rows.last_key(from, to)
    }

    fn free_bytes(&self) -> Result<Option<u64>, BackendError> {
        Ok(None)
    }
}
