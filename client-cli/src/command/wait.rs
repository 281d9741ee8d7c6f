//! How long something takes, as people write it: `90`, `90s`, `15m`, `2h`, `7d`. Must never read a
//! clock.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// A number of milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) u64);

/// The units, the longest first, and how many milliseconds each has.
const UNITS: [(char, u64); 4] = [('d', 86_400_000), ('h', 3_600_000), ('m', 60_000), ('s', 1_000)];

impl FromStr for Wait {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unit = UNITS.iter().find(|(unit, _)| text.ends_with(*unit));
        let (number, each) =
            unit.map_or((text, 1_000), |(unit, ms)| (text.trim_end_matches(*unit), *ms));
        let count = number.parse::<u64>().ok().and_then(|count| count.checked_mul(each));
        count
            .filter(|ms| *ms > 0)
            .map(Self)
            .ok_or_else(|| "must be a time such as 90s, 15m, 2h or 7d".to_owned())
    }
}

impl Display for Wait {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let whole = |(_, ms): &&(char, u64)| self.0 >= *ms && self.0.is_multiple_of(*ms);
        match UNITS.iter().find(whole) {
            Some((unit, ms)) => write!(f, "{}{unit}", self.0 / ms),
            None => write!(f, "{}ms", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_and_written_with_its_unit() {
        for (text, ms, shown) in [
            ("90", 90_000, "90s"),
            ("60s", 60_000, "1m"),
            ("15m", 900_000, "15m"),
            ("24h", 86_400_000, "1d"),
            ("7d", 604_800_000, "7d"),
        ] {
            assert_eq!(text.parse(), Ok(Wait(ms)), "{text}");
            assert_eq!(Wait(ms).to_string(), shown);
        }
        assert_eq!(Wait(1_500).to_string(), "1500ms");
    }

    #[test]
    fn what_is_no_time_is_told() {
        for text in ["", "0", "0h", "s", "soon", "-1s", "1.5h", "5w", "1hm", "99999999999999999d"] {
            assert!(text.parse::<Wait>().is_err(), "{text}");
        }
    }
}
