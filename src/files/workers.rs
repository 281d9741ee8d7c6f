//! Blocking threads for the disk of the files, a few at a time. Must never do a disk's work on a
//! thread of the async runtime.

use std::io;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::store::crew::Crew;
#[cfg(feature = "proof")]
use crate::store::crew::Pace;

/// Pieces of work on the disk of the files at a time; further ones wait.
pub const FILE_WORKERS_MAX: usize = 8;

/// The threads.
#[derive(Clone)]
pub struct Workers {
    crew: Crew,
    free: Arc<Semaphore>,
}

impl Default for Workers {
    fn default() -> Self {
        Self { crew: Crew::default(), free: Arc::new(Semaphore::new(FILE_WORKERS_MAX)) }
    }
}

impl Workers {
    /// Tasks in simulated time, for the proofs.
    #[cfg(feature = "proof")]
    pub fn at(pace: Arc<dyn Pace>) -> Self {
        Self { crew: Crew::Tasks(pace), ..Self::default() }
    }

    /// Does a piece of work.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let permit = Arc::clone(&self.free).acquire_owned().await.map_err(io::Error::other)?;
        // The permit goes along: work whose asker has gone counts until it ends.
        let work = self.crew.run(move || {
            let done = work();
            drop(permit);
            done
        });
        work.await.map_err(io::Error::other)
    }
}
