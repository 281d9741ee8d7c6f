//! The command line of what is done to messages. Must never look one up: it is named by its seq.

use clap::Subcommand;

use super::context::ContextArgs;
use super::target::Target;

/// What to do with a message, which is named by its chat and its seq (`history` tells it).
#[derive(Debug, Subcommand)]
pub(crate) enum ChangeCommand {
    /// Say an own message differently.
    Edit {
        /// In which chat.
        chat: Target,
        /// Which message.
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        seq: u64,
        /// What it says from now on.
        #[arg(allow_hyphen_values = true)]
        text: String,
    },
    /// Erase what a message said, for everybody.
    Recall {
        /// In which chat.
        chat: Target,
        /// Which message.
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        seq: u64,
    },
    /// React to a message.
    React {
        /// In which chat.
        chat: Target,
        /// To which message.
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        seq: u64,
        /// How: a word or a sign.
        reaction: String,
        /// Take the reaction back.
        #[arg(long)]
        take_back: bool,
    },
    /// Answer a message.
    Reply {
        /// In which chat.
        chat: Target,
        /// Which message.
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        seq: u64,
        /// What.
        #[arg(allow_hyphen_values = true)]
        text: String,
        /// Say it in the thread that begins with the message.
        #[arg(long)]
        thread: bool,
        #[command(flatten)]
        context: ContextArgs,
    },
    /// Say in another chat what a message says, and where it was said.
    ///
    /// Of a message that was edited it takes the newest text that is among the 200 entries behind
    /// it. A file goes along without being uploaded again.
    Forward {
        /// From which chat.
        chat: Target,
        /// Which message.
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        seq: u64,
        /// To whom, or to which chat.
        to: Target,
        /// Do not say where it was said.
        #[arg(long)]
        untold: bool,
        #[command(flatten)]
        context: ContextArgs,
    },
    /// Pin a message.
    Pin {
        /// In which chat.
        chat: Target,
        /// Which message.
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        seq: u64,
    },
    /// Pin a message no more.
    Unpin {
        /// In which chat.
        chat: Target,
        /// Which message.
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        seq: u64,
    },
    /// Print the seqs of what is pinned in a chat.
    Pins {
        /// Which chat.
        chat: Target,
    },
    /// Print the messages of a thread.
    Thread {
        /// In which chat.
        chat: Target,
        /// The message that the thread begins with.
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        seq: u64,
        /// The first ones after this one.
        #[arg(long, value_name = "SEQ", default_value_t = 0)]
        after: u64,
    },
}
