//! A set of seqs, as ranges. Must never hold two ranges that could be one.

/// Seqs from one to another, both among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeqRange {
    first: u64,
    last: u64,
}

impl SeqRange {
    /// `None`: no seq is 0, and the last is not before the first.
    pub const fn new(first: u64, last: u64) -> Option<Self> {
        if first == 0 || last < first { None } else { Some(Self { first, last }) }
    }

    /// The lowest.
    pub const fn first(self) -> u64 {
        self.first
    }

    /// The highest.
    pub const fn last(self) -> u64 {
        self.last
    }
}

/// A set of seqs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeqSet {
    /// In ascending order, with at least one seq between two.
    ranges: Vec<SeqRange>,
}

impl SeqSet {
    /// `None`: two of the ranges could be one, or they are out of order.
    pub fn from_ranges(ranges: Vec<SeqRange>) -> Option<Self> {
        let apart = ranges.windows(2).all(|pair| gap_behind(pair[0]) < pair[1].first);
        apart.then_some(Self { ranges })
    }

    /// Its ranges, in ascending order.
    pub fn ranges(&self) -> &[SeqRange] {
        &self.ranges
    }

    /// No seq is in it.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether a seq is in it.
    pub fn holds(&self, seq: u64) -> bool {
        let at = self.ranges.partition_point(|range| range.last < seq);
        self.ranges.get(at).is_some_and(|range| range.first <= seq)
    }

    /// Adds seqs, some of which may be in it.
    pub fn insert(&mut self, range: SeqRange) {
        let from = self.ranges.partition_point(|other| gap_behind(*other) < range.first);
        let to = self.ranges.partition_point(|other| other.first <= gap_behind(range));
        let met = &self.ranges[from..to];
        let first = met.first().map_or(range.first, |met| met.first.min(range.first));
        let last = met.last().map_or(range.last, |met| met.last.max(range.last));
        self.ranges.splice(from..to, [SeqRange { first, last }]);
    }
}

/// The seq behind a range, which another that stays apart from it does not begin with.
const fn gap_behind(range: SeqRange) -> u64 {
    range.last.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn range(first: u64, last: u64) -> SeqRange {
        SeqRange::new(first, last).unwrap()
    }

    #[test]
    fn ranges_that_touch_become_one() {
        let mut set = SeqSet::default();
        for (first, last) in [(5, 5), (9, 9), (7, 7), (6, 6), (8, 8)] {
            set.insert(range(first, last));
        }
        assert_eq!(set.ranges(), [range(5, 9)]);
        set.insert(range(1, u64::MAX));
        set.insert(range(u64::MAX, u64::MAX));
        assert_eq!(set.ranges(), [range(1, u64::MAX)]);
    }

    #[test]
    fn a_set_is_read_only_from_ranges_apart_and_in_order() {
        assert!(SeqRange::new(0, 3).is_none() && SeqRange::new(4, 3).is_none());
        let read = |ranges: &[SeqRange]| SeqSet::from_ranges(ranges.to_vec());
        assert!(read(&[range(1, 2), range(4, 4)]).is_some());
        assert!(read(&[range(1, 2), range(3, 4)]).is_none(), "they touch");
        assert!(read(&[range(4, 4), range(1, 2)]).is_none(), "they are out of order");
        assert!(read(&[range(1, u64::MAX), range(2, 2)]).is_none(), "one is in the other");
    }

    proptest! {
        #[test]
        fn a_set_holds_what_was_put_into_it_and_nothing_else(
            added in proptest::collection::vec((1..60_u64, 0..9_u64), 0..20),
        ) {
            let (mut set, mut model) = (SeqSet::default(), BTreeSet::new());
            for (first, more) in added {
                set.insert(range(first, first + more));
                model.extend(first..=first + more);
            }
            for seq in 0..80 {
                prop_assert_eq!(set.holds(seq), model.contains(&seq), "{}", seq);
            }
            prop_assert!(SeqSet::from_ranges(set.ranges().to_vec()).is_some());
        }
    }
}
