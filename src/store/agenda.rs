//! What the store has to do at a time: entries that expire. Must never name a clock: the store has
//! its own.

use std::future::Future;

use super::error::StoreError;

/// Things that are done in one step, so that messages go on meanwhile.
pub const DUE_PER_STEP: usize = 32;

/// What is due, kept beside the messages.
pub trait Agenda: Send + Sync + 'static {
    /// Does what is due now, the oldest first, and at most [`DUE_PER_STEP`] of it; how much that
    /// was, once it is durable. Entries whose time is over are erased.
    fn do_due(&self) -> impl Future<Output = Result<usize, StoreError>> + Send;
}
