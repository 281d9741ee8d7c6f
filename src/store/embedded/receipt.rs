//! Receipts of the embedded store. In a large group the cursors of all members are counted once,
//! and the tally is at hand for a while: whoever asks meanwhile costs no more than in a small one.
//! Must never let two count the same group at a time, nor hold a thread for those who wait.

use std::sync::{Arc, Mutex, PoisonError};

use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::packet::{Readers, ReceiptCounts};
use packetboat_proto::seqs::SeqRange;
use tokio::sync::Mutex as Turnstile;

use super::EmbeddedStore;
use crate::store::StoreError;
use crate::store::receipt::{ReadersQuery, ReceiptBook};
use crate::store::recent::Recent;
use crate::store::tally::Tally;

/// How long a tally is at hand, in milliseconds: less than the time after which the herald tells of
/// a change, so that who asks then is told it.
pub const RECEIPTS_AGE_MS: u64 = 900;
/// Groups whose tallies are at hand, and up to twice as many.
const TALLIES_CACHED: usize = 8;

/// The tallies of large groups.
pub(super) struct Tallies(Mutex<Recent<ChatId, Arc<Turnstile<Option<Counted>>>>>);

/// A tally, and when it was begun.
struct Counted {
    at_ms: u64,
    tally: Arc<Tally>,
}

impl Default for Tallies {
    fn default() -> Self {
        Self(Mutex::new(Recent::keeping(TALLIES_CACHED)))
    }
}

impl Tallies {
    fn of(&self, chat: &ChatId) -> Arc<Turnstile<Option<Counted>>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(chat).unwrap_or_else(|| {
            let none = Arc::default();
            kept.set(chat, Arc::clone(&none));
            none
        })
    }
}

impl EmbeddedStore {
    /// How far the members of a large group are, or were a moment ago.
    async fn tally(&self, chat: ChatId) -> Result<Arc<Tally>, StoreError> {
        let turnstile = self.shared.tallies.of(&chat);
        let mut counted = turnstile.lock().await;
        let now_ms = (self.shared.clock)();
        // A clock that was set back makes nothing young.
        let young = |counted: &&Counted| {
            now_ms.checked_sub(counted.at_ms).is_some_and(|age| age < RECEIPTS_AGE_MS)
        };
        if let Some(counted) = counted.as_ref().filter(young) {
            return Ok(Arc::clone(&counted.tally));
        }
        let tally = Arc::new(self.read(move |reader| Ok(reader.tally(&chat)?)).await?);
        *counted = Some(Counted { at_ms: now_ms, tally: Arc::clone(&tally) });
        Ok(tally)
    }
}

impl ReceiptBook for EmbeddedStore {
    async fn receipts(
        &self,
        user: UserId,
        chat: ChatId,
        ranges: Vec<SeqRange>,
    ) -> Result<ReceiptCounts, StoreError> {
        let of = chat.clone();
        let (viewer, few) = self.read(move |reader| reader.viewer(&user, &of)).await?;
        let tally = match few {
            Some(tally) => Arc::new(tally),
            None => self.tally(chat).await?,
        };
        Ok(viewer.counts(&tally, &ranges))
    }

    async fn readers(
        &self,
        user: UserId,
        query: ReadersQuery,
        limit: usize,
    ) -> Result<Readers, StoreError> {
        self.read(move |reader| reader.readers(&user, &query, limit)).await
    }
}
