//! Whether the store still works, and since when it has been at one commit. The first failure is
//! final: must never be taken back, since a second fsync after a failed one may lie.

use std::collections::VecDeque;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Why the store has stopped for good. The process is to end: nothing more is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// A batch could not be made durable.
    #[error("a commit of {operations} operations failed: {detail}")]
    Commit {
        /// Operations of the batch.
        operations: usize,
        /// What the backend said.
        detail: String,
    },
    /// What the rules needed could not be read.
    #[error("a command could not be run: {detail}")]
    Read {
        /// What was wrong.
        detail: String,
    },
    /// The engine could not be closed; all that was accepted is durable.
    #[error("the store did not close as it should: {detail}")]
    Close {
        /// What was wrong.
        detail: String,
    },
    /// The committer panicked.
    #[error("the committer panicked: {detail}")]
    Panicked {
        /// The panic's message.
        detail: String,
    },
    /// What the backend does behind the commits failed.
    #[error("the work behind the commits failed: {detail}")]
    Background {
        /// What the backend said.
        detail: String,
    },
    /// A commit took too long.
    #[error(
        "a commit has not come to its end for {elapsed_ms} ms: {commands} commands of it or \
         waiting, {operations} operations, commit number {commit}"
    )]
    Stalled {
        /// How long ago it began.
        elapsed_ms: u64,
        /// Commands that were taken or are queued.
        commands: usize,
        /// Operations of the batch; 0 while it is still being made.
        operations: usize,
        /// Commits since the store was opened.
        commit: u64,
    },
}

/// A commit on its way.
#[derive(Clone, Copy, Debug)]
struct Busy {
    since: Instant,
    operations: usize,
}

/// What the committer is at: a commit, and the one that gathers behind it.
#[derive(Debug, Default)]
struct Progress {
    busy: VecDeque<Busy>,
    commits: u64,
}

/// Shared by the committer, its watchdog and all that wait for either.
#[derive(Debug)]
pub(crate) struct Health {
    failure: OnceLock<Failure>,
    failed: CancellationToken,
    progress: Mutex<Progress>,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            failure: OnceLock::new(),
            failed: CancellationToken::new(),
            progress: Mutex::default(),
        }
    }
}

impl Health {
    /// Stops the store for good. Only the first reason is kept.
    pub(crate) fn fail(&self, failure: Failure) {
        if self.failure.set(failure).is_ok() {
            let failure = self.failure.get().expect("it was set just now");
            tracing::error!(%failure, "the store has stopped");
            self.failed.cancel();
        }
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failure.get().is_some()
    }

    /// Resolves once the store has failed, and not before.
    pub(crate) async fn failed(&self) -> Failure {
        self.failed.cancelled().await;
        self.failure.get().cloned().expect("it is set before it is told")
    }

    fn progress(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A batch begins to gather.
    pub(crate) fn begin(&self, now: Instant) {
        self.progress().busy.push_back(Busy { since: now, operations: 0 });
    }

    /// The last batch is made, and goes to the backend. Its time begins anew: it may have waited
    /// for the one before.
    pub(crate) fn committing(&self, now: Instant, operations: usize) {
        if let Some(busy) = self.progress().busy.back_mut() {
            *busy = Busy { since: now, operations };
        }
    }

    /// The first batch is durable, or was empty.
    pub(crate) fn end(&self) {
        let mut progress = self.progress();
        progress.busy.pop_front();
        progress.commits += 1;
    }

    /// Fails the store if a commit takes longer than `bound`; true once it has failed.
    pub(crate) fn check_stall(&self, now: Instant, bound: Duration, commands: usize) -> bool {
        let progress = self.progress();
        let Some(busy) = progress.busy.front().copied() else {
            return self.has_failed();
        };
        let elapsed = now.saturating_duration_since(busy.since);
        if elapsed < bound {
            return self.has_failed();
        }
        let commit = progress.commits + 1;
        drop(progress);
        self.fail(Failure::Stalled {
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            commands,
            operations: busy.operations,
            commit,
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_gathers_behind_another_is_no_stall_while_it_waits_for_it() {
        let health = Health::default();
        let (start, bound) = (Instant::now(), Duration::from_secs(5));
        health.begin(start);
        health.committing(start, 12);
        health.begin(start + bound / 5);
        assert!(!health.check_stall(start + bound * 4 / 5, bound, 2));
        health.end();
        health.committing(start + bound * 4 / 5, 7);
        assert!(!health.check_stall(start + bound * 6 / 5, bound, 1), "each had its own time");
        assert!(health.check_stall(start + bound * 9 / 5, bound, 1));
        let Some(Failure::Stalled { operations: 7, commit: 2, .. }) = health.failure.get() else {
            panic!("{:?}", health.failure.get());
        };
    }

    #[test]
    fn only_a_commit_that_takes_too_long_is_a_stall() {
        let health = Health::default();
        let (start, bound) = (Instant::now(), Duration::from_secs(5));
        assert!(!health.check_stall(start + bound * 9, bound, 0), "idle is no stall");
        health.begin(start);
        health.committing(start, 12);
        assert!(!health.check_stall(start + bound / 2, bound, 3));
        health.end();
        health.begin(start + bound);
        assert!(!health.check_stall(start + bound + bound / 2, bound, 3), "another commit");
        health.committing(start + bound, 7);
        assert!(health.check_stall(start + bound * 2, bound, 3));
        let failure = health.failure.get().cloned();
        let stalled = Failure::Stalled { elapsed_ms: 5_000, commands: 3, operations: 7, commit: 2 };
        assert_eq!(failure, Some(stalled.clone()));
        health.fail(Failure::Read { detail: "later".into() });
        assert_eq!(health.failure.get(), Some(&stalled), "the first reason stays");
    }
}
