//! Answers a search: asks the index for what may have the words, and the store's reader what of it
//! the user may see, and what that says now. Must never answer with an entry, nor with words, that
//! the reader did not give.

use std::sync::Arc;

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::UserId;
use packetboat_proto::packet::{self, SearchPage, SearchPlace};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tracing::warn;

use super::indexer::Shared;
use super::said::text_in;
use super::words::Wanted;
use super::{Finding, Search};
use crate::metrics::Metrics;
use crate::store::embedded::EmbeddedStore;
use crate::store::said::Seen;
use crate::store::{PageLimit, Refusal, StoreError};

/// Searches at one time, each on a thread; others wait.
pub const SEARCHES_MAX: usize = 4;
/// What the index is asked for in one go, and is then looked up in the logs.
const LOOKED_UP: usize = 128;
/// What is looked up for one page: behind it the next page goes on.
const LOOKED_UP_MAX: usize = 1_024;

/// Answers searches.
pub struct Finder {
    store: EmbeddedStore,
    source: Source,
    metrics: Arc<Metrics>,
    searches: Semaphore,
}

/// Where it looks for what may have the words.
enum Source {
    Index(Arc<Shared>),
    /// In the logs themselves, for the proofs.
    #[cfg(feature = "proof")]
    Logs,
}

/// A page in the making.
struct Page {
    limit: PageLimit,
    bytes: usize,
    made: SearchPage,
}

impl Finder {
    /// Over an index that a thread feeds.
    pub fn new(store: EmbeddedStore, shared: Arc<Shared>) -> Self {
        let metrics = Arc::clone(&shared.metrics);
        Self {
            store,
            source: Source::Index(shared),
            metrics,
            searches: Semaphore::new(SEARCHES_MAX),
        }
    }

    /// Without an index, for the proofs.
    #[cfg(feature = "proof")]
    pub fn without_index(store: EmbeddedStore, metrics: Arc<Metrics>) -> Self {
        Self { store, source: Source::Logs, metrics, searches: Semaphore::new(SEARCHES_MAX) }
    }

    async fn page(
        &self,
        user: UserId,
        asked: packet::Search,
        limit: PageLimit,
    ) -> Result<SearchPage, StoreError> {
        let Some(wanted) = Wanted::of(&asked.words) else {
            return refuse(RejectCode::Invalid, "there is no word to search for");
        };
        let _permit = self.searches.acquire().await.expect("it is never closed");
        let seen: Arc<[Seen]> = self.store.seen(user.clone(), asked.chat).await?.into();
        self.metrics.searches.one();
        let empty = SearchPage { entries: Vec::new(), next: None };
        if seen.is_empty() {
            return Ok(empty);
        }
        let mut page = Page { limit, bytes: 0, made: empty };
        let (mut before, mut looked_up) = (asked.before, 0);
        loop {
            let found = self.candidates(&wanted, &seen, before.take()).await?;
            looked_up += found.len();
            let places = found.iter().map(|place| (place.chat.clone(), place.seq)).collect();
            let said = self.store.said_to(user.clone(), places).await?;
            let is_last = found.len() < LOOKED_UP;
            for (place, body) in found.into_iter().zip(said) {
                let body = body.filter(|body| text_in(body).is_some_and(|it| wanted.is_in(&it)));
                if let Some(body) = body
                    && !page.take(body)
                {
                    page.made.next = before;
                    return Ok(page.made);
                }
                before = Some(place);
            }
            if is_last {
                return Ok(page.made);
            }
            if looked_up >= LOOKED_UP_MAX {
                page.made.next = before;
                return Ok(page.made);
            }
        }
    }

    async fn candidates(
        &self,
        wanted: &Wanted,
        seen: &Arc<[Seen]>,
        before: Option<SearchPlace>,
    ) -> Result<Vec<SearchPlace>, StoreError> {
        match &self.source {
            Source::Index(shared) => indexed(shared, wanted, seen, before).await,
            #[cfg(feature = "proof")]
            Source::Logs => {
                super::plain::newest(&self.store, seen, before.as_ref(), LOOKED_UP).await
            }
        }
    }
}

/// What the index has.
async fn indexed(
    shared: &Shared,
    wanted: &Wanted,
    seen: &Arc<[Seen]>,
    before: Option<SearchPlace>,
) -> Result<Vec<SearchPlace>, StoreError> {
    let Some(open) = shared.open() else {
        return refuse(RejectCode::Unavailable, "the index is not open for now");
    };
    let (wanted, seen) = (wanted.clone(), Arc::clone(seen));
    let asking = spawn_blocking(move || open.newest(&wanted, &seen, before.as_ref(), LOOKED_UP));
    let fault = match asking.await {
        Ok(Ok(found)) => return Ok(found),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => panic.to_string(),
    };
    warn!(fault, "the index of search cannot be read");
    shared.suspect();
    refuse(RejectCode::Unavailable, "the index cannot be read for now")
}

impl Page {
    /// Takes an entry, unless there is no room for it; the first one always fits.
    fn take(&mut self, body: bytes::Bytes) -> bool {
        let (items, bytes) = (self.made.entries.len(), self.bytes + body.len());
        let fits = items < self.limit.items.max(1) && bytes <= self.limit.bytes;
        if fits || items == 0 {
            self.bytes = bytes;
            self.made.entries.push(body);
        }
        fits || items == 0
    }
}

fn refuse<T>(code: RejectCode, reason: &str) -> Result<T, StoreError> {
    Err(StoreError::Refused(Refusal::new(code, reason)))
}

impl Search for Finder {
    fn find(&self, user: UserId, asked: packet::Search, limit: PageLimit) -> Finding<'_> {
        Box::pin(self.page(user, asked, limit))
    }
}
