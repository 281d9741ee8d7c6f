//! What a message belongs to, on a command line. Must never guess whom a text calls.

use clap::Args;
use packetboat_client::{Context, UserId};

use super::wait::Wait;

/// Whom a message calls, and how long it stays.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ContextArgs {
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

impl ContextArgs {
    /// What is said beside the message, and what it belongs to otherwise.
    pub(crate) fn in_context(&self, context: Context) -> Context {
        Context {
            mentions: self.mention.clone(),
            mentions_all: self.mention_all,
            expires_after_ms: self.expires_after.map_or(0, |wait| wait.0),
            ..context
        }
    }
}
