//! What is due, and entries whose time is over, though they may not be erased yet. Must never show
//! what such an entry said, nor what an edit of it did.

use bytes::Bytes;
use packetboat_proto::content::{Content, Erasure};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::ChatId;
use packetboat_proto::planted::{self, Bug};

use super::Reader;
use crate::store::erased::erasure;
use crate::store::key::due;
use crate::store::read_error::ReadError;
use crate::store::stay::{Stay, stay};
use crate::store::{Logged, StoreError};

impl Reader {
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
