//! The second half of a commit: it makes what the writer has applied durable, and tells everybody.
//! Must never release a batch before its sync, nor out of turn.

use std::sync::mpsc as sync_mpsc;

use packetboat_proto::planted::{self, Bug};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::ground::Ground;
use super::queue::Room;
use super::step::{caught, failed_commit};
use crate::store::health::{Failure, Half};
use crate::store::job::Answer;
use crate::store::{Effect, Outlet};

/// A batch that was applied, if it writes anything, and what comes of it.
pub(super) struct Applied {
    pub(super) operations: usize,
    pub(super) news: News,
    /// Sent once it is durable; dropped if it never will be.
    pub(super) durable: oneshot::Sender<()>,
}

/// What a batch releases.
#[derive(Default)]
pub(super) struct News {
    pub(super) effects: Vec<Effect>,
    pub(super) answers: Vec<(Answer, Room)>,
}

/// What the flusher's thread owns.
pub(super) struct Flusher {
    ground: Ground,
    outlet: Box<dyn Outlet>,
    batches: mpsc::UnboundedReceiver<Applied>,
    _alive: sync_mpsc::Sender<()>,
}

impl Flusher {
    /// And the way to it. It holds two batches at most: the writer waits for the one before to be
    /// durable before it applies the next.
    pub(super) fn new(
        ground: Ground,
        outlet: Box<dyn Outlet>,
        alive: sync_mpsc::Sender<()>,
    ) -> (Self, mpsc::UnboundedSender<Applied>) {
        let (sender, batches) = mpsc::unbounded_channel();
        (Self { ground, outlet, batches, _alive: alive }, sender)
    }

    pub(super) fn run(mut self) {
        while let Some(batch) = self.batches.blocking_recv() {
            if let Err(failure) = caught(|| self.flush(batch)) {
                self.ground.fail(failure);
                // What the writer still hands on is dropped, so that it hears of it.
                while self.batches.blocking_recv().is_some() {}
            }
        }
    }

    /// The same in simulated time, in which a sync takes a while and others go on meanwhile.
    #[cfg(feature = "proof")]
    pub(super) async fn run_at(mut self, pace: std::sync::Arc<dyn crate::store::crew::Pace>) {
        while let Some(mut batch) = self.batches.recv().await {
            if planted::is(Bug::AnswerBeforeSync) {
                self.release(std::mem::take(&mut batch.news));
            }
            if batch.operations > 0 {
                tokio::time::sleep(pace.sync()).await;
            }
            let News { effects, answers } = match caught(|| self.make_durable(batch)) {
                Ok(news) => news,
                Err(failure) => {
                    self.ground.fail(failure);
                    while self.batches.recv().await.is_some() {}
                    return;
                }
            };
            self.tell(effects);
            // Others go on in between, as they do where this is a thread.
            tokio::time::sleep(pace.tell()).await;
            answer_all(answers);
        }
    }

    fn flush(&mut self, batch: Applied) -> Result<(), Failure> {
        let news = self.make_durable(batch)?;
        self.release(news);
        Ok(())
    }

    fn make_durable(&mut self, batch: Applied) -> Result<News, Failure> {
        let Applied { operations, mut news, durable } = batch;
        if planted::is(Bug::AnswerBeforeSync) {
            self.release(std::mem::take(&mut news));
        }
        self.sync(operations)?;
        // From here on the writer may apply the next batch. An error says that it has ended.
        let _ = durable.send(());
        Ok(news)
    }

    fn sync(&self, operations: usize) -> Result<(), Failure> {
        let Ground { backend, horizon, health, .. } = &self.ground;
        health.begin(Half::Flusher, Instant::now(), operations);
        if operations > 0 {
            let synced = backend.sync().map_err(failed_commit(operations));
            if !planted::is(Bug::SyncErrorIgnored) {
                synced?;
            }
            horizon.clear();
            tracing::debug!(operations, "committed");
        }
        health.committed();
        if health.has_failed() {
            // It took so long that the watchdog gave it up: nobody may be told that it is done.
            let detail = "it ended after it was given up".to_owned();
            return Err(Failure::Commit { operations, detail });
        }
        Ok(())
    }

    /// Whoever is told that something is done finds it done.
    fn release(&mut self, News { effects, answers }: News) {
        self.tell(effects);
        answer_all(answers);
    }

    fn tell(&mut self, effects: Vec<Effect>) {
        if !effects.is_empty() {
            self.outlet.release(effects);
        }
    }
}

fn answer_all(answers: Vec<(Answer, Room)>) {
    for (answer, room) in answers {
        answer.release();
        drop(room);
    }
}
