//! The messages of one chat that have no outcome, in the order in which they were given. Must
//! never change that order, but for what is on the wire already.

use std::collections::{HashSet, VecDeque};

use packetboat_proto::id::MessageId;
use packetboat_proto::packet::Send;
use packetboat_proto::time::Time;

use crate::draft::Draft;

/// First those on the wire, then those that wait, these by their order.
#[derive(Debug)]
pub(crate) struct Lane<R> {
    items: VecDeque<Item<R>>,
    /// How many of them are on the wire.
    sent: usize,
    ids: HashSet<MessageId>,
    /// Nothing is sent until the outbox takes this away.
    pub(crate) hold: Option<Time>,
    /// One by one, since one was put back.
    single: bool,
    /// The outbox has it among the lanes to look at.
    pub(crate) is_ready: bool,
}

#[derive(Debug)]
struct Item<R> {
    order: u64,
    draft: Draft<R>,
    sent_at: Time,
    /// How often it went out on this connection without an answer.
    unanswered: u32,
    /// One of those was refused. What became of the others is waited for: were it sent again
    /// meanwhile, a slow server would never be heard to refuse the last.
    is_refused: bool,
}

impl<R> Lane<R> {
    pub(crate) fn new() -> Self {
        Self {
            items: VecDeque::new(),
            sent: 0,
            ids: HashSet::new(),
            hold: None,
            single: false,
            is_ready: false,
        }
    }

    /// Puts a message last; gives it back if one of its id is there.
    pub(crate) fn push(&mut self, order: u64, draft: Draft<R>) -> Result<(), Draft<R>> {
        if !self.ids.insert(draft.id) {
            return Err(draft);
        }
        let sent_at = Time::default();
        self.items.push_back(Item { order, draft, sent_at, unanswered: 0, is_refused: false });
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The bytes of the next content to send; `None`: nothing may be sent now.
    pub(crate) fn next_bytes(&self, strict: bool) -> Option<usize> {
        let waits = self.hold.is_some() || (self.sent > 0 && (strict || self.single));
        let next = self.items.get(self.sent).filter(|_| !waits);
        next.map(|item| item.draft.content.len())
    }

    pub(crate) fn send_next(&mut self, now: Time) -> Option<Send> {
        let item = self.items.get_mut(self.sent)?;
        item.sent_at = now;
        item.unanswered += 1;
        item.is_refused = false;
        self.sent += 1;
        Some(item.draft.to_send())
    }

    pub(crate) fn take_next(&mut self) -> Option<Draft<R>> {
        let item = self.items.remove(self.sent)?;
        self.ids.remove(&item.draft.id);
        Some(item.draft)
    }

    fn find(&self, id: MessageId) -> Option<usize> {
        if !self.ids.contains(&id) {
            return None;
        }
        // Answers come about in order, so it is among the first.
        self.items.iter().position(|item| item.draft.id == id)
    }

    pub(crate) fn draft(&self, id: MessageId) -> Option<&Draft<R>> {
        Some(&self.items.get(self.find(id)?)?.draft)
    }

    /// The log of the chat starts over: how far it was means nothing any more.
    pub(crate) fn forget_known(&mut self) {
        self.items.iter_mut().for_each(|item| item.draft.known = 0);
    }

    /// Takes out a message that has its outcome, and says whether it was on the wire.
    pub(crate) fn take(&mut self, id: MessageId) -> Option<(Draft<R>, bool)> {
        let at = self.find(id)?;
        let item = self.items.remove(at)?;
        self.ids.remove(&id);
        let was_on_wire = at < self.sent;
        self.sent -= usize::from(was_on_wire);
        self.single = false;
        Some((item.draft, was_on_wire))
    }

    /// A message is refused. Returns whether nothing of it is on its way any more that may yet be
    /// stored.
    pub(crate) fn refused(&mut self, id: MessageId) -> bool {
        let Some(item) = self.find(id).and_then(|at| self.items.get_mut(at)) else {
            return false;
        };
        item.unanswered = item.unanswered.saturating_sub(1);
        item.is_refused = item.unanswered > 0;
        item.unanswered == 0
    }

    /// How many answers to a message are still to come on this connection.
    pub(crate) fn unanswered(&self, id: MessageId) -> u32 {
        self.find(id).and_then(|at| self.items.get(at)).map_or(0, |item| item.unanswered)
    }

    /// Takes a message back from the wire, to its place among those that wait, and says whether
    /// it was on the wire.
    pub(crate) fn put_back(&mut self, id: MessageId) -> Option<bool> {
        let at = self.find(id)?;
        self.single = true;
        if at >= self.sent {
            return Some(false);
        }
        let item = self.items.remove(at)?;
        self.sent -= 1;
        let waiting = self.items.iter().skip(self.sent);
        let before = waiting.take_while(|other| other.order < item.order).count();
        self.items.insert(self.sent + before, item);
        Some(true)
    }

    /// The connection is gone: all wait, in their order.
    pub(crate) fn leave_wire(&mut self) {
        self.sent = 0;
        for item in &mut self.items {
            (item.unanswered, item.is_refused) = (0, false);
        }
        let items = self.items.make_contiguous();
        // Already in order unless a message was put back; the sort then passes over it once.
        items.sort_by_key(|item| item.order);
    }

    pub(crate) fn oldest_sent(&self) -> Option<Time> {
        let sent = self.items.iter().take(self.sent);
        sent.filter(|item| !item.is_refused).map(|item| item.sent_at).min()
    }

    pub(crate) fn resend_oldest(&mut self, now: Time) -> Option<Send> {
        let sent = self.items.iter_mut().take(self.sent).filter(|item| !item.is_refused);
        let item = sent.min_by_key(|item| item.sent_at)?;
        item.sent_at = now;
        item.unanswered += 1;
        Some(item.draft.to_send())
    }

    pub(crate) fn first_order(&self) -> u64 {
        let orders = self.items.iter().map(|item| item.order);
        orders.min().unwrap_or(u64::MAX)
    }

    pub(crate) fn into_drafts(mut self) -> impl Iterator<Item = Draft<R>> {
        self.leave_wire();
        self.items.into_iter().map(|item| item.draft)
    }
}
