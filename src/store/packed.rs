//! Rows over an engine that is slow with many small ones. A batch is durable once it stands in the
//! journal, and is seen from then on in memory; behind the commits, in large sets, its rows are
//! packed into blocks of the engine (docs/adr/0024). Must never answer a sync before the
//! journal's, nor forget a row of memory or journal before the engine has it for good.

mod block;
mod erasing;
mod fresh;
mod merge;
mod packing;
mod pages;
mod reading;
mod settings;
mod values;
mod worker;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock, mpsc};
use std::thread;
use std::time::Duration;

use self::fresh::Fresh;
use self::packing::{PACKED, VALUES, values_end};
pub use self::settings::{FRESH_BYTES_DEFAULT, PackedSettings};
use self::values::End;
use self::worker::{Shared, Work};
use super::backend::{Backend, BackendError, Visit, check_values};
use super::batch::{BATCH_BYTES_MAX, Batch};
use super::in_time::in_time;
use super::journal::{self, Journal, SEGMENT_BYTES};
use super::record::{as_number, number};

/// How many times as much may gather while a set is packed; then commits wait.
const SETS_MAX: usize = 2;

const _: () = assert!((BATCH_BYTES_MAX as u64) < SEGMENT_BYTES, "a batch fits into a segment");

/// How long an end waits for the packing to stop.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);
/// The layout of what is in the engine.
const LAYOUT: u64 = 1;
const LAYOUT_KEY: &[u8] = b"@layout";
const NONCE_KEY: &[u8] = b"@nonce";

/// Rows over an engine.
pub struct PackedBackend<E: Backend> {
    shared: Arc<Shared<E>>,
    /// Heard once the packing has ended.
    ended: Mutex<mpsc::Receiver<()>>,
}

impl<E: Backend> PackedBackend<E> {
    /// Opens what is in an engine and in a folder beside it, or makes it. It is a blocking call.
    pub fn open(engine: E, folder: &Path, settings: PackedSettings) -> Result<Self, BackendError> {
        let engine = Arc::new(engine);
        let journal_folder = folder.join("journal");
        let Ground { nonce, packed, values_end, is_new } = ground(engine.as_ref())?;
        let (journal, commits) = Journal::open(&journal_folder, nonce, packed, is_new)?;
        let (values, writer) = values::open(&folder.join("values"), values_end)?;
        let work = Work::new(journal.is_used().then_some(settings.erase_after));
        if is_new {
            found(&engine, nonce, settings.stall)?;
        }
        let mut fresh = Fresh::default();
        for writes in commits {
            fresh.apply(writes).map_err(|error| error.of_journal(&journal_folder))?;
        }
        let shared = Arc::new(Shared {
            engine,
            values,
            fresh: RwLock::new(fresh),
            journal: Mutex::new(journal),
            journal_folder,
            unsynced: Mutex::default(),
            work: Mutex::new(work),
            changed: Condvar::new(),
            settings,
            set_bytes: AtomicUsize::new(settings.fresh_bytes),
        });
        let (alive, ended) = mpsc::channel();
        let worker = Arc::clone(&shared);
        let packing = move || {
            worker.run(writer);
            drop(worker);
            drop(alive);
        };
        let started = thread::Builder::new().name("store-packer".to_owned()).spawn(packing);
        started.map_err(|error| BackendError::Engine { detail: error.to_string() })?;
        shared.turn_if_full()?;
        Ok(Self { shared, ended: Mutex::new(ended) })
    }
}

impl<E: Backend> PackedBackend<E> {
    /// Waits until nothing that was erased stands in the files any more, as far as this backend
    /// wrote them: for tests, since nobody else has to wait.
    pub fn wait_until_erased(&self) -> Result<(), BackendError> {
        let mut work = self.shared.work();
        while work.is_to_erase() {
            work.check()?;
            work = self.shared.changed.wait(work).unwrap_or_else(PoisonError::into_inner);
        }
        work.check()
    }
}

impl<E: Backend> Drop for PackedBackend<E> {
    fn drop(&mut self) {
        self.shared.work().ending = true;
        self.shared.changed.notify_all();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(STOP_TIME_MAX) == Err(mpsc::RecvTimeoutError::Timeout) {
            // All that was accepted stands in the journal: the thread is left alone.
            tracing::error!("the packing does not end; the disk may have failed");
        }
    }
}

/// What an engine holds beside blocks.
struct Ground {
    nonce: u64,
    packed: u64,
    values_end: Option<End>,
    is_new: bool,
}

fn ground(engine: &impl Backend) -> Result<Ground, BackendError> {
    let read = |key: &[u8]| -> Result<Option<u64>, BackendError> {
        let value = engine.get(key)?;
        let number = value.map(|value| as_number(&value)).transpose();
        number.map_err(|error| BackendError::Layout { detail: error.to_string() })
    };
    match (read(LAYOUT_KEY)?, read(NONCE_KEY)?, read(PACKED)?) {
        (Some(LAYOUT), Some(nonce), packed) => {
            let packed = packed.unwrap_or(0);
            let values_end = engine.get(VALUES)?.and_then(|value| values_end(&value, packed));
            Ok(Ground { nonce, packed, values_end, is_new: false })
        }
        (None, None, None) if engine.last_key(&[], &[u8::MAX])?.is_none() => {
            let mut nonce = [0; 8];
            getrandom::fill(&mut nonce).map_err(|error| BackendError::Engine {
                detail: format!("no random bytes: {error}"),
            })?;
            let nonce = u64::from_be_bytes(nonce);
            Ok(Ground { nonce, packed: 0, values_end: Some((0, 0)), is_new: true })
        }
        (layout, ..) => {
            let layout = layout.map_or_else(|| "none".to_owned(), |layout| layout.to_string());
            let detail = format!("layout {layout}, and this version knows {LAYOUT}");
            Err(BackendError::Layout { detail })
        }
    }
}

/// Makes the first rows, within a time.
fn found<E: Backend>(engine: &Arc<E>, nonce: u64, patience: Duration) -> Result<(), BackendError> {
    let mut batch = Batch::default();
    batch.put(LAYOUT_KEY.to_vec(), number(LAYOUT));
    batch.put(NONCE_KEY.to_vec(), number(nonce));
    let worker = Arc::clone(engine);
    let founded = in_time(patience, move || worker.commit(batch));
    let founded = founded.unwrap_or_else(|error| {
        let detail = format!("the first commit {error}");
        Err(BackendError::Engine { detail })
    });
    if founded.is_err() {
        // Its state is unknown: dropping it may panic, or wait for ever. The process ends.
        std::mem::forget(Arc::clone(engine));
    }
    founded
}

impl<E: Backend> Backend for PackedBackend<E> {
    fn wait_for_room(&self) -> Result<(), BackendError> {
        let shared = &self.shared;
        let most = shared.set_bytes.load(Ordering::Relaxed).saturating_mul(SETS_MAX);
        let mut work = shared.work();
        while shared.fresh(|fresh| fresh.is_packing() && fresh.active_bytes() >= most) {
            work.check()?;
            work = shared.changed.wait(work).unwrap_or_else(PoisonError::into_inner);
        }
        work.check()
    }

    fn apply(&self, batch: Batch) -> Result<(), BackendError> {
        check_values(&batch)?;
        self.shared.append(&batch)
    }

    fn sync(&self) -> Result<(), BackendError> {
        for file in std::mem::take(&mut *self.shared.unsynced()) {
            journal::sync(&file, &self.shared.journal_folder)?;
        }
        self.shared.turn_if_full()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        Ok(self.shared.places().get(key)?.map(Vec::from))
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), BackendError> {
        self.shared.places().scan(from, to, visit)
    }

    fn last_key(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.shared.places().last_key(from, to)
    }

    fn check(&self) -> Result<(), BackendError> {
        let work = self.shared.work();
        let stall = self.shared.settings.stall;
        if work.since.is_some_and(|since| since.elapsed() > stall) {
            let detail = format!("packing rows takes longer than {} ms", stall.as_millis());
            return Err(BackendError::Engine { detail });
        }
        work.check()
    }

    fn free_bytes(&self) -> Result<Option<u64>, BackendError> {
        self.shared.engine.free_bytes()
    }
}

#[cfg(test)]
mod tests;
