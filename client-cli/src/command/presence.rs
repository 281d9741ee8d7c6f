//! The command line of who is there, and of what one says of oneself. Must never say more than is
//! asked.

use clap::{Args, Subcommand, ValueEnum};
use packetboat_client::proto::limits::PRESENCE_USERS_MAX;
use packetboat_client::{SignalKind, UserId, Visibility};

use super::target::Target;

/// Who is there, and what others are told of you.
#[derive(Debug, Subcommand)]
pub(crate) enum PresenceCommand {
    /// Tell who is online.
    Presence {
        /// Who is asked about.
        #[arg(required = true, num_args = 1..=PRESENCE_USERS_MAX)]
        users: Vec<UserId>,
        #[command(flatten)]
        follow: FollowArgs,
    },
    /// Be there, and away, as long as this runs.
    ///
    /// Being away belongs to a connection, and ends with it: others are told that you are away only
    /// while none of your connections says otherwise. So this does not make an open `chat` away
    /// (that is `/away` there). `recv --follow --away` is away and receives.
    Away,
    /// Say something of yourself, and to whom your presence is told.
    Status {
        /// What; empty for nothing.
        text: String,
        /// Who sees it, and whether you are there: what was set before is replaced.
        #[arg(long, value_enum)]
        visible_to: VisibleTo,
    },
    /// Tell who is in a chat that you are typing, or something of your own making.
    ///
    /// It reaches those who are connected, or nobody: it is never stored.
    Signal {
        /// In which chat.
        chat: Target,
        /// What.
        #[arg(value_enum, default_value_t = SignalWord::Typing)]
        kind: SignalWord,
        /// Bytes of your own to go with it, at most 256.
        #[arg(long, default_value = "")]
        data: String,
    },
}

/// Whether to go on, and for how long.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct FollowArgs {
    /// Print what changes, too, until interrupted or until --timeout.
    #[arg(long)]
    pub(crate) follow: bool,
    /// Follow until so many further lines were printed; with --timeout it fails if they were not.
    #[arg(long, requires = "follow", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
}

/// What is signalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SignalWord {
    /// You are typing.
    Typing,
    /// You have stopped typing.
    Stopped,
    /// What you have agreed on.
    Custom,
}

impl From<SignalWord> for SignalKind {
    fn from(word: SignalWord) -> Self {
        match word {
            SignalWord::Typing => Self::Typing,
            SignalWord::Stopped => Self::Stopped,
            SignalWord::Custom => Self::Custom,
        }
    }
}

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
