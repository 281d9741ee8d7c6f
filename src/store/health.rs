//! Whether the store still works, and since when it has been at one commit. The first failure is
//! final: must never be taken back, since a second fsync after a failed one may lie.

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

/// A step on its way.
#[derive(Clone, Copy, Debug)]
struct Busy {
    since: Instant,
    operations: usize,
}

/// Which half of the committer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    /// It gathers and applies.
    Writer,
    /// It syncs.
    Flusher,
}

/// What the halves are at.
#[derive(Debug, Default)]
struct Progress {
    busy: [Option<Busy>; 2],
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

    /// A half begins with a step, of a batch of so many operations; 0 while it is being made.
    pub(crate) fn begin(&self, half: Half, now: Instant, operations: usize) {
        self.progress().busy[half as usize] = Some(Busy { since: now, operations });
    }

    /// A half waits for the other one, or for something to do, or tells what is done.
    pub(crate) fn rest(&self, half: Half) {
        self.progress().busy[half as usize] = None;
    }

    /// A batch is durable, or was empty.
    pub(crate) fn committed(&self) {
        let mut progress = self.progress();
        progress.busy[Half::Flusher as usize] = None;
        progress.commits += 1;
    }

    /// Fails the store if a step of a commit takes longer than `bound`; true once it has failed.
    pub(crate) fn check_stall(&self, now: Instant, bound: Duration, commands: usize) -> bool {
        let progress = self.progress();
        let oldest = progress.busy.iter().flatten().min_by_key(|busy| busy.since);
        let Some(busy) = oldest.copied() else {
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
    fn each_half_has_a_time_of_its_own_and_none_while_it_waits() {
        let health = Health::default();
        let (start, bound) = (Instant::now(), Duration::from_secs(5));
        let at = |tenths: u32| start + bound * tenths / 10;
        assert!(!health.check_stall(at(90), bound, 0), "idle is no stall");
        health.begin(Half::Flusher, at(0), 12);
        health.begin(Half::Writer, at(2), 0);
        health.rest(Half::Writer);
        assert!(!health.check_stall(at(9), bound, 3));
        health.committed();
        assert!(!health.check_stall(at(99), bound, 3), "what is being told is no stall");
        health.begin(Half::Writer, at(99), 7);
        assert!(!health.check_stall(at(108), bound, 3));
        health.rest(Half::Writer);
        health.begin(Half::Flusher, at(110), 7);
        health.begin(Half::Writer, at(119), 0);
        assert!(health.check_stall(at(120), bound, 3));
        let failure = health.failure.get().cloned();
        let stalled = Failure::Stalled { elapsed_ms: 5_000, commands: 3, operations: 7, commit: 2 };
        assert_eq!(failure, Some(stalled.clone()));
        health.fail(Failure::Read { detail: "later".into() });
        assert_eq!(health.failure.get(), Some(&stalled), "the first reason stays");
    }

    #[test]
    fn a_writer_that_is_stuck_is_found_while_the_flusher_works() {
        let health = Health::default();
        let (start, bound) = (Instant::now(), Duration::from_secs(5));
        health.begin(Half::Writer, start, 0);
        health.begin(Half::Flusher, start + bound / 2, 12);
        assert!(health.check_stall(start + bound, bound, 1));
    }
}
