//! The command line of contacts and blocks. Must never name a user who is none.

use clap::Subcommand;
use packetboat_client::UserId;

/// Whom you know, and whom you want to hear nothing of.
#[derive(Debug, Subcommand)]
pub(crate) enum ContactCommand {
    /// List your contacts, those who ask to be, and whom you have blocked.
    List,
    /// Ask a user to be a contact, or accept its wish.
    Add {
        /// Whom.
        user: UserId,
    },
    /// Be contacts no more, or do not accept its wish.
    Remove {
        /// Whom.
        user: UserId,
    },
    /// Call a user something, for yourself alone.
    Name {
        /// Whom.
        user: UserId,
        /// What; empty for nothing.
        name: String,
    },
    /// Block a user: it cannot write to you, add you to groups, or see whether you are there.
    Block {
        /// Whom.
        user: UserId,
    },
    /// Block a user no more.
    Unblock {
        /// Whom.
        user: UserId,
    },
}
