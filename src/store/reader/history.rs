//! Reads entries: stretches for the devices that lag, pages for those who look back. Must never
//! give an entry outside the spans of the user who asks.

use std::ops::ControlFlow;

use bytes::Bytes;
use packetboat_proto::content::Erasure;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, UserId};

use super::Reader;
use crate::store::erased::erasure;
use crate::store::key;
use crate::store::parts::Joiner;
use crate::store::read_error::ReadError;
use crate::store::spans::Spans;
use crate::store::{Edge, Logged, Page, PageLimit, Read, StoreError, Stretch};

/// How often an entry is read that was not whole before there is a hole: see `Reader::entry`.
const READS_OF_AN_ENTRY: usize = 2;

/// What a page may still take.
pub(super) struct Budget {
    items: usize,
    bytes: usize,
    fresh: bool,
}

impl Budget {
    pub(super) fn of(limit: PageLimit) -> Self {
        Self { items: limit.items.max(1), bytes: limit.bytes, fresh: true }
    }

    fn is_full(&self) -> bool {
        self.items == 0
    }

    /// Items that may still come.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// Takes an entry, unless there is no room for it; the first one always fits.
    pub(super) fn take(&mut self, body: &Bytes) -> bool {
        self.take_bytes(body.len())
    }

    /// The same of something that takes so many bytes.
    pub(super) fn take_bytes(&mut self, bytes: usize) -> bool {
        let fits = self.items > 0 && (bytes <= self.bytes || self.fresh);
        if fits {
            self.items -= 1;
            self.bytes = self.bytes.saturating_sub(bytes);
        } else {
            self.items = 0;
        }
        self.fresh = false;
        fits
    }
}

impl Reader {
    /// Reads stretches in turn until the limit is reached; `None`: a recall in one of them is not
    /// durable yet.
    pub(crate) fn stretches(
        &self,
        user: &UserId,
        stretches: Vec<Stretch>,
        limit: PageLimit,
        now_ms: u64,
    ) -> Result<Option<Vec<Read>>, StoreError> {
        let mut budget = Budget::of(limit);
        let mut reads = Vec::with_capacity(stretches.len());
        for stretch in stretches {
            if budget.is_full() {
                break;
            }
            let mut read = self.stretch(user, stretch, &mut budget)?;
            if !self.are_settled(&read.chat, &read.entries)? {
                return Ok(None);
            }
            self.let_go(&read.chat, &mut read.entries, now_ms)?;
            reads.push(read);
        }
        Ok(Some(reads))
    }

    /// Whether what was read stays as it is. What a recall left is shown once the recall is
    /// durable: it is looked for behind the read, as the horizon says of heads. Of most chats
    /// nothing is on its way to the disk, and their entries need not be looked into.
    pub(super) fn are_settled(&self, chat: &ChatId, entries: &[Logged]) -> Result<bool, ReadError> {
        let durable = self.horizon.durable(chat, u64::MAX);
        if durable == u64::MAX {
            return Ok(true);
        }
        for logged in entries {
            let entry = Entry::decode(logged.body.clone())?;
            // What has expired would not be shown again: no power cut turns the clock back.
            if let Some(Erasure::Recalled { by }) = erasure(&entry.content)
                && by > durable
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn stretch(
        &self,
        user: &UserId,
        stretch: Stretch,
        budget: &mut Budget,
    ) -> Result<Read, ReadError> {
        let Stretch { chat, after, upto } = stretch;
        let Some(place) = self.place(user, &chat)? else {
            return Ok(Read { chat, entries: Vec::new(), reached: upto });
        };
        // What is not durable yet is not reached: it would be taken for something not visible.
        let end = upto.min(self.head(&chat)?);
        let (entries, whole) = self.forward(&chat, &place.spans, after, end, budget)?;
        let reached = match entries.last() {
            Some(last) if !whole => last.seq,
            None if !whole => after,
            _ => end.max(after.min(upto)),
        };
        Ok(Read { chat, entries, reached })
    }

    /// Visible entries behind `after`, up to `upto`; whether they are all of these.
    fn forward(
        &self,
        chat: &ChatId,
        spans: &Spans,
        after: u64,
        upto: u64,
        budget: &mut Budget,
    ) -> Result<(Vec<Logged>, bool), ReadError> {
        let mut entries = Vec::new();
        for (first, last) in spans.between(after, upto) {
            if !self.read_run(chat, first, last, budget, &mut entries)? {
                return Ok((entries, false));
            }
        }
        Ok((entries, true))
    }

    /// Reads entries from one seq to another until there is no room; whether there was for all.
    fn read_run(
        &self,
        chat: &ChatId,
        first: u64,
        last: u64,
        budget: &mut Budget,
        entries: &mut Vec<Logged>,
    ) -> Result<bool, ReadError> {
        let mut next = first;
        while next <= last {
            let joiner = Joiner::default();
            let mut run = Run { chat, next, joiner, torn: false, budget, entries };
            let mut whole = true;
            self.try_scan(&key::entries(chat, next, last), |key, value| {
                let flow = run.take(key, value)?;
                whole = flow.is_continue();
                Ok(flow)
            })?;
            next = run.next;
            let torn = run.torn || (whole && run.joiner.is_within());
            if !torn && whole && next <= last {
                return Err(ReadError::Hole { chat: chat.clone(), seq: next });
            }
            if !torn {
                return Ok(whole);
            }
            // It was recalled between two of its parts. The next scan begins behind it.
            let body = self.entry(chat, next)?;
            if !budget.take(&body) {
                return Ok(false);
            }
            entries.push(Logged { seq: next, body });
            next += 1;
        }
        Ok(true)
    }

    /// A page of a chat's log, as far as the user may see it; `None`: a recall in it is not durable
    /// yet.
    pub(crate) fn history(
        &self,
        user: &UserId,
        chat: &ChatId,
        edge: Edge,
        limit: PageLimit,
        now_ms: u64,
    ) -> Result<Option<Page<Logged>>, StoreError> {
        if chat.is_room() {
            let page = self.room_history(chat, edge, limit)?;
            return Ok(self.are_settled(chat, &page.items)?.then_some(page));
        }
        let spans = self.own_place(user, chat)?.spans;
        let head = self.head(chat)?;
        let mut page = self.page_of(chat, &spans, head, edge, limit)?;
        let settled = self.are_settled(chat, &page.items)?;
        self.let_go(chat, &mut page.items, now_ms)?;
        Ok(settled.then_some(page))
    }

    /// A page of what is within spans of a log that ends at `head`.
    pub(super) fn page_of(
        &self,
        chat: &ChatId,
        spans: &Spans,
        head: u64,
        edge: Edge,
        limit: PageLimit,
    ) -> Result<Page<Logged>, ReadError> {
        let mut budget = Budget::of(limit);
        let (items, whole) = match edge {
            Edge::After(after) => self.forward(chat, spans, after, head, &mut budget)?,
            Edge::Before(0) => self.backward(chat, spans, head, &mut budget)?,
            Edge::Before(seq) => self.backward(chat, spans, head.min(seq - 1), &mut budget)?,
        };
        Ok(Page { items, more: !whole })
    }

    /// The highest visible entries up to `upto`, ascending; whether they are all of these. A log
    /// has no gaps, so they are found one by one: a backend need not scan downwards.
    fn backward(
        &self,
        chat: &ChatId,
        spans: &Spans,
        upto: u64,
        budget: &mut Budget,
    ) -> Result<(Vec<Logged>, bool), ReadError> {
        let mut entries = Vec::new();
        let runs = spans.between(0, upto).rev();
        let mut whole = true;
        for seq in runs.flat_map(|(first, last)| (first..=last).rev()) {
            whole = !budget.is_full();
            if !whole {
                break;
            }
            let body = self.entry(chat, seq)?;
            whole = budget.take(&body);
            if !whole {
                break;
            }
            entries.push(Logged { seq, body });
        }
        entries.reverse();
        Ok((entries, whole))
    }

    /// One encoded entry, which must be there. A backend shows all of a batch or nothing to one
    /// call, and its parts are read by several: a recall may come between them. It leaves one part
    /// and takes all others away, so that the entry is never put together of old and new, but ends
    /// too early; and it comes once for an entry, so that it is whole the next time.
    pub(super) fn entry(&self, chat: &ChatId, seq: u64) -> Result<Bytes, ReadError> {
        for _ in 0..READS_OF_AN_ENTRY {
            if let Some(body) = self.try_entry(chat, seq)? {
                return Ok(body);
            }
        }
        Err(ReadError::Hole { chat: chat.clone(), seq })
    }

    /// One encoded entry, unless a part of it is missing.
    fn try_entry(&self, chat: &ChatId, seq: u64) -> Result<Option<Bytes>, ReadError> {
        let mut joiner = Joiner::default();
        for part in 0..u8::MAX {
            let Some(value) = self.backend.get(&key::entry(chat, seq, part))? else {
                return Ok(None);
            };
            if let Some(body) = joiner.take(part, &value)? {
                return Ok(Some(body));
            }
        }
        Ok(None)
    }
}

/// Entries that are read one after the other.
struct Run<'a> {
    chat: &'a ChatId,
    next: u64,
    joiner: Joiner,
    /// The rest of an entry was not where it should be.
    torn: bool,
    budget: &'a mut Budget,
    entries: &'a mut Vec<Logged>,
}

impl Run<'_> {
    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<ControlFlow<()>, ReadError> {
        let (seq, part) = key::seq_and_part(key)?;
        if self.joiner.is_within() && (seq, part) != (self.next, self.joiner.next_part()) {
            self.torn = true;
            return Ok(ControlFlow::Break(()));
        }
        if seq != self.next {
            return Err(ReadError::Hole { chat: self.chat.clone(), seq: self.next });
        }
        if self.budget.is_full() {
            return Ok(ControlFlow::Break(()));
        }
        let Some(body) = self.joiner.take(part, value)? else {
            return Ok(ControlFlow::Continue(()));
        };
        if !self.budget.take(&body) {
            return Ok(ControlFlow::Break(()));
        }
        self.entries.push(Logged { seq, body });
        self.next += 1;
        Ok(ControlFlow::Continue(()))
    }
}
