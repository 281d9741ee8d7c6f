//! What the server asks to keep of files: whose they are, what was announced of them, where they
//! stand. The bytes are kept elsewhere (`files`). Must never tell of a file to one who has no
//! right to it.

use std::future::Future;

use bytes::Bytes;
use packetboat_proto::content::FileHash;
use packetboat_proto::id::{ChatId, FileId, UserId};
use packetboat_proto::packet::FileBegin;

use super::error::StoreError;

/// What a file counts for at least, in bytes: what the server keeps of it beside its own.
pub const FILE_COST_MIN: u64 = 4 * 1024;

/// What a file of so many bytes, with such a small picture, counts for.
pub fn file_cost(size: u64, thumbnail_bytes: u32) -> u64 {
    size.max(FILE_COST_MIN).saturating_add(thumbnail_bytes.into())
}

/// A file that the store knows of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Which.
    pub file: FileId,
    /// Who uploads it, or did.
    pub owner: UserId,
    /// Its bytes.
    pub size: u64,
    /// Its media type.
    pub media_type: String,
    /// Their hash.
    pub sha256: FileHash,
    /// Bytes of its small picture.
    pub thumbnail_bytes: u32,
    /// All its bytes are kept, and are those that were announced.
    pub complete: bool,
}

/// A user's own files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnFiles {
    /// In order of id.
    pub files: Vec<StoredFile>,
    /// There are more.
    pub more: bool,
    /// Bytes that all of them count for.
    pub used: u64,
}

/// What is known of files, kept beside the messages.
pub trait FileBook: Send + Sync + 'static {
    /// Notes an upload that begins. The same again finds it as it stands, and puts off its end;
    /// under the same id with anything else it is a `CONFLICT`. Refused with `QUOTA_EXCEEDED` when
    /// the user's files would count for more than `quota` bytes.
    fn file_begin(
        &self,
        user: UserId,
        begin: FileBegin,
        quota: u64,
    ) -> impl Future<Output = Result<StoredFile, StoreError>> + Send;

    /// Notes that all bytes of a file are kept. Refused if the file is not known any more: then
    /// its bytes are noted to be removed.
    fn file_finish(&self, file: FileId) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// A file, for a user who has a right to it: its uploader, or, through `chat`, one who may see
    /// an entry there that has it.
    fn file(
        &self,
        user: UserId,
        file: FileId,
        chat: Option<ChatId>,
    ) -> impl Future<Output = Result<StoredFile, StoreError>> + Send;

    /// The small picture of a file, by the same rights.
    fn file_thumbnail(
        &self,
        user: UserId,
        file: FileId,
        chat: Option<ChatId>,
    ) -> impl Future<Output = Result<Bytes, StoreError>> + Send;

    /// The user's own files, after `after` in order of id.
    fn files(
        &self,
        user: UserId,
        after: Option<FileId>,
        limit: usize,
    ) -> impl Future<Output = Result<OwnFiles, StoreError>> + Send;

    /// Files that stand in no chat, and have not moved on since `before_ms`; the oldest first.
    fn files_unsent(
        &self,
        before_ms: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<FileId>, StoreError>> + Send;

    /// Forgets a file, if it still stands in no chat and has not moved on since `before_ms`, and
    /// notes its bytes to be removed. Whether it did.
    fn file_remove(
        &self,
        file: FileId,
        before_ms: u64,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Files whose bytes are to be removed.
    fn files_removed(
        &self,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<FileId>, StoreError>> + Send;

    /// The bytes of a file are removed.
    fn file_cleared(&self, file: FileId) -> impl Future<Output = Result<(), StoreError>> + Send;
}
