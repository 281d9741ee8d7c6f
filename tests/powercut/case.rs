//! A case of a failing call, as the shim, the command line and the dice have it. Must never draw
//! anything: a case alone is the same as in a whole run.

use std::str::FromStr;

/// The kinds of calls, as the shim names them.
pub const KINDS: [char; 9] = ['P', 'W', 'F', 'S', 'O', 'T', 'R', 'U', 'M'];

/// Numbers of calls of one kind, at the most, as they go into the seed of a case.
const NUMBERS: u64 = 1 << 20;

/// The call that fails, as it is named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its kind.
    pub kind: char,
    /// Which of them.
    pub number: u64,
    /// With what errno.
    pub error: i32,
    /// So do all after it.
    pub lasts: bool,
    /// Which of the bases alone.
    pub base: Option<usize>,
}

impl FromStr for Wanted {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let mut parts = text.split(':');
            let kind = parts.next()?.parse().ok().filter(|kind| KINDS.contains(kind))?;
            let number = parts.next()?.parse().ok()?;
            let error = parts.next()?.parse().ok()?;
            let lasts = parts.next()?.parse::<u8>().ok().filter(|lasts| *lasts <= 1)? == 1;
            let base = match parts.next() {
                Some(base) => Some(base.parse().ok().filter(|base| *base <= 1)?),
                None => None,
            };
            parts.next().is_none().then_some(Self { kind, number, error, lasts, base })
        };
        read().ok_or("it is KIND:N:ERRNO:LASTS or KIND:N:ERRNO:LASTS:BASE, like P:7:5:0:1")
    }
}

/// A case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Which base.
    pub base: usize,
    /// The kind of the call that fails.
    pub kind: char,
    /// Which of them.
    pub number: u64,
    /// With what errno.
    pub error: i32,
    /// So do all after it.
    pub lasts: bool,
    /// A bug that is planted.
    pub plant: Option<String>,
}

impl Case {
    /// As the shim reads it.
    pub fn order(&self) -> String {
        let Self { kind, number, error, lasts, .. } = self;
        format!("{kind}:{number}:{error}:{}", u8::from(*lasts))
    }

    /// As the command line has it.
    pub fn argument(&self) -> String {
        format!("{}:{}", self.order(), self.base)
    }

    /// Seeds the talk: the same in a whole run and in one of this case alone.
    pub fn seed(&self, seed: u64) -> u64 {
        let call = u64::from(u32::from(self.kind)) * NUMBERS + self.number;
        seed ^ (call * 2 + self.base as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}
