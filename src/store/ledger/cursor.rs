//! A cursor moves forward. Must never move one back, nor beyond what its user may see.

use packetboat_proto::id::{ChatId, DeviceId, UserId};

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
            self.put(key::cursor(user, device, &to.chat), number(delivered));
        }
        if delivered <= place.delivered && read <= place.read {
            return Ok(());
        }
        place.delivered = place.delivered.max(delivered);
        place.read = place.read.max(read);
        self.put_place(user, &to.chat, &place);
        self.emit(Effect::CursorMoved {
            chat: to.chat.clone(),
            user: user.clone(),
            delivered: place.delivered,
            read: place.read,
        });
        Ok(())
    }

    /// The last seq that a user may see.
    pub(super) fn last_visible(&mut self, place: &Place, chat: &ChatId) -> Result<u64, ReadError> {
        match place.spans.fixed_last() {
            Some(last) => Ok(last),
            None => Ok(place.spans.last(self.head(chat)?)),
        }
    }

    /// What a device has had: its cursor, or that there is none yet.
    fn cursor(
        &self,
        user: &UserId,
        device: &DeviceId,
        chat: &ChatId,
        place: &Place,
    ) -> Result<u64, ReadError> {
        let cursor = self.get(&key::cursor(user, device, chat))?;
        Ok(place.had_by(cursor.as_deref())?)
    }
}
