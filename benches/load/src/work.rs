//! The works that can be put on a server, one file each. Must never hold one itself.

pub mod idle;
pub mod offline;
pub mod pairs;

use clap::Subcommand;
use serde::Serialize;

use crate::error::LoadError;
use crate::figure::Outcome;
use crate::ground::Ground;

/// A work, with its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Subcommand)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Pairs of a sender and a receiver, all connected: messages a second, latency
    Pairs(pairs::Pairs),
    /// Connections that do nothing: memory for each, sessions opened a second
    Idle(idle::Idle),
    /// Messages for a receiver that is not there, who then comes
    Offline(offline::Offline),
}

impl Work {
    /// Does it once.
    pub async fn run(&self, ground: &Ground) -> Result<Outcome, LoadError> {
        match self {
            Self::Pairs(pairs) => pairs.run(ground).await,
            Self::Idle(idle) => idle.run(ground).await,
            Self::Offline(offline) => offline.run(ground).await,
        }
    }
}
