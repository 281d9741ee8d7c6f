//! What the embedded store keeps of files. Must never hold a rule: the ledger and the reader do.

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::id::{ChatId, FileId, UserId};
use packetboat_proto::packet::FileBegin;

use super::EmbeddedStore;
use crate::store::file::{FileBook, OwnFiles, StoredFile};
use crate::store::job::Job;
use crate::store::ledger::{FileCommand, NO_SUCH_FILE};
use crate::store::{Refusal, StoreError};

impl EmbeddedStore {
    async fn do_with_file(&self, command: FileCommand) -> Result<Option<StoredFile>, StoreError> {
        Ok(self.shared.committer.ask(|answer| Job::File { command, answer }).await??)
    }
}

fn there(found: Option<StoredFile>) -> Result<StoredFile, StoreError> {
    let refusal = || Refusal::new(RejectCode::NotAllowed, NO_SUCH_FILE);
    found.ok_or_else(|| StoreError::Refused(refusal()))
}

impl FileBook for EmbeddedStore {
    async fn file_begin(
        &self,
        user: UserId,
        begin: FileBegin,
        quota: u64,
    ) -> Result<StoredFile, StoreError> {
        let begin = Box::new(begin);
        there(self.do_with_file(FileCommand::Begin { user, begin, quota }).await?)
    }

    async fn file_finish(&self, file: FileId) -> Result<(), StoreError> {
        there(self.do_with_file(FileCommand::Finish(file)).await?).map(drop)
    }

    async fn file(
        &self,
        user: UserId,
        file: FileId,
        chat: Option<ChatId>,
    ) -> Result<StoredFile, StoreError> {
        self.read(move |reader| reader.file(&user, &file, chat.as_ref())).await
    }

    async fn file_thumbnail(
        &self,
        user: UserId,
        file: FileId,
        chat: Option<ChatId>,
    ) -> Result<Bytes, StoreError> {
        self.read(move |reader| reader.file_thumbnail(&user, &file, chat.as_ref())).await
    }

    async fn files(
        &self,
        user: UserId,
        after: Option<FileId>,
        limit: usize,
    ) -> Result<OwnFiles, StoreError> {
        self.read(move |reader| reader.own_files(&user, after.as_ref(), limit)).await
    }

    async fn files_unsent(&self, before_ms: u64, limit: usize) -> Result<Vec<FileId>, StoreError> {
        self.read(move |reader| reader.files_unsent(before_ms, limit)).await
    }

    async fn file_remove(&self, file: FileId, before_ms: u64) -> Result<bool, StoreError> {
        Ok(self.do_with_file(FileCommand::Remove { file, before_ms }).await?.is_some())
    }

    async fn files_removed(&self, limit: usize) -> Result<Vec<FileId>, StoreError> {
        self.read(move |reader| reader.files_removed(limit)).await
    }

    async fn file_cleared(&self, file: FileId) -> Result<(), StoreError> {
        self.do_with_file(FileCommand::Cleared(file)).await.map(drop)
    }
}
