//! What can be asked of the suite. Must never fail on what `cargo test` hands to every test.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

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
    /// Plant a bug in the recorded server
    #[arg(long, value_name = "NAME")]
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
    /// What `cargo test` hands to every test.
    #[command(flatten)]
    libtest: Libtest,
}

/// A half of the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Only {
    /// Power cuts
    Images,
    /// Failing calls
    Faults,
}

#[derive(Clone, Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "so many flags there are")]
struct Libtest {
    #[arg(long, hide = true)]
    nocapture: bool,
    #[arg(long, hide = true)]
    no_capture: bool,
    #[arg(long, short, hide = true)]
    quiet: bool,
    #[arg(long, hide = true)]
    exact: bool,
    #[arg(long, hide = true)]
    include_ignored: bool,
    #[arg(long, hide = true)]
    show_output: bool,
    #[arg(long, hide = true)]
    test_threads: Option<String>,
    #[arg(long, hide = true)]
    skip: Vec<String>,
    #[arg(long, hide = true)]
    format: Option<String>,
    #[arg(long, hide = true)]
    color: Option<String>,
    #[arg(hide = true)]
    filters: Vec<String>,
}
