//! The way into the store: a bounded queue of commands, and two threads behind it. The writer runs
//! what has queued through the ledger, and applies it as one batch; the flusher makes it durable
//! with one sync, and only then releases effects and answers. There is no timer: the sync on its
//! way is what lets the next batch gather. Must never let a command in that has no room.

mod flusher;
mod ground;
mod queue;
mod step;
mod watchdog;
mod writer;

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc as sync_mpsc};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot};

use self::flusher::Flusher;
use self::ground::Ground;
use self::queue::{Message, Queued, Room};
use self::watchdog::Watchdog;
use self::writer::Writer;
pub(crate) use self::writer::Writing;
use super::backend::Backend;
use super::crew::{Crew, Threads};
use super::health::Health;
use super::horizon::Horizon;
use super::job::Job;
use super::{Outlet, StoreError};

/// What the committer works with.
pub(crate) struct Parts {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) horizon: Arc<Horizon>,
    pub(crate) health: Arc<Health>,
    pub(crate) writing: Writing,
    pub(crate) outlet: Box<dyn Outlet>,
    /// How long a commit may take.
    pub(crate) stall: Duration,
    /// Bytes that may be queued or on their way to the disk, as `Job::bytes` counts them.
    pub(crate) queue_bytes: usize,
}

/// The way to the committer.
pub(crate) struct Committer {
    queue: mpsc::UnboundedSender<Message>,
    room: Arc<Semaphore>,
    queue_bytes: usize,
    queued: Arc<AtomicUsize>,
    waited: AtomicU64,
    health: Arc<Health>,
    threads: Threads,
}

impl Committer {
    /// Starts the threads, and their watchdog; or the tasks of a simulation, which need none.
    pub(crate) fn start(parts: Parts, crew: &Crew) -> io::Result<Self> {
        // Bounded by `room`.
        let (queue, received) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(parts.queue_bytes));
        let queued = Arc::new(AtomicUsize::new(0));
        let health = Arc::clone(&parts.health);
        let queue_bytes = parts.queue_bytes;
        let (alive, gone) = sync_mpsc::channel();
        let ground = Ground {
            backend: Arc::clone(&parts.backend),
            horizon: parts.horizon,
            health: Arc::clone(&health),
            room: Arc::clone(&room),
        };
        let watchdog = Watchdog {
            ground: ground.clone(),
            queued: Arc::clone(&queued),
            stall: parts.stall,
            gone,
        };
        let (flusher, batches) = Flusher::new(ground.clone(), parts.outlet, alive);
        let writer = Writer::new(ground, parts.writing, received, batches);
        let threads = Threads::default();
        match crew {
            Crew::Threads => {
                threads.start("store-watchdog", move || watchdog.run())?;
                threads.start("store-flusher", move || flusher.run())?;
                threads.start("store-writer", move || writer.run())?;
            }
            #[cfg(feature = "proof")]
            Crew::Tasks(pace) => {
                tokio::spawn(flusher.run_at(Arc::clone(pace)));
                tokio::spawn(writer.run_at());
            }
        }
        let waited = AtomicU64::new(0);
        Ok(Self { queue, room, queue_bytes, queued, waited, health, threads })
    }

    /// Queues a job, once there is room for it, and waits for its answer.
    pub(crate) async fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<T>) -> Job,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = job(answer);
        let bytes =
            u32::try_from(job.bytes().min(self.queue_bytes)).expect("its bounds are checked");
        if self.room.available_permits() < bytes as usize {
            self.waited.fetch_add(1, Ordering::Relaxed);
        }
        let permit = Arc::clone(&self.room).acquire_many_owned(bytes).await;
        let permit = permit.map_err(|_| StoreError::Stopped)?;
        let room = Room::new(permit, &self.queued);
        let message = Message::Job(Queued { job, room });
        self.queue.send(message).map_err(|_| StoreError::Stopped)?;
        // A thread may be stuck with the other end: then the failure answers.
        tokio::select! {
            biased;
            answer = answered => answer.map_err(|_| StoreError::Stopped),
            _ = self.health.failed() => Err(StoreError::Stopped),
        }
    }

    /// Commands and bytes that are queued or on their way to the disk.
    pub(crate) fn queued(&self) -> (usize, usize) {
        let bytes = self.queue_bytes.saturating_sub(self.room.available_permits());
        (self.queued.load(Ordering::Relaxed), bytes)
    }

    /// How many commands had to wait for room in the queue.
    pub(crate) fn waited(&self) -> u64 {
        self.waited.load(Ordering::Relaxed)
    }

    /// Lets the threads finish what is queued. It is a blocking call.
    pub(crate) fn close(&self) {
        self.room.close();
        // An error says that the writer has ended already.
        drop(self.queue.send(Message::Close));
        // After a failure a thread may be stuck for good; the process is about to end.
        self.threads.end(self.health.has_failed());
    }
}
