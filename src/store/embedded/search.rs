//! What a search and its index read of the embedded store. Must never hold a rule: the reader does.

use bytes::Bytes;
use packetboat_proto::id::{ChatId, UserId};

use super::EmbeddedStore;
use crate::store::reader::Reader;
use crate::store::said::{Said, Seen};
use crate::store::{Logged, Page, PageLimit, StoreError};

impl EmbeddedStore {
    /// What a user may see of its chats, or of one of them.
    pub(crate) async fn seen(
        &self,
        user: UserId,
        chat: Option<ChatId>,
    ) -> Result<Vec<Seen>, StoreError> {
        self.read(move |reader| reader.seen(&user, chat.as_ref())).await
    }

    /// What stands now for each of some entries, as far as a user sees it.
    pub(crate) async fn said_to(
        &self,
        user: UserId,
        places: Vec<(ChatId, u64)>,
    ) -> Result<Vec<Option<Bytes>>, StoreError> {
        let now_ms = self.now_ms();
        self.settled(move |reader| reader.said_to(&user, &places, now_ms)).await
    }

    /// What an entry says now.
    pub(crate) async fn said(&self, chat: ChatId, seq: u64) -> Result<Option<Said>, StoreError> {
        let now_ms = self.now_ms();
        let said = self.settled(move |reader| reader.said(&chat, &[seq], now_ms)).await?;
        Ok(said.into_iter().next().flatten())
    }

    /// The entries of a chat behind a seq, and its head.
    pub(crate) async fn log(
        &self,
        chat: ChatId,
        after: u64,
        limit: PageLimit,
    ) -> Result<(u64, Page<Logged>), StoreError> {
        let now_ms = self.now_ms();
        self.settled(move |reader| reader.log(&chat, after, limit, now_ms)).await
    }

    /// The chats that have a log, behind one, and their heads.
    pub(crate) async fn logs(
        &self,
        after: Option<ChatId>,
        limit: usize,
    ) -> Result<Vec<(ChatId, u64)>, StoreError> {
        self.read(move |reader| reader.logs(after.as_ref(), limit)).await
    }

    /// Bytes that are free on the disk, where that is known.
    pub(crate) async fn free_bytes(&self) -> Result<Option<u64>, StoreError> {
        self.read(Reader::free_bytes).await
    }

    /// The time by which entries expire.
    pub(crate) fn time_ms(&self) -> u64 {
        self.now_ms()
    }
}
