//! Where the programs are that are measured, as it can be typed. Must never start one.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::process::loopback;

/// Where the programs are.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Where {
    /// A Packetboat that runs already, with open authentication; a loopback address
    #[arg(long, value_name = "HOST:PORT", value_parser = loopback, global = true,
          conflicts_with = "spawn")]
    pub server: Option<SocketAddr>,
    /// Its process, to see what it uses
    #[arg(long, value_name = "PID", conflicts_with = "spawn", global = true)]
    pub server_pid: Option<u32>,
    /// Packetboat's program, started for each run with an empty store under TMPDIR; else the
    /// one beside this program
    #[arg(long, value_name = "PROGRAM", global = true)]
    pub spawn: Option<PathBuf>,
    /// A setting of the Packetboat that is started; may come more than once
    #[arg(long = "set", value_name = "KEY=VALUE", conflicts_with = "server", global = true)]
    pub settings: Vec<String>,
    /// mosquitto's program; else the one found in PATH or /usr/sbin
    #[arg(long, value_name = "PROGRAM", global = true)]
    pub mosquitto: Option<PathBuf>,
    /// rumqttd's program; else the one found in PATH or ~/.cargo/bin
    #[arg(long, value_name = "PROGRAM", global = true)]
    pub rumqttd: Option<PathBuf>,
    /// ejabberd's program `ejabberdctl`; else the one found in PATH or /usr/sbin
    #[arg(long, value_name = "PROGRAM", global = true)]
    pub ejabberdctl: Option<PathBuf>,
    /// Let the relays hand every frame from task to task by itself, as a relay does that was not
    /// made for speed
    #[arg(long, global = true)]
    pub relay_by_frame: bool,
    /// A program with the command `relay`, if not this one
    #[arg(long, value_name = "PROGRAM", global = true, hide = true)]
    pub relay: Option<PathBuf>,
}
