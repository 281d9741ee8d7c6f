//! The first half of a commit: the one place that owns the ledger and writes. It takes what has
//! queued and runs it through the ledger as one batch, while the batch before is on its way to the
//! disk. Must never apply a batch before the one before it is durable (docs/adr/0023, 0027), nor
//! once the store has failed.

use std::sync::Arc;
use std::time::Duration;

use packetboat_proto::planted::{self, Bug};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::flusher::{Applied, News};
use super::ground::Ground;
use super::queue::{Inlet, Message, Queued, Room};
use super::step::{caught, failed_commit};
use crate::store::health::{Failure, Half};
use crate::store::job::{Answer, Ran};
use crate::store::ledger::{Caches, Turn, Work};
use crate::store::rules::Rules;

/// Commands in one batch: those that write nothing do not fill it.
const COMMANDS_PER_BATCH_MAX: usize = 4_096;
/// A batch takes no further command once it has gathered for this share of the time that a step
/// of a commit may take, and no more once it has topped up for as long: commands that only read,
/// such as claims, do not fill it, and would make it a stall.
const GATHERS_PER_STALL: u32 = 8;
/// How long the free space of the disk is believed.
const DISK_CHECK_AFTER: Duration = Duration::from_secs(1);
/// Commits after which it is looked at in any case.
const DISK_CHECK_COMMITS: u32 = 64;

/// What the writer alone works with.
pub(crate) struct Writing {
    /// Of the ledger.
    pub(crate) rules: Rules,
    /// Chats whose ends are kept at hand, at least.
    pub(crate) chats_cached: usize,
    /// Milliseconds since 1970.
    pub(crate) clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// How long a commit may take.
    pub(crate) stall: Duration,
    /// Bytes of free space below which nothing new is stored.
    pub(crate) disk_reserve_bytes: u64,
}

/// What the writer's thread owns.
pub(super) struct Writer {
    ground: Ground,
    parts: Writing,
    inlet: Inlet,
    batches: mpsc::UnboundedSender<Applied>,
    /// Heard once the batch before is durable.
    before: Option<oneshot::Receiver<()>>,
    caches: Caches,
    unfinished: Option<Queued>,
    now_ms: u64,
    disk: Disk,
}

/// A batch that is not applied yet, and whom to answer.
#[derive(Default)]
struct Gathered {
    work: Work,
    answers: Vec<(Answer, Room)>,
}

/// What is known of the disk's free space.
struct Disk {
    full: bool,
    looked: Option<Instant>,
    commits: u32,
}

impl Writer {
    pub(super) fn new(
        ground: Ground,
        parts: Writing,
        received: mpsc::UnboundedReceiver<Message>,
        batches: mpsc::UnboundedSender<Applied>,
    ) -> Self {
        let caches = Caches::new(parts.chats_cached);
        let disk = Disk { full: false, looked: None, commits: 0 };
        Self {
            ground,
            parts,
            inlet: Inlet::new(received),
            batches,
            before: None,
            caches,
            unfinished: None,
            now_ms: 0,
            disk,
        }
    }

    pub(super) fn run(mut self) {
        while let Some(first) = self.first() {
            let begun = caught(|| self.begin(first));
            let is_durable = self.before().is_none_or(|before| before.blocking_recv().is_ok());
            if !self.commit(begun, is_durable) {
                return;
            }
        }
    }

    /// The same in simulated time.
    #[cfg(feature = "proof")]
    pub(super) async fn run_at(mut self) {
        loop {
            let first = match self.next() {
                None if self.inlet.is_closed() => return,
                None => self.inlet.wait_at().await,
                next => next,
            };
            let Some(first) = first else { return };
            let begun = caught(|| self.begin(first));
            let is_durable = match self.before() {
                Some(before) => before.await.is_ok(),
                None => true,
            };
            if !self.commit(begun, is_durable) {
                return;
            }
        }
    }

    /// What the next commit begins with; waits for it. `None`: it is time to end.
    fn first(&mut self) -> Option<Queued> {
        match self.next() {
            None if self.inlet.is_closed() => None,
            None => self.inlet.wait(),
            next => next,
        }
    }

    /// What is there to go on with, without waiting.
    fn next(&mut self) -> Option<Queued> {
        self.unfinished.take().or_else(|| self.inlet.try_next())
    }

    /// The batch before, if it has to be waited for.
    fn before(&mut self) -> Option<oneshot::Receiver<()>> {
        self.before.take().filter(|_| !planted::is(Bug::AppliedUnderSync))
    }

    /// Begins a batch with what is there.
    fn begin(&mut self, first: Queued) -> Result<Gathered, Failure> {
        // Before the commit's time begins: a disk that is slow makes senders wait, and no stall.
        let room = self.ground.backend.wait_for_room();
        room.map_err(|error| Failure::Background { detail: error.to_string() })?;
        self.ground.health.begin(Half::Writer, Instant::now(), 0);
        self.look_at_disk();
        let mut gathered = Gathered::default();
        self.gather(first, &mut gathered)?;
        self.ground.health.rest(Half::Writer);
        Ok(gathered)
    }

    /// Takes what has come meanwhile, too: it is not to wait for another sync.
    fn top_up(&mut self, gathered: &mut Gathered) -> Result<(), Failure> {
        // What found no room goes first in the next batch.
        if self.unfinished.is_some() || gathered.answers.len() >= COMMANDS_PER_BATCH_MAX {
            return Ok(());
        }
        match self.next() {
            Some(next) => self.gather(next, gathered),
            None => Ok(()),
        }
    }

    /// Applies what was begun behind a batch that is durable, and hands it on; whether to go on.
    fn commit(&mut self, begun: Result<Gathered, Failure>, is_durable: bool) -> bool {
        if !is_durable {
            // The flusher has told why.
            return false;
        }
        let applied = begun.and_then(|mut gathered| {
            caught(|| {
                self.ground.health.begin(Half::Writer, Instant::now(), 0);
                self.top_up(&mut gathered)?;
                self.apply(gathered)
            })
        });
        match applied {
            // An error says that the flusher has failed.
            Ok(applied) => self.batches.send(applied).is_ok(),
            Err(failure) => {
                self.ground.fail(failure);
                false
            }
        }
    }

    fn apply(&mut self, Gathered { work, answers }: Gathered) -> Result<Applied, Failure> {
        let operations = work.batch.operations();
        let health = &self.ground.health;
        health.begin(Half::Writer, Instant::now(), operations);
        if health.has_failed() {
            let detail = "the store had failed before".to_owned();
            return Err(Failure::Commit { operations, detail });
        }
        if operations > 0 {
            self.ground.horizon.publish(work.heads_before, work.owners);
            self.ground.backend.apply(work.batch).map_err(failed_commit(operations))?;
        }
        self.ground.health.rest(Half::Writer);
        let (durable, before) = oneshot::channel();
        self.before = Some(before);
        let news = News { effects: work.effects, answers };
        Ok(Applied { operations, news, durable })
    }

    /// Runs jobs until the batch is full, the queue is empty, or the time is over.
    fn gather(&mut self, first: Queued, gathered: &mut Gathered) -> Result<(), Failure> {
        // Time in the logs does not go back when the system's clock does.
        self.now_ms = self.now_ms.max((self.parts.clock)());
        let until = Instant::now() + self.parts.stall / GATHERS_PER_STALL;
        let (backend, rules) = (self.ground.backend.as_ref(), &self.parts.rules);
        let (full, work) = (self.disk.full, std::mem::take(&mut gathered.work));
        let turn = Turn::new(backend, &mut self.caches, rules, self.now_ms, full);
        let mut turn = turn.after(work);
        let mut next = Some(first);
        while let Some(Queued { job, room }) = next.take() {
            let ran = job.run(&mut turn);
            match ran.map_err(|error| Failure::Read { detail: error.to_string() })? {
                Ran::Done(answer) => gathered.answers.push((answer, room)),
                Ran::More(job) if Instant::now() < until => {
                    next = Some(Queued { job, room });
                    continue;
                }
                Ran::More(job) | Ran::Unfinished(job) => {
                    self.unfinished = Some(Queued { job, room });
                    break;
                }
            }
            let enough = gathered.answers.len() >= COMMANDS_PER_BATCH_MAX;
            if enough || Instant::now() >= until {
                break;
            }
            next = self.inlet.try_next();
        }
        gathered.work = turn.finish();
        Ok(())
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
        let free = match self.ground.backend.free_bytes() {
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
