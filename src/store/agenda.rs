//! What the store has to do at a time: entries that expire, and messages that are to be sent.
//! Must never name a clock: the store has its own.

use std::future::Future;

use bytes::Bytes;
use packetboat_proto::id::UserId;
use packetboat_proto::packet::ScheduledName;

use super::error::{Refusal, StoreError};
use super::page::{Page, PageLimit};

/// Things that are done in one step, so that messages go on meanwhile.
pub const DUE_PER_STEP: usize = 32;

/// A message that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// Its name.
    pub name: ScheduledName,
    /// The encoded content.
    pub content: Bytes,
    /// When, in milliseconds of Unix time.
    pub at_ms: u64,
    /// Why it could not be sent then.
    pub failed: Option<Refusal>,
}

/// What is due, kept beside the messages.
pub trait Agenda: Send + Sync + 'static {
    /// Does what is due now, the oldest first, and at most [`DUE_PER_STEP`] of it; how much that
    /// was, once it is durable. Entries whose time is over are erased, messages whose time has come
    /// are appended as their user's own.
    fn do_due(&self) -> impl Future<Output = Result<usize, StoreError>> + Send;

    /// What of a user's is to be sent, or could not be, after `after` in order of name.
    fn scheduled(
        &self,
        user: UserId,
        after: Option<ScheduledName>,
        limit: PageLimit,
    ) -> impl Future<Output = Result<Page<Scheduled>, StoreError>> + Send;
}
