//! The real binary, killed with -9 at any point, and the real client, over and over: nothing lost,
//! nothing twice, nothing out of order, and every device has everything in the end.
//!
//! `cargo test --release --test torture -- --cycles 10000 --seed 7`; without arguments it is the
//! short version. Each epoch begins on an empty store and ends with a check of all of its history.

#![allow(unreachable_pub, clippy::unwrap_used, reason = "a test crate has no outside")]
#![allow(clippy::print_stdout, reason = "the figures are to be seen")]

mod epoch;
mod figures;
mod plan;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use std::{fmt, fs};

use clap::{Parser, ValueEnum};
use packetboat_proof::dice::Dice;
use packetboat_proof::suite;

use crate::epoch::{Epoch, Failure};
use crate::figures::Figures;

/// Epochs after which a long run says how it stands.
const EPOCHS_TOLD: u64 = 20;

/// A backend, as the server is told of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// The default of the server
    #[default]
    Sled,
    /// The other one, with the least cache: new rows go to tables all the time
    Fjall,
}

impl Engine {
    /// What the server is told of it.
    const fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Sled => &[],
            Self::Fjall => &["store.backend=fjall", "store.cache_bytes=1048576"],
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Sled => "sled",
            Self::Fjall => "fjall",
        })
    }
}

/// Kills a server over and over, and checks what its clients saw
#[derive(Debug, Parser)]
struct Arguments {
    /// Cycles: each ends with a blow to the server, and its next start
    #[arg(long, default_value_t = 100)]
    cycles: usize,
    /// Everything random comes from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Cycles of an epoch, which begins on an empty store and is checked at its end
    #[arg(long, default_value_t = 25)]
    epoch: usize,
    /// The backend of the store
    #[arg(long, default_value_t, value_enum)]
    backend: Engine,
    /// Run this epoch alone
    #[arg(long)]
    only: Option<usize>,
    /// Plant this bug in the server, and fail unless it is found
    #[arg(long, value_parser = suite::plant)]
    plant: Option<String>,
}

impl Arguments {
    fn replay(&self, number: usize) -> String {
        let Self { cycles, seed, epoch, backend, plant, .. } = self;
        let plant = plant.as_ref().map(|name| format!(" --plant {name}")).unwrap_or_default();
        format!(
            "cargo test --test torture -- --backend {backend} --seed {seed} --cycles {cycles} \
             --epoch {epoch} --only {number}{plant}"
        )
    }

    /// The numbers of the epochs, and the cycles of each.
    fn epochs(&self) -> Vec<(usize, usize)> {
        let epoch = self.epoch.max(1);
        let all = (0..self.cycles.div_ceil(epoch))
            .map(|number| (number, epoch.min(self.cycles - number * epoch)));
        all.filter(|(number, _)| self.only.is_none_or(|only| only == *number)).collect()
    }
}

fn main() -> ExitCode {
    let Some(own) = suite::arguments("torture") else { return ExitCode::SUCCESS };
    let arguments = Arguments::parse_from(own);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run(&arguments))
}

async fn run(arguments: &Arguments) -> ExitCode {
    let started = Instant::now();
    let mut figures = Figures::default();
    for (number, cycles) in arguments.epochs() {
        let number_bits = u64::try_from(number).unwrap();
        let mut dice = Dice::new(arguments.seed ^ number_bits.wrapping_mul(0x9e37_79b9));
        let epoch = Epoch::draw(&mut dice, number, cycles, arguments);
        if let Err(failure) = epoch.run(&mut figures).await {
            println!("torture: {figures}");
            return found(arguments, number, &failure);
        }
        if figures.epochs % EPOCHS_TOLD == 0 {
            println!("torture: so far {figures}, in {:.1} s", started.elapsed().as_secs_f64());
        }
    }
    println!("torture: {figures}, in {:.1} s", started.elapsed().as_secs_f64());
    match &arguments.plant {
        None => ExitCode::SUCCESS,
        Some(name) => {
            println!("torture: the bug {name} was planted and not found");
            ExitCode::from(101)
        }
    }
}

/// Tells what was found; that is what a planted bug is for.
fn found(arguments: &Arguments, number: usize, failure: &Failure) -> ExitCode {
    println!("torture: {}", failure.why);
    if let Some(name) = &arguments.plant
        && failure.why.shows_a_bug()
    {
        println!("torture: the planted bug {name} was found");
        return ExitCode::SUCCESS;
    }
    let file = format!("torture-{}-{number}.txt", arguments.seed);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
    println!("{:#?}", failure.plan);
    match fs::write(&path, format!("{:#?}\n{:#?}\n", failure.plan, failure.history.events)) {
        Ok(()) => println!("torture: the whole history is in {}", path.display()),
        Err(error) => println!("torture: the history could not be kept: {error}"),
    }
    println!("torture: again with `{}`", arguments.replay(number));
    ExitCode::from(101)
}
