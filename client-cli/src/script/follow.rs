//! Following what changes, until there is a reason to end. Must never take being told to stop for a
//! failure: it is how most of it ends.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::account::Account;
use crate::command::presence::FollowArgs;
use crate::failure::Failure;
use crate::stop::Stop;
use crate::visit::{Manner, Visit, within};

/// Runs an errand in a session that listens, until it ends, the process is told to stop, or time is
/// up: which is a failure only where there is a `count` to be reached.
pub(crate) async fn follow(
    account: &Account,
    timeout: Option<Duration>,
    count: Option<u64>,
    errand: impl AsyncFnOnce(&mut Visit) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut stop = Stop::listen().map_err(Failure::Runtime)?;
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let manner = Manner { patient: true, listens: true };
    let mut visit = tokio::select! {
        biased;
        () = stop.told() => return Ok(()),
        visit = within(timeout, Visit::open_in(account, manner)) => visit?,
    };
    let outcome = tokio::select! {
        biased;
        () = stop.told() => Ok(()),
        outcome = errand(&mut visit) => outcome,
        () = until(deadline) => match (count, timeout) {
            (Some(_), Some(timeout)) => Err(Failure::TimedOut(timeout)),
            _ => Ok(()),
        },
    };
    visit.close().await;
    outcome
}

/// Waits until then; for ever, if there is no such time.
pub(crate) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// How many lines were printed of those that are wanted.
#[derive(Debug)]
pub(crate) struct Tally {
    left: Option<u64>,
}

impl Tally {
    /// What is wanted.
    pub(crate) const fn of(args: FollowArgs) -> Self {
        Self { left: args.count }
    }

    /// One more was printed.
    pub(crate) const fn one(&mut self) {
        if let Some(left) = self.left {
            self.left = Some(left.saturating_sub(1));
        }
    }

    /// Whether that was all.
    pub(crate) const fn is_full(&self) -> bool {
        matches!(self.left, Some(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_ends_and_what_is_not_goes_on() {
        let mut two = Tally::of(FollowArgs { follow: true, count: Some(2) });
        assert!(!two.is_full());
        two.one();
        assert!(!two.is_full());
        two.one();
        assert!(two.is_full());
        let mut any = Tally::of(FollowArgs { follow: true, count: None });
        any.one();
        assert!(!any.is_full());
    }
}
