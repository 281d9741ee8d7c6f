//! On what the embedded store, and the files, do their work: threads of its own; or, for the
//! proofs, tasks of a runtime in simulated time, so that a run can be repeated. Must never decide
//! what is done.

use std::io;
use std::sync::Mutex;
use std::thread::{self, JoinHandle};

#[cfg(feature = "proof")]
use std::sync::Arc;
#[cfg(feature = "proof")]
use std::time::Duration;

use tokio::task::{JoinError, spawn_blocking};

/// How long things take in simulated time.
#[cfg(feature = "proof")]
pub trait Pace: Send + Sync + 'static {
    /// The next sync.
    fn sync(&self) -> Duration;
    /// The next read.
    fn read(&self) -> Duration;
    /// From the effects of a commit to its answers.
    fn tell(&self) -> Duration;
}

/// On what the work is done.
#[derive(Clone, Default)]
pub(crate) enum Crew {
    /// A thread that writes, and blocking threads that read.
    #[default]
    Threads,
    /// Tasks of the current runtime.
    #[cfg(feature = "proof")]
    Tasks(Arc<dyn Pace>),
}

impl Crew {
    /// Does a piece of work that may block, as long as a read takes.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        match self {
            Self::Threads => spawn_blocking(work).await,
            #[cfg(feature = "proof")]
            Self::Tasks(pace) => {
                tokio::time::sleep(pace.read()).await;
                Ok(work())
            }
        }
    }
}

/// Threads that are to be waited for.
#[derive(Default)]
pub(crate) struct Threads(Mutex<Vec<JoinHandle<()>>>);

impl Threads {
    /// Starts one more.
    pub(crate) fn start(&self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(work)?;
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// Waits for all of them; or lets them go, if one may be stuck for good.
    pub(crate) fn end(&self, stuck: bool) {
        let mut threads = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for thread in threads.drain(..).filter(|_| !stuck) {
            // A panic was caught and told where it happened.
            drop(thread.join());
        }
    }
}
