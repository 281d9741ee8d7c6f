//! The command line of keys. Must never take a private key: the server is given what it is given.

use std::path::PathBuf;

use clap::Subcommand;
use packetboat_client::{DeviceId, UserId};

/// What to do with keys. They are files of any bytes, made by another program.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Publish the public keys of this device.
    Publish {
        /// Who the device is: a file.
        #[arg(long, value_name = "FILE")]
        identity: PathBuf,
        /// What is given with every claim: a file.
        #[arg(long, value_name = "FILE")]
        prekey: PathBuf,
        /// That this identity follows the one before: a file.
        #[arg(long, value_name = "FILE")]
        proof: Option<PathBuf>,
        /// Keys that are given once: files.
        #[arg(long, value_name = "FILE", num_args = 1..)]
        one_time: Vec<PathBuf>,
        /// The id of the first of those [default: one more than the highest up to now].
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
        first_id: Option<u64>,
    },
    /// Take the keys of this device away.
    Clear,
    /// List the devices of a user that have keys.
    Show {
        /// Whose.
        user: UserId,
    },
    /// Claim what it takes to write to a device: one of its one-time keys is used up.
    Claim {
        /// Whose device.
        user: UserId,
        /// Which.
        device: DeviceId,
    },
}
