//! When to connect again: full jitter, and what a goodbye says about it. Must never hurry twice
//! in a row: a server that closes at once would be met at once for ever.

use std::time::Duration;

use packetboat_proto::code::Retry;
use packetboat_proto::packet::Verdict;

use crate::config::BackoffConfig;
use crate::random::Random;

/// The least time after which a message that was refused for now is sent again.
const RESEND_LEAST: Duration = Duration::from_millis(100);

/// The waits since the last progress.
#[derive(Clone, Debug)]
pub(crate) struct Reconnect {
    backoff: BackoffConfig,
    random: Random,
    waits: u32,
}

impl Reconnect {
    pub(crate) const fn new(backoff: BackoffConfig, random: Random) -> Self {
        Self { backoff, random, waits: 0 }
    }

    /// A session was of use: the next loss is a first one.
    pub(crate) const fn progress(&mut self) {
        self.waits = 0;
    }

    /// How long to wait after a loss that nothing explains.
    pub(crate) fn after_loss(&mut self) -> Duration {
        let bound = self.next_bound().min(self.backoff.cap);
        self.random.up_to(bound)
    }

    /// How long to wait after a goodbye; `None`: not to come back.
    pub(crate) fn after_goodbye(&mut self, verdict: &Verdict) -> Option<Duration> {
        match verdict.retry {
            Some(Retry::Never) => None,
            Some(Retry::AtOnce) if self.waits == 0 => {
                // A wait all the same, of no time: the next one is none of these.
                self.waits = 1;
                Some(Duration::ZERO)
            }
            Some(Retry::AtOnce) => Some(self.after_loss()),
            Some(Retry::Later) | None => Some(self.after(verdict.retry_after_ms)),
        }
    }

    /// How long to wait before a message is sent again that could not be stored for now.
    pub(crate) fn after_refusal(&mut self, verdict: &Verdict) -> Duration {
        let named = millis(verdict.retry_after_ms).max(RESEND_LEAST);
        named + self.random.up_to(named)
    }

    /// The named time, however long, and a random one on top, so that clients do not come all at
    /// once.
    fn after(&mut self, retry_after_ms: u32) -> Duration {
        let named = millis(retry_after_ms);
        let bound = self.next_bound().max(named).min(self.backoff.cap);
        named + self.random.up_to(bound)
    }

    fn next_bound(&mut self) -> Duration {
        let grown = 1_u32.checked_shl(self.waits).unwrap_or(u32::MAX);
        self.waits = self.waits.saturating_add(1);
        self.backoff.base.saturating_mul(grown)
    }
}

fn millis(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
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
    fn after_any_wait_at_once_is_no_longer_at_once() {
        let at_once = Verdict::close(CloseCode::HeartbeatTimeout, "", 0);
        let hurried = (0..50).filter(|seed| {
            let mut reconnect = reconnect(*seed);
            reconnect.after_loss();
            reconnect.after_goodbye(&at_once) == Some(Duration::ZERO)
        });
        assert!(hurried.count() < 5);
    }

    #[test]
    fn a_goodbye_that_does_not_say_when_to_come_back_means_later() {
        let mut unsaid = Verdict::close(CloseCode::ShuttingDown, "", 4000);
        unsaid.retry = None;
        let wait = reconnect(1).after_goodbye(&unsaid).unwrap();
        assert!((4000..=8000).contains(&wait.as_millis()), "{wait:?}");
    }

    #[test]
    fn a_long_time_is_waited_for_and_spread_within_the_cap() {
        let closed = Verdict::close(CloseCode::ShuttingDown, "", 3_600_000);
        let waits = (0..50).map(|seed| reconnect(seed).after_goodbye(&closed).unwrap().as_millis());
        let (least, most) = (waits.clone().min().unwrap(), waits.max().unwrap());
        assert!(least >= 3_600_000 && most <= 3_630_000 && most - least > 15_000);
    }

    #[test]
    fn a_message_refused_for_now_waits_the_named_time_and_up_to_as_long_again() {
        let full = Verdict::reject(RejectCode::StoreFull, "", 1000);
        let unnamed = Verdict::reject(RejectCode::Unavailable, "", 0);
        for (verdict, least) in [(full, 1000), (unnamed, 100)] {
            let waits = (0..50).map(|seed| reconnect(seed).after_refusal(&verdict).as_millis());
            let (lowest, highest) = (waits.clone().min().unwrap(), waits.max().unwrap());
            assert!(lowest >= least && lowest < least * 5 / 4, "{lowest}");
            assert!(highest <= least * 2 && highest > least * 7 / 4, "{highest}");
        }
    }

    proptest! {
        #[test]
        fn a_wait_is_never_longer_than_its_bound(seed in any::<u64>(), waits in 1..80u32) {
            let mut reconnect = reconnect(seed);
            for at in 0..waits {
                let bound = 500_u128 << at.min(20);
                prop_assert!(reconnect.after_loss().as_millis() <= bound.min(30_000));
            }
        }

        #[test]
        fn a_named_time_is_waited_for_and_spread(seed in any::<u64>(), after_ms in any::<u32>()) {
            let verdict = Verdict::close(CloseCode::ShuttingDown, "", after_ms);
            let wait = reconnect(seed).after_goodbye(&verdict).unwrap().as_millis();
            let named = u128::from(after_ms);
            prop_assert!(wait >= named);
            prop_assert!(wait <= named + named.clamp(500, 30_000));
        }
    }

    #[test]
    fn the_first_wait_is_spread_over_half_a_second() {
        let longest = (0..50).map(|seed| reconnect(seed).after_loss()).max().unwrap();
        assert!(longest > Duration::from_millis(400), "{longest:?}");
    }
}
