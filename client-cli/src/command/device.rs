//! The words of `devices` and `log-out`. Must never name a device that is none.

use clap::{Args, Subcommand};
use packetboat_client::DeviceId;

/// What to do with the user's own devices.
#[derive(Debug, Subcommand)]
pub(crate) enum DeviceCommand {
    /// List the user's own devices, and which are connected.
    ///
    /// `cli-once-0` to `cli-once-7` are shared by commands of this program that name no device:
    /// nobody chats on them, and they take no messages.
    Devices,
    /// Log a device of the user's out, or all but one.
    ///
    /// Its session ends, and it needs the full credential to come back, as a new device.
    LogOut(LogOutArgs),
}

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
