//! How many keys a user may claim still: kept in memory, and full again after a start. Must never
//! grow by a clock that was set back.

/// Claims that a user may have made at once.
const CLAIMS_BURST: u32 = 500;
/// How long it takes until it may make one more, in milliseconds.
const CLAIM_EVERY_MS: u64 = 1_000;

/// Claims that a user may make still.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    left: u32,
    since_ms: u64,
}

impl Allowance {
    /// That of a user who has claimed nothing.
    pub(super) fn full(now_ms: u64) -> Self {
        Self { left: CLAIMS_BURST, since_ms: now_ms }
    }

    /// One claim less than it is by now, if there is one.
    pub(super) fn used(self, now_ms: u64) -> Option<Self> {
        let now = self.grown(now_ms);
        Some(Self { left: now.left.checked_sub(1)?, ..now })
    }

    /// What it is by now. A clock that was set back gives nothing, and takes nothing.
    fn grown(self, now_ms: u64) -> Self {
        let since_ms = self.since_ms.min(now_ms);
        let grown = (now_ms - since_ms) / CLAIM_EVERY_MS;
        let left = u64::from(self.left).saturating_add(grown).min(CLAIMS_BURST.into());
        let left = u32::try_from(left).unwrap_or(CLAIMS_BURST);
        if left == CLAIMS_BURST {
            return Self::full(now_ms);
        }
        Self { left, since_ms: since_ms + grown * CLAIM_EVERY_MS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_grows_with_time_and_no_further_than_it_was() {
        let used = Allowance { left: 0, since_ms: 10_000 };
        assert_eq!(used.grown(10_999).left, 0);
        let one = used.grown(11_900);
        assert_eq!((one.left, one.since_ms), (1, 11_000), "what is not whole yet is not lost");
        assert_eq!(used.grown(u64::MAX).left, CLAIMS_BURST);
        let back = used.grown(3);
        assert_eq!((back.left, back.grown(1_003).left), (0, 1), "the clock was set back");
    }
}
