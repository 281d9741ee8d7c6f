//! The second backend for an operator's messages: fjall 3, a log-structured tree with a journal in
//! front (docs/adr/0025). A batch is one record of the journal; a sync is an fdatasync of it. Must
//! never answer a sync before that, never let a read see half of a batch, and never wipe anything.

mod folder;
mod journal;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use ::fjall::{Database, Keyspace, OwnedWriteBatch, PersistMode, Readable, Snapshot};
use packetboat_proto::planted::{self, Bug};

use self::folder::{Data, engine};
use super::backend::{Backend, BackendError, Visit, check_values};
use super::batch::Batch;
use super::folder::{Engine, Folder};

/// A fjall database in a folder of its own within the store's. The fields are dropped in this
/// order: the engine, whose threads end then, and the lock last.
pub struct FjallBackend {
    rows: Keyspace,
    engine: Database,
    /// A batch has it alone while it is applied; a read has it as it takes its view of the rows.
    applying: RwLock<()>,
    /// It is known from outside the engine that there is something in it.
    marked: AtomicBool,
    folder: Folder,
}

impl FjallBackend {
    /// Opens a folder, or makes it. It is a blocking call.
    pub fn open(path: &Path, cache_bytes: u64) -> Result<Self, BackendError> {
        let folder = Folder::claim(path, Engine::Fjall)?;
        let marked = folder.is_marked()?;
        let data = Data::of(&folder);
        data.prepare(marked)?;
        let (engine, rows) = data.open_guarded(cache_bytes)?;
        if marked && rows.is_empty().map_err(self::engine)? {
            return Err(BackendError::Lost { path: folder.path().to_owned() });
        }
        data.sync()?;
        folder.sync()?;
        let (applying, marked) = (RwLock::default(), AtomicBool::new(marked));
        Ok(Self { rows, engine, applying, marked, folder })
    }

    /// The rows as they are now, with all of each batch or nothing of it. The engine's own view
    /// would not do: its background work can move it forward in the middle of a batch.
    fn view(&self) -> Snapshot {
        let _between_batches = self.applying.read().unwrap_or_else(PoisonError::into_inner);
        self.engine.snapshot()
    }
}

impl Backend for FjallBackend {
    fn apply(&self, batch: Batch) -> Result<(), BackendError> {
        check_values(&batch)?;
        // Nothing but `sync` says how durable it is to be.
        let mut writes = OwnedWriteBatch::with_capacity(self.engine.clone(), batch.operations());
        for (key, value) in batch.writes() {
            match value {
                Some(value) => writes.insert(&self.rows, key, value),
                None => writes.remove(&self.rows, key),
            }
        }
        let _alone = self.applying.write().unwrap_or_else(PoisonError::into_inner);
        writes.commit().map_err(engine)
    }

    fn sync(&self) -> Result<(), BackendError> {
        let without = planted::is(Bug::SyncWithoutFdatasync);
        let mode = if without { PersistMode::Buffer } else { PersistMode::SyncData };
        self.engine.persist(mode).map_err(engine)?;
        if !self.marked.load(Ordering::Relaxed) {
            self.folder.mark()?;
            self.marked.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        Ok(self.view().get(&self.rows, key).map_err(engine)?.map(|value| value.to_vec()))
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), BackendError> {
        for row in self.view().range(&self.rows, from..to) {
            let (key, value) = row.into_inner().map_err(engine)?;
            if visit(&key, &value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn last_key(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        let last = self.view().range(&self.rows, from..to).next_back();
        let last = last.map(::fjall::Guard::key).transpose().map_err(engine)?;
        Ok(last.map(|key| key.to_vec()))
    }

    fn free_bytes(&self) -> Result<Option<u64>, BackendError> {
        self.folder.free_bytes()
    }
}
