//! Blocking threads for the disk of the files, a few at a time. Must never do a disk's work on a
//! thread of the async runtime.

use std::io;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Pieces of work on the disk of the files at a time; further ones wait.
pub const FILE_WORKERS_MAX: usize = 8;

/// The threads.
#[derive(Clone, Debug)]
pub struct Workers(Arc<Semaphore>);

impl Default for Workers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(FILE_WORKERS_MAX)))
    }
}

impl Workers {
    /// Does a piece of work.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let permit = Arc::clone(&self.0).acquire_owned().await.map_err(io::Error::other)?;
        // The permit goes along: work whose asker has gone counts until it ends.
        let work = spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        work.await.map_err(io::Error::other)
    }
}
