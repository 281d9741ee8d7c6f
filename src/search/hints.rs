//! Which chats have grown, for the thread that feeds the index. A full queue drops hints and notes
//! that it did: must never wait, nor hold its lock for longer than a set takes.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ahash::HashSet;
use packetboat_proto::id::ChatId;
use tokio::sync::watch;

use crate::metrics::Metrics;
use crate::store::{Effect, Outlet};

/// Chats that may wait to be looked at.
pub const HINTS_MAX: usize = 4_096;

/// What the thread takes in one turn.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// They have grown.
    pub(super) grown: HashSet<ChatId>,
    /// Others have, too.
    pub(super) missed: bool,
    /// It is to end.
    pub(super) stop: bool,
    /// Somebody waits for the index to catch up; the number is to be given back.
    pub(super) asked: u64,
}

/// What waits for the thread.
#[derive(Debug)]
pub struct Hints {
    metrics: Arc<Metrics>,
    waiting: Mutex<Taken>,
    news: Condvar,
    served: watch::Sender<u64>,
}

impl Hints {
    /// None yet.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        let served = watch::Sender::new(0);
        Self { metrics, waiting: Mutex::default(), news: Condvar::new(), served }
    }

    /// Notes what has grown.
    fn note(&self, effects: &[Effect]) {
        let chats = effects.iter().filter_map(|effect| match effect {
            Effect::Stored(stored) if !stored.chat.is_room() => Some(&stored.chat),
            _ => None,
        });
        let mut chats = chats.peekable();
        if chats.peek().is_none() {
            return;
        }
        let mut waiting = self.waiting();
        for chat in chats {
            if waiting.grown.contains(chat) {
                continue;
            }
            if waiting.grown.len() < HINTS_MAX {
                waiting.grown.insert(chat.clone());
            } else {
                waiting.missed = true;
                self.metrics.search_hints_dropped.one();
            }
        }
        self.news.notify_one();
    }

    /// Resolves once what was noted before is in the index, for as long as there is a thread.
    pub async fn caught_up(&self) {
        let mut served = self.served.subscribe();
        let asked = {
            let mut waiting = self.waiting();
            waiting.asked += 1;
            waiting.asked
        };
        self.news.notify_one();
        let _ = served.wait_for(|served| *served >= asked).await;
    }

    /// Has the thread end.
    pub(super) fn stop(&self) {
        self.waiting().stop = true;
        self.news.notify_one();
    }

    /// Takes what waits; waits for something until the time is over.
    pub(super) fn take(&self, time: Duration, served: u64) -> Taken {
        let mut waiting = self.waiting();
        let is_nothing = |waiting: &mut Taken| {
            waiting.grown.is_empty() && !waiting.missed && !waiting.stop && waiting.asked == served
        };
        if !time.is_zero() {
            let waited = self.news.wait_timeout_while(waiting, time, is_nothing);
            waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let rest = Taken { stop: waiting.stop, asked: waiting.asked, ..Taken::default() };
        std::mem::replace(&mut *waiting, rest)
    }

    /// Waits until the time is over, whatever is noted; whether it is to end.
    pub(super) fn rest(&self, time: Duration) -> bool {
        let waited = self.news.wait_timeout_while(self.waiting(), time, |waiting| !waiting.stop);
        waited.unwrap_or_else(PoisonError::into_inner).0.stop
    }

    /// The index is as new as what was asked for.
    pub(super) fn serve(&self, asked: u64) {
        self.served.send_replace(asked);
    }

    fn waiting(&self) -> MutexGuard<'_, Taken> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An outlet of the store that notes what has grown, and hands everything on.
#[derive(Debug)]
pub struct Noting<O> {
    /// Where the effects go.
    pub outlet: O,
    /// Where it is noted, if there is an index.
    pub hints: Option<Arc<Hints>>,
}

impl<O: Outlet> Outlet for Noting<O> {
    fn release(&mut self, effects: Vec<Effect>) {
        if let Some(hints) = &self.hints {
            hints.note(&effects);
        }
        self.outlet.release(effects);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use packetboat_proto::id::SessionId;

    use crate::store::Stored;

    fn stored(chat: &str) -> Effect {
        let (chat, origin) = (ChatId::new(chat).unwrap(), SessionId::from([1; 16]));
        Effect::Stored(Stored { chat, seq: 1, origin, body: Bytes::new() })
    }

    #[test]
    fn a_chat_is_noted_once_and_what_has_no_room_is_missed_and_counted() {
        let metrics = Arc::new(Metrics::default());
        let hints = Hints::new(Arc::clone(&metrics));
        hints.note(&[stored("dm:a:b"), stored("dm:a:b"), stored("room:r")]);
        let taken = hints.take(Duration::ZERO, 0);
        assert_eq!((taken.grown.len(), taken.missed, taken.stop), (1, false, false));
        let many = |from: usize| -> Vec<Effect> {
            (from..from + HINTS_MAX).map(|number| stored(&format!("group:g{number}"))).collect()
        };
        hints.note(&many(0));
        hints.note(&many(3));
        let taken = hints.take(Duration::ZERO, 0);
        assert_eq!((taken.grown.len(), taken.missed), (HINTS_MAX, true));
        assert_eq!(metrics.search_hints_dropped.get(), 3);
        let taken = hints.take(Duration::ZERO, 0);
        assert!(taken.grown.is_empty() && !taken.missed, "it is taken once");
        hints.stop();
        assert!(hints.take(Duration::from_mins(1), 0).stop);
        assert!(hints.take(Duration::from_mins(1), 0).stop, "and stays so");
    }

    #[tokio::test]
    async fn who_waits_for_it_is_told_when_the_index_has_caught_up() {
        let hints = Arc::new(Hints::new(Arc::default()));
        let asking = tokio::spawn({
            let hints = Arc::clone(&hints);
            async move { hints.caught_up().await }
        });
        tokio::task::yield_now().await;
        let asked = hints.take(Duration::ZERO, 0).asked;
        assert_eq!(asked, 1);
        assert!(!asking.is_finished());
        hints.serve(asked);
        asking.await.unwrap();
    }
}
