//! One clock for both ends of a message: nanoseconds since the generator began. Must never go to
//! the server's clock, which is another.

use std::time::Duration;

use tokio::time::Instant;

/// Where the nanoseconds are counted from.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// One that begins now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Nanoseconds since it began.
    pub fn now(self) -> u64 {
        nanos(self.0.elapsed())
    }

    /// That moment in nanoseconds since it began.
    pub fn at(self, moment: Instant) -> u64 {
        nanos(moment.saturating_duration_since(self.0))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
