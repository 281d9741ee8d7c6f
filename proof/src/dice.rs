//! Random numbers from a seed (`SplitMix64`), so that a seed repeats a plan. Must never be seeded
//! by anything but a number that a failure prints.

use packetboat_proto::id::MessageId;

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Other dice, whose numbers do not hang on how often these are thrown from here on.
    pub const fn split(&mut self) -> Self {
        Self::new(self.number())
    }

    /// A number below `bound`, which is not zero.
    pub const fn below(&mut self, bound: u64) -> u64 {
        // The bias of the remainder does not matter in any bound used here.
        self.number() % bound
    }

    /// A number from `low` to `high`, both included.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True in so many of 1,000 throws.
    pub const fn chance(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }

    /// An index below `len`, which is not zero.
    pub fn index(&mut self, len: usize) -> usize {
        let below = self.below(u64::try_from(len).expect("a length fits 64 bits"));
        usize::try_from(below).expect("it is below a usize")
    }

    /// One of them; `None` if there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() { None } else { items.get(self.index(items.len())) }
    }

    /// Puts them into another order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.index(at + 1));
        }
    }

    /// A message id.
    pub fn message_id(&mut self) -> MessageId {
        let bits = u128::from(self.number()) << 64 | u128::from(self.number());
        MessageId::from(bits.to_be_bytes())
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
