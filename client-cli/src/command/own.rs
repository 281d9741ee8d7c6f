//! The command line of what a user sets for itself, on all of its devices. Must never name what
//! another user would see.

use clap::Subcommand;

use super::target::Target;

/// What to set for yourself, on all of your devices; nobody else sees it.
#[derive(Debug, Subcommand)]
pub(crate) enum OwnCommand {
    /// Let a chat call you for nothing.
    Quiet {
        /// Which chat.
        chat: Target,
        /// For so many minutes; without it, for good.
        minutes: Option<u32>,
        /// It may call you again.
        #[arg(long, conflicts_with = "minutes")]
        off: bool,
    },
    /// Put a chat above the others.
    PinChat {
        /// Which chat.
        chat: Target,
        /// Its place among those that are pinned.
        #[arg(default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        place: u32,
        /// Pin it no more.
        #[arg(long, conflicts_with = "place")]
        off: bool,
    },
    /// Put a chat away.
    Archive {
        /// Which chat.
        chat: Target,
        /// Take it back.
        #[arg(long)]
        off: bool,
    },
    /// Show a chat as unread.
    MarkUnread {
        /// Which chat.
        chat: Target,
        /// Do so no more.
        #[arg(long)]
        off: bool,
    },
    /// Keep what you have begun to write in a chat, or print it.
    Draft {
        /// Which chat.
        chat: Target,
        /// What; empty to forget it. Without it, it is printed.
        #[arg(allow_hyphen_values = true)]
        text: Option<String>,
        /// The message that it is to answer.
        #[arg(long, value_name = "SEQ", default_value_t = 0, requires = "text")]
        reply_to: u64,
    },
    /// Delete messages for yourself alone, for good.
    Hide {
        /// In which chat.
        chat: Target,
        /// Which message.
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        seq: u64,
        /// And those up to this one.
        #[arg(value_name = "LAST", value_parser = clap::value_parser!(u64).range(1..))]
        last: Option<u64>,
    },
    /// Print what you have set for yourself, chat by chat.
    Own,
}
