//! Random numbers from a seed, in the words of a plan, so that a seed repeats one. Must never be
//! seeded by anything but a number that a failure prints.

use fastrand::Rng;
use packetboat_proto::id::MessageId;

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Dice(Rng);

impl Dice {
    /// Of a seed.
    pub fn new(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// Other dice, whose numbers do not hang on how often these are thrown from here on.
    pub fn split(&mut self) -> Self {
        Self(self.0.fork())
    }

    /// A number below `bound`, which is not zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.u64(..bound)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0.u64(low..=high)
    }

    /// True in so many of 1,000 throws.
    pub fn chance(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }

    /// An index below `len`, which is not zero.
    pub fn index(&mut self, len: usize) -> usize {
        self.0.usize(..len)
    }

    /// One of them; `None` if there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() { None } else { items.get(self.index(items.len())) }
    }

    /// Puts them into another order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        self.0.shuffle(items);
    }

    /// A message id.
    pub fn message_id(&mut self) -> MessageId {
        MessageId::from(self.0.u128(..).to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_numbers() {
        let throw = |seed| {
            let mut dice = Dice::new(seed);
            let mut items: Vec<u64> = (0..9).collect();
            dice.shuffle(&mut items);
            (items, dice.below(7), dice.message_id())
        };
        assert_eq!(throw(3), throw(3));
        assert_ne!(throw(3), throw(4));
    }

    #[test]
    fn every_number_in_the_bounds_comes_up_and_none_beyond() {
        let mut dice = Dice::new(1);
        let mut seen: Vec<u64> = (0..500).map(|_| dice.between(2, 5)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [2, 3, 4, 5]);
        assert!((0..1000).filter(|_| dice.chance(250)).count().abs_diff(250) < 60);
    }
}
