//! What is found by other entries: the entries of a thread, and what is pinned. Must never give one
//! outside the spans of the user who asks.

use std::ops::ControlFlow;

use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::limits::PINS_MAX;

use super::Reader;
use super::history::Budget;
use crate::store::key;
use crate::store::read_error::ReadError;
use crate::store::{Logged, Page, PageLimit, StoreError, Thread};

impl Reader {
    /// What is pinned in a chat, as far as the user may see it.
    pub(crate) fn pins(&self, user: &UserId, chat: &ChatId) -> Result<Vec<u64>, StoreError> {
        let spans = self.own_place(user, chat)?.spans;
        let head = self.head(chat)?;
        let found = self.rows(&key::pins(chat), PINS_MAX)?;
        let mut seqs = Vec::with_capacity(found.rows.len());
        for (row, _) in found.rows {
            let seq = key::last_seq(&row).map_err(ReadError::from)?;
            seqs.extend((seq <= head && spans.holds(seq)).then_some(seq));
        }
        Ok(seqs)
    }

    /// A page of a thread; `None`: a recall in it is not durable yet.
    pub(crate) fn thread(
        &self,
        user: &UserId,
        thread: &Thread,
        limit: PageLimit,
        now_ms: u64,
    ) -> Result<Option<Page<Logged>>, StoreError> {
        let Thread { chat, of, after } = thread;
        let spans = self.own_place(user, chat)?.spans;
        let head = self.head(chat)?;
        let mut budget = Budget::of(limit);
        let (mut items, mut more) = (Vec::new(), false);
        for (first, last) in spans.between(*after, head) {
            let wanted = budget.items().saturating_add(1);
            for seq in self.threaded(chat, *of, (first, last), wanted)? {
                let body = self.entry(chat, seq)?;
                more = !budget.take(&body);
                if more {
                    break;
                }
                items.push(Logged { seq, body });
            }
            if more {
                break;
            }
        }
        let settled = self.are_settled(chat, &items)?;
        self.let_go(chat, &mut items, now_ms)?;
        Ok(settled.then_some(Page { items, more }))
    }

    /// The seqs in a thread between two, both among them; at most so many.
    fn threaded(
        &self,
        chat: &ChatId,
        of: u64,
        (first, last): (u64, u64),
        wanted: usize,
    ) -> Result<Vec<u64>, ReadError> {
        let mut seqs = Vec::new();
        self.try_scan(&key::in_thread(chat, of, first, last), |row, _| {
            seqs.push(key::last_seq(row)?);
            let full = seqs.len() >= wanted;
            Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(seqs)
    }
}
