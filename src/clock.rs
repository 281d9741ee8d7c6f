//! The clocks: a monotonic one for the pure parts, the wall's for people. Must never be read by a
//! pure part.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use packetboat_proto::time::Time;
use tokio::time::Instant;

/// Tells the wall's time, in milliseconds of Unix time.
pub type Wall = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A monotonic clock with a start of its own, beside the wall's.
#[derive(Clone)]
pub struct Clock {
    start: Instant,
    wall: Wall,
}

impl Clock {
    /// Starts now.
    pub fn start() -> Self {
        Self::beside(Arc::new(wall_ms))
    }

    /// Starts now, beside another wall clock than the system's.
    pub fn beside(wall: Wall) -> Self {
        Self { start: Instant::now(), wall }
    }

    /// The wall's time, in milliseconds of Unix time.
    pub fn wall_ms(&self) -> u64 {
        (self.wall)()
    }

    /// The time since the start.
    pub fn now(&self) -> Time {
        Time::from_ms(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// The moment at which it will be `time`.
    pub fn instant(&self, time: Time) -> Instant {
        self.start + time.since(Time::default())
    }
}

/// The wall clock, in milliseconds of Unix time; 0 if it stands before 1970.
pub fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
