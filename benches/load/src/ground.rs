//! What every work is given: where the server is, a clock, and names that were never used before.
//! Must never know of a work.

use std::panic::resume_unwind;

use futures_util::{StreamExt, TryStreamExt, stream};
use packetboat_proto::id::UserId;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::connection::{Connection, Login};
use crate::error::LoadError;
use crate::target::Target;

/// Connections that are opened or closed at one time.
pub const OPENING_AT_ONCE: usize = 64;

/// What a work is given for one run.
#[derive(Clone, Copy, Debug)]
pub struct Ground {
    /// The server.
    pub target: Target,
    /// The clock of this run.
    pub clock: Clock,
    /// What makes the names of this run new.
    pub salt: u64,
}

impl Ground {
    /// One for a run at that server.
    pub fn new(target: Target) -> Self {
        let mut salt = [0; 8];
        getrandom::fill(&mut salt).expect("the system has a source of random bytes");
        Self { target, clock: Clock::start(), salt: u64::from_be_bytes(salt) }
    }

    /// A user of this run.
    pub fn user(&self, role: &str, number: u32) -> UserId {
        let name = format!("load-{:016x}-{role}{number}", self.salt);
        UserId::new(&name).expect("a role is a short word")
    }

    /// Opens a busy session for each, a few at a time.
    pub async fn open(&self, users: Vec<UserId>) -> Result<Vec<Connection>, LoadError> {
        let address = self.target.address;
        stream::iter(users)
            .map(|user| Connection::open(address, Login::busy(user)))
            .buffered(OPENING_AT_ONCE)
            .try_collect()
            .await
    }
}

/// Closes connections, a few at a time.
pub async fn close(connections: Vec<Connection>) {
    stream::iter(connections).for_each_concurrent(OPENING_AT_ONCE, Connection::close).await;
}

/// The results of all tasks, or the first error.
pub async fn all<T: 'static>(
    mut tasks: JoinSet<Result<T, LoadError>>,
) -> Result<Vec<T>, LoadError> {
    let mut results = Vec::with_capacity(tasks.len());
    while let Some(result) = next(&mut tasks).await {
        results.push(result?);
    }
    Ok(results)
}

/// The result of the next task that ends.
pub async fn next<T: 'static>(
    tasks: &mut JoinSet<Result<T, LoadError>>,
) -> Option<Result<T, LoadError>> {
    let joined = tasks.join_next().await?;
    Some(joined.unwrap_or_else(|error| resume_unwind(error.into_panic())))
}
