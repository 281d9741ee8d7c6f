//! Finds what a device has still to get. Must never pass over a chat that has something for it.

use packetboat_proto::id::{ChatId, DeviceId, UserId};

use super::Reader;
use crate::store::key;
use crate::store::read_error::ReadError;
use crate::store::record::Place;
use crate::store::{Lag, LagPage, StoreError};

/// Chats that one call looks at.
const CHATS_EXAMINED_MAX: usize = 1_024;
/// Chats that are read at once.
const CHATS_PER_SCAN: usize = 128;

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
        let mut page = LagPage::default();
        let mut after = after.cloned();
        for _ in 0..CHATS_EXAMINED_MAX / CHATS_PER_SCAN {
            let found = self.rows(&key::places(user, after.as_ref()), CHATS_PER_SCAN)?;
            let mut left = found.rows.len();
            for (row, value) in &found.rows {
                let chat = key::last_chat(row)?;
                page.lags.extend(self.lag(user, device, &chat, &Place::decode(value)?)?);
                left -= 1;
                let more = left > 0 || found.more;
                if page.lags.len() >= limit {
                    page.next = more.then_some(chat);
                    return Ok(page);
                }
                after = Some(chat);
            }
            if !found.more {
                return Ok(page);
            }
        }
        page.next = after;
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
