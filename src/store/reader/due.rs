//! What is due, and entries whose time is over, though they may not be erased yet. Must never show
//! what such an entry said, nor what an edit of it did.

use ahash::HashMap;
use bytes::Bytes;
use packetboat_proto::content::{Content, Erasure};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::ChatId;
use packetboat_proto::planted::{self, Bug};
use packetboat_proto::seqs::{SeqRange, SeqSet};

use super::Reader;
use crate::store::erased::erasure;
use crate::store::key::due::{self, Due};
use crate::store::read_error::ReadError;
use crate::store::stay::{Stay, stay};
use crate::store::{Logged, StoreError};

/// Due things that are looked at for entries whose time is over: what is behind them is counted
/// until it is erased, which is soon, but it is never shown.
const OVERDUE_SCAN_MAX: usize = 10_000;

/// Entries whose time is over, and that may not be erased yet.
#[derive(Debug)]
pub(super) struct Overdue {
    now_ms: u64,
    of: HashMap<ChatId, SeqSet>,
}

impl Overdue {
    /// These and those of a chat.
    pub(super) fn with(&self, chat: &ChatId, mut seqs: SeqSet) -> SeqSet {
        let ranges = self.of.get(chat).into_iter().flat_map(SeqSet::ranges);
        ranges.for_each(|range| seqs.insert(*range));
        seqs
    }

    /// Whether this is an entry whose time is over.
    pub(super) fn is_over(&self, body: &Bytes) -> bool {
        matches!(stay(body), Stay::Until(expires_ms) if expires_ms <= self.now_ms)
    }
}

impl Reader {
    /// The entries whose time is over. It is to be read before the entries are: one that is erased
    /// meanwhile is among one or the other.
    pub(super) fn overdue(&self, now_ms: u64) -> Result<Overdue, ReadError> {
        let mut of: HashMap<ChatId, SeqSet> = HashMap::default();
        for (row, _) in self.rows(&due::upto(now_ms), OVERDUE_SCAN_MAX)?.rows {
            if let Due::Expiry { chat, seq } = due::read(&row)? {
                let seqs = of.entry(chat).or_default();
                if let Some(range) = SeqRange::new(seq, seq) {
                    seqs.insert(range);
                }
            }
        }
        Ok(Overdue { now_ms, of })
    }

    /// Whether something is to be done now.
    pub(crate) fn is_something_due(&self, now_ms: u64) -> Result<bool, StoreError> {
        Ok(!self.rows(&due::upto(now_ms), 1)?.rows.is_empty())
    }

    /// Leaves of the entries whose time is over what will be left of them. That is no longer than
    /// they were: a page that had room for them has room for it.
    pub(super) fn let_go(
        &self,
        chat: &ChatId,
        entries: &mut [Logged],
        now_ms: u64,
    ) -> Result<(), ReadError> {
        if planted::is(Bug::ExpiredShown) {
            return Ok(());
        }
        for logged in entries {
            if let Some(of) = self.expired(chat, logged, now_ms)? {
                logged.body = left_of(&logged.body, of)?;
            }
        }
        Ok(())
    }

    /// The entry whose time is over, if this is one, or an edit of one.
    fn expired(
        &self,
        chat: &ChatId,
        logged: &Logged,
        now_ms: u64,
    ) -> Result<Option<u64>, ReadError> {
        match stay(&logged.body) {
            Stay::Until(expires_ms) => Ok((expires_ms <= now_ms).then_some(logged.seq)),
            // What it edits is before it in the log.
            Stay::AsLongAs(of) if of < logged.seq => {
                let edited = self.entry(chat, of)?;
                let is_over = match stay(&edited) {
                    Stay::Until(expires_ms) => expires_ms <= now_ms,
                    // It may have been erased since the edit was read.
                    _ => has_expired(edited)?,
                };
                Ok(is_over.then_some(of))
            }
            Stay::AsLongAs(_) | Stay::ForGood => Ok(None),
        }
    }
}

fn has_expired(body: Bytes) -> Result<bool, ReadError> {
    let left = erasure(&Entry::decode(body)?.content);
    Ok(matches!(left, Some(Erasure::Expired { .. })))
}

fn left_of(body: &Bytes, of: u64) -> Result<Bytes, ReadError> {
    let entry = Entry::decode(body.clone())?;
    let content = Content::Erased(Erasure::Expired { of }).encode();
    Ok(Entry { content, ..entry }.encode())
}
