//! The command line of receiving. Must never choose where a device goes on that the server knows.

use clap::Args;
use packetboat_client::proto::limits::START_LAST_MAX;
use packetboat_client::{ChatId, Start};

use super::target::room;

/// What to receive.
#[derive(Debug, Args)]
pub(crate) struct RecvArgs {
    /// Wait for so many messages, and print no more.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Go on until interrupted.
    #[arg(long)]
    pub(crate) follow: bool,
    /// Listen to this room, too, while it runs: give --count or --follow.
    #[arg(long, value_name = "ROOM", value_parser = room)]
    pub(crate) room: Vec<ChatId>,
    #[command(flatten)]
    pub(crate) also: AlsoArgs,
    #[command(flatten)]
    pub(crate) told: ToldArgs,
    #[command(flatten)]
    pub(crate) start: StartArgs,
}

/// What is printed beside the messages of others.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct AlsoArgs {
    /// Print the user's own messages too, sent from other devices.
    #[arg(long)]
    pub(crate) own: bool,
    /// Print hints as they come, too: who is typing, how far others have read, what has changed.
    #[arg(long)]
    pub(crate) hints: bool,
}

/// What others are told meanwhile.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ToldArgs {
    /// Be away while it runs: others are told so, if no other connection of the user's is there.
    #[arg(long)]
    pub(crate) away: bool,
    /// Tell the others that what was printed has been read.
    #[arg(long)]
    pub(crate) read: bool,
}

/// Where a device starts.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct StartArgs {
    /// Where a device starts that the server has not seen before: `unseen` (what no device of the
    /// user has had), `everything`, `newest` (only what comes from now on), or how many of each
    /// chat.
    #[arg(long, value_name = "WHERE", default_value = "unseen", value_parser = start)]
    pub(crate) start: StartAt,
}

/// Where a device starts that the server has not seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StartAt(pub(crate) Option<Start>);

fn start(text: &str) -> Result<StartAt, String> {
    match (text, text.parse()) {
        ("unseen", _) => Ok(StartAt(None)),
        ("everything", _) => Ok(StartAt(Some(Start::Everything))),
        ("newest", _) => Ok(StartAt(Some(Start::Newest))),
        (_, Ok(last)) if (1..=START_LAST_MAX).contains(&last) => {
            Ok(StartAt(Some(Start::Last(last))))
        }
        _ => Err(format!("must be unseen, everything, newest, or 1 to {START_LAST_MAX}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_starts_where_it_is_told() {
        assert_eq!(start("unseen"), Ok(StartAt(None)));
        assert_eq!(start("20"), Ok(StartAt(Some(Start::Last(20)))));
        assert!(start("10001").is_err());
    }
}
