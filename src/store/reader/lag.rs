//! Finds what a device has still to get. Must never pass over a chat that has something for it.

use packetboat_proto::id::{ChatId, DeviceId, UserId};

use super::Reader;
use crate::store::key;
use crate::store::read_error::ReadError;
use crate::store::record::Place;
use crate::store::{Lag, LagPage, StoreError};

/// Chats that one call looks at.
const CHATS_EXAMINED_MAX: usize = 1_024;

impl Reader {
    /// The chats in which a device lags, after one, at most `limit`.
    pub(crate) fn lagging(
        &self,
        user: &UserId,
        device: &DeviceId,
        after: Option<&ChatId>,
        limit: usize,
    ) -> Result<LagPage, StoreError> {
        Ok(self.lags(user, device, after, limit.max(1))?)
    }

    fn lags(
        &self,
        user: &UserId,
        device: &DeviceId,
        after: Option<&ChatId>,
        limit: usize,
    ) -> Result<LagPage, ReadError> {
        let found = self.rows(&key::places(user, after), CHATS_EXAMINED_MAX)?;
        let mut page = LagPage::default();
        let examined = found.rows.len();
        for (at, (row, value)) in found.rows.iter().enumerate() {
            let chat = key::last_chat(row)?;
            if let Some(lag) = self.lag(user, device, &chat, &Place::decode(value)?)? {
                page.lags.push(lag);
            }
            let last = at + 1 == examined;
            if (page.lags.len() == limit || last) && (!last || found.more) {
                page.next = Some(chat);
                break;
            }
        }
        Ok(page)
    }

    fn lag(
        &self,
        user: &UserId,
        device: &DeviceId,
        chat: &ChatId,
        place: &Place,
    ) -> Result<Option<Lag>, ReadError> {
        let delivered = self.cursor(user, device, chat, place)?;
        // Most of the chats that a user is out of end here, without a look at their logs.
        if place.spans.fixed_last().is_some_and(|last| last <= delivered) {
            return Ok(None);
        }
        let head = self.last_visible(place, chat)?;
        Ok((head > delivered).then(|| Lag { chat: chat.clone(), delivered, head }))
    }
}
