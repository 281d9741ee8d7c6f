//! A user's own state: items, each with the revision that set it, so that a device learns what has
//! changed since it last asked. Must never keep more than its bounds, nor forget a removal of which
//! a device that asks from above the floor has not heard.

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::limits::HIDDEN_RANGES_MAX;
use packetboat_proto::packet::{ChatDraft, Item, Marks, OwnItem, SetMarks};
use packetboat_proto::planted::{self, Bug};
use packetboat_proto::seqs::{SeqRange, SeqSet};

use super::turn::{Halt, Turn, no_such_chat, refuse};
use crate::store::Effect;
use crate::store::act::Acted;
use crate::store::batch::VALUE_BYTES_MAX;
use crate::store::key;
use crate::store::read_error::ReadError;
use crate::store::record::own::{OwnHead, decode_item};

/// Items that a user has, beside those that are removed.
pub(super) const ITEMS_MAX: u32 = 50_000;
/// Revisions for which a removal is remembered: a device that is further behind reads all anew.
const REMOVALS_KEPT: u64 = 4_096;
/// Operations to set an item: the item, its revision, the one that it had, what there is; and the
/// item and revision of a removal that is forgotten.
pub(super) const ITEM_OPERATIONS: usize = 6;

impl Turn<'_> {
    /// Sets an item of a user's; gives the revision that it has then, or 0 if there is nothing of
    /// it. Set to what it is already, it stays as it is.
    pub(super) fn set_item(&mut self, user: &UserId, item: Item) -> Result<u64, Halt> {
        let key = key::own::item(user, &item);
        let before = self.item(&key)?;
        let (was, now) = (is_there(before.as_ref()), !item.is_removed());
        match &before {
            Some(before) if before.item.as_ref() == Some(&item) => return Ok(before.revision),
            None if !now => return Ok(0),
            Some(_) | None => {}
        }
        let mut head = self.own_head(user)?;
        check_room(&head, now && !was)?;
        let revision = match &before {
            Some(before) if planted::is(Bug::RevisionKept) => before.revision,
            Some(_) | None => head.revision + 1,
        };
        let value = OwnItem { revision, item: Some(item) }.encode();
        if value.len() > VALUE_BYTES_MAX {
            return refuse(RejectCode::LimitReached, "that is more than an item holds");
        }
        if let Some(before) = before {
            self.remove(key::own::revision(user, before.revision));
        }
        self.put(key::own::revision(user, revision), key.clone());
        self.put(key, value);
        head.revision = head.revision.max(revision);
        head.items = head.items + u32::from(now) - u32::from(was);
        self.raise_floor(user, &mut head)?;
        self.put(key::own::own(user), head.to_value());
        self.note_own(user);
        self.emit(Effect::OwnChanged { user: user.clone(), revision });
        Ok(revision)
    }

    /// Refuses an item for which a user has no room: for who sets several, and writes none of them
    /// before all have room.
    pub(super) fn check_room_for_item(&self, user: &UserId, item: &Item) -> Result<(), Halt> {
        let was = is_there(self.item(&key::own::item(user, item))?.as_ref());
        check_room(&self.own_head(user)?, !item.is_removed() && !was)
    }

    /// One revision more is below the floor: if it is a removal's, that is forgotten.
    fn raise_floor(&mut self, user: &UserId, head: &mut OwnHead) -> Result<(), ReadError> {
        if head.revision - head.floor <= REMOVALS_KEPT {
            return Ok(());
        }
        head.floor += 1;
        let revision = key::own::revision(user, head.floor);
        if let Some(key) = self.get(&revision)?
            && !is_there(self.item(&key)?.as_ref())
        {
            self.remove(key);
            self.remove(revision);
        }
        Ok(())
    }

    /// An item, also one that is removed.
    fn item(&self, key: &[u8]) -> Result<Option<OwnItem>, ReadError> {
        Ok(self.get(key)?.map(decode_item).transpose()?)
    }

    pub(super) fn own_head(&self, user: &UserId) -> Result<OwnHead, ReadError> {
        Ok(OwnHead::from_value(self.get(&key::own::own(user))?.as_deref())?)
    }

    /// Refuses a chat that is not the user's, and never was. A direct chat is its users' from the
    /// start, before anything is written to it.
    fn check_own_chat(&self, user: &UserId, chat: &ChatId) -> Result<(), Halt> {
        if chat.peer_of(user).is_some() || self.place(user, chat)?.is_some() {
            return Ok(());
        }
        no_such_chat()
    }

    /// A user wants a chat to be shown otherwise.
    pub(super) fn set_marks(&mut self, user: &UserId, set: &SetMarks) -> Result<Acted, Halt> {
        self.check_own_chat(user, &set.chat)?;
        let before = match self.item(&key::own::marks(user, &set.chat))? {
            Some(OwnItem { item: Some(Item::Marks { marks, .. }), .. }) => marks,
            _ => Marks::default(),
        };
        let item = Item::Marks { chat: set.chat.clone(), marks: set.applied_to(before) };
        self.set_item(user, item).map(Acted::Set)
    }

    /// A user has begun to write something.
    pub(super) fn set_draft(&mut self, user: &UserId, draft: &ChatDraft) -> Result<Acted, Halt> {
        self.check_own_chat(user, &draft.chat)?;
        self.set_item(user, Item::Draft(draft.clone())).map(Acted::Set)
    }

    /// A user deletes entries for itself.
    pub(super) fn hide(
        &mut self,
        user: &UserId,
        chat: &ChatId,
        ranges: &[SeqRange],
    ) -> Result<Acted, Halt> {
        self.check_own_chat(user, chat)?;
        let last = match self.place(user, chat)? {
            Some(place) => self.last_visible(&place, chat)?,
            None => 0,
        };
        if ranges.iter().any(|range| range.last() > last) {
            return refuse(RejectCode::Invalid, format!("you see no entry behind {last}"));
        }
        let mut seqs = match self.item(&key::own::hidden(user, chat))? {
            Some(OwnItem { item: Some(Item::Hidden { seqs, .. }), .. })
                if !planted::is(Bug::HidingReplaces) =>
            {
                seqs
            }
            _ => SeqSet::default(),
        };
        for range in ranges {
            seqs.insert(*range);
        }
        if seqs.ranges().len() > HIDDEN_RANGES_MAX {
            let reason = format!("at most {HIDDEN_RANGES_MAX} ranges of a chat are hidden");
            return refuse(RejectCode::LimitReached, reason);
        }
        self.set_item(user, Item::Hidden { chat: chat.clone(), seqs }).map(Acted::Set)
    }
}

fn check_room(head: &OwnHead, for_one_more: bool) -> Result<(), Halt> {
    if for_one_more && head.items >= ITEMS_MAX {
        let reason = format!("a user has at most {ITEMS_MAX} items");
        return refuse(RejectCode::LimitReached, reason);
    }
    Ok(())
}

/// Whether there is something of an item.
fn is_there(item: Option<&OwnItem>) -> bool {
    item.is_some_and(|item| item.item.as_ref().is_none_or(|item| !item.is_removed()))
}
