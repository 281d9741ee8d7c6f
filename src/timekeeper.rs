//! Has the store do what is due: erase what has expired, send what was scheduled. Must never decide
//! what that is: the store does, in one thread with all sends.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::metrics::Metrics;
use crate::store::agenda::{Agenda, DUE_PER_STEP};

/// How often it looks. Until it has looked, readers do not show what has expired.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks until it is told to stop. What piled up while the server was down is done step by step,
/// and messages go on meanwhile.
pub async fn run<A: Agenda>(agenda: A, metrics: Arc<Metrics>, stop: CancellationToken) {
    let keeping = async {
        loop {
            match agenda.do_due().await {
                Ok(done) => {
                    metrics.due_done.add(u64::try_from(done).unwrap_or(u64::MAX));
                    if done == DUE_PER_STEP {
                        continue;
                    }
                }
                Err(error) => warn!(%error, "what is due is not done for now"),
            }
            sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = keeping => {}
    }
}
