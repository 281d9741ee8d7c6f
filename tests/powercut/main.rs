//! Power cuts and failing disks. A server is recorded by a shim between it and its disk; then every
//! image that a power cut could have left is opened and held against what the server had promised
//! by then, and every call is made to fail. A planted bug shows that the images would tell.
//!
//! In CI it is short; `cargo test --release --test powercut -- --images 10000 --seed 7` is the long
//! run, `-- --help` names all that can be set.

#![allow(unreachable_pub, clippy::unwrap_used, reason = "a test crate has no outside")]
#![allow(clippy::print_stdout, reason = "the figures are to be seen")]

mod case;
mod engine;
mod erased;
mod faults;
mod images;
mod options;
mod survey;
mod talk;
mod trial;
mod vessel;
mod voyage;
mod wire;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use packetboat_proof::suite;

use crate::images::{Series, Wreck, workshop};
use crate::options::{Only, Options};
use crate::voyage::Voyage;

/// Images of a server that does not make its commits durable, looked at until some are bad.
const PLANTED_IMAGES: u64 = 40;
/// So many at a time.
const PLANTED_STEP: u64 = 8;
/// That bug.
const PLANTED: &str = "sync-without-fdatasync";
/// One that leaves what was taken back in the files.
const PLANTED_ERASING: &str = "erasing-skips-values";
/// Operations of a commit that is nearly as large as it may be.
const FULL_COMMIT: usize = 200;
/// Bad images that are described, and faults of each.
const DESCRIBED_MAX: usize = 5;

fn main() -> ExitCode {
    let Some(own) = suite::arguments("powercut") else { return ExitCode::SUCCESS };
    let options = Options::parse_from(own);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let good = runtime.block_on(async {
        let mut good = true;
        for options in options.each() {
            good &= check(&options).await;
        }
        good
    });
    if good { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

async fn check(options: &Options) -> bool {
    let folder = workshop();
    let shim = vessel::build_shim(folder.path());
    let mut good = true;
    if options.only != Some(Only::Faults) && options.case.is_none() {
        good &= power_cuts(options, folder.path(), &shim).await;
    }
    let one = options.image.is_some() || options.case.is_some();
    if options.only.is_none() && options.plant.is_none() && !one {
        good &= a_planted_bug_is_found(options, folder.path(), &shim).await;
        good &= !options.engine().erases()
            || a_bug_of_erasing_is_found(options, folder.path(), &shim).await;
    }
    if options.only != Some(Only::Images) && options.image.is_none() {
        good &= faults::check(options, folder.path(), &shim).await;
    }
    if options.keep && !good {
        println!("the folders are kept in {}", folder.keep().display());
    }
    good
}

async fn record(
    options: &Options,
    folder: &Path,
    shim: &Path,
    plant: Option<&str>,
) -> (Voyage, PathBuf) {
    let begun = Instant::now();
    let root = folder.join(plant.unwrap_or("voyage"));
    std::fs::create_dir(&root).unwrap();
    let voyage = Voyage::record(options, &root, shim, plant).await;
    println!("{} recorded in {:.1} s: {voyage}", options.engine(), begun.elapsed().as_secs_f64());
    let full = voyage.commits.iter().filter(|operations| **operations >= FULL_COMMIT).count();
    assert!(full > 0, "some commits are as large as they may be");
    let turned = !options.bulk || options.engine().has_turned(&voyage.calls);
    assert!(turned, "a journal was filled, and removed");
    assert!(voyage.reworked > 0, "the engine wrote anew some of what it had");
    (voyage, root.with_extension("log"))
}

async fn power_cuts(options: &Options, folder: &Path, shim: &Path) -> bool {
    let plant = options.plant.as_deref();
    let (voyage, log) = match &options.recording {
        Some(log) => (Voyage::read(options.engine(), log), log.clone()),
        None => record(options, folder, shim, plant).await,
    };
    let series = Series {
        voyage: Arc::new(voyage),
        folder: folder.to_owned(),
        seed: options.seed,
        keep: options.keep,
    };
    let begun = Instant::now();
    let numbers = options.image.map_or(0..options.images(), |number| number..number + 1);
    let images = numbers.end - numbers.start;
    let wrecks = series.check(numbers).await;
    let (bad, seconds) = (wrecks.len(), begun.elapsed().as_secs_f64());
    println!("{images} images of power cuts: {bad} bad, in {seconds:.1} s");
    describe(&wrecks);
    if let Some(first) = wrecks.first() {
        let kept = kept_recording(&log, options);
        println!(
            "again: cargo test --test powercut -- --backend {} --seed {} --recording {} --image {}",
            options.engine(),
            options.seed,
            kept.display(),
            first.number
        );
    }
    let mut wrong = Vec::new();
    if options.engine().erases() && !options.bulk && options.image.is_none() {
        let found = erased::check(&series.voyage, &folder.join("erased"), plant).await;
        wrong = found.wrong();
        for wrong in &wrong {
            println!("    {wrong}");
        }
    }
    wrecks.is_empty() && wrong.is_empty()
}

/// A recording hangs on how threads were scheduled: only with it an image can be made again.
fn kept_recording(log: &Path, options: &Options) -> PathBuf {
    let name = format!("powercut-{}-{}.log", options.engine(), options.seed);
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if kept != log {
        std::fs::copy(log, &kept).unwrap();
    }
    kept
}

/// Without the fdatasync of a commit there are bad images, or this suite is worth nothing.
async fn a_planted_bug_is_found(options: &Options, folder: &Path, shim: &Path) -> bool {
    let (voyage, _) = record(options, folder, shim, Some(PLANTED)).await;
    let series = Series {
        voyage: Arc::new(voyage),
        folder: folder.to_owned(),
        seed: options.seed,
        keep: false,
    };
    let mut looked = 0;
    let mut bad = 0;
    while bad == 0 && looked < PLANTED_IMAGES {
        bad = series.check(looked..looked + PLANTED_STEP).await.len();
        looked += PLANTED_STEP;
    }
    println!("{looked} images of a server with the bug {PLANTED}: {bad} bad");
    if bad == 0 {
        println!("the bug {PLANTED} is not found; seed {}", options.seed);
    }
    bad > 0
}

/// Where an erased place is not written over, what was taken back is found.
async fn a_bug_of_erasing_is_found(options: &Options, folder: &Path, shim: &Path) -> bool {
    let (voyage, _) = record(options, folder, shim, Some(PLANTED_ERASING)).await;
    let root = folder.join("erased-planted");
    // That something is missing from the files would prove nothing.
    let found = erased::check(&voyage, &root, Some(PLANTED_ERASING)).await.left > 0;
    println!("the bug {PLANTED_ERASING} is {}found", if found { "" } else { "not " });
    found
}

fn describe(wrecks: &[Wreck]) {
    for wreck in wrecks.iter().take(DESCRIBED_MAX) {
        println!("image {}: {}", wreck.number, wreck.cut);
        for wrong in wreck.wrong.iter().take(DESCRIBED_MAX) {
            println!("    {wrong}");
        }
        if let Some(kept) = &wreck.kept {
            println!("    kept in {}", kept.display());
        }
    }
}
