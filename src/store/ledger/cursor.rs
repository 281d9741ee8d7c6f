//! A cursor moves forward. Must never move one back, nor beyond what its user may see.

use packetboat_proto::id::{ChatId, DeviceId, UserId};
use packetboat_proto::packet::ReceiptRule;

use super::turn::Turn;
use crate::store::key;
use crate::store::read_error::ReadError;
use crate::store::record::{Place, number};
use crate::store::{CursorMove, Effect};

/// Operations of one move: the device's cursor, and the user's place.
pub(crate) const MOVE_OPERATIONS_MAX: usize = 2;

impl Turn<'_> {
    /// Moves a device's cursor and its user's.
    pub(crate) fn advance(
        &mut self,
        user: &UserId,
        device: &DeviceId,
        to: &CursorMove,
    ) -> Result<(), ReadError> {
        let Some(mut place) = self.place(user, &to.chat)? else {
            return Ok(());
        };
        let last = self.last_visible(&place, &to.chat)?;
        let (delivered, read) = (to.delivered.min(last), to.read.min(last));
        if delivered > self.cursor(user, device, &to.chat, &place)? {
            self.put(key::device::cursor(user, device, &to.chat), number(delivered));
        }
        if delivered <= place.delivered && read <= place.read {
            return Ok(());
        }
        let told = self.tells_read(user, &to.chat)?;
        let news = told || delivered > place.delivered;
        place.delivered = place.delivered.max(delivered);
        place.read = place.read.max(read);
        self.put_place(user, &to.chat, &place);
        self.emit(Effect::CursorMoved {
            chat: to.chat.clone(),
            user: user.clone(),
            delivered: place.delivered,
            read: place.read,
            told: news.then_some(if told { place.read } else { 0 }),
        });
        Ok(())
    }

    /// Whether what the user has read is told the others: to hide it is to hide it both ways, which
    /// for a group is seen to where it is asked for.
    fn tells_read(&mut self, user: &UserId, chat: &ChatId) -> Result<bool, ReadError> {
        if self.receipt_rule(user)? == ReceiptRule::Hidden {
            return Ok(false);
        }
        match chat.peer_of(user) {
            Some(peer) => Ok(self.receipt_rule(&peer)? == ReceiptRule::Told),
            None => Ok(true),
        }
    }

    /// The last seq that a user may see.
    pub(super) fn last_visible(&mut self, place: &Place, chat: &ChatId) -> Result<u64, ReadError> {
        match place.spans.fixed_last() {
            Some(last) => Ok(last),
            None => Ok(place.spans.last(self.head(chat)?)),
        }
    }

    /// What a device has had: its cursor, or that there is none yet.
    pub(super) fn cursor(
        &self,
        user: &UserId,
        device: &DeviceId,
        chat: &ChatId,
        place: &Place,
    ) -> Result<u64, ReadError> {
        let cursor = self.get(&key::device::cursor(user, device, chat))?;
        Ok(place.had_by(cursor.as_deref())?)
    }
}
