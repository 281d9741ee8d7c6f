//! Tells what changed, some time after: who of those that are watched is there, how many listen to
//! a room, of which groups receipts have moved, and whose keys are others. What comes and goes in
//! between is told nobody. Must never run beside itself, nor make whoever changes something wait.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::clock::Clock;

use super::Hub;

/// How long changes of presence and of receipts are gathered.
pub const PRESENCE_EVERY: Duration = Duration::from_secs(1);
/// How long those of who listens to rooms are.
pub const ROOM_COUNTS_EVERY: Duration = Duration::from_secs(5);

/// Tells what changes, until the server stops.
pub async fn run(hub: Arc<Hub>, clock: Clock, stopped: impl Future<Output = ()>) {
    tokio::select! {
        () = stopped => {}
        () = tell(hub, clock) => {}
    }
}

async fn tell(hub: Arc<Hub>, clock: Clock) {
    let mut counts_at = Instant::now();
    loop {
        hub.news.notified().await;
        sleep(PRESENCE_EVERY).await;
        let mut more = hub.tell_presence(clock.wall_ms());
        more |= hub.tell_receipts();
        more |= hub.tell_keys();
        if Instant::now() >= counts_at {
            more |= hub.tell_counts();
            counts_at = Instant::now() + ROOM_COUNTS_EVERY;
        } else {
            more |= hub.has_counts();
        }
        if more {
            hub.news.notify_one();
        }
    }
}
