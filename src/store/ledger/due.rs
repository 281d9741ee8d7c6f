//! What is due, and is done in the order of its time. Must never erase an entry before its time is
//! over.

use bytes::Bytes;
use packetboat_proto::content::Erasure;
use packetboat_proto::id::ChatId;
use packetboat_proto::planted::{self, Bug};

use super::append::WORD_OPERATIONS_MAX;
use super::group::Deed;
use super::recall::RECALL_OPERATIONS_MAX;
use super::refer::Target;
use super::schedule::SCHEDULED_OPERATIONS_MAX;
use super::turn::Turn;
use crate::store::Draft;
use crate::store::key::due::{self, Due};
use crate::store::read_error::ReadError;

/// Operations for an entry that expires: the row by which it is found then.
pub(super) const EXPIRY_OPERATIONS: usize = 1;
/// The most operations of one thing that is due: an entry is erased with its edits, and the row
/// goes that says that it is due.
pub(crate) const DUE_OPERATIONS_MAX: usize = RECALL_OPERATIONS_MAX + 1;
const _: () = assert!(
    DUE_OPERATIONS_MAX >= WORD_OPERATIONS_MAX + SCHEDULED_OPERATIONS_MAX,
    "to send a message is less than to erase one"
);

impl Turn<'_> {
    /// Notes when the time of an entry is over, if it ever is.
    pub(super) fn note_expiry(&mut self, deed: &Deed<'_>, draft: &Draft) {
        if let Some(expires_ms) = draft.expires_ms(self.now_ms) {
            let due = Due::Expiry { chat: deed.chat.clone(), seq: deed.seq };
            self.put(due::at(expires_ms, &due), Bytes::new());
        }
    }

    /// An entry is gone before its time.
    pub(super) fn forget_expiry(&mut self, expires_ms: u64, chat: &ChatId, seq: u64) {
        self.remove(due::at(expires_ms, &Due::Expiry { chat: chat.clone(), seq }));
    }

    /// Does what has been due for longest; whether there was anything.
    pub(crate) fn do_next_due(&mut self) -> Result<bool, ReadError> {
        if planted::is(Bug::ExpiredShown) {
            return Ok(false);
        }
        let found = self.rows(&due::upto(self.now_ms), 1)?;
        let Some((row, _)) = found.into_iter().next() else { return Ok(false) };
        match due::read(&row)? {
            Due::Expiry { chat, seq } => self.expire(&chat, seq)?,
            Due::Send { user, name } => self.send_due(&user, &name)?,
        }
        self.remove(row);
        Ok(true)
    }

    fn expire(&mut self, chat: &ChatId, seq: u64) -> Result<(), ReadError> {
        let entry = self.entry(chat, seq)?;
        match Target::of(entry) {
            Some(target) => self.erase(chat, target, Erasure::Expired { of: seq }),
            None => Ok(()),
        }
    }
}
