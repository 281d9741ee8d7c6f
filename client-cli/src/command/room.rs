//! The commands for rooms and for one's own presence, parsed and nothing else.

use clap::{Subcommand, ValueEnum};
use packetboat_client::proto::limits::{ROOM_KEEP_MAX, ROOM_SLOW_MS_MAX};
use packetboat_client::{ChatId, UserId, Visibility};

use super::target::room;

/// Minutes that a listener is mute for, unless another number is named: a day.
const MUTE_MINUTES_DEFAULT: u32 = 24 * 60;

/// Who sees whether a user is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum VisibleTo {
    /// Whoever asks.
    Everyone,
    /// The user's contacts.
    Contacts,
    /// Nobody else.
    Nobody,
}

impl From<VisibleTo> for Visibility {
    fn from(visible_to: VisibleTo) -> Self {
        match visible_to {
            VisibleTo::Everyone => Self::Everyone,
            VisibleTo::Contacts => Self::Contacts,
            VisibleTo::Nobody => Self::Nobody,
        }
    }
}

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
