//! The commands for rooms, parsed and nothing else. Must never ask how one is.

use clap::Subcommand;
use packetboat_client::proto::limits::{ROOM_KEEP_MAX, ROOM_SLOW_MS_MAX};
use packetboat_client::{ChatId, UserId};

use super::target::room;

/// Minutes that a listener is mute for, unless another number is named: a day.
const MUTE_MINUTES_DEFAULT: u32 = 24 * 60;

/// What to do with a room, named `lobby`, `%lobby` or `room:lobby`.
#[derive(Debug, Subcommand)]
pub(crate) enum RoomCommand {
    /// Open a room, and own it.
    Open {
        /// Which room.
        #[arg(value_parser = room)]
        room: ChatId,
        /// What people call it [default: its id].
        #[arg(long)]
        name: Option<String>,
        /// What it is about.
        #[arg(long, default_value = "")]
        topic: String,
        /// Entries that it keeps; 0: 100.
        #[arg(long, default_value_t = 0,
              value_parser = clap::value_parser!(u32).range(..=i64::from(ROOM_KEEP_MAX)))]
        keep: u32,
        /// The least time between two messages of a user, in milliseconds.
        #[arg(long, default_value_t = 0,
              value_parser = clap::value_parser!(u32).range(..=i64::from(ROOM_SLOW_MS_MAX)))]
        slow_ms: u32,
    },
    /// Change a room; only its owner may.
    Set {
        /// Which room.
        #[arg(value_parser = room)]
        room: ChatId,
        /// What people call it.
        #[arg(long)]
        name: Option<String>,
        /// What it is about; empty for nothing.
        #[arg(long)]
        topic: Option<String>,
        /// Entries that it keeps.
        #[arg(long)]
        keep: Option<u32>,
        /// The least time between two messages of a user, in milliseconds; 0: none.
        #[arg(long)]
        slow_ms: Option<u32>,
    },
    /// Make users moderators; only the owner may.
    Promote {
        /// Which room.
        #[arg(value_parser = room)]
        room: ChatId,
        /// Who.
        #[arg(required = true)]
        users: Vec<UserId>,
    },
    /// Make moderators listeners again; only the owner may.
    Demote {
        /// Which room.
        #[arg(value_parser = room)]
        room: ChatId,
        /// Who.
        #[arg(required = true)]
        users: Vec<UserId>,
    },
    /// Let users not write for a while; the owner and the moderators may.
    Mute {
        /// Which room.
        #[arg(value_parser = room)]
        room: ChatId,
        /// Who.
        #[arg(required = true)]
        users: Vec<UserId>,
        /// For so many minutes.
        #[arg(long, default_value_t = MUTE_MINUTES_DEFAULT)]
        minutes: u32,
    },
    /// Let users write again.
    Unmute {
        /// Which room.
        #[arg(value_parser = room)]
        room: ChatId,
        /// Who.
        #[arg(required = true)]
        users: Vec<UserId>,
    },
    /// Close a room for good; only the owner may.
    Close {
        /// Which room.
        #[arg(value_parser = room)]
        room: ChatId,
    },
    /// Tell how a room is.
    State {
        /// Which room.
        #[arg(value_parser = room)]
        room: ChatId,
    },
}
