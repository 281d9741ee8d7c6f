//! Files: begun, whole, sent, forgotten. All of it is decided here, on one thread: whether a file
//! may be forgotten and whether it is just being sent cannot cross. Must never forget a file that
//! stands in a chat.

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::FileSent;
use packetboat_proto::id::{ChatId, FileId, UserId};
use packetboat_proto::limits::FILE_THUMBNAIL_BYTES_MAX;
use packetboat_proto::packet::FileBegin;
use packetboat_proto::planted::{self, Bug};

use super::turn::{Halt, Turn, refuse};
use crate::store::Refusal;
use crate::store::batch::VALUE_BYTES_MAX;
use crate::store::file::{StoredFile, file_cost};
use crate::store::key::file as key;
use crate::store::read_error::ReadError;
use crate::store::record::file::FileRecord;
use crate::store::record::{as_number, number};

/// Parts of a small picture.
const THUMBNAIL_PARTS_MAX: usize = FILE_THUMBNAIL_BYTES_MAX.div_ceil(VALUE_BYTES_MAX);
/// Operations of one command: the row, whose it is, what it counts for, twice since when it has
/// not moved, that its bytes are to be removed; and its small picture.
pub(crate) const FILE_OPERATIONS_MAX: usize = 6 + THUMBNAIL_PARTS_MAX;
/// Operations for an entry that has a file: the reference, and that it is unsent no more.
pub(super) const REFERENCE_OPERATIONS: usize = 2;
/// Operations for one that has gone: the reference, the row, and twice since when it is unsent.
pub(super) const UNREFERENCE_OPERATIONS: usize = 4;
/// Chats with a file that are looked at for one that its sender is in.
const CHATS_WITH_FILE_MAX: usize = 64;

/// What is to be done about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FileCommand {
    /// An upload begins, or goes on.
    Begin { user: UserId, begin: Box<FileBegin>, quota: u64 },
    /// All its bytes are kept.
    Finish(FileId),
    /// It is to be forgotten, if it has not moved on since.
    Remove { file: FileId, before_ms: u64 },
    /// Its bytes are removed.
    Cleared(FileId),
}

/// The file as it stands then; `None`: there is none.
pub(crate) type FileOutcome = Result<Option<StoredFile>, Refusal>;

/// The same answer for a file that is not there and one that is not the user's.
pub(crate) const NO_SUCH_FILE: &str = "there is no such file, or it is not yours to have";

impl Turn<'_> {
    /// Carries out a command.
    pub(crate) fn file(&mut self, command: &FileCommand) -> Result<FileOutcome, ReadError> {
        let done = match command {
            FileCommand::Begin { user, begin, quota } => self.begin_file(user, begin, *quota),
            FileCommand::Finish(file) => self.finish_file(file),
            FileCommand::Remove { file, before_ms } => self.remove_file(file, *before_ms),
            FileCommand::Cleared(file) => {
                self.remove(key::removed(file));
                Ok(None)
            }
        };
        match done {
            Ok(found) => Ok(Ok(found)),
            Err(Halt::Refused(refusal)) => Ok(Err(refusal)),
            Err(Halt::Read(error)) => Err(error),
        }
    }

    fn file_record(&self, file: &FileId) -> Result<Option<FileRecord>, ReadError> {
        let value = self.get(&key::row(file))?;
        Ok(value.map(|value| FileRecord::decode(&value)).transpose()?)
    }

    fn used(&self, user: &UserId) -> Result<u64, ReadError> {
        let value = self.get(&key::used(user))?;
        Ok(value.map_or(Ok(0), |value| as_number(&value))?)
    }

    fn begin_file(
        &mut self,
        user: &UserId,
        begin: &FileBegin,
        quota: u64,
    ) -> Result<Option<StoredFile>, Halt> {
        let file = begin.file;
        if let Some(record) = self.file_record(&file)? {
            let same = record.owner == *user
                && record.size == begin.size
                && record.media_type == begin.media_type
                && record.sha256 == begin.sha256;
            if !same {
                return refuse(RejectCode::Conflict, "the same file id names another file");
            }
            let record = if record.complete { record } else { self.moved(&file, record, false) };
            return Ok(Some(record.told(file)));
        }
        if self.get(&key::removed(&file))?.is_some() {
            let reason = "a file of that id is just being removed";
            return refuse(RejectCode::Unavailable, reason);
        }
        if self.full {
            return refuse(RejectCode::StoreFull, "the server's disk is nearly full");
        }
        let thumbnail_bytes = u32::try_from(begin.thumbnail.len()).expect("it is bounded");
        let used = self.used(user)?.saturating_add(file_cost(begin.size, thumbnail_bytes));
        if used > quota {
            let reason = format!("your files may count for {quota} bytes");
            return refuse(RejectCode::QuotaExceeded, reason);
        }
        let record = FileRecord {
            owner: user.clone(),
            size: begin.size,
            media_type: begin.media_type.clone(),
            sha256: begin.sha256,
            thumbnail_bytes,
            complete: false,
            since_ms: self.now_ms,
        };
        self.put(key::row(&file), record.encode());
        self.put(key::of_user(user, &file), Bytes::new());
        self.put(key::used(user), number(used));
        self.put(key::unsent(self.now_ms, &file), Bytes::new());
        for (part, bytes) in (0..).zip(begin.thumbnail.chunks(VALUE_BYTES_MAX)) {
            self.put(key::thumbnail(&file, part), Bytes::copy_from_slice(bytes));
        }
        Ok(Some(record.told(file)))
    }

    /// A file in no chat has moved on: it is kept for as long again.
    fn moved(&mut self, file: &FileId, record: FileRecord, complete: bool) -> FileRecord {
        self.remove(key::unsent(record.since_ms, file));
        let record = FileRecord { since_ms: self.now_ms, complete, ..record };
        self.put(key::unsent(record.since_ms, file), Bytes::new());
        self.put(key::row(file), record.encode());
        record
    }

    fn finish_file(&mut self, file: &FileId) -> Result<Option<StoredFile>, Halt> {
        match self.file_record(file)? {
            Some(record) if record.complete => Ok(Some(record.told(*file))),
            Some(record) => Ok(Some(self.moved(file, record, true).told(*file))),
            // Not refused: the note is to be written.
            None => {
                self.put(key::removed(file), Bytes::new());
                Ok(None)
            }
        }
    }

    fn remove_file(&mut self, file: &FileId, before_ms: u64) -> Result<Option<StoredFile>, Halt> {
        let Some(record) = self.file_record(file)? else { return Ok(None) };
        let stands = !self.rows(&key::references(file, None), 1)?.is_empty();
        if record.since_ms > before_ms || (stands && !planted::is(Bug::ReferenceUncounted)) {
            return Ok(None);
        }
        let used = self.used(&record.owner)?;
        let used = used.saturating_sub(file_cost(record.size, record.thumbnail_bytes));
        self.put(key::used(&record.owner), number(used));
        self.remove(key::unsent(record.since_ms, file));
        self.remove(key::of_user(&record.owner, file));
        let parts = (record.thumbnail_bytes as usize).div_ceil(VALUE_BYTES_MAX);
        for part in (0..).take(parts.min(THUMBNAIL_PARTS_MAX)) {
            self.remove(key::thumbnail(file, part));
        }
        self.remove(key::row(file));
        self.put(key::removed(file), Bytes::new());
        Ok(Some(record.told(*file)))
    }

    /// Refuses an entry that has a file which is not whole, not what it says, or not the sender's
    /// to send. Changes nothing.
    pub(super) fn check_may_send(&mut self, sender: &UserId, sent: &FileSent) -> Result<(), Halt> {
        let Some(record) = self.file_record(&sent.file)? else {
            return refuse(RejectCode::NotAllowed, NO_SUCH_FILE);
        };
        if record.owner != *sender && !self.has_from_a_chat(sender, sent)? {
            return refuse(RejectCode::NotAllowed, NO_SUCH_FILE);
        }
        if !record.complete {
            return refuse(RejectCode::NotAllowed, "the file is not whole yet");
        }
        let is_same = record.size == sent.size
            && record.media_type == sent.media_type
            && record.sha256 == sent.sha256;
        if !is_same {
            return refuse(RejectCode::Invalid, "the entry says of the file what it is not");
        }
        Ok(())
    }

    /// The user may see an entry that has the file: in the chat that is named, or in one of the
    /// first that have it.
    fn has_from_a_chat(&mut self, user: &UserId, sent: &FileSent) -> Result<bool, ReadError> {
        if let Some(chat) = &sent.from {
            return self.may_see_file(user, chat, &sent.file);
        }
        let mut after = None;
        for _ in 0..CHATS_WITH_FILE_MAX {
            let found = self.rows(&key::references(&sent.file, after.as_ref()), 1)?;
            let Some((row, _)) = found.first() else { return Ok(false) };
            let chat = key::chat_of_reference(row)?;
            if self.may_see_file(user, &chat, &sent.file)? {
                return Ok(true);
            }
            after = Some(chat);
        }
        Ok(false)
    }

    fn may_see_file(
        &mut self,
        user: &UserId,
        chat: &ChatId,
        file: &FileId,
    ) -> Result<bool, ReadError> {
        let Some(spans) = self.seen_of(user, chat)? else { return Ok(false) };
        for (first, last) in spans.between(0, u64::MAX) {
            if !self.rows(&key::references_in(file, chat, first, last), 1)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// An entry has gone from a room: so has what says that it has a file. One that stands in no
    /// chat any more is kept for as long again.
    pub(super) fn remove_reference(
        &mut self,
        file: &FileId,
        chat: &ChatId,
        seq: u64,
    ) -> Result<(), ReadError> {
        self.remove(key::reference(file, chat, seq));
        if !self.rows(&key::references(file, None), 1)?.is_empty() {
            return Ok(());
        }
        if let Some(record) = self.file_record(file)? {
            let complete = record.complete;
            self.moved(file, record, complete);
        }
        Ok(())
    }

    /// An entry has the file, which `check_may_send` has let pass.
    pub(super) fn put_reference(
        &mut self,
        file: &FileId,
        chat: &ChatId,
        seq: u64,
    ) -> Result<(), ReadError> {
        if let Some(record) = self.file_record(file)?
            && !planted::is(Bug::ReferenceUncounted)
        {
            self.remove(key::unsent(record.since_ms, file));
        }
        self.put(key::reference(file, chat, seq), Bytes::new());
        Ok(())
    }
}
