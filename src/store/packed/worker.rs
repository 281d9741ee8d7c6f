//! What packed rows consist of, and the thread that packs one set after the other, makes room in
//! the journal, and erases. Must never begin to pack a row that is not durable in the journal, nor
//! free a file of the journal before the engine has all that is in it.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::erasing;
use super::fresh::{Fresh, Rows};
use super::packing::{Packed, pack};
use super::reading::Places;
use super::settings::PackedSettings;
use super::values::{Values, Writer};
use crate::store::backend::{Backend, BackendError};
use crate::store::batch::Batch;
use crate::store::journal::{self, Appended, Journal};

/// How many times as many bytes a set may have, while its rows go to many blocks.
const STREWN_TIMES: usize = 4;

/// What packed rows consist of.
pub(crate) struct Shared<E> {
    pub(crate) engine: Arc<E>,
    pub(crate) values: Values,
    pub(crate) fresh: RwLock<Fresh>,
    /// Locked before `fresh` and before `work` by whoever locks both.
    pub(crate) journal: Mutex<Journal>,
    pub(crate) journal_folder: PathBuf,
    /// Files with batches that are not durable yet.
    pub(crate) unsynced: Mutex<Vec<Arc<File>>>,
    pub(crate) work: Mutex<Work>,
    pub(crate) changed: Condvar,
    pub(crate) settings: PackedSettings,
    /// Bytes of the next set.
    pub(crate) set_bytes: AtomicUsize,
}

/// Rows that are to be packed.
struct Set {
    rows: Arc<Rows>,
    /// The commit that the last of them came with.
    last: u64,
    /// What was erased is to leave the journal then.
    erases: bool,
}

/// What the packing has to do, and how it goes.
#[derive(Default)]
pub(crate) struct Work {
    set: Option<Set>,
    /// When the step began that is under way.
    pub(crate) since: Option<Instant>,
    /// A segment of the journal is to be made.
    wants_spare: bool,
    /// When the files are to be freed of what was erased.
    erase_at: Option<Instant>,
    /// Sets that are not packed yet, or not done with, behind which they are.
    erasing: usize,
    pub(crate) failed: Option<String>,
    pub(crate) ending: bool,
}

impl Work {
    /// Nothing but to erase some time later what may have been erased in the life before.
    pub(crate) fn new(erase_after: Option<Duration>) -> Self {
        let erase_at = erase_after.map(|after| Instant::now() + after);
        Self { erase_at, ..Self::default() }
    }

    /// Whether it goes well.
    pub(crate) fn check(&self) -> Result<(), BackendError> {
        match &self.failed {
            Some(detail) => Err(BackendError::Engine { detail: detail.clone() }),
            None => Ok(()),
        }
    }

    /// Whether something is erased that still stands in the files.
    pub(crate) fn is_to_erase(&self) -> bool {
        self.erase_at.is_some() || self.erasing > 0
    }

    /// Whether the next set is to free the files of what was erased: then it does.
    fn begins_to_erase(&mut self) -> bool {
        let is_due = self.erase_at.is_some_and(|at| at <= Instant::now());
        if is_due {
            self.erase_at = None;
            self.erasing += 1;
        }
        is_due
    }
}

impl<E: Backend> Shared<E> {
    pub(crate) fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn unsynced(&self) -> MutexGuard<'_, Vec<Arc<File>>> {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn fresh<T>(&self, read: impl FnOnce(&Fresh) -> T) -> T {
        read(&self.fresh.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change_fresh<T>(&self, change: impl FnOnce(&mut Fresh) -> T) -> T {
        change(&mut self.fresh.write().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn places(&self) -> Places<'_, E> {
        Places { fresh: &self.fresh, engine: self.engine.as_ref(), values: &self.values }
    }

    /// Writes a batch into the journal, and into memory: no set is made between the two.
    pub(crate) fn append(&self, batch: &Batch) -> Result<(), BackendError> {
        let mut journal = self.journal();
        let Appended { file, writes } = journal.append(batch)?;
        let wants_spare = journal.wants_spare();
        let applied = self.change_fresh(|fresh| fresh.apply(writes));
        applied.map_err(|error| error.of_journal(&self.journal_folder))?;
        drop(journal);
        if wants_spare {
            self.ask_for_spare();
        }
        if batch.erases() {
            self.ask_to_erase();
        }
        let mut unsynced = self.unsynced();
        if !unsynced.iter().any(|known| Arc::ptr_eq(known, &file)) {
            unsynced.push(file);
        }
        Ok(())
    }

    /// Hands the rows in memory to the packing if they are many and none are being packed. All of
    /// them are durable.
    pub(crate) fn turn_if_full(&self) -> Result<(), BackendError> {
        let full = |fresh: &Fresh| {
            !fresh.is_packing() && fresh.active_bytes() >= self.set_bytes.load(Ordering::Relaxed)
        };
        if self.fresh(full) {
            self.turn(full)?;
        }
        Ok(())
    }

    /// Hands the rows in memory to the packing if that is wanted.
    fn turn(&self, wanted: impl FnOnce(&Fresh) -> bool) -> Result<(), BackendError> {
        let mut journal = self.journal();
        if !self.fresh(wanted) {
            return Ok(());
        }
        let erases = self.work().begins_to_erase();
        if erases {
            journal.turn_to_erase()?;
        } else {
            journal.turn()?;
        }
        let last = journal.last();
        let rows = self.change_fresh(Fresh::freeze);
        drop(journal);
        self.work().set = Some(Set { rows, last, erases });
        self.changed.notify_all();
        Ok(())
    }

    /// Packs one set after the other, until the end.
    pub(crate) fn run(&self, mut writer: Writer) {
        while let Some(Set { rows, last, erases }) = self.next_set() {
            let packed = catch_unwind(AssertUnwindSafe(|| {
                let go_on = || self.beat() && self.spare_if_wanted();
                let apart = self.settings.apart;
                pack((&rows, last), apart, self.engine.as_ref(), &mut writer, go_on)
            }));
            let panicked = |_| Err(BackendError::Engine { detail: "it panicked".to_owned() });
            match packed.unwrap_or_else(panicked) {
                Ok(Some(packed)) => {
                    self.fit_sets(packed);
                    self.change_fresh(Fresh::drop_frozen);
                    self.journal().release(last);
                }
                Ok(None) => return,
                Err(error) => return self.fail("rows could not be packed", &error),
            }
            self.changed.notify_all();
            if !self.erase(erases) {
                return;
            }
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

    fn next_set(&self) -> Option<Set> {
        let mut work = self.work();
        loop {
            if work.ending {
                return None;
            }
            if let Some(set) = work.set.take() {
                work.since = Some(Instant::now());
                return Some(set);
            }
            let wait = work.erase_at.map(|at| at.saturating_duration_since(Instant::now()));
            let erases = wait.is_some_and(|wait| wait.is_zero());
            if work.wants_spare || erases {
                drop(work);
                if !self.spare_if_wanted() || erases && !self.turn_to_erase() {
                    return None;
                }
                work = self.work();
                work.since = None;
                continue;
            }
            work = match wait {
                None => self.changed.wait(work).unwrap_or_else(PoisonError::into_inner),
                Some(wait) => {
                    let waited = self.changed.wait_timeout(work, wait);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// A batch erases something: some time later it is to be gone from the files, too.
    fn ask_to_erase(&self) {
        let mut work = self.work();
        if work.erase_at.is_none() {
            work.erase_at = Some(Instant::now() + self.settings.erase_after);
            self.changed.notify_all();
        }
    }

    /// Has all rows packed that are in memory: then neither a file of the journal is of any use,
    /// nor a value that was written over. False: it is time to end.
    fn turn_to_erase(&self) -> bool {
        match self.turn(|fresh| !fresh.is_packing()) {
            Ok(()) => true,
            Err(error) => {
                self.fail("the journal could not be turned", &error);
                false
            }
        }
    }

    /// A set is packed: what it has made useless is erased, in the journal only if it `erases`.
    /// False: it is time to end.
    fn erase(&self, erases: bool) -> bool {
        let erased = erasing::erase(self.engine.as_ref(), &self.values, || self.beat());
        let erased = erased.and_then(|erased| Ok(erased && (!erases || self.erase_journal()?)));
        match erased {
            Ok(true) => {
                self.end_erasing(erases);
                true
            }
            Ok(false) => false,
            Err(error) => {
                self.fail("what is of no use could not be erased", &error);
                false
            }
        }
    }

    fn end_erasing(&self, erases: bool) {
        // Locked in the order in which a turn locks them: the next one may begin beside it.
        let mut journal = self.journal();
        let mut work = self.work();
        work.since = None;
        work.erasing -= usize::from(erases);
        if work.erasing == 0 {
            journal.end_erasing();
        }
        drop((work, journal));
        self.changed.notify_all();
    }

    /// Writes zeros over what the journal needs no more. False: it is time to end.
    fn erase_journal(&self) -> Result<bool, BackendError> {
        loop {
            let Some(mut segment) = self.journal().take_used() else { return Ok(true) };
            if !segment.erase(|| self.beat())? {
                return Ok(false);
            }
            self.journal().add_spare(segment);
        }
    }
}
