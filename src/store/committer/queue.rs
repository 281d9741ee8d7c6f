//! What waits for the writer. Must never be without a place that bounds how much waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, mpsc};

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
    fn job(self) -> Option<Queued> {
        match self {
            Self::Job(queued) => Some(queued),
            Self::Close => None,
        }
    }
}

/// The writer's end of the queue.
pub(super) struct Inlet {
    received: mpsc::UnboundedReceiver<Message>,
    closed: bool,
}

impl Inlet {
    /// Of a queue that is open.
    pub(super) fn new(received: mpsc::UnboundedReceiver<Message>) -> Self {
        Self { received, closed: false }
    }

    /// Nothing more comes.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// What is there, without waiting.
    pub(super) fn try_next(&mut self) -> Option<Queued> {
        if self.closed {
            return None;
        }
        let message = self.received.try_recv().ok()?;
        self.closed = matches!(message, Message::Close);
        message.job()
    }

    /// Waits for what comes next; `None`: it is time to end.
    pub(super) fn wait(&mut self) -> Option<Queued> {
        self.received.blocking_recv().and_then(Message::job)
    }

    /// The same in simulated time.
    #[cfg(feature = "proof")]
    pub(super) async fn wait_at(&mut self) -> Option<Queued> {
        self.received.recv().await.and_then(Message::job)
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
