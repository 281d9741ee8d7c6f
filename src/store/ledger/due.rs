//! What is due, and is done in the order of its time. Must never do anything before it is due.

use packetboat_proto::planted::{self, Bug};

use super::append::WORD_OPERATIONS_MAX;
use super::recall::RECALL_OPERATIONS_MAX;
use super::schedule::SCHEDULED_OPERATIONS_MAX;
use super::turn::Turn;
use crate::store::key::due::{self, Due};
use crate::store::read_error::ReadError;

/// The most operations of one thing that is due: an entry is erased with its edits, and the row
/// goes that says that it is due.
pub(crate) const DUE_OPERATIONS_MAX: usize = RECALL_OPERATIONS_MAX + 1;
const _: () = assert!(
    DUE_OPERATIONS_MAX >= WORD_OPERATIONS_MAX + SCHEDULED_OPERATIONS_MAX,
    "to send a message is less than to erase one"
);

impl Turn<'_> {
    /// Does what has been due for longest, by a clock that may have gone back, as that of the turn
    /// has not; whether there was anything.
    pub(crate) fn do_next_due(&mut self, now_ms: u64) -> Result<bool, ReadError> {
        if planted::is(Bug::ExpiredShown) {
            return Ok(false);
        }
        let found = self.rows(&due::upto(now_ms.min(self.now_ms)), 1)?;
        let Some((row, _)) = found.into_iter().next() else { return Ok(false) };
        match due::read(&row)? {
            Due::Expiry { chat, seq } => self.expire(&chat, seq)?,
            Due::Send { user, name } => self.send_due(&user, &name)?,
        }
        self.remove(row);
        Ok(true)
    }
}
