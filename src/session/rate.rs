//! A token bucket: how much of something a session may ask. Must never read a clock.

use std::time::Duration;

use packetboat_proto::time::Time;

/// So many a second on average, so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// On average; 0: no limit.
    pub per_second: u32,
    /// At once.
    pub burst: u32,
}

/// What is left of a rate. It may be overdrawn: then nothing more is to be read.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    rate: Rate,
    /// Thousandths of a token.
    left: i64,
    filled: Time,
}

const WHOLE: i64 = 1_000;

impl Bucket {
    /// A full one.
    pub fn new(rate: Rate, now: Time) -> Self {
        Self { rate, left: i64::from(rate.burst) * WHOLE, filled: now }
    }

    /// Takes one, even if there is none left.
    pub fn take(&mut self, now: Time) {
        self.take_of(now, 1);
    }

    /// Takes so many, even if there are fewer left.
    pub fn take_of(&mut self, now: Time, count: u32) {
        self.fill(now);
        if self.rate.per_second > 0 {
            self.left -= i64::from(count) * WHOLE;
        }
    }

    /// Takes one, if there is one left.
    pub fn try_take(&mut self, now: Time) -> bool {
        let some = self.ready(now);
        if some {
            self.take(now);
        }
        some
    }

    /// Whether there is one left.
    pub fn ready(&mut self, now: Time) -> bool {
        self.fill(now);
        self.rate.per_second == 0 || self.left >= WHOLE
    }

    /// Whether nothing of it is used: a new one would be the same.
    pub fn is_full(&mut self, now: Time) -> bool {
        self.fill(now);
        self.rate.per_second == 0 || self.left >= i64::from(self.rate.burst) * WHOLE
    }

    /// When there is one left again, if there is none now.
    pub fn paused_until(&self) -> Option<Time> {
        if self.rate.per_second == 0 || self.left >= WHOLE {
            return None;
        }
        let missing = WHOLE.saturating_sub(self.left).unsigned_abs();
        let wait = Duration::from_millis(missing.div_ceil(u64::from(self.rate.per_second)));
        Some(self.filled + wait)
    }

    fn fill(&mut self, now: Time) {
        let elapsed = i64::try_from(now.since(self.filled).as_millis()).unwrap_or(i64::MAX);
        let more = elapsed.saturating_mul(i64::from(self.rate.per_second));
        self.left = self.left.saturating_add(more).min(i64::from(self.rate.burst) * WHOLE);
        self.filled = self.filled.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: u64) -> Time {
        Time::from_ms(ms)
    }

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let mut bucket = Bucket::new(Rate { per_second: 10, burst: 3 }, at(0));
        assert!((0..3).all(|_| bucket.try_take(at(0))));
        assert!(!bucket.try_take(at(0)));
        assert_eq!(bucket.paused_until(), Some(at(100)));
        assert!(!bucket.try_take(at(99)));
        assert!(bucket.try_take(at(100)));
        assert!(!bucket.try_take(at(150)));
    }

    #[test]
    fn what_is_overdrawn_has_to_be_waited_for() {
        let mut bucket = Bucket::new(Rate { per_second: 10, burst: 1 }, at(0));
        (0..5).for_each(|_| bucket.take(at(0)));
        assert_eq!(bucket.paused_until(), Some(at(500)));
        assert!(!bucket.ready(at(499)));
        assert!(bucket.ready(at(500)));
    }

    #[test]
    fn without_a_limit_there_is_always_one_left() {
        let mut bucket = Bucket::new(Rate { per_second: 0, burst: 0 }, at(5));
        assert!((0..9).all(|_| bucket.try_take(at(5))));
        assert_eq!(bucket.paused_until(), None);
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate(
            per_second in 1..1_000u32, burst in 1..100u32,
            gaps in proptest::collection::vec(0..50u64, 1..200),
        ) {
            let mut bucket = Bucket::new(Rate { per_second, burst }, at(0));
            let (mut now, mut taken) = (0, 0u64);
            for gap in gaps {
                now += gap;
                taken += u64::from(bucket.try_take(at(now)));
                let most = u64::from(burst) + now * u64::from(per_second) / 1_000;
                prop_assert!(taken <= most);
            }
            let ready = bucket.paused_until().unwrap_or(at(now));
            prop_assert!(bucket.ready(ready));
        }
    }
}
