//! Work that may never end, on a thread of its own that is left alone after a time: sled can wait
//! for ever for a write that has failed. Must never be given work that a later try would disturb.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use thiserror::Error;

/// Why there is no result.
#[derive(Debug, Error)]
pub(crate) enum InTimeError {
    /// It has not ended, and may never.
    #[error("has not come to its end for {elapsed_ms} ms: the disk may have failed")]
    Stalled { elapsed_ms: u64 },
    /// It panicked.
    #[error("panicked")]
    Panicked,
    /// There is no thread for it.
    #[error("has no thread: {0}")]
    Thread(io::Error),
}

/// Does something, and waits for its result for so long.
pub(crate) fn in_time<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, InTimeError> {
    let (done, result) = mpsc::sync_channel(1);
    // A send that fails says that it took too long.
    let work = move || drop(done.send(work()));
    let started = thread::Builder::new().name("store-opening".to_owned()).spawn(work);
    started.map_err(InTimeError::Thread)?;
    result.recv_timeout(patience).map_err(|error| match error {
        mpsc::RecvTimeoutError::Timeout => {
            let elapsed_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
            InTimeError::Stalled { elapsed_ms }
        }
        mpsc::RecvTimeoutError::Disconnected => InTimeError::Panicked,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_is_told_and_what_does_not_is_left_alone() {
        assert_eq!(in_time(Duration::from_mins(1), || 7).unwrap(), 7);
        let (held, gate) = mpsc::channel::<()>();
        let stuck = in_time(Duration::from_millis(1), move || gate.recv());
        assert!(matches!(stuck, Err(InTimeError::Stalled { elapsed_ms: 1 })));
        drop(held);
        let panicked = in_time(Duration::from_mins(1), || panic!("on purpose"));
        assert!(matches!(panicked, Err::<(), _>(InTimeError::Panicked)));
    }
}
