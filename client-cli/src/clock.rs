//! Times for people, in the time zone of the system. Must never fail: a time that no calendar has
//! is shown as a dash.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Milliseconds of Unix time, now.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// So many minutes later, in milliseconds of Unix time.
pub(crate) fn after_minutes(now_ms: u64, minutes: u32) -> u64 {
    now_ms.saturating_add(u64::from(minutes) * 60_000)
}

/// A time such as `2026-11-23 09:00`, in the system's time zone, in milliseconds of Unix time.
pub(crate) fn moment(text: &str) -> Option<u64> {
    let moment = text.trim().parse::<DateTime>().ok()?.to_zoned(TimeZone::system()).ok()?;
    u64::try_from(moment.timestamp().as_millisecond()).ok()
}

/// Shows times in one time zone.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    zone: TimeZone,
}

impl Clock {
    /// In the system's time zone.
    pub(crate) fn system() -> Self {
        Self { zone: TimeZone::system() }
    }

    /// In UTC.
    #[cfg(test)]
    pub(crate) const fn utc() -> Self {
        Self { zone: TimeZone::UTC }
    }

    /// `2026-11-21 09:05:07`.
    pub(crate) fn full(&self, at_ms: u64) -> String {
        self.show(at_ms, "%Y-%m-%d %H:%M:%S")
    }

    /// `2026-11-21 09:05`.
    pub(crate) fn to_the_minute(&self, at_ms: u64) -> String {
        self.show(at_ms, "%Y-%m-%d %H:%M")
    }

    /// `09:05`.
    pub(crate) fn minute(&self, at_ms: u64) -> String {
        self.show(at_ms, "%H:%M")
    }

    /// `Sat 21 November 2026`.
    pub(crate) fn day(&self, at_ms: u64) -> String {
        self.show(at_ms, "%a %-d %B %Y")
    }

    fn show(&self, at_ms: u64, format: &str) -> String {
        let stamp = i64::try_from(at_ms).ok().filter(|ms| *ms > 0);
        match stamp.and_then(|ms| Timestamp::from_millisecond(ms).ok()) {
            Some(stamp) => stamp.to_zoned(self.zone.clone()).strftime(format).to_string(),
            None => "-".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        let at = 1_795_251_907_000;
        assert_eq!(Clock::utc().full(at), "2026-11-21 09:05:07");
        assert_eq!(Clock::utc().to_the_minute(at), "2026-11-21 09:05");
        assert_eq!(Clock::utc().minute(at), "09:05");
        assert_eq!(Clock::utc().day(at), "Sat 21 November 2026");
    }

    #[test]
    fn a_time_is_read_as_it_is_shown() {
        let at_ms = moment("2026-11-21 09:05:07").unwrap();
        assert_eq!(Clock::system().full(at_ms), "2026-11-21 09:05:07");
        assert_eq!(moment("2026-11-21 09:05"), Some(at_ms - 7_000));
        for text in ["", "soon", "09:05", "2026-13-01 09:05", "1969-01-01 00:00"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_that_is_none_is_a_dash() {
        assert_eq!(Clock::utc().full(0), "-");
        assert_eq!(Clock::utc().full(u64::MAX), "-");
    }
}
