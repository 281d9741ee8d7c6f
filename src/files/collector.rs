//! Removes files that stand in no chat, and uploads that nobody goes on with. Must never remove
//! bytes of a file whose row is still there: the store decides, in one thread with all sends.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use packetboat_proto::planted::{self, Bug};
use thiserror::Error;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Files;
use crate::clock::Clock;
use crate::store::StoreError;
use crate::store::file::FileBook;

/// Files in one step.
pub const COLLECTED_PER_STEP: usize = 100;
/// How often it looks, at the least.
pub const COLLECT_EVERY_MAX: Duration = Duration::from_mins(1);
/// How often it looks, at the most.
pub const COLLECT_EVERY_MIN: Duration = Duration::from_millis(100);

/// Why a step was not done. The next one tries again.
#[derive(Debug, Error)]
pub enum CollectError {
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Bytes could not be removed.
    #[error("the bytes of a file cannot be removed: {0}")]
    Bytes(#[from] io::Error),
}

impl Files {
    /// One step: forgets files that have stood in no chat for long, and removes the bytes of those
    /// that are forgotten. Whether there may be more.
    pub async fn collect<B: FileBook>(&self, book: &B, now_ms: u64) -> Result<bool, CollectError> {
        // Bytes first: a step that failed at them would else only ever add to them.
        let removed = book.files_removed(COLLECTED_PER_STEP).await?;
        for file in &removed {
            if !planted::is(Bug::ForgottenBytesStay) {
                self.clear(file).await?;
            }
            book.file_cleared(*file).await?;
            self.metrics.files_collected.one();
        }
        let before_ms = now_ms.saturating_sub(self.rules.unreferenced_ms);
        let unsent = book.files_unsent(before_ms, COLLECTED_PER_STEP).await?;
        let mut forgotten = false;
        for file in unsent {
            forgotten |= book.file_remove(file, before_ms).await?;
        }
        Ok(!removed.is_empty() || forgotten)
    }
}

/// Collects until it is told to stop.
pub async fn run<B: FileBook>(files: Arc<Files>, book: B, clock: Clock, stop: CancellationToken) {
    let kept = Duration::from_millis(files.rules().unreferenced_ms);
    let every = (kept / 4).clamp(COLLECT_EVERY_MIN, COLLECT_EVERY_MAX);
    let collecting = async {
        loop {
            match files.collect(&book, clock.wall_ms()).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => warn!(%error, "files are not collected for now"),
            }
            sleep(every).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = collecting => {}
    }
}
