//! The works that can be put on a server, one file each. Must never hold one itself.

pub mod catchup;
pub mod fanout;
pub mod growth;
pub mod idle;
pub mod kill;
mod lanes;
pub mod offline;
pub mod pace;
pub mod pairs;
pub mod reconnect;
pub mod restart;

use clap::Subcommand;
use serde::Serialize;

use crate::error::LoadError;
use crate::figure::Outcome;
use crate::ground::Ground;
use crate::target::Nature;

/// A work, with its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Subcommand)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Pairs of a sender and a receiver, all connected: messages a second, latency
    Pairs(pairs::Pairs),
    /// Messages due at a fixed rate: latency from when they were due
    Pace(pace::Pace),
    /// One group of many connected members: deliveries a second
    Fanout(fanout::Fanout),
    /// Connections that do nothing: memory for each, sessions opened a second
    Idle(idle::Idle),
    /// All connections break off and come back: sessions opened a second, by ticket
    Reconnect(reconnect::Reconnect),
    /// Messages for receivers that are not there, who then come
    Offline(offline::Offline),
    /// One user with very many chats comes: until it has them, and all that is new in them
    Catchup(catchup::Catchup),
    /// The server is killed half-way: what of the accepted is lost
    Kill(kill::Kill),
    /// The same with more and more chats, and more and more stored
    Growth(growth::Growth),
    /// The server is killed with much stored: time to start, bytes on disk
    Restart(restart::Restart),
}

/// A figure that matters most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headline {
    /// Its name.
    pub figure: &'static str,
    /// More of it is better.
    pub more_is_better: bool,
}

const fn more(figure: &'static str) -> Headline {
    Headline { figure, more_is_better: true }
}

const fn less(figure: &'static str) -> Headline {
    Headline { figure, more_is_better: false }
}

impl Work {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pairs(_) => "pairs",
            Self::Pace(_) => "pace",
            Self::Fanout(_) => "fanout",
            Self::Idle(_) => "idle",
            Self::Reconnect(_) => "reconnect",
            Self::Offline(_) => "offline",
            Self::Catchup(_) => "catchup",
            Self::Kill(_) => "kill",
            Self::Growth(_) => "growth",
            Self::Restart(_) => "restart",
        }
    }

    /// The figures that a comparison shows.
    pub const fn headlines(&self) -> &'static [Headline] {
        match self {
            Self::Pairs(_) => const { &[more("delivered_per_s"), less("server_cpu_each")] },
            Self::Pace(_) => {
                const { &[less("delivered_p50"), less("delivered_p99"), less("delivered_p999")] }
            }
            Self::Fanout(_) => const { &[more("deliveries_per_s"), less("server_cpu_each")] },
            Self::Idle(_) => const { &[less("rss_per_connection"), less("server_cpu_holding")] },
            Self::Reconnect(_) => const { &[more("reconnected_per_s"), less("server_cpu_each")] },
            Self::Offline(_) => const { &[more("stored_per_s"), more("drained_per_s")] },
            Self::Catchup(_) => const { &[less("caught_up"), less("caught_up_bytes")] },
            Self::Kill(_) => const { &[less("lost_percent")] },
            Self::Growth(_) => const { &[more("chats_kept"), more("stored_kept")] },
            Self::Restart(_) => const { &[less("start"), less("disk_per_message")] },
        }
    }

    /// Why it says nothing about such a target, if that is so.
    pub const fn unfit(&self, nature: Nature) -> Option<&'static str> {
        match self {
            Self::Restart(_) if !nature.durable => {
                Some("nothing that it accepted is promised to outlast a kill")
            }
            Self::Catchup(_) if !nature.is_messenger => Some("its users have no list of chats"),
            Self::Fanout(work) if work.room && !nature.is_messenger => Some("it has no rooms"),
            _ => None,
        }
    }

    /// Does it once.
    pub fn run(&self, ground: &mut Ground<'_>) -> Result<Outcome, LoadError> {
        if let Some(reason) = self.unfit(ground.nature()) {
            let target = ground.target.name().to_owned();
            return Err(LoadError::Unfit { work: self.name(), target, reason });
        }
        match self {
            Self::Pairs(work) => work.run(ground),
            Self::Pace(work) => work.run(ground),
            Self::Fanout(work) => work.run(ground),
            Self::Idle(work) => work.run(ground),
            Self::Reconnect(work) => work.run(ground),
            Self::Offline(work) => work.run(ground),
            Self::Catchup(work) => work.run(ground),
            Self::Kill(work) => work.run(ground),
            Self::Growth(work) => work.run(ground),
            Self::Restart(work) => work.run(ground),
        }
    }
}
