//! Who has had an entry and who has read it, as the store is asked for it. Must never tell one who
//! hides what it reads what others have read.

use std::future::Future;

use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::packet::{Readers, ReceiptCounts, ReceiptState};
use packetboat_proto::seqs::SeqRange;

use super::error::StoreError;

/// How long a tally is at hand, in milliseconds: less than the time after which the herald tells of
/// a change, so that who asks then is told it.
pub const RECEIPTS_AGE_MS: u64 = 900;

/// Which of the members with an entry are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadersQuery {
    /// The chat.
    pub chat: ChatId,
    /// The entry.
    pub seq: u64,
    /// How far it has come with them.
    pub state: ReceiptState,
    /// Those after this one, in order of user id.
    pub after: Option<UserId>,
}

/// What is known of who has had an entry, and who has read it. It is told the members of a chat,
/// of the entries that they may see.
pub trait ReceiptBook: Send + Sync + 'static {
    /// How many of the other members have had the entries of each range, and have read them. In a
    /// large group it may be as old as [`RECEIPTS_AGE_MS`].
    fn receipts(
        &self,
        user: UserId,
        chat: ChatId,
        ranges: Vec<SeqRange>,
    ) -> impl Future<Output = Result<ReceiptCounts, StoreError>> + Send;

    /// Some of the other members with whom an entry has come so far.
    fn readers(
        &self,
        user: UserId,
        query: ReadersQuery,
        limit: usize,
    ) -> impl Future<Output = Result<Readers, StoreError>> + Send;
}
