//! One clock for both ends of a message: nanoseconds since the generator began. Must never go to
//! the server's clock, which is another.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where the nanoseconds are counted from.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    /// Unix time of the start, for message ids alone.
    unix_nanos: u64,
}

impl Clock {
    /// One that begins now.
    pub fn start() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), unix_nanos: nanos(unix) }
    }

    /// Nanoseconds since it began.
    pub fn now(self) -> u64 {
        nanos(self.start.elapsed())
    }

    /// A moment of this clock in nanoseconds of Unix time.
    pub const fn unix_nanos(self, at: u64) -> u64 {
        self.unix_nanos.saturating_add(at)
    }
}

/// A time in nanoseconds.
pub fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
