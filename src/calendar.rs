//! How a moment is told to people. Pure: must never read a clock.

/// The first moment that RFC 3339 has no name for: the year 10000.
const NAMED_BEFORE_MS: u64 = 253_402_300_800_000;
const DAY_MS: u64 = 86_400_000;
/// The days of 400 years, after which the calendar repeats itself.
const ERA_DAYS: u64 = 146_097;

/// A moment in the words of RFC 3339, in UTC, such as `2026-11-21T09:05:07Z`; `None`: it has none.
pub(crate) fn utc(at_ms: u64) -> Option<String> {
    if at_ms >= NAMED_BEFORE_MS {
        return None;
    }
    // Years begin in March here, so that a leap day is the last of its year.
    let day = at_ms / DAY_MS + 719_468;
    let of_era = day % ERA_DAYS;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + day / ERA_DAYS * 400 + u64::from(month <= 2);
    let seconds = at_ms % DAY_MS / 1_000;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    Some(format!("{year:04}-{month:02}-{day_of_month:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_named_as_rfc_3339_does() {
        for (at_ms, name) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399_999, "2000-02-28T23:59:59Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (951_868_800_000, "2000-03-01T00:00:00Z"),
            (1_795_251_907_000, "2026-11-21T09:05:07Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00Z"),
            (NAMED_BEFORE_MS - 1, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(utc(at_ms).as_deref(), Some(name), "{at_ms}");
        }
        assert_eq!(utc(NAMED_BEFORE_MS), None);
        assert_eq!(utc(u64::MAX), None);
    }
}
