//! Inputs for where there is no fuzzer: those of a corpus, changed a little, by a seed. Must never
//! take a choice from anywhere but the seed.

/// A row of numbers from a seed: `SplitMix64`, which is enough to change bytes by.
#[derive(Clone, Debug)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// Of that seed.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % end as u64).expect("it is below a usize")
    }

    fn byte(&mut self) -> u8 {
        self.roll().to_le_bytes()[0]
    }

    /// An input: new bytes, or one or two of `corpus` with a few things done to them.
    pub fn input(&mut self, corpus: &[Vec<u8>], bytes_max: usize) -> Vec<u8> {
        let mut input = if corpus.is_empty() || self.below(8) == 0 {
            let bytes = self.below(bytes_max + 1);
            (0..bytes).map(|_| self.byte()).collect()
        } else {
            corpus[self.below(corpus.len())].clone()
        };
        for _ in 0..=self.below(8) {
            self.change(&mut input, corpus);
        }
        input.truncate(bytes_max);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.below(input.len() + 1);
        let upto = at + self.below(input.len() - at + 1).min(32);
        match self.below(7) {
            0 => input.insert(at, self.byte()),
            1 => drop(input.drain(at..upto)),
            2 => input[at..upto].iter_mut().for_each(|byte| *byte = self.byte()),
            3 if at < input.len() => input[at] ^= 1 << self.below(8),
            4 if at < input.len() => input[at] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
            5 => {
                let again = input[at..upto].to_vec();
                input.splice(at..at, again);
            }
            _ if !corpus.is_empty() => {
                // The front of this one, the back of another.
                let other = &corpus[self.below(corpus.len())];
                input.truncate(at);
                input.extend_from_slice(&other[self.below(other.len() + 1)..]);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_all_and_another_says_something_else() {
        let corpus = vec![b"one".to_vec(), b"another".to_vec()];
        let inputs = |seed| {
            let mut dice = Dice::new(seed);
            (0..200).map(|_| dice.input(&corpus, 64)).collect::<Vec<_>>()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
        assert!(inputs(3).iter().all(|input| input.len() <= 64));
    }
}
