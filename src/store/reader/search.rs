//! What a search goes by: which stretches of which chats a user may see, what entries say now, and
//! the logs, for the index that is fed from them. Must never say what an entry said before, nor
//! anything that its reader may not see.

use ahash::HashMap;
use bytes::Bytes;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::limits::EDITS_MAX;
use packetboat_proto::planted::{self, Bug};
use packetboat_proto::seqs::SeqSet;

use super::Reader;
use super::view::CHATS_PER_SCAN;
use crate::store::erased::erasure;
use crate::store::key::{self, KeyRange};
use crate::store::logs;
use crate::store::read_error::ReadError;
use crate::store::record::Place;
use crate::store::said::{Said, Seen};
use crate::store::spans::Spans;
use crate::store::{Edge, Logged, Page, PageLimit, StoreError};

/// What an entry says now.
enum Now {
    /// It was recalled, and that is not durable yet.
    Unsettled,
    /// Nothing, or nothing that is to be seen.
    Nothing,
    Says(Said),
}

fn seen(chat: ChatId, spans: &Spans) -> Seen {
    (chat, spans.between(0, u64::MAX).collect())
}

impl Reader {
    /// What a user may see of its chats, or of one of them, in order of chat id.
    pub(crate) fn seen(
        &self,
        user: &UserId,
        chat: Option<&ChatId>,
    ) -> Result<Vec<Seen>, StoreError> {
        if let Some(chat) = chat {
            return Ok(vec![seen(chat.clone(), &self.own_place(user, chat)?.spans)]);
        }
        let (mut chats, mut after) = (Vec::new(), None);
        loop {
            let found = self.rows(&key::places(user, after.as_ref()), CHATS_PER_SCAN)?;
            for (row, value) in &found.rows {
                let chat = key::last_chat(row).map_err(ReadError::from)?;
                let place = Place::decode(value).map_err(ReadError::from)?;
                after = Some(chat.clone());
                chats.push(seen(chat, &place.spans));
            }
            if !found.more {
                chats.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
                return Ok(chats);
            }
        }
    }

    /// What stands now for each of some entries, as far as a user sees it and has not hidden it;
    /// `None`: a recall of one is not durable yet.
    pub(crate) fn said_to(
        &self,
        user: &UserId,
        places: &[(ChatId, u64)],
        now_ms: u64,
    ) -> Result<Option<Vec<Option<Bytes>>>, StoreError> {
        let mut rights: HashMap<&ChatId, Option<(Spans, SeqSet)>> = HashMap::default();
        let mut all = Vec::with_capacity(places.len());
        for (chat, seq) in places {
            if !rights.contains_key(chat) {
                let place = self.place(user, chat)?;
                let hidden = self.own_of_chat(user, chat)?.hidden;
                rights.insert(chat, place.map(|place| (place.spans, hidden)));
            }
            let found = match &rights[chat] {
                Some((spans, hidden))
                    if !hidden.holds(*seq) || planted::is(Bug::HiddenStillFound) =>
                {
                    self.says(chat, *seq, Some(spans), now_ms)?
                }
                _ => Now::Nothing,
            };
            match found {
                Now::Unsettled => return Ok(None),
                Now::Nothing => all.push(None),
                Now::Says(said) => all.push(Some(said.newest)),
            }
        }
        Ok(Some(all))
    }

    /// What some entries of a chat say now, for the index; `None`: a recall is not durable yet.
    pub(crate) fn said(
        &self,
        chat: &ChatId,
        seqs: &[u64],
        now_ms: u64,
    ) -> Result<Option<Vec<Option<Said>>>, StoreError> {
        let mut all = Vec::with_capacity(seqs.len());
        for seq in seqs {
            match self.says(chat, *seq, None, now_ms)? {
                Now::Unsettled => return Ok(None),
                Now::Nothing => all.push(None),
                Now::Says(said) => all.push(Some(said)),
            }
        }
        Ok(Some(all))
    }

    /// The edits first: what is recalled meanwhile is then seen to be gone, and not as it was said
    /// before it was edited.
    fn says(
        &self,
        chat: &ChatId,
        seq: u64,
        spans: Option<&Spans>,
        now_ms: u64,
    ) -> Result<Now, ReadError> {
        let head = self.head(chat)?;
        let sees = |seq: u64| seq <= head && spans.is_none_or(|spans| spans.holds(seq));
        if !sees(seq) {
            return Ok(Now::Nothing);
        }
        let mut newest = None;
        for (row, _) in self.rows(&key::edits(chat, seq), EDITS_MAX)?.rows {
            let edit = key::last_seq(&row)?;
            newest = if sees(edit) { Some(edit) } else { newest };
        }
        let mut read = vec![Logged { seq, body: self.entry(chat, seq)? }];
        if let Some(seq) = newest {
            read.push(Logged { seq, body: self.entry(chat, seq)? });
        }
        if !self.are_settled(chat, &read)? {
            return Ok(Now::Unsettled);
        }
        self.let_go(chat, &mut read, now_ms)?;
        for logged in &read {
            if erasure(&Entry::decode(logged.body.clone())?.content).is_some() {
                return Ok(Now::Nothing);
            }
        }
        let newest = read.pop().expect("the entry was read").body;
        let entry = read.pop().map_or_else(|| newest.clone(), |entry| entry.body);
        Ok(Now::Says(Said { entry, newest }))
    }

    /// The entries of a chat behind a seq, whoever may see them, and its head; `None`: a recall is
    /// not durable yet.
    pub(crate) fn log(
        &self,
        chat: &ChatId,
        after: u64,
        limit: PageLimit,
        now_ms: u64,
    ) -> Result<Option<(u64, Page<Logged>)>, StoreError> {
        let head = self.head(chat)?;
        let all = Spans::starting_at(1);
        let mut page = self.page_of(chat, &all, head, Edge::After(after), limit)?;
        let settled = self.are_settled(chat, &page.items)?;
        self.let_go(chat, &mut page.items, now_ms)?;
        Ok(settled.then_some((head, page)))
    }

    /// The chats that have a log, behind one, in order of chat id, and their heads; no rooms.
    pub(crate) fn logs(
        &self,
        after: Option<&ChatId>,
        limit: usize,
    ) -> Result<Vec<(ChatId, u64)>, StoreError> {
        let mut all = logs::logs();
        if let Some(chat) = after {
            all.from = key::log(chat).to;
        }
        let mut found = Vec::new();
        while found.len() < limit {
            let first = self.rows(&all, 1)?.rows;
            let Some((row, _)) = first.first() else { break };
            let chat = logs::chat_of_log(row).map_err(ReadError::from)?;
            if chat.is_room() {
                // Their ids come behind all others.
                break;
            }
            let KeyRange { to, .. } = key::log(&chat);
            all.from = to;
            found.push((chat.clone(), self.head(&chat)?));
        }
        Ok(found)
    }

    /// Bytes that are free on the disk, where that is known.
    pub(crate) fn free_bytes(&self) -> Result<Option<u64>, StoreError> {
        Ok(self.backend.free_bytes().map_err(ReadError::from)?)
    }
}
