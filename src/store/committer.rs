//! The one thread that owns the ledger and writes. It takes what has queued, runs it through the
//! ledger as one batch, makes it durable with one sync, and only then releases effects and
//! answers. There is no timer: the sync on its way is what lets the next batch gather. Must never
//! answer before the sync of all that the answer rests on, never apply a second batch before the
//! first is durable (docs/adr/0023), and never touch the backend again after a failure.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc as sync_mpsc};
use std::time::Duration;

use packetboat_proto::planted::{self, Bug};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use super::backend::{Backend, BackendError};
use super::crew::{Crew, Threads};
use super::health::{Failure, Health};
use super::horizon::Horizon;
use super::job::{Answer, Job, Ran};
use super::ledger::{Caches, Turn, Work};
use super::rules::Rules;
use super::{Effect, Outlet, StoreError};

/// Commands in one batch: those that write nothing do not fill it.
const COMMANDS_PER_BATCH_MAX: usize = 1024;
/// A commit takes no further command once it has lasted this share of the time that it may take:
/// commands that only read, such as claims, do not fill a batch, and would make it a stall.
const GATHERS_PER_STALL: u32 = 8;
/// How long the free space of the disk is believed.
const DISK_CHECK_AFTER: Duration = Duration::from_secs(1);
/// Commits after which it is looked at in any case.
const DISK_CHECK_COMMITS: u32 = 64;
/// How often the watchdog looks, for each time that a commit may take: a stall is found late by no
/// more than this part of it, and a process whose disk hangs is to end within six seconds.
const LOOKS_PER_STALL: u32 = 20;

/// What the committer works with.
pub(crate) struct Parts {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) horizon: Arc<Horizon>,
    pub(crate) health: Arc<Health>,
    pub(crate) rules: Rules,
    /// Chats whose ends are kept at hand, at least.
    pub(crate) chats_cached: usize,
    pub(crate) clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    pub(crate) outlet: Box<dyn Outlet>,
    pub(crate) stall: Duration,
    pub(crate) disk_reserve_bytes: u64,
    /// Bytes that may be queued or on their way to the disk, as `Job::bytes` counts them.
    pub(crate) queue_bytes: usize,
}

enum Message {
    Job(Queued),
    Close,
}

impl Message {
    fn job(self) -> Option<Queued> {
        match self {
            Self::Job(queued) => Some(queued),
            Self::Close => None,
        }
    }
}

struct Queued {
    job: Job,
    room: Room,
}

/// A place in the queue; given back when it is dropped.
struct Room {
    _permit: OwnedSemaphorePermit,
    queued: Arc<AtomicUsize>,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The way to the committer's thread.
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
    /// Starts the thread, and its watchdog; or the task of a simulation, which needs none.
    pub(crate) fn start(parts: Parts, crew: &Crew) -> io::Result<Self> {
        // Bounded by `room`.
        let (queue, received) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(parts.queue_bytes));
        let queued = Arc::new(AtomicUsize::new(0));
        let health = Arc::clone(&parts.health);
        let queue_bytes = parts.queue_bytes;
        let (alive, gone) = sync_mpsc::channel();
        let watchdog = Watchdog {
            backend: Arc::clone(&parts.backend),
            health: Arc::clone(&health),
            room: Arc::clone(&room),
            queued: Arc::clone(&queued),
            stall: parts.stall,
            gone,
        };
        let worker = Worker::new(parts, received, Arc::clone(&room), alive);
        let threads = Threads::default();
        match crew {
            Crew::Threads => {
                threads.start("store-watchdog", move || watchdog.run())?;
                threads.start("store-committer", move || worker.run())?;
            }
            #[cfg(feature = "proof")]
            Crew::Tasks(pace) => drop(tokio::spawn(worker.run_at(Arc::clone(pace)))),
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
        self.queued.fetch_add(1, Ordering::Relaxed);
        let room = Room { _permit: permit, queued: Arc::clone(&self.queued) };
        let message = Message::Job(Queued { job, room });
        self.queue.send(message).map_err(|_| StoreError::Stopped)?;
        // The committer's thread may be stuck with the other end: then the failure answers.
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

    /// Lets the thread finish what is queued. It is a blocking call.
    pub(crate) fn close(&self) {
        self.room.close();
        // An error says that the thread has ended already.
        drop(self.queue.send(Message::Close));
        // After a failure the thread may be stuck for good; the process is about to end.
        self.threads.end(self.health.has_failed());
    }
}

/// Looks whether the committer is stuck, on a thread of its own.
struct Watchdog {
    backend: Arc<dyn Backend>,
    health: Arc<Health>,
    room: Arc<Semaphore>,
    queued: Arc<AtomicUsize>,
    stall: Duration,
    gone: sync_mpsc::Receiver<()>,
}

impl Watchdog {
    fn run(self) {
        let pause = (self.stall / LOOKS_PER_STALL).max(Duration::from_millis(1));
        // The committer never sends: its end is the only thing that is heard.
        while self.gone.recv_timeout(pause) == Err(sync_mpsc::RecvTimeoutError::Timeout) {
            if let Err(error) = self.backend.check() {
                self.health.fail(Failure::Background { detail: error.to_string() });
                break;
            }
            let queued = self.queued.load(Ordering::Relaxed);
            if self.health.check_stall(Instant::now(), self.stall, queued) {
                break;
            }
        }
        if self.health.has_failed() {
            self.room.close();
            // Its state is unknown, as after a failed commit.
            std::mem::forget(self.backend);
        }
    }
}

/// What the committer's thread owns.
struct Worker {
    parts: Parts,
    received: mpsc::UnboundedReceiver<Message>,
    room: Arc<Semaphore>,
    caches: Caches,
    unfinished: Option<Queued>,
    closing: bool,
    now_ms: u64,
    disk: Disk,
    _alive: sync_mpsc::Sender<()>,
}

/// What a commit releases once it is durable.
#[derive(Default)]
struct Released {
    operations: usize,
    effects: Vec<Effect>,
    answers: Vec<(Answer, Room)>,
}

/// What is known of the disk's free space.
struct Disk {
    full: bool,
    looked: Option<Instant>,
    commits: u32,
}

impl Worker {
    fn new(
        parts: Parts,
        received: mpsc::UnboundedReceiver<Message>,
        room: Arc<Semaphore>,
        alive: sync_mpsc::Sender<()>,
    ) -> Self {
        let caches = Caches::new(parts.chats_cached);
        let disk = Disk { full: false, looked: None, commits: 0 };
        Self {
            parts,
            received,
            room,
            caches,
            unfinished: None,
            closing: false,
            now_ms: 0,
            disk,
            _alive: alive,
        }
    }

    fn run(mut self) {
        while let Some(first) = self.first() {
            let done = caught(|| {
                let released = self.apply(first)?;
                self.sync(&released)?;
                self.release(released);
                Ok(())
            });
            if let Err(failure) = done {
                return self.fail(failure);
            }
        }
    }

    /// The same in simulated time, in which a sync takes a while and others go on meanwhile.
    #[cfg(feature = "proof")]
    async fn run_at(mut self, pace: Arc<dyn super::crew::Pace>) {
        loop {
            let next = self.next();
            let first = match next {
                None if self.closing => return,
                None => self.received.recv().await.and_then(Message::job),
                next => next,
            };
            let Some(first) = first else { return };
            let applied = caught(|| self.apply(first));
            if applied.as_ref().is_ok_and(|released| released.operations > 0) {
                tokio::time::sleep(pace.sync()).await;
            }
            let done = applied.and_then(|released| {
                caught(|| self.sync(&released))?;
                caught(|| {
                    self.release(released);
                    Ok(())
                })
            });
            if let Err(failure) = done {
                return self.fail(failure);
            }
        }
    }

    fn fail(&self, failure: Failure) {
        self.parts.health.fail(failure);
        self.room.close();
        // After a failed commit the engine's state is unknown, and dropping it would flush,
        // may panic, or wait for ever. It is left to the end of the process, which is near.
        std::mem::forget(Arc::clone(&self.parts.backend));
    }

    /// What the next commit begins with; waits for it. `None`: it is time to end.
    fn first(&mut self) -> Option<Queued> {
        match self.next() {
            None if self.closing => None,
            None => self.received.blocking_recv().and_then(Message::job),
            next => next,
        }
    }

    /// What is there to go on with, without waiting.
    fn next(&mut self) -> Option<Queued> {
        if let Some(unfinished) = self.unfinished.take() {
            return Some(unfinished);
        }
        if self.closing {
            return None;
        }
        match self.received.try_recv() {
            Ok(Message::Job(queued)) => Some(queued),
            Ok(Message::Close) => {
                self.closing = true;
                None
            }
            Err(mpsc::error::TryRecvError::Empty | mpsc::error::TryRecvError::Disconnected) => None,
        }
    }

    /// Applies what is there in one batch.
    fn apply(&mut self, first: Queued) -> Result<Released, Failure> {
        // Before the commit's time begins: a disk that is slow makes senders wait, and no stall.
        let room = self.parts.backend.wait_for_room();
        room.map_err(|error| Failure::Background { detail: error.to_string() })?;
        let begun = Instant::now();
        self.parts.health.begin(begun);
        self.look_at_disk();
        // Time in the logs does not go back when the system's clock does.
        self.now_ms = self.now_ms.max((self.parts.clock)());
        let mut released = Released::default();
        let until = begun + self.parts.stall / GATHERS_PER_STALL;
        let work = self.gather(first, until, &mut released.answers)?;
        let operations = work.batch.operations();
        self.parts.health.committing(operations);
        released.effects = work.effects;
        released.operations = operations;
        if operations > 0 {
            self.parts.horizon.publish(work.heads_before);
            self.parts.backend.apply(work.batch).map_err(failed_commit(operations))?;
        }
        if planted::is(Bug::AnswerBeforeSync) {
            self.release(std::mem::take(&mut released));
            released.operations = operations;
        }
        Ok(released)
    }

    /// Makes it durable.
    fn sync(&self, released: &Released) -> Result<(), Failure> {
        let operations = released.operations;
        if operations > 0 {
            let synced = self.parts.backend.sync().map_err(failed_commit(operations));
            if !planted::is(Bug::SyncErrorIgnored) {
                synced?;
            }
            self.parts.horizon.clear();
            tracing::debug!(operations, "committed");
        }
        self.parts.health.end();
        if self.parts.health.has_failed() {
            // It took so long that the watchdog gave it up: nobody may be told that it is done.
            let detail = "it ended after it was given up".to_owned();
            return Err(Failure::Commit { operations, detail });
        }
        Ok(())
    }

    /// Releases what came of it.
    fn release(&mut self, released: Released) {
        if !released.effects.is_empty() {
            self.parts.outlet.release(released.effects);
        }
        for (answer, room) in released.answers {
            answer.release();
            drop(room);
        }
    }

    /// Runs jobs until the batch is full, the queue is empty, or the time is over.
    fn gather(
        &mut self,
        first: Queued,
        until: Instant,
        answers: &mut Vec<(Answer, Room)>,
    ) -> Result<Work, Failure> {
        let backend = self.parts.backend.as_ref();
        let full = self.disk.full;
        let mut turn = Turn::new(backend, &mut self.caches, &self.parts.rules, self.now_ms, full);
        let mut next = Some(first);
        let mut commands = 0;
        while let Some(Queued { job, room }) = next.take() {
            let ran = job.run(&mut turn);
            match ran.map_err(|error| Failure::Read { detail: error.to_string() })? {
                Ran::Done(answer) => answers.push((answer, room)),
                Ran::Unfinished(job) => {
                    self.unfinished = Some(Queued { job, room });
                    break;
                }
            }
            commands += 1;
            let enough = commands == COMMANDS_PER_BATCH_MAX || Instant::now() >= until;
            if enough || self.closing {
                break;
            }
            match self.received.try_recv() {
                Ok(Message::Job(queued)) => next = Some(queued),
                Ok(Message::Close) => self.closing = true,
                Err(mpsc::error::TryRecvError::Empty | mpsc::error::TryRecvError::Disconnected) => {
                }
            }
        }
        Ok(turn.finish())
    }

    /// Rarely asks how much room the disk has.
    fn look_at_disk(&mut self) {
        self.disk.commits += 1;
        let fresh = self.disk.looked.is_some_and(|at| at.elapsed() < DISK_CHECK_AFTER);
        if fresh && self.disk.commits < DISK_CHECK_COMMITS {
            return;
        }
        self.disk.looked = Some(Instant::now());
        self.disk.commits = 0;
        let free = match self.parts.backend.free_bytes() {
            Ok(free) => free,
            Err(error) => {
                tracing::warn!(%error, "the disk's free space is not known");
                return;
            }
        };
        let full = free.is_some_and(|free| free < self.parts.disk_reserve_bytes);
        if full != self.disk.full {
            let reserve = self.parts.disk_reserve_bytes;
            if full {
                let what = "the disk is nearly full: new messages are rejected for now";
                tracing::warn!(free, reserve, "{what}");
            } else {
                tracing::warn!(free, reserve, "the disk has room again: new messages are taken");
            }
        }
        self.disk.full = full;
    }
}

fn failed_commit(operations: usize) -> impl FnOnce(BackendError) -> Failure {
    move |error| Failure::Commit { operations, detail: error.to_string() }
}

/// Does a step of a commit; a panic is a failure.
fn caught<T>(step: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(step))
        .unwrap_or_else(|panic| Err(Failure::Panicked { detail: said(panic.as_ref()) }))
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
