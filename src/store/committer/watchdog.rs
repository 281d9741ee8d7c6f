//! Looks whether the committer is stuck, on a thread of its own. Must never wait for anything that
//! the committer may be stuck with.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::time::Instant;

use super::ground::Ground;
use crate::store::health::Failure;

/// How often it looks, for each time that a commit may take: a stall is found late by no
/// more than this part of it, and a process whose disk hangs is to end within six seconds.
const LOOKS_PER_STALL: u32 = 20;

/// Looks whether the committer is stuck, on a thread of its own.
pub(super) struct Watchdog {
    pub(super) ground: Ground,
    /// Commands that are queued or on their way.
    pub(super) queued: Arc<AtomicUsize>,
    /// How long a commit may take.
    pub(super) stall: Duration,
    /// Its end says that the committer has ended.
    pub(super) gone: mpsc::Receiver<()>,
}

impl Watchdog {
    pub(super) fn run(self) {
        let Ground { backend, health, room, .. } = self.ground;
        let pause = (self.stall / LOOKS_PER_STALL).max(Duration::from_millis(1));
        // The committer never sends: its end is the only thing that is heard.
        while self.gone.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Timeout) {
            if let Err(error) = backend.check() {
                health.fail(Failure::Background { detail: error.to_string() });
                break;
            }
            let queued = self.queued.load(Ordering::Relaxed);
            if health.check_stall(Instant::now(), self.stall, queued) {
                break;
            }
        }
        if health.has_failed() {
            room.close();
            // Its state is unknown, as after a failed commit.
            std::mem::forget(backend);
        }
    }
}
