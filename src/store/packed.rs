//! Rows over an engine that is slow with many small ones. A batch is durable once it stands in the
//! journal, and is seen from then on in memory; behind the commits, in large sets, its rows are
//! packed into blocks of the engine (docs/adr/0024). Must never answer a sync before the
//! journal's, nor forget a row of memory or journal before the engine has it for good.

mod block;
mod fresh;
mod merge;
mod packing;
mod pages;
mod reading;
mod values;

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use self::fresh::{Fresh, Rows};
use self::packing::{PACKED, Packed, pack};
use self::reading::Places;
use self::values::{Values, Writer};
use super::backend::{Backend, BackendError, Visit, check_values};
use super::batch::{BATCH_BYTES_MAX, Batch};
use super::in_time::in_time;
use super::journal::{self, Appended, Journal, NoWrites, SEGMENT_BYTES};
use super::record::{as_number, number};

/// Bytes of rows in memory that are packed together, unless another number is asked for.
pub const FRESH_BYTES_DEFAULT: usize = 32 * 1024 * 1024;
/// How many times as many a set may have, while its rows go to many blocks.
const STREWN_TIMES: usize = 4;
/// How many times as much may gather while a set is packed; then commits wait.
const SETS_MAX: usize = 2;

const _: () = assert!((BATCH_BYTES_MAX as u64) < SEGMENT_BYTES, "a batch fits into a segment");

/// How long an end waits for the packing to stop.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);
/// The layout of what is in the engine.
const LAYOUT: u64 = 1;
const LAYOUT_KEY: &[u8] = b"@layout";
const NONCE_KEY: &[u8] = b"@nonce";

/// What may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackedSettings {
    /// Bytes of rows in memory that are packed together; up to four times as many while they go
    /// to many blocks.
    pub fresh_bytes: usize,
    /// How long a step of the packing may take before it counts as stuck.
    pub stall: Duration,
}

impl Default for PackedSettings {
    fn default() -> Self {
        Self { fresh_bytes: FRESH_BYTES_DEFAULT, stall: Duration::from_secs(5) }
    }
}

/// Rows over an engine.
pub struct PackedBackend<E: Backend> {
    shared: Arc<Shared<E>>,
    /// Heard once the packing has ended.
    ended: Mutex<mpsc::Receiver<()>>,
}

struct Shared<E> {
    engine: Arc<E>,
    values: Values,
    fresh: RwLock<Fresh>,
    journal: Mutex<Journal>,
    journal_folder: PathBuf,
    /// Files with batches that are not durable yet.
    unsynced: Mutex<Vec<Arc<File>>>,
    work: Mutex<Work>,
    changed: Condvar,
    settings: PackedSettings,
    /// Bytes of the next set.
    set_bytes: AtomicUsize,
}

/// What the packing has to do, and how it goes.
#[derive(Default)]
struct Work {
    /// A set of rows, and the commit that the last of them came with.
    set: Option<(Arc<Rows>, u64)>,
    /// When the step began that is under way.
    since: Option<Instant>,
    /// A segment of the journal is to be made.
    wants_spare: bool,
    failed: Option<String>,
    ending: bool,
}

impl<E: Backend> PackedBackend<E> {
    /// Opens what is in an engine and in a folder beside it, or makes it. It is a blocking call.
    pub fn open(engine: E, folder: &Path, settings: PackedSettings) -> Result<Self, BackendError> {
        let engine = Arc::new(engine);
        let journal_folder = folder.join("journal");
        let Ground { nonce, packed, is_new } = ground(engine.as_ref())?;
        let (journal, commits) = Journal::open(&journal_folder, nonce, packed, is_new)?;
        let (values, writer) = values::open(&folder.join("values"))?;
        if is_new {
            found(&engine, nonce, settings.stall)?;
        }
        let mut fresh = Fresh::default();
        for writes in commits {
            fresh.apply(writes).map_err(|error| no_writes(error, &journal_folder))?;
        }
        let shared = Arc::new(Shared {
            engine,
            values,
            fresh: RwLock::new(fresh),
            journal: Mutex::new(journal),
            journal_folder,
            unsynced: Mutex::default(),
            work: Mutex::default(),
            changed: Condvar::new(),
            settings,
            set_bytes: AtomicUsize::new(settings.fresh_bytes),
        });
        let (alive, ended) = mpsc::channel();
        let worker = Arc::clone(&shared);
        let packing = move || {
            worker.pack_all(writer);
            drop(worker);
            drop(alive);
        };
        let started = thread::Builder::new().name("store-packer".to_owned()).spawn(packing);
        started.map_err(|error| BackendError::Engine { detail: error.to_string() })?;
        shared.turn_if_full()?;
        Ok(Self { shared, ended: Mutex::new(ended) })
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
            Ok(Ground { nonce, packed: packed.unwrap_or(0), is_new: false })
        }
        (None, None, None) if engine.last_key(&[], &[u8::MAX])?.is_none() => {
            let mut nonce = [0; 8];
            getrandom::fill(&mut nonce).map_err(|error| BackendError::Engine {
                detail: format!("no random bytes: {error}"),
            })?;
            Ok(Ground { nonce: u64::from_be_bytes(nonce), packed: 0, is_new: true })
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

impl<E: Backend> Shared<E> {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unsynced(&self) -> MutexGuard<'_, Vec<Arc<File>>> {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh<T>(&self, read: impl FnOnce(&Fresh) -> T) -> T {
        read(&self.fresh.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change_fresh<T>(&self, change: impl FnOnce(&mut Fresh) -> T) -> T {
        change(&mut self.fresh.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hands the rows in memory to the packing if they are many and all durable, and none are
    /// being packed.
    fn turn_if_full(&self) -> Result<(), BackendError> {
        let (bytes, packing) = self.fresh(|fresh| (fresh.active_bytes(), fresh.is_packing()));
        if packing || bytes < self.set_bytes.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut journal = self.journal();
        journal.turn()?;
        let last = journal.last();
        drop(journal);
        let rows = self.change_fresh(Fresh::freeze);
        self.work().set = Some((rows, last));
        self.changed.notify_all();
        Ok(())
    }

    /// Packs one set after the other until the end.
    fn pack_all(&self, mut writer: Writer) {
        while let Some((rows, last)) = self.next_set() {
            let go_on = || self.beat() && self.spare_if_wanted();
            let packed = catch_unwind(AssertUnwindSafe(|| {
                pack(&rows, last, self.engine.as_ref(), &mut writer, go_on)
            }));
            let panicked = |_| Err(BackendError::Engine { detail: "it panicked".to_owned() });
            match packed.unwrap_or_else(panicked) {
                Ok(Some(packed)) => {
                    self.fit_sets(packed);
                    self.change_fresh(Fresh::drop_frozen);
                    self.journal().release(last);
                    self.work().since = None;
                }
                Ok(None) => return,
                Err(error) => return self.fail("rows could not be packed", &error),
            }
            self.changed.notify_all();
        }
    }

    fn fail(&self, what: &str, error: &BackendError) {
        tracing::error!(%error, "{what}");
        self.work().failed = Some(error.to_string());
        self.changed.notify_all();
    }

    /// Another step begins; false: it is time to end.
    fn beat(&self) -> bool {
        let mut work = self.work();
        work.since = Some(Instant::now());
        !work.ending
    }

    /// A commit should not have to wait until a file of the journal is made.
    fn ask_for_spare(&self) {
        let mut work = self.work();
        if !work.wants_spare {
            work.wants_spare = true;
            self.changed.notify_all();
        }
    }

    /// Makes a segment of the journal if one is wanted; false: it is time to end.
    fn spare_if_wanted(&self) -> bool {
        if !self.work().wants_spare {
            return true;
        }
        match journal::spare(&self.journal_folder, || self.beat()) {
            Ok(Some(spare)) => self.journal().add_spare(spare),
            Ok(None) => return false,
            Err(error) => {
                self.fail("a file of the journal could not be made", &error);
                return false;
            }
        }
        self.work().wants_spare = false;
        true
    }

    fn fit_sets(&self, packed: Packed) {
        let least = self.settings.fresh_bytes;
        let most = least.saturating_mul(STREWN_TIMES);
        let bytes = self.set_bytes.load(Ordering::Relaxed);
        self.set_bytes.store(packed.next_bytes(bytes, least, most), Ordering::Relaxed);
    }

    fn next_set(&self) -> Option<(Arc<Rows>, u64)> {
        let mut work = self.work();
        loop {
            if work.ending {
                return None;
            }
            if let Some(set) = work.set.take() {
                work.since = Some(Instant::now());
                return Some(set);
            }
            if work.wants_spare {
                drop(work);
                if !self.spare_if_wanted() {
                    return None;
                }
                work = self.work();
                work.since = None;
                continue;
            }
            work = self.changed.wait(work).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn places(&self) -> Places<'_, E> {
        Places { fresh: &self.fresh, engine: self.engine.as_ref(), values: &self.values }
    }
}

impl<E: Backend> Backend for PackedBackend<E> {
    fn wait_for_room(&self) -> Result<(), BackendError> {
        let shared = &self.shared;
        let most = shared.set_bytes.load(Ordering::Relaxed).saturating_mul(SETS_MAX);
        let mut work = shared.work();
        while shared.fresh(|fresh| fresh.is_packing() && fresh.active_bytes() >= most) {
            check(&work)?;
            work = shared.changed.wait(work).unwrap_or_else(PoisonError::into_inner);
        }
        check(&work)
    }

    fn apply(&self, batch: Batch) -> Result<(), BackendError> {
        check_values(&batch)?;
        let mut journal = self.shared.journal();
        let Appended { file, writes } = journal.append(&batch)?;
        let wants_spare = journal.wants_spare();
        drop(journal);
        if wants_spare {
            self.shared.ask_for_spare();
        }
        let applied = self.shared.change_fresh(|fresh| fresh.apply(writes));
        applied.map_err(|error| no_writes(error, &self.shared.journal_folder))?;
        let mut unsynced = self.shared.unsynced();
        if !unsynced.iter().any(|known| Arc::ptr_eq(known, &file)) {
            unsynced.push(file);
        }
        Ok(())
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
        check(&work)
    }

    fn free_bytes(&self) -> Result<Option<u64>, BackendError> {
        self.shared.engine.free_bytes()
    }
}

fn no_writes(error: NoWrites, journal: &Path) -> BackendError {
    BackendError::Journal { path: journal.to_owned(), detail: error.to_string() }
}

fn check(work: &Work) -> Result<(), BackendError> {
    match &work.failed {
        Some(detail) => Err(BackendError::Engine { detail: detail.clone() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
