//! The command line of messages that the server sends later. Must never read a clock: when
//! something is to be sent is known once it is asked.

use clap::{Args, Subcommand};
use packetboat_client::MessageId;

use super::context::ContextArgs;
use super::target::Target;
use super::wait::Wait;
use crate::clock;

/// What to do with messages that are sent later.
#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// Have the server send a message later, whether or not you are connected then.
    // As clap would have it, but in lines that fit.
    #[command(override_usage = "\
        packetboat-cli schedule [OPTIONS] <TARGET> <TEXT> --in <TIME>\n       \
        packetboat-cli schedule [OPTIONS] <TARGET> <TEXT> --at <WHEN>")]
    Schedule {
        /// To whom, or to which chat.
        target: Target,
        /// What.
        #[arg(allow_hyphen_values = true)]
        text: String,
        #[command(flatten)]
        when: When,
        #[command(flatten)]
        context: ContextArgs,
    },
    /// List what the server is to send for you, and what it could not.
    Scheduled,
    /// Do not have a message sent, or forget one that could not be.
    Unschedule {
        /// To whom it was to go, or to which chat.
        target: Target,
        /// Its id, as `scheduled` prints it.
        id: MessageId,
    },
}

/// When a message is to be sent.
#[derive(Clone, Copy, Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct When {
    /// So much later: 90s, 15m, 2h or 7d.
    #[arg(long = "in", value_name = "TIME")]
    after: Option<Wait>,
    /// Then, in the time zone of the system: `2026-11-23 09:00`.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    at: Option<u64>,
}

impl When {
    /// In milliseconds of Unix time.
    pub(crate) fn at_ms(&self, now_ms: u64) -> u64 {
        let after = self.after.map(|wait| now_ms.saturating_add(wait.0));
        self.at.or(after).unwrap_or(now_ms)
    }
}

fn moment(text: &str) -> Result<u64, String> {
    clock::moment(text).ok_or_else(|| "must be a time such as 2026-11-23 09:00".to_owned())
}
