//! Messages that are to be sent later. Must never send one that is not due, nor take it from the
//! list in another batch than the one that has it sent.

use bytes::{Bytes, BytesMut};
use packetboat_proto::code::{RejectCode, Retry};
use packetboat_proto::content::{Alteration, Content};
use packetboat_proto::id::{ChatKind, SessionId, UserId};
use packetboat_proto::limits::{
    SCHEDULED_AHEAD_MS_MAX, SCHEDULED_BYTES_MAX, SCHEDULED_MAX, SESSION_ID_BYTES,
};
use packetboat_proto::packet::ScheduledName;

use super::turn::{Halt, Turn, no_such_chat, refuse};
use crate::store::act::Acted;
use crate::store::batch::VALUE_BYTES_MAX;
use crate::store::key;
use crate::store::key::due::{self, Due};
use crate::store::read_error::ReadError;
use crate::store::record::schedule::ScheduledRow;
use crate::store::{Author, Draft, Effect, Outcome, Refusal};

/// Parts of a content.
const PARTS_MAX: usize = SCHEDULED_BYTES_MAX.div_ceil(VALUE_BYTES_MAX);
/// The most operations beside those of an entry: the row, when it is due before and after, and the
/// parts of its content.
pub(super) const SCHEDULED_OPERATIONS_MAX: usize = 3 + PARTS_MAX;
/// How much later one is looked at again that could not be sent for now, in milliseconds.
const PUT_OFF_MS: u64 = 10_000;
/// What sends a scheduled message: no session has this name, so none is left out.
const NO_SESSION: [u8; SESSION_ID_BYTES] = [0; SESSION_ID_BYTES];

fn name_of(draft: &Draft) -> ScheduledName {
    ScheduledName { chat: draft.chat.clone(), id: draft.id }
}

/// Refuses what is not sent later whoever asks.
fn check_may_wait(user: &UserId, draft: &Draft) -> Result<(), Halt> {
    let unsupported =
        |what: &str| refuse(RejectCode::Unsupported, format!("{what} is not scheduled"));
    match draft.chat.kind() {
        ChatKind::Direct(low, high) if ![low, high].contains(&user.as_str()) => {
            return no_such_chat();
        }
        ChatKind::Room(_) => return unsupported("what is said in a room"),
        ChatKind::Direct(..) | ChatKind::Group(_) => {}
    }
    if draft.change.is_some() || draft.alteration().map(Alteration::seq).is_some() {
        return unsupported("a change");
    }
    if draft.file.is_some() {
        return unsupported("a file");
    }
    if draft.content.len() > SCHEDULED_BYTES_MAX {
        let reason = format!("at most {SCHEDULED_BYTES_MAX} bytes are scheduled");
        return refuse(RejectCode::TooLarge, reason);
    }
    Ok(())
}

impl Turn<'_> {
    /// A message is to be sent then.
    pub(super) fn schedule(
        &mut self,
        user: &UserId,
        draft: &Draft,
        at_ms: u64,
    ) -> Result<Acted, Halt> {
        check_may_wait(user, draft)?;
        if at_ms > self.now_ms.saturating_add(SCHEDULED_AHEAD_MS_MAX) {
            let reason = format!("at most {SCHEDULED_AHEAD_MS_MAX} ms ahead is scheduled");
            return refuse(RejectCode::Invalid, reason);
        }
        let head = self.head(&draft.chat)?;
        if self.seq_of(&key::dedup(&draft.chat, user, &draft.id), head)?.is_some() {
            return Ok(Acted::Done);
        }
        let name = name_of(draft);
        match self.scheduled(user, &name)? {
            Some(before) => self.unlist(user, &name, &before),
            None => self.check_room_for_scheduled(user)?,
        }
        let bytes = draft.content.len();
        let row = ScheduledRow { at_ms, due_ms: at_ms, bytes, failed: None };
        self.list(user, &name, &row);
        for (part, from) in (0..).zip((0..bytes).step_by(VALUE_BYTES_MAX)) {
            let to = bytes.min(from + VALUE_BYTES_MAX);
            self.put(due::content(user, &name, part), draft.content.slice(from..to));
        }
        Ok(Acted::Done)
    }

    /// A message is not to be sent.
    pub(super) fn unschedule(
        &mut self,
        user: &UserId,
        name: &ScheduledName,
    ) -> Result<Acted, ReadError> {
        if let Some(row) = self.scheduled(user, name)? {
            self.unlist(user, name, &row);
        }
        Ok(Acted::Done)
    }

    fn check_room_for_scheduled(&self, user: &UserId) -> Result<(), Halt> {
        if self.rows(&due::all_scheduled(user, None), SCHEDULED_MAX)?.len() < SCHEDULED_MAX {
            return Ok(());
        }
        let reason = format!("a user has at most {SCHEDULED_MAX} messages scheduled");
        refuse(RejectCode::LimitReached, reason)
    }

    fn scheduled(
        &self,
        user: &UserId,
        name: &ScheduledName,
    ) -> Result<Option<ScheduledRow>, ReadError> {
        let value = self.get(&due::scheduled(user, name))?;
        Ok(value.map(|value| ScheduledRow::decode(&value)).transpose()?)
    }

    /// Puts the row of a message, and when it is due, if it still is.
    fn list(&mut self, user: &UserId, name: &ScheduledName, row: &ScheduledRow) {
        if row.failed.is_none() {
            let due = Due::Send { user: user.clone(), name: name.clone() };
            self.put(due::at(row.due_ms, &due), Bytes::new());
        }
        self.put(due::scheduled(user, name), row.encode());
    }

    fn forget_due(&mut self, user: &UserId, name: &ScheduledName, row: &ScheduledRow) {
        if row.failed.is_none() {
            let due = Due::Send { user: user.clone(), name: name.clone() };
            self.remove(due::at(row.due_ms, &due));
        }
    }

    /// Takes a message from the list, with all of its rows.
    fn unlist(&mut self, user: &UserId, name: &ScheduledName, row: &ScheduledRow) {
        self.forget_due(user, name, row);
        self.remove(due::scheduled(user, name));
        for part in (0..).take(row.bytes.div_ceil(VALUE_BYTES_MAX)) {
            self.remove(due::content(user, name, part));
        }
    }

    fn scheduled_content(
        &self,
        user: &UserId,
        name: &ScheduledName,
        row: &ScheduledRow,
    ) -> Result<Bytes, ReadError> {
        let mut content = BytesMut::with_capacity(row.bytes);
        for part in (0..).take(row.bytes.div_ceil(VALUE_BYTES_MAX)) {
            let value = self.get(&due::content(user, name, part))?;
            let of = || name.id.to_string();
            let what = "a part of a scheduled message";
            content.extend_from_slice(&value.ok_or_else(|| ReadError::Missing { what, of: of() })?);
        }
        Ok(content.freeze())
    }

    /// Sends a message that is due, as its user would: in one batch with the end of its waiting.
    pub(super) fn send_due(
        &mut self,
        user: &UserId,
        name: &ScheduledName,
    ) -> Result<(), ReadError> {
        let Some(row) = self.scheduled(user, name)? else { return Ok(()) };
        let content = self.scheduled_content(user, name, &row)?;
        let outcome = match Content::decode_sent(&content, SCHEDULED_BYTES_MAX) {
            Ok(said) => {
                let draft = Draft::new(name.chat.clone(), name.id, content, said);
                let session = SessionId::from(NO_SESSION);
                self.append(&Author { user: user.clone(), session }, &draft)?
            }
            // Of a later version, which was here before this one.
            Err(error) => Outcome::Refused(Refusal::new(error.code(), error.to_string())),
        };
        match outcome {
            Outcome::Stored { .. } | Outcome::Duplicate { .. } => self.unlist(user, name, &row),
            Outcome::Refused(refusal) if refusal.code.retry() == Retry::Never => {
                self.forget_due(user, name, &row);
                let failed = Some(refusal.clone());
                self.list(user, name, &ScheduledRow { failed, ..row });
                let (user, name) = (user.clone(), name.clone());
                self.emit(Effect::ScheduleFailed { user, name, refusal });
            }
            Outcome::Refused(_) => {
                self.forget_due(user, name, &row);
                let due_ms = self.now_ms.saturating_add(PUT_OFF_MS);
                self.list(user, name, &ScheduledRow { due_ms, ..row });
            }
        }
        Ok(())
    }
}
