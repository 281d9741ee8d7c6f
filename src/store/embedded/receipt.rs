//! Receipts of the embedded store. In a large group the cursors of all members are counted once,
//! and the tally is at hand for a while: whoever asks meanwhile costs no more than in a small one.
//! Must never let two count the same group at a time, nor hold a thread for those who wait.

use std::sync::Arc;

use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::packet::{Readers, ReceiptCounts};
use packetboat_proto::seqs::SeqRange;

use super::EmbeddedStore;
use crate::store::StoreError;
use crate::store::receipt::{ReadersQuery, ReceiptBook};
use crate::store::tallies::Counted;
use crate::store::tally::Tally;

impl EmbeddedStore {
    /// How far the members of a large group are, or were a moment ago.
    async fn tally(&self, chat: ChatId) -> Result<Arc<Tally>, StoreError> {
        let turnstile = self.shared.tallies.of(&chat);
        let mut counted = turnstile.lock().await;
        let now_ms = (self.shared.clock)();
        if let Some(tally) = counted.as_ref().and_then(|counted| counted.young(now_ms)) {
            return Ok(tally);
        }
        let tally = Arc::new(self.read(move |reader| Ok(reader.tally(&chat)?)).await?);
        *counted = Some(Counted::new(now_ms, &tally));
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
