//! The words of `devices` and `log-out`. Must never name a device that is none.

use clap::Args;
use packetboat_client::DeviceId;

/// Which devices are logged out.
#[derive(Debug, Args)]
pub(crate) struct LogOutArgs {
    /// Which.
    #[arg(required_unless_present = "others", conflicts_with = "others")]
    pub(crate) which: Option<DeviceId>,
    /// All but the one of this command: name it with --device, or none of those that you chat on is
    /// left.
    #[arg(long)]
    pub(crate) others: bool,
}
