//! What can be asked of the suite. Must never decide what is done about it.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use packetboat_proof::suite;

use crate::case::Wanted;

/// Power cuts and failing disks.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// Images of power cuts
    #[arg(long, default_value_t = 300)]
    pub images: u64,
    /// Of everything random
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The calls 1 to K of every kind fail, one at a time; without it a sample of them does
    #[arg(long, value_name = "K")]
    pub faults: Option<u64>,
    /// Only one half of the suite
    #[arg(long)]
    pub only: Option<Only>,
    /// This call alone fails: with errno ERRNO, and for LASTS 1 all after it of its kind do, too;
    /// on nothing for BASE 0, on a store that was killed for 1, without it on both
    #[arg(long, value_name = "KIND:N:ERRNO:LASTS[:BASE]")]
    pub case: Option<Wanted>,
    /// Plant a bug in the server
    #[arg(long, value_name = "NAME", value_parser = suite::plant)]
    pub plant: Option<String>,
    /// Keep the folders of what fails
    #[arg(long)]
    pub keep: bool,
    /// Look at this image alone
    #[arg(long, value_name = "N")]
    pub image: Option<u64>,
    /// Images of this recording, which a failure has left, instead of a new one
    #[arg(long, value_name = "FILE")]
    pub recording: Option<PathBuf>,
}

/// A half of the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Only {
    /// Power cuts
    Images,
    /// Failing calls
    Faults,
}
