//! What can be asked of the suite. Must never decide what is done about it.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use packetboat_proof::suite;

use crate::case::Wanted;
use crate::engine::Engine;

/// Power cuts and failing disks.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// The backend of the store; without it sled, and in the short version some of fjall, too
    #[arg(long)]
    pub backend: Option<Engine>,
    /// Images of power cuts
    #[arg(long)]
    pub images: Option<u64>,
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
    /// Write so much that fjall begins its journal anew and removes the old one: it takes minutes
    #[arg(long)]
    pub bulk: bool,
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

impl Options {
    /// The backend that these are about.
    pub fn engine(&self) -> Engine {
        self.backend.unwrap_or_default()
    }

    /// How many images are looked at.
    pub fn images(&self) -> u64 {
        self.images.unwrap_or(self.engine().images())
    }

    /// The same for each backend that is meant.
    pub fn each(&self) -> Vec<Self> {
        let long = self.images.is_some() || self.faults.is_some();
        let one = self.image.is_some() || self.case.is_some() || self.recording.is_some();
        let engines = match self.backend {
            Some(engine) => vec![engine],
            None if long || one => vec![Engine::default()],
            None => Engine::value_variants().to_vec(),
        };
        let with = |engine| Self { backend: Some(engine), ..self.clone() };
        engines.into_iter().map(with).collect()
    }
}

/// A half of the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Only {
    /// Power cuts
    Images,
    /// Failing calls
    Faults,
}
