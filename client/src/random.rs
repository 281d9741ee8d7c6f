//! Random numbers for jitter: `SplitMix64`, seeded by the shell, so that a seed repeats a run.
//! Must never be used for a secret or an id.

use std::time::Duration;

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A time of whole milliseconds from zero to `bound`, both included.
    pub(crate) fn up_to(&mut self, bound: Duration) -> Duration {
        let bound_ms = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
        let count = bound_ms.saturating_add(1);
        // The bias of the remainder is far below a millisecond in any bound used here.
        Duration::from_millis(self.number() % count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_up_to_the_bound_comes_up() {
        let mut random = Random::new(7);
        let mut seen = [false; 4];
        for _ in 0..200 {
            let ms = random.up_to(Duration::from_millis(3)).as_millis();
            seen[usize::try_from(ms).unwrap()] = true;
        }
        assert_eq!(seen, [true; 4]);
        assert_eq!(random.up_to(Duration::ZERO), Duration::ZERO);
    }
}
