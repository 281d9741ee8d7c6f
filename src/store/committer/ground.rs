//! What the committer's threads share. Must never be used after it has failed.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::store::backend::Backend;
use crate::store::health::{Failure, Health};
use crate::store::horizon::Horizon;

/// What both threads and their watchdog share.
#[derive(Clone)]
pub(super) struct Ground {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) horizon: Arc<Horizon>,
    pub(super) health: Arc<Health>,
    /// Closed once nothing more is to come in.
    pub(super) room: Arc<Semaphore>,
}

impl Ground {
    /// Stops the store for good.
    pub(super) fn fail(&self, failure: Failure) {
        self.health.fail(failure);
        self.room.close();
        // After a failed commit the engine's state is unknown, and dropping it would flush,
        // may panic, or wait for ever. It is left to the end of the process, which is near.
        std::mem::forget(Arc::clone(&self.backend));
    }
}
