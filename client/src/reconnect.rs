//! When to connect again: full jitter, and what a goodbye says about it. Must never hurry twice
//! in a row: a server that closes at once would be met at once for ever.

use std::time::Duration;

use packetboat_proto::code::Retry;
use packetboat_proto::packet::Verdict;

use crate::config::BackoffConfig;
use crate::random::Random;

/// The longest wait that a server's goodbye is followed in.
const RETRY_AFTER_MS_MAX: u32 = 900_000;

/// The tries since the last progress.
#[derive(Clone, Debug)]
pub(crate) struct Reconnect {
    backoff: BackoffConfig,
    random: Random,
    tries: u32,
    hurried: bool,
}

impl Reconnect {
    pub(crate) const fn new(backoff: BackoffConfig, random: Random) -> Self {
        Self { backoff, random, tries: 0, hurried: false }
    }

    /// A session was of use: the next loss is a first one.
    pub(crate) const fn progress(&mut self) {
        self.tries = 0;
        self.hurried = false;
    }

    /// How long to wait after a loss that nothing explains.
    pub(crate) fn after_loss(&mut self) -> Duration {
        let bound = self.next_bound();
        self.random.up_to(bound)
    }

    /// How long to wait after a goodbye; `None`: not to come back.
    pub(crate) fn after_goodbye(&mut self, verdict: &Verdict) -> Option<Duration> {
        match verdict.retry {
            Some(Retry::Never) => None,
            Some(Retry::AtOnce) if !self.hurried => {
                self.hurried = true;
                Some(Duration::ZERO)
            }
            Some(Retry::Later) => Some(self.after(verdict.retry_after_ms)),
            Some(Retry::AtOnce) | None => Some(self.after_loss()),
        }
    }

    /// How long to wait before a message is sent again that could not be stored for now.
    pub(crate) fn after_refusal(&mut self, verdict: &Verdict) -> Duration {
        let named = named(verdict.retry_after_ms).max(self.backoff.base);
        named + self.random.up_to(named / 2)
    }

    /// The named time, and then a jitter in proportion, so that clients do not come all at once.
    fn after(&mut self, retry_after_ms: u32) -> Duration {
        let named = named(retry_after_ms);
        let bound = self.next_bound().max(named / 2);
        named + self.random.up_to(bound)
    }

    fn next_bound(&mut self) -> Duration {
        let grown = 1_u32.checked_shl(self.tries).unwrap_or(u32::MAX);
        self.tries = self.tries.saturating_add(1);
        self.backoff.base.saturating_mul(grown).min(self.backoff.cap)
    }
}

fn named(retry_after_ms: u32) -> Duration {
    Duration::from_millis(retry_after_ms.min(RETRY_AFTER_MS_MAX).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use packetboat_proto::code::{CloseCode, RejectCode};
    use proptest::prelude::*;

    fn reconnect(seed: u64) -> Reconnect {
        Reconnect::new(BackoffConfig::default(), Random::new(seed))
    }

    #[test]
    fn a_goodbye_for_good_is_obeyed() {
        let replaced = Verdict::close(CloseCode::Replaced, "", 0);
        assert_eq!(reconnect(1).after_goodbye(&replaced), None);
    }

    #[test]
    fn at_once_is_at_once_only_the_first_time() {
        let mut reconnect = reconnect(3);
        let timeout = Verdict::close(CloseCode::HeartbeatTimeout, "", 0);
        assert_eq!(reconnect.after_goodbye(&timeout), Some(Duration::ZERO));
        let waits: Vec<_> = (0..9).map(|_| reconnect.after_goodbye(&timeout).unwrap()).collect();
        assert!(waits.iter().any(|wait| *wait > Duration::from_secs(1)));
        reconnect.progress();
        assert_eq!(reconnect.after_goodbye(&timeout), Some(Duration::ZERO));
    }

    #[test]
    fn a_message_refused_for_now_waits_at_least_the_named_time() {
        let full = Verdict::reject(RejectCode::StoreFull, "", 1000);
        let wait = reconnect(1).after_refusal(&full);
        assert!((1000..=1500).contains(&wait.as_millis()));
        let unnamed = Verdict::reject(RejectCode::Unavailable, "", 0);
        assert!(reconnect(1).after_refusal(&unnamed) >= Duration::from_millis(250));
    }

    proptest! {
        #[test]
        fn a_wait_is_never_longer_than_its_bound(seed in any::<u64>(), tries in 1..80u32) {
            let mut reconnect = reconnect(seed);
            for at in 0..tries {
                let bound = 250_u128 << at.min(20);
                prop_assert!(reconnect.after_loss().as_millis() <= bound.min(30_000));
            }
        }

        #[test]
        fn a_named_time_is_waited_for_and_spread(seed in any::<u64>(), after_ms in any::<u32>()) {
            let verdict = Verdict::close(CloseCode::ShuttingDown, "", after_ms);
            let wait = reconnect(seed).after_goodbye(&verdict).unwrap();
            let named = named(after_ms);
            prop_assert!(wait >= named);
            prop_assert!(wait <= named + (named / 2).max(Duration::from_millis(250)));
        }
    }
}
