//! The command line of a message that is sent now. Must never guess whom a text calls.

use clap::Args;
use packetboat_client::{Context, UserId};

use super::target::Target;
use super::wait::Wait;

/// What to send.
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// To whom, or to which chat.
    pub(crate) target: Target,
    /// What; `-` reads lines from stdin and sends each that is not blank.
    #[arg(allow_hyphen_values = true)]
    pub(crate) text: String,
    /// It calls this user, who counts it among its mentions; as often as wanted.
    #[arg(long, value_name = "USER")]
    mention: Vec<UserId>,
    /// It calls everybody in the group.
    #[arg(long)]
    mention_all: bool,
    /// It is gone for all so long after the server took it: 90s, 15m, 2h or 7d.
    #[arg(long, value_name = "TIME")]
    expires_after: Option<Wait>,
}

impl SendArgs {
    /// What is said beside the text.
    pub(crate) fn context(&self) -> Context {
        Context {
            mentions: self.mention.clone(),
            mentions_all: self.mention_all,
            expires_after_ms: self.expires_after.map_or(0, |wait| wait.0),
            ..Context::default()
        }
    }
}
