//! The command line of receipts. Must never count by itself: the server does.

use clap::{Subcommand, ValueEnum};
use packetboat_client::ReceiptRule;

use super::presence::FollowArgs;
use super::target::Target;

/// What to ask of receipts, or to say of one's own.
#[derive(Debug, Subcommand)]
pub(crate) enum ReceiptCommand {
    /// Count who has had the messages of a chat, and who has read them.
    Receipts {
        /// In which chat.
        chat: Target,
        /// From this message on.
        #[arg(long, value_name = "SEQ", default_value_t = 1,
              value_parser = clap::value_parser!(u64).range(1..))]
        first: u64,
        /// Up to this one [default: the last].
        #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(u64).range(1..))]
        last: Option<u64>,
        #[command(flatten)]
        follow: FollowArgs,
    },
    /// Tell others that you have read a chat, up to a message or all of it.
    ///
    /// What was read cannot become unread; `mark-unread` shows the chat as unread to you, and this
    /// takes that mark away.
    Read {
        /// Which chat.
        chat: Target,
        /// Up to this message [default: the last].
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        seq: Option<u64>,
    },
    /// List who has read a message, who has it, and who has not.
    Readers {
        /// In which chat.
        chat: Target,
        /// Which message.
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        seq: u64,
    },
    /// Tell others what you have read, or hide it; who hides it is not told what others have read.
    TellReads {
        /// Whether others are told.
        tell: Tell,
    },
}

/// Whether others are told what a user has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tell {
    /// They are.
    On,
    /// They are not.
    Off,
}

impl From<Tell> for ReceiptRule {
    fn from(tell: Tell) -> Self {
        match tell {
            Tell::On => Self::Told,
            Tell::Off => Self::Hidden,
        }
    }
}
