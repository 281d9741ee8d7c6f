//! What becomes of a check. Must never say that something failed without what was expected.

use std::fmt::{Debug, Display};

/// Why a check ended before it was through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The peer does not do what the clause says.
    Fail {
        /// What the clause asks for.
        expected: String,
        /// What the peer did.
        got: String,
    },
    /// It cannot be checked here.
    Skip {
        /// Why not.
        reason: String,
    },
}

/// Nothing, or why there is nothing more.
pub type Checked<T = ()> = Result<T, Stop>;

/// The peer does something else.
pub fn fail<T>(expected: impl Display, got: impl Display) -> Checked<T> {
    Err(Stop::Fail { expected: expected.to_string(), got: got.to_string() })
}

/// It cannot be checked here.
pub fn skip<T>(reason: impl Display) -> Checked<T> {
    Err(Stop::Skip { reason: reason.to_string() })
}

/// It is so, or the check fails.
pub fn ensure(holds: bool, expected: impl Display, got: impl Display) -> Checked {
    if holds { Ok(()) } else { fail(expected, got) }
}

/// Both are the same, or the check fails.
pub fn same<T: PartialEq + Debug>(what: &str, expected: T, got: T) -> Checked {
    if expected == got {
        return Ok(());
    }
    fail(format_args!("{what} {expected:?}"), format_args!("{got:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_with_both_sides() {
        assert_eq!(same("a seq", 1, 1), Ok(()));
        let stop = same("a seq", 1, 2).unwrap_err();
        assert_eq!(stop, Stop::Fail { expected: "a seq 1".into(), got: "2".into() });
        assert_eq!(ensure(true, "", ""), Ok(()));
        assert!(matches!(skip::<()>("no time"), Err(Stop::Skip { .. })));
    }
}
