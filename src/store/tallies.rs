//! The tallies of large groups that are at hand for a while. Must never be a hold-up for another
//! group than the one that is counted.

use std::sync::{Arc, Mutex, PoisonError};

use packetboat_proto::id::ChatId;
use tokio::sync::Mutex as Turnstile;

use super::receipt::RECEIPTS_AGE_MS;
use super::recent::Recent;
use super::tally::Tally;

/// Groups whose tallies are at hand, and up to twice as many.
const TALLIES_CACHED: usize = 8;

/// The tallies of large groups.
pub(crate) struct Tallies(Mutex<Recent<ChatId, Arc<Turnstile<Option<Counted>>>>>);

/// A tally, and when it was begun.
pub(crate) struct Counted {
    at_ms: u64,
    tally: Arc<Tally>,
}

impl Default for Tallies {
    fn default() -> Self {
        Self(Mutex::new(Recent::keeping(TALLIES_CACHED)))
    }
}

impl Tallies {
    /// That of a chat, to be counted by one at a time.
    pub(crate) fn of(&self, chat: &ChatId) -> Arc<Turnstile<Option<Counted>>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(chat).unwrap_or_else(|| {
            let none = Arc::default();
            kept.set(chat, Arc::clone(&none));
            none
        })
    }
}

impl Counted {
    /// A tally that was begun then.
    pub(crate) fn new(at_ms: u64, tally: &Arc<Tally>) -> Self {
        Self { at_ms, tally: Arc::clone(tally) }
    }

    /// The tally, if it is young enough. A clock that was set back makes nothing young.
    pub(crate) fn young(&self, now_ms: u64) -> Option<Arc<Tally>> {
        let age = now_ms.checked_sub(self.at_ms)?;
        (age < RECEIPTS_AGE_MS).then(|| Arc::clone(&self.tally))
    }
}
