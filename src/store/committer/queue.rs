//! What waits for the writer. Must never be without a place that bounds how much waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::OwnedSemaphorePermit;

use crate::store::job::Job;

/// What the writer is sent.
pub(super) enum Message {
    /// Something to do.
    Job(Queued),
    /// Nothing more comes.
    Close,
}

impl Message {
    /// What there is to do, if it is not the end.
    pub(super) fn job(self) -> Option<Queued> {
        match self {
            Self::Job(queued) => Some(queued),
            Self::Close => None,
        }
    }
}

/// A command, with its place.
pub(super) struct Queued {
    pub(super) job: Job,
    pub(super) room: Room,
}

/// A place in the queue; given back when it is dropped.
pub(super) struct Room {
    _permit: OwnedSemaphorePermit,
    queued: Arc<AtomicUsize>,
}

impl Room {
    /// One of the places that are counted.
    pub(super) fn new(permit: OwnedSemaphorePermit, queued: &Arc<AtomicUsize>) -> Self {
        queued.fetch_add(1, Ordering::Relaxed);
        Self { _permit: permit, queued: Arc::clone(queued) }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
    }
}
