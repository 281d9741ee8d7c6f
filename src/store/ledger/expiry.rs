//! Entries that expire: found by their time, and erased as a recall erases. Must never erase one
//! before its time is over.

use bytes::Bytes;
use packetboat_proto::content::Erasure;
use packetboat_proto::id::ChatId;

use super::group::Deed;
use super::refer::Target;
use super::turn::Turn;
use crate::store::Draft;
use crate::store::key::due::{self, Due};
use crate::store::read_error::ReadError;

/// Operations for an entry that expires: the row by which it is found then.
pub(super) const EXPIRY_OPERATIONS: usize = 1;

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

    /// The time of an entry is over.
    pub(super) fn expire(&mut self, chat: &ChatId, seq: u64) -> Result<(), ReadError> {
        let entry = self.entry(chat, seq)?;
        match Target::of(entry) {
            Some(target) => self.erase(chat, target, Erasure::Expired { of: seq }),
            None => Ok(()),
        }
    }
}
