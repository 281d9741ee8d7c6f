//! What a user may know of files. Must never tell of one through an entry that the user may not
//! see, or that is not durable.

use bytes::{Bytes, BytesMut};
use packetboat_proto::code::RejectCode;
use packetboat_proto::id::{ChatId, FileId, UserId};
use packetboat_proto::limits::FILE_THUMBNAIL_BYTES_MAX;
use packetboat_proto::planted::{self, Bug};

use super::{Reader, refusal};
use crate::store::StoreError;
use crate::store::file::{OwnFiles, StoredFile};
use crate::store::key::file as key;
use crate::store::ledger::NO_SUCH_FILE;
use crate::store::read_error::ReadError;
use crate::store::record::as_number;
use crate::store::record::file::FileRecord;

impl Reader {
    fn file_record(&self, file: &FileId) -> Result<Option<FileRecord>, ReadError> {
        let value = self.backend.get(&key::row(file))?;
        Ok(value.map(|value| FileRecord::decode(&value)).transpose()?)
    }

    /// A file, for a user who has a right to it.
    pub(crate) fn file(
        &self,
        user: &UserId,
        file: &FileId,
        chat: Option<&ChatId>,
    ) -> Result<StoredFile, StoreError> {
        let record = self.file_record(file)?;
        let may = match (chat, &record) {
            (None, Some(record)) => record.owner == *user,
            (None, None) => false,
            // A chat that is not the user's is told of first.
            (Some(chat), _) => {
                self.may_see_file(user, chat, file)? || planted::is(Bug::FileGivenToAnyone)
            }
        };
        match record {
            Some(record) if may => Ok(record.told(*file)),
            _ => Err(refusal(RejectCode::NotAllowed, NO_SUCH_FILE.to_owned())),
        }
    }

    fn may_see_file(
        &self,
        user: &UserId,
        chat: &ChatId,
        file: &FileId,
    ) -> Result<bool, StoreError> {
        let spans =
            if chat.is_room() { self.room_spans(chat)? } else { self.own_place(user, chat)?.spans };
        let head = self.head(chat)?;
        for (first, last) in spans.between(0, head) {
            let found = self.rows(&key::references_in(file, chat, first, last), 1)?;
            if !found.rows.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The small picture of a file; nothing if there is none.
    pub(crate) fn file_thumbnail(
        &self,
        user: &UserId,
        file: &FileId,
        chat: Option<&ChatId>,
    ) -> Result<Bytes, StoreError> {
        let stored = self.file(user, file, chat)?;
        let bytes = stored.thumbnail_bytes as usize;
        let mut whole = BytesMut::with_capacity(bytes.min(FILE_THUMBNAIL_BYTES_MAX));
        for part in 0..u8::MAX {
            if whole.len() >= bytes {
                break;
            }
            let value = self.backend.get(&key::thumbnail(file, part)).map_err(ReadError::from)?;
            let of = || file.to_string();
            let value =
                value.ok_or_else(|| ReadError::Missing { what: "the picture", of: of() })?;
            whole.extend_from_slice(&value);
        }
        Ok(whole.freeze())
    }

    /// The user's own files.
    pub(crate) fn own_files(
        &self,
        user: &UserId,
        after: Option<&FileId>,
        limit: usize,
    ) -> Result<OwnFiles, StoreError> {
        let found = self.rows(&key::all_of_user(user, after), limit.max(1))?;
        let mut files = Vec::with_capacity(found.rows.len());
        for (row, _) in &found.rows {
            let file = key::last_file(row).map_err(ReadError::from)?;
            // Between the two reads it may have been forgotten.
            files.extend(self.file_record(&file)?.map(|record| record.told(file)));
        }
        let used = self.backend.get(&key::used(user)).map_err(ReadError::from)?;
        let used = used.map_or(Ok(0), |value| as_number(&value)).map_err(ReadError::from)?;
        Ok(OwnFiles { files, more: found.more, used })
    }

    /// Files that stand in no chat, and have not moved since that time.
    pub(crate) fn files_unsent(
        &self,
        before_ms: u64,
        limit: usize,
    ) -> Result<Vec<FileId>, StoreError> {
        Ok(self.ending_in_files(&key::all_unsent(before_ms), limit)?)
    }

    /// Files whose bytes are to be removed.
    pub(crate) fn files_removed(&self, limit: usize) -> Result<Vec<FileId>, StoreError> {
        Ok(self.ending_in_files(&key::all_removed(), limit)?)
    }

    fn ending_in_files(
        &self,
        range: &crate::store::key::KeyRange,
        limit: usize,
    ) -> Result<Vec<FileId>, ReadError> {
        let found = self.rows(range, limit)?;
        let files = found.rows.iter().map(|(row, _)| key::last_file(row));
        Ok(files.collect::<Result<_, _>>()?)
    }
}
