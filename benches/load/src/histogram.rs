//! How long things took: counts in buckets that are at most 3 % wide, so that recording costs no
//! memory and the percentiles of many connections can be joined. Must never lose a value.

/// Buckets for each doubling.
const STEPS: u64 = 1 << STEPS_BITS;
const STEPS_BITS: u32 = 5;
/// Values below this have a bucket of their own.
const EXACT: u64 = 2 * STEPS;
const BUCKETS: usize = (2 + (u64::BITS - STEPS_BITS - 1) as usize) << STEPS_BITS;

/// Counts of values.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Box<[u64; BUCKETS]>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: Box::new([0; BUCKETS]), total: 0 }
    }
}

impl Histogram {
    /// Counts a value.
    pub fn record(&mut self, value: u64) {
        self.counts[bucket(value)] += 1;
        self.total += 1;
    }

    /// Counts all that another one has counted.
    pub fn join(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts.iter()) {
            *count += more;
        }
        self.total += other.total;
    }

    /// How many values were counted.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The value that so many per mille of all are not above, as the end of its bucket; 0 when
    /// there are none.
    pub fn per_mille(&self, share: u32) -> u64 {
        if self.total == 0 {
            return 0;
        }
        let rank = u128::from(self.total) * u128::from(share.min(1_000));
        let rank = rank.div_ceil(1_000).max(1);
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += u128::from(*count);
            if seen >= rank {
                return end(at);
            }
        }
        u64::MAX
    }
}

fn bucket(value: u64) -> usize {
    let at = if value < EXACT {
        value
    } else {
        let doubling = value.ilog2();
        let step = (value >> (doubling - STEPS_BITS)) - STEPS;
        EXACT + u64::from(doubling - STEPS_BITS - 1) * STEPS + step
    };
    usize::try_from(at).expect("there are few buckets")
}

/// The highest value of a bucket.
fn end(bucket: usize) -> u64 {
    let at = bucket as u64;
    if at < EXACT {
        return at;
    }
    let (doubling, step) = ((at - EXACT) / STEPS, (at - EXACT) % STEPS);
    let shift = doubling + 1;
    ((STEPS + step) << shift) + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        values.into_iter().for_each(|value| histogram.record(value));
        histogram
    }

    #[test]
    fn nothing_counted_has_percentiles_of_zero() {
        assert_eq!(Histogram::default().per_mille(500), 0);
    }

    #[test]
    fn small_values_are_exact() {
        let histogram = of(1..=60);
        assert_eq!(histogram.per_mille(0), 1);
        assert_eq!(histogram.per_mille(500), 30);
        assert_eq!(histogram.per_mille(990), 60);
        assert_eq!(histogram.total(), 60);
    }

    #[test]
    fn one_slow_in_a_hundred_shows_above_the_99th_percentile_only() {
        let histogram = of((0..99).map(|_| 1_000).chain([1_000_000]));
        assert!(histogram.per_mille(990) < 1_040);
        assert!(histogram.per_mille(991) >= 1_000_000);
    }

    #[test]
    fn the_largest_value_has_a_bucket() {
        assert_eq!(of([u64::MAX]).per_mille(1_000), u64::MAX);
    }

    proptest! {
        #[test]
        fn a_bucket_ends_at_most_a_32nd_above_its_values(value in any::<u64>()) {
            let end = end(bucket(value));
            prop_assert!(end >= value && end - value <= value / STEPS);
        }

        #[test]
        fn joining_is_counting_together(
            one in proptest::collection::vec(0_u64..1 << 40, 0..50),
            other in proptest::collection::vec(0_u64..1 << 40, 0..50),
            share in 0_u32..=1_000,
        ) {
            let mut joined = of(one.clone());
            joined.join(&of(other.clone()));
            let together = of(one.into_iter().chain(other));
            prop_assert_eq!(joined.total(), together.total());
            prop_assert_eq!(joined.per_mille(share), together.per_mille(share));
        }
    }
}
