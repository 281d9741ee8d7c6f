//! A backend on memory with faults that a test switches on. Must never forget what it applied.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use packetboat::store::backend::{Backend, BackendError, Visit};
use packetboat::store::batch::Batch;
use packetboat::store::memory::MemoryBackend;

/// What is wrong with a backend.
#[derive(Default)]
pub(crate) struct Faults {
    pub(crate) fail: AtomicBool,
    pub(crate) panic: AtomicBool,
    pub(crate) free: AtomicU64,
    pub(crate) commits: AtomicU64,
    /// A commit is applied, and waits here before it counts as durable.
    pub(crate) held: Mutex<bool>,
    pub(crate) changed: Condvar,
    pub(crate) waiting: AtomicBool,
    /// Keys that were read, or wait to be.
    pub(crate) reads: AtomicU64,
    /// They wait.
    pub(crate) reads_held: AtomicBool,
    pub(crate) fail_sync: AtomicBool,
    /// How long a batch waits for room, in milliseconds.
    pub(crate) room_ms: AtomicU64,
    /// How long each scan takes, in milliseconds.
    pub(crate) scan_ms: AtomicU64,
    /// The next drop panics.
    pub(crate) panic_at_drop: AtomicBool,
}

#[derive(Clone, Default)]
pub(crate) struct Faulty {
    rows: MemoryBackend,
    pub(crate) faults: Arc<Faults>,
}

impl Faulty {
    pub(crate) fn new() -> Self {
        let faulty = Self::default();
        faulty.faults.free.store(u64::MAX, Ordering::SeqCst);
        faulty
    }

    pub(crate) fn hold(&self) {
        *self.faults.held.lock().unwrap() = true;
    }

    pub(crate) fn let_go(&self) {
        *self.faults.held.lock().unwrap() = false;
        self.faults.changed.notify_all();
    }

    /// Returns once a key more than `before` was read, or waits to be.
    pub(crate) async fn reads_beyond(&self, before: u64) {
        while self.faults.reads.load(Ordering::SeqCst) == before {
            tokio::task::yield_now().await;
        }
    }

    fn read(&self) {
        self.faults.reads.fetch_add(1, Ordering::SeqCst);
        while self.faults.reads_held.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
    }

    pub(crate) async fn commit_waits(&self) {
        while !self.faults.waiting.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        assert!(!self.faults.panic_at_drop.swap(false, Ordering::SeqCst), "as sled's drop does");
    }
}

impl Backend for Faulty {
    fn wait_for_room(&self) -> Result<(), BackendError> {
        std::thread::sleep(Duration::from_millis(self.faults.room_ms.load(Ordering::SeqCst)));
        Ok(())
    }

    fn apply(&self, batch: Batch) -> Result<(), BackendError> {
        self.faults.commits.fetch_add(1, Ordering::SeqCst);
        let waits = self.faults.waiting.load(Ordering::SeqCst);
        assert!(!waits, "a batch is applied before the last is durable");
        assert!(!self.faults.panic.load(Ordering::SeqCst), "a fault in the engine");
        if self.faults.fail.load(Ordering::SeqCst) {
            return Err(BackendError::Engine { detail: "no space left".into() });
        }
        self.rows.apply(batch)
    }

    fn sync(&self) -> Result<(), BackendError> {
        let mut held = self.faults.held.lock().unwrap();
        while *held {
            self.faults.waiting.store(true, Ordering::SeqCst);
            held = self.faults.changed.wait(held).unwrap();
        }
        self.faults.waiting.store(false, Ordering::SeqCst);
        if self.faults.fail_sync.load(Ordering::SeqCst) {
            return Err(BackendError::Engine { detail: "the disk is gone".into() });
        }
        Ok(())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.read();
        self.rows.get(key)
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), BackendError> {
        std::thread::sleep(Duration::from_millis(self.faults.scan_ms.load(Ordering::SeqCst)));
        self.rows.scan(from, to, visit)
    }

    fn last_key(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.read();
        self.rows.last_key(from, to)
    }

    fn free_bytes(&self) -> Result<Option<u64>, BackendError> {
        Ok(Some(self.faults.free.load(Ordering::SeqCst)))
    }
}
