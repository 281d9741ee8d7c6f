//! Files: what is uploaded and downloaded through sessions. The shell between the pure rules, the
//! store that knows whose a file is, and the disk or bucket that has its bytes. Must never answer
//! without the store's check of the user's rights, nor call a file whole whose bytes are not kept.
//!
//! The order in which a file comes to be: its row (not complete), its bytes in the staging folder,
//! their hash, a sync, the bytes in the file store, the row (complete), and only then the staged
//! bytes go. The order in which it goes: its row, with a note that its bytes are to be removed; the
//! bytes; the note. So a row that says complete has bytes, whatever crashes.

#[cfg(feature = "s3")]
pub mod bucket;
pub mod collector;
pub mod folder;
pub mod opening;
pub mod rules;
pub mod store;
mod upload;
pub mod workers;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::{ChatId, FileId, UserId};
use packetboat_proto::packet::{
    FileBegin, FileChunk, FileGet, FilePart, FilePut, FileState, FilesPage,
};

use crate::metrics::Metrics;
use crate::store::StoreError;
use crate::store::file::{FileBook, OwnFiles, StoredFile};

use self::rules::{FileRules, refusal};
use self::store::FileStore;
use self::upload::{Upload, UploadError};
use self::workers::Workers;

/// Uploads of which it is kept at hand how far they are; of others their bytes are read again.
pub const UPLOADS_OPEN_MAX: usize = 1_024;

/// The files of a server.
pub struct Files {
    rules: FileRules,
    staging: PathBuf,
    store: Box<dyn FileStore>,
    workers: Workers,
    metrics: Arc<Metrics>,
    uploads: Mutex<HashMap<FileId, Shared>>,
}

type Shared = Arc<Mutex<Upload>>;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Told here, for the operator: what a peer is told has no such detail.
fn unreadable(error: &io::Error) -> StoreError {
    tracing::error!(%error, "the files cannot be read or written");
    StoreError::Unreadable { detail: error.to_string() }
}

impl Files {
    /// With uploads in a folder, and whole files in a store. A blocking call: it makes the folder,
    /// and removes what nobody has gone on with for long.
    pub fn open(
        rules: FileRules,
        staging: PathBuf,
        store: Box<dyn FileStore>,
        workers: Workers,
        metrics: Arc<Metrics>,
    ) -> io::Result<Self> {
        fs::create_dir_all(&staging)?;
        // Longer than any row is kept of it: nothing is lost.
        let old = Duration::from_millis(rules.unreferenced_ms.saturating_mul(2));
        sweep(&staging, old)?;
        let uploads = Mutex::default();
        Ok(Self { rules, staging, store, workers, metrics, uploads })
    }

    /// What the operator has set.
    pub fn rules(&self) -> &FileRules {
        &self.rules
    }

    /// An upload begins, or goes on.
    pub async fn begin<B: FileBook>(
        &self,
        book: &B,
        user: UserId,
        begin: FileBegin,
    ) -> Result<FileState, StoreError> {
        self.rules.check(&begin)?;
        let stored = book.file_begin(user, begin, self.rules.quota).await?;
        if stored.complete {
            return Ok(told(stored, None));
        }
        let upload = self.upload(&stored).await?;
        self.go_on(book, stored, upload, Upload::check).await
    }

    /// Takes bytes of an upload.
    pub async fn put<B: FileBook>(
        &self,
        book: &B,
        user: UserId,
        put: FilePut,
    ) -> Result<FileState, StoreError> {
        let stored = book.file(user, put.file, None).await?;
        if stored.complete {
            return Ok(told(stored, None));
        }
        let upload = self.upload(&stored).await?;
        self.metrics.file_bytes_taken.add(put.bytes.len() as u64);
        self.go_on(book, stored, upload, move |upload| upload.put(put.offset, &put.bytes)).await
    }

    async fn go_on<B: FileBook>(
        &self,
        book: &B,
        mut stored: StoredFile,
        upload: Shared,
        step: impl FnOnce(&mut Upload) -> Result<bool, UploadError> + Send + 'static,
    ) -> Result<FileState, StoreError> {
        let stepped = self.workers.run(move || {
            let mut upload = locked(&upload);
            step(&mut upload).map(|whole| (whole, upload.have(), upload.path().to_owned()))
        });
        let (whole, have, path) = match stepped.await.map_err(|error| unreadable(&error))? {
            Ok(stepped) => stepped,
            Err(UploadError::Disk(error)) => return Err(unreadable(&error)),
            Err(UploadError::Refused(refusal)) => {
                if refusal.code == RejectCode::HashMismatch {
                    self.metrics.file_hash_mismatches.one();
                }
                return Err(refusal.into());
            }
        };
        if !whole {
            return Ok(told(stored, Some(have)));
        }
        self.store.keep(&stored.file, &path).await.map_err(|error| unreadable(&error))?;
        book.file_finish(stored.file).await?;
        self.metrics.files_completed.one();
        locked(&self.uploads).remove(&stored.file);
        // It is not needed any more; one that stays is removed by a later start.
        let cleared = self.workers.run(move || folder::remove_if_there(&path)).await;
        if let Err(error) = cleared.and_then(|cleared| cleared) {
            tracing::warn!(%error, "a staged file stays behind");
        }
        stored.complete = true;
        Ok(told(stored, None))
    }

    /// The upload of a file that is not whole.
    async fn upload(&self, stored: &StoredFile) -> Result<Shared, StoreError> {
        if let Some(upload) = locked(&self.uploads).get(&stored.file) {
            return Ok(Arc::clone(upload));
        }
        let (path, as_stored) = (self.staged(&stored.file), stored.clone());
        let opened = self.workers.run(move || Upload::open(path, &as_stored)).await;
        let opened = opened.and_then(|opened| opened).map_err(|error| unreadable(&error))?;
        let mut uploads = locked(&self.uploads);
        if let Some(upload) = uploads.get(&stored.file) {
            // Another session was faster: there is one for each file.
            return Ok(Arc::clone(upload));
        }
        if uploads.len() >= UPLOADS_OPEN_MAX {
            let idle = uploads.iter().find(|(_, upload)| Arc::strong_count(upload) == 1);
            let Some(idle) = idle.map(|(file, _)| *file) else {
                let reason = "as many files are uploaded as may be at a time";
                return Err(refusal(RejectCode::Unavailable, reason).into());
            };
            uploads.remove(&idle);
        }
        let upload = Arc::new(Mutex::new(opened));
        uploads.insert(stored.file, Arc::clone(&upload));
        Ok(upload)
    }

    fn staged(&self, file: &FileId) -> PathBuf {
        self.staging.join(file.to_string())
    }

    /// Some bytes of a file, for a user who has a right to it.
    pub async fn get<B: FileBook>(
        &self,
        book: &B,
        user: UserId,
        get: FileGet,
    ) -> Result<FileChunk, StoreError> {
        let FileGet { file, chat, offset, length, part } = get;
        let (bytes, size) = match part {
            FilePart::Thumbnail => {
                let picture = book.file_thumbnail(user, file, chat).await?;
                let size = picture.len() as u64;
                let length = self.rules.length(length, offset, size);
                let from = usize::try_from(offset.min(size)).expect("a small picture");
                (picture.slice(from..from + length), size)
            }
            FilePart::Whole => {
                let stored = book.file(user, file, chat).await?;
                if !stored.complete {
                    let reason = "the file is not whole yet";
                    return Err(refusal(RejectCode::NotAllowed, reason).into());
                }
                let length = self.rules.length(length, offset, stored.size);
                let bytes = match length {
                    0 => bytes::Bytes::new(),
                    _ => {
                        self.store.read(&file, offset, length).await.map_err(|e| unreadable(&e))?
                    }
                };
                if bytes.len() < length {
                    return Err(unreadable(&io::ErrorKind::UnexpectedEof.into()));
                }
                (bytes, stored.size)
            }
        };
        self.metrics.file_bytes_given.add(bytes.len() as u64);
        Ok(FileChunk { file, offset, bytes, size })
    }

    /// How a file stands, for a user who has a right to it.
    pub async fn state<B: FileBook>(
        &self,
        book: &B,
        user: UserId,
        file: FileId,
        chat: Option<ChatId>,
    ) -> Result<FileState, StoreError> {
        let stored = book.file(user, file, chat).await?;
        let mut states = self.states(vec![stored]).await?;
        Ok(states.pop().expect("one for each"))
    }

    /// The user's own files.
    pub async fn list<B: FileBook>(
        &self,
        book: &B,
        user: UserId,
        after: Option<FileId>,
        limit: usize,
    ) -> Result<FilesPage, StoreError> {
        let OwnFiles { files, more, used } = book.files(user, after, limit).await?;
        let files = self.states(files).await?;
        Ok(FilesPage { files, more, used, quota: self.rules.quota })
    }

    /// Looks at the staged bytes of those that are not whole.
    async fn states(&self, files: Vec<StoredFile>) -> Result<Vec<FileState>, StoreError> {
        let staging = self.staging.clone();
        let looking = self.workers.run(move || {
            let state = |stored: StoredFile| {
                let staged = || fs::metadata(staging.join(stored.file.to_string()));
                let have = (!stored.complete).then(|| staged().map_or(0, |staged| staged.len()));
                told(stored, have)
            };
            files.into_iter().map(state).collect()
        });
        looking.await.map_err(|error| unreadable(&error))
    }

    /// Removes all bytes of a file that is not known any more.
    async fn clear(&self, file: &FileId) -> io::Result<()> {
        let (upload, path) = (locked(&self.uploads).remove(file), self.staged(file));
        let given_up = self.workers.run(move || match upload {
            Some(upload) => locked(&upload).give_up(),
            None => folder::remove_if_there(&path),
        });
        given_up.await??;
        self.store.remove(file).await
    }
}

/// In the words of the wire; `have` is what is there of one that is not whole.
fn told(stored: StoredFile, have: Option<u64>) -> FileState {
    let StoredFile { file, size, media_type, sha256, thumbnail_bytes, complete, .. } = stored;
    let have = if complete { size } else { have.unwrap_or(0).min(size) };
    FileState { file, size, have, complete, media_type, sha256, thumbnail_bytes }
}

/// Removes staged bytes that were last written longer ago than that, as the disk tells it.
fn sweep(staging: &Path, old: Duration) -> io::Result<()> {
    for staged in fs::read_dir(staging)? {
        let staged = staged?;
        if staged.metadata()?.modified()?.elapsed().is_ok_and(|age| age > old) {
            folder::remove_if_there(&staged.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
