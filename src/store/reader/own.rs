//! A user's own state, for the user alone. Must never give a revision that is not durable: with the
//! power cut, another change would have the same.

use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::limits::PAGE_RANGES_MAX;
use packetboat_proto::packet::{Item, Marks, OwnItem, OwnPage};
use packetboat_proto::seqs::SeqSet;

use super::Reader;
use crate::store::key;
use crate::store::read_error::ReadError;
use crate::store::record::Place;
use crate::store::record::own::{Mentioned, OwnHead, decode_item};
use crate::store::{PageLimit, StoreError};

/// Entries with mentions that are looked at to count those of a user.
const MENTIONS_SCAN_MAX: usize = 1_000;

/// What a user has set of one chat, as far as it matters for how the chat is shown.
#[derive(Debug, Default)]
pub(super) struct OwnOfChat {
    pub(super) marks: Marks,
    pub(super) hidden: SeqSet,
}

impl Reader {
    /// What has changed of a user's own state behind a revision; `None`: something of it is not
    /// durable yet.
    ///
    /// The newest revision is read first, so that what is set from then on is left to the next
    /// page; the floor last, so that no removal is missed that was forgotten meanwhile. Whether
    /// anything is on its way to the disk is looked for behind both, as the horizon says of heads.
    pub(crate) fn own_changes(
        &self,
        user: &UserId,
        after: u64,
        limit: PageLimit,
    ) -> Result<Option<OwnPage>, StoreError> {
        let revision = self.own_head(user)?.revision;
        let (items, more) = self.items_behind(user, after, revision, limit)?;
        let floor = self.own_head(user)?.floor;
        if !self.horizon.is_own_durable(user) {
            return Ok(None);
        }
        Ok(Some(OwnPage { items, more, revision, floor }))
    }

    fn own_head(&self, user: &UserId) -> Result<OwnHead, ReadError> {
        let value = self.backend.get(&key::own::own(user))?;
        Ok(OwnHead::from_value(value.as_deref())?)
    }

    /// Items that were set behind one revision, up to another; whether there are more.
    fn items_behind(
        &self,
        user: &UserId,
        after: u64,
        upto: u64,
        limit: PageLimit,
    ) -> Result<(Vec<OwnItem>, bool), ReadError> {
        let mut items = Vec::new();
        if after >= upto {
            return Ok((items, false));
        }
        let wanted = key::own::revisions(user, after + 1, upto);
        let found = self.rows(&wanted, limit.items.max(1))?;
        let (mut bytes, mut ranges) = (0, 0);
        for (row, key) in &found.rows {
            // One that is not there, or has a higher revision, was set since: its turn comes.
            let Some(value) = self.backend.get(key)? else { continue };
            bytes += value.len();
            let item = decode_item(value)?;
            ranges += item.item.as_ref().map_or(0, Item::ranges);
            if (bytes > limit.bytes || ranges > PAGE_RANGES_MAX) && !items.is_empty() {
                return Ok((items, true));
            }
            if item.revision == key::last_seq(row)? {
                items.push(item);
            }
        }
        Ok((items, found.more))
    }

    /// What a user has set of a chat.
    pub(super) fn own_of_chat(&self, user: &UserId, chat: &ChatId) -> Result<OwnOfChat, ReadError> {
        let mut own = OwnOfChat::default();
        for key in [key::own::marks(user, chat), key::own::hidden(user, chat)] {
            let Some(value) = self.backend.get(&key)? else { continue };
            match decode_item(value)?.item {
                Some(Item::Marks { marks, .. }) => own.marks = marks,
                Some(Item::Hidden { seqs, .. }) => own.hidden = seqs,
                Some(Item::Draft(_) | Item::Contact(_) | Item::Block(_)) | None => {}
            }
        }
        Ok(own)
    }

    /// Entries of others that mention a user, after what it has read, without those that are gone
    /// for it: at most so many as are looked at.
    pub(super) fn mentions(
        &self,
        user: &UserId,
        chat: &ChatId,
        place: &Place,
        head: u64,
        gone: &SeqSet,
    ) -> Result<u64, ReadError> {
        use std::ops::ControlFlow::{Break, Continue};
        let (mut count, mut left) = (0, MENTIONS_SCAN_MAX);
        for (first, last) in place.spans.between(place.before_unread(), head) {
            self.try_scan(&key::own::mentions(chat, first, last), |row, value| {
                if left == 0 {
                    return Ok(Break(()));
                }
                left -= 1;
                let calls = Mentioned::from_value(value)?.calls(user);
                count += u64::from(calls && !gone.holds(key::last_seq(row)?));
                Ok(Continue(()))
            })?;
        }
        Ok(count)
    }
}
