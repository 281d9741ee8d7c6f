//! What a user has set for itself, and its devices share: how chats are shown, what was begun to
//! write, what it has deleted for itself. The fold is pure. Must never miss a removal, nor keep
//! more than its bound.

use std::collections::HashMap;

use packetboat_proto::id::ChatId;
use packetboat_proto::limits::{DRAFT_BYTES_MAX, HIDE_RANGES_MAX};
use packetboat_proto::packet::{
    Answer, ChatDraft, ChatState, Item, Marks, Operation, Own, OwnAnswer, OwnPage, Recent, SetMarks,
};
use packetboat_proto::seqs::{SeqRange, SeqSet};

use crate::client::{Client, Page};
use crate::contact::People;
use crate::error::RequestError;

/// Chats of which something is kept: as many as a server keeps items.
const CHATS_MAX: usize = 50_000;
/// How often one sync starts over, because the server has forgotten removals meanwhile.
const STARTS_MAX: usize = 3;

/// What the user has set for itself, as far as it was read: [`Client::sync_own`] reads on.
#[derive(Clone, Debug, Default)]
pub struct OwnState {
    chats: HashMap<ChatId, OwnChat>,
    people: People,
    /// Items up to this revision were read.
    after: u64,
    /// Of items up to this revision no removal is missing.
    known: u64,
}

/// What the user has set for itself of one chat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnChat {
    /// How it is to be shown.
    pub marks: Marks,
    /// What was begun to write in it.
    pub draft: Option<ChatDraft>,
    /// Entries that are not to be shown.
    pub hidden: SeqSet,
}

/// What to do after a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Everything was read.
    Done,
    /// Read the next page.
    ReadOn,
    /// All was forgotten: read from the start.
    StartOver,
}

impl OwnState {
    /// What is set of a chat; of one that nothing is set of, the defaults.
    pub fn chat(&self, chat: &ChatId) -> OwnChat {
        self.chats.get(chat).cloned().unwrap_or_default()
    }

    /// Whether the user has deleted an entry for itself: it is not to be shown.
    pub fn hides(&self, chat: &ChatId, seq: u64) -> bool {
        self.chats.get(chat).is_some_and(|own| own.hidden.holds(seq))
    }

    /// The chats of which something is set, in no order.
    pub fn chats(&self) -> impl Iterator<Item = (&ChatId, &OwnChat)> {
        self.chats.iter()
    }

    /// Whom the user knows, and whom it has blocked.
    pub const fn people(&self) -> &People {
        &self.people
    }

    /// Everything up to this revision is here. A [`Notice::Own`](crate::Notice) of a higher one
    /// says that there is more to read.
    pub fn revision(&self) -> u64 {
        self.known.min(self.after)
    }

    fn take(&mut self, page: OwnPage) -> Next {
        if self.after == 0 {
            self.known = page.revision;
        }
        if page.floor > self.known {
            *self = Self::default();
            return Next::StartOver;
        }
        for item in page.items {
            self.after = self.after.max(item.revision);
            if let Some(item) = item.item {
                self.set(item);
            }
        }
        if page.more {
            return Next::ReadOn;
        }
        self.after = self.after.max(page.revision);
        self.known = self.known.max(page.revision);
        Next::Done
    }

    /// Takes an item, as it is read or set.
    pub fn set(&mut self, item: Item) {
        let removed = item.is_removed();
        match item {
            Item::Marks { chat, marks } => self.change(chat, |own| own.marks = marks),
            Item::Draft(draft) => {
                self.change(draft.chat.clone(), |own| own.draft = (!removed).then_some(draft));
            }
            Item::Hidden { chat, seqs } => self.change(chat, |own| own.hidden = seqs),
            Item::Contact(contact) => self.people.set_contact(contact),
            Item::Block(block) => self.people.set_block(block),
        }
    }

    fn change(&mut self, chat: ChatId, change: impl FnOnce(&mut OwnChat)) {
        if self.chats.len() >= CHATS_MAX && !self.chats.contains_key(&chat) {
            return;
        }
        let own = self.chats.entry(chat.clone()).or_default();
        change(own);
        if *own == OwnChat::default() {
            self.chats.remove(&chat);
        }
    }
}

impl Client {
    /// Reads what has changed of the user's own state, on whatever device: at first, after each
    /// connect, and when a [`Notice::Own`](crate::Notice) or [`Notice::Missed`](crate::Notice)
    /// comes.
    pub async fn sync_own(&self, own: &mut OwnState) -> Result<(), RequestError> {
        let mut starts = 0;
        while starts < STARTS_MAX {
            let asked = Own::Changes { after: own.after, limit: 0 };
            let OwnAnswer::Changes(page) = self.ask_own(asked).await? else {
                return Err(RequestError::Unexpected);
            };
            match own.take(page) {
                Next::Done => return Ok(()),
                Next::ReadOn => {}
                Next::StartOver => starts += 1,
            }
        }
        Err(RequestError::Unexpected)
    }

    /// Says how a chat is to be shown, on all devices; what is `None` stays as it is.
    pub async fn set_marks(&self, marks: SetMarks) -> Result<(), RequestError> {
        self.set_own(Own::SetMarks(marks)).await
    }

    /// Keeps what was begun to write in a chat, at most 3,072 bytes, for all devices. Without text
    /// and `reply_to` there is none any more.
    pub async fn set_draft(&self, draft: ChatDraft) -> Result<(), RequestError> {
        let (bytes, max) = (draft.text.len(), DRAFT_BYTES_MAX);
        if bytes > max {
            return Err(RequestError::TooLong { bytes, max });
        }
        self.set_own(Own::SetDraft(draft)).await
    }

    /// Deletes at most 100 ranges of entries for the user alone, for good.
    pub async fn hide(&self, chat: &ChatId, ranges: Vec<SeqRange>) -> Result<(), RequestError> {
        let (count, max) = (ranges.len(), HIDE_RANGES_MAX);
        if count > max {
            return Err(RequestError::TooMany { count, max });
        }
        match self.ask_own(Own::Hide { chat: chat.clone(), ranges }).await? {
            OwnAnswer::Hide(_) => Ok(()),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// A page of the user's chats, those with the newest entries first. The next page is behind
    /// the `last_at_ms` and the id of the last chat. With `last_bytes` the last entry of each
    /// chat comes along, if it has no more.
    pub async fn recent(
        &self,
        behind: Option<(u64, ChatId)>,
        limit: u32,
        last_bytes: u32,
    ) -> Result<Page<ChatState>, RequestError> {
        match self.ask(Operation::Recent(Recent { behind, limit, last_bytes })).await? {
            Answer::Recent { chats, more } => Ok(Page { items: chats, more }),
            _ => Err(RequestError::Unexpected),
        }
    }

    async fn set_own(&self, own: Own) -> Result<(), RequestError> {
        match self.ask_own(own).await? {
            OwnAnswer::Set(_) => Ok(()),
            _ => Err(RequestError::Unexpected),
        }
    }

    async fn ask_own(&self, own: Own) -> Result<OwnAnswer, RequestError> {
        match self.ask(Operation::Own(own)).await? {
            Answer::Own(answer) => Ok(answer),
            _ => Err(RequestError::Unexpected),
        }
    }
}

#[cfg(test)]
mod tests {
    use packetboat_proto::packet::OwnItem;

    use super::*;

    fn chat(name: &str) -> ChatId {
        ChatId::group(name).unwrap()
    }

    fn pinned(revision: u64, name: &str, place: u32) -> OwnItem {
        let marks = Marks { pinned: place, ..Marks::default() };
        OwnItem { revision, item: Some(Item::Marks { chat: chat(name), marks }) }
    }

    fn page(items: Vec<OwnItem>, more: bool, revision: u64, floor: u64) -> OwnPage {
        OwnPage { items, more, revision, floor }
    }

    fn pins(own: &OwnState) -> Vec<(String, u32)> {
        let mut pins: Vec<_> =
            own.chats().map(|(chat, own)| (chat.to_string(), own.marks.pinned)).collect();
        pins.sort();
        pins
    }

    #[test]
    fn pages_are_read_until_there_is_no_more() {
        let mut own = OwnState::default();
        assert_eq!(own.take(page(vec![pinned(3, "a", 1)], true, 9, 0)), Next::ReadOn);
        assert_eq!((own.revision(), own.after), (3, 3));
        assert_eq!(own.take(page(vec![pinned(9, "b", 2)], false, 9, 0)), Next::Done);
        assert_eq!(own.revision(), 9);
        assert_eq!(own.take(page(vec![pinned(10, "a", 0)], false, 10, 0)), Next::Done);
        assert_eq!(pins(&own), [("group:b".into(), 2)], "what is removed is not kept");
    }

    #[test]
    fn what_is_hidden_of_one_chat_is_hidden_of_no_other() {
        let mut own = OwnState::default();
        let mut seqs = SeqSet::default();
        seqs.insert(SeqRange::new(3, 5).unwrap());
        own.set(Item::Hidden { chat: chat("a"), seqs });
        let hides = |name: &str, seq| own.hides(&chat(name), seq);
        assert!(hides("a", 3) && hides("a", 5));
        assert!(!hides("a", 2) && !hides("a", 6) && !hides("b", 3));
    }

    #[test]
    fn who_is_below_the_floor_forgets_all_and_reads_anew() {
        let mut own = OwnState::default();
        own.take(page(vec![pinned(3, "a", 1)], false, 3, 0));
        assert_eq!(own.take(page(vec![pinned(9, "b", 2)], false, 9, 4)), Next::StartOver);
        assert!(pins(&own).is_empty() && own.after == 0);
        own.take(page(vec![pinned(9, "b", 2)], false, 9, 4));
        assert_eq!(pins(&own), [("group:b".into(), 2)]);
    }

    #[test]
    fn a_first_read_is_below_the_floor_only_if_that_passes_its_beginning() {
        let mut own = OwnState::default();
        assert_eq!(own.take(page(vec![pinned(3, "a", 1)], true, 9, 5)), Next::ReadOn);
        assert_eq!(own.take(page(vec![pinned(9, "b", 1)], true, 12, 9)), Next::ReadOn);
        assert_eq!(own.take(page(vec![], false, 13, 10)), Next::StartOver);
    }

    #[test]
    fn items_of_a_later_version_are_skipped() {
        let mut own = OwnState::default();
        let later = OwnItem { revision: 5, item: None };
        assert_eq!(own.take(page(vec![later], false, 5, 0)), Next::Done);
        assert_eq!((pins(&own), own.revision()), (vec![], 5));
    }
}
