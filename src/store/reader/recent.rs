//! The user's chats by what was written last. Must never list one that the user is out of, nor
//! show an entry that it may not see.

use std::collections::BTreeSet;

use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, ChatKind, DeviceId, UserId};

use super::Reader;
use super::due::Overdue;
use super::view::CHATS_PER_SCAN;
use crate::store::erased::erasure;
use crate::store::key;
use crate::store::parts;
use crate::store::read_error::ReadError;
use crate::store::record::Place;
use crate::store::{ChatView, Page, RecentChats, StoreError};

/// Entries that are looked at for the last one in which there is something to read.
const LAST_SCAN_MAX: usize = 32;

/// Where a chat stands in the list: the newest first, those of the same time by their ids.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Standing {
    at_ms: std::cmp::Reverse<u64>,
    chat: ChatId,
}

impl Reader {
    /// A page of the user's chats, those with the newest entries first.
    pub(crate) fn recent(
        &self,
        user: &UserId,
        device: &DeviceId,
        asked: &RecentChats,
        now_ms: u64,
    ) -> Result<Page<ChatView>, StoreError> {
        let overdue = self.overdue(now_ms)?;
        let wanted = asked.limit.max(1) + 1;
        let mut standings = self.standings(user, asked, wanted)?;
        let more = standings.len() == wanted;
        if more {
            standings.pop_last();
        }
        let mut items = Vec::with_capacity(standings.len());
        for Standing { chat, .. } in standings {
            // Out of it since.
            let Some(place) = self.place(user, &chat)? else { continue };
            let mut view = self.view((user, device), chat, &place, &overdue)?;
            if asked.last_bytes > 0 {
                view.last = self.last_said(user, &view, &place, (asked.last_bytes, &overdue))?;
            }
            items.push(view);
        }
        Ok(Page { items, more })
    }

    /// The first so many in the list, behind the page before.
    fn standings(
        &self,
        user: &UserId,
        asked: &RecentChats,
        wanted: usize,
    ) -> Result<BTreeSet<Standing>, ReadError> {
        let behind = asked
            .behind
            .as_ref()
            .map(|(at_ms, chat)| Standing { at_ms: std::cmp::Reverse(*at_ms), chat: chat.clone() });
        let mut standings = BTreeSet::new();
        let mut after = None;
        loop {
            let found = self.rows(&key::places(user, after.as_ref()), CHATS_PER_SCAN)?;
            for (row, value) in &found.rows {
                let (chat, place) = (key::last_chat(row)?, Place::decode(value)?);
                after = Some(chat.clone());
                let Some(standing) = self.standing(chat, &place)? else { continue };
                let full = standings.len() == wanted;
                let comes_in = behind.as_ref().is_none_or(|behind| standing > *behind)
                    && (!full || standings.last().is_some_and(|last| standing < *last));
                if !comes_in || self.is_over(&standing.chat)? {
                    continue;
                }
                if full {
                    standings.pop_last();
                }
                standings.insert(standing);
            }
            if !found.more {
                return Ok(standings);
            }
        }
    }

    /// Where a chat stands; `None`: the user is out of it.
    fn standing(&self, chat: ChatId, place: &Place) -> Result<Option<Standing>, ReadError> {
        if !place.spans.is_open() {
            return Ok(None);
        }
        let head = self.last_visible(place, &chat)?;
        let first = self.backend.get(&key::entry(&chat, head, 0))?;
        let at_ms = first.as_deref().and_then(parts::at_ms_of).unwrap_or(0);
        Ok(Some(Standing { at_ms: std::cmp::Reverse(at_ms), chat }))
    }

    /// Whether a chat is a group that was dissolved.
    fn is_over(&self, chat: &ChatId) -> Result<bool, ReadError> {
        let ChatKind::Group(_) = chat.kind() else { return Ok(false) };
        Ok(self.group(chat)?.is_some_and(|group| group.dissolved))
    }

    /// The last entry of a chat in which there is something to read, if it has at most so many
    /// bytes.
    fn last_said(
        &self,
        user: &UserId,
        view: &ChatView,
        place: &Place,
        (bytes_max, overdue): (usize, &Overdue),
    ) -> Result<Option<Box<Entry>>, ReadError> {
        let hidden = self.own_of_chat(user, &view.chat)?.hidden;
        let seqs = place.spans.between(0, view.head).rev();
        let seqs = seqs.flat_map(|(first, last)| (first..=last).rev());
        for seq in seqs.take(LAST_SCAN_MAX) {
            let first = self.backend.get(&key::entry(&view.chat, seq, 0))?;
            let silent = first.as_deref().is_none_or(parts::is_silent);
            if silent || hidden.holds(seq) {
                continue;
            }
            let body = self.entry(&view.chat, seq)?;
            let (bytes, is_over) = (body.len(), overdue.is_over(&body));
            let last = Entry::decode(body)?;
            // It may have been erased between the two.
            if is_over || erasure(&last.content).is_some() {
                continue;
            }
            return Ok((bytes <= bytes_max).then(|| Box::new(last)));
        }
        Ok(None)
    }
}
