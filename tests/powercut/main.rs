//! Power cuts and failing disks. A server is recorded by a shim between it and its disk; then every
//! image that a power cut could have left is opened and held against what the server had promised
//! by then, and every call is made to fail. A planted bug shows that the images would tell.
//!
//! In CI it is short; `cargo test --release --test powercut -- --images 10000 --seed 7` is the long
//! run, `-- --help` names all that can be set.

#![allow(unreachable_pub, clippy::unwrap_used, reason = "a test crate has no outside")]
#![allow(clippy::print_stdout, reason = "the figures are to be seen")]

mod images;
mod options;
mod survey;
mod talk;
mod vessel;
mod voyage;
mod wire;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;

use crate::images::{Series, Wreck, workshop};
use crate::options::{Only, Options};
use crate::voyage::Voyage;

/// Images of a server that does not make its commits durable, some of which must be bad.
const PLANTED_IMAGES: u64 = 40;
/// That bug.
const PLANTED: &str = "sync-without-fdatasync";
/// Bad images that are described in full.
const DESCRIBED_MAX: usize = 5;

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let good = runtime.block_on(async {
        let folder = workshop();
        let shim = vessel::build_shim(folder.path());
        let mut good = true;
        if options.only != Some(Only::Faults) {
            good &= power_cuts(&options, folder.path(), &shim).await;
        }
        if options.keep && !good {
            println!("the folders are kept in {}", folder.keep().display());
        }
        good
    });
    if good { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

async fn record(options: &Options, folder: &Path, shim: &Path, plant: Option<&str>) -> Voyage {
    let begun = Instant::now();
    let root = folder.join(if plant.is_some() { "planted" } else { "voyage" });
    std::fs::create_dir(&root).unwrap();
    let voyage = Voyage::record(&root, shim, options.seed, plant).await;
    voyage.check_complete(&root);
    let (accepted, shown, cursors) = voyage.promises();
    println!(
        "recorded {} calls in {:.1} s: {accepted} accepted, {shown} shown, {cursors} cursors told; \
         {} KiB in the end; commits by their batches: {:?}",
        voyage.calls.len(),
        begun.elapsed().as_secs_f64(),
        voyage.bytes() / 1024,
        voyage.commits
    );
    voyage
}

async fn power_cuts(options: &Options, folder: &Path, shim: &Path) -> bool {
    let plant = options.plant.as_deref();
    let series = Series {
        voyage: Arc::new(record(options, folder, shim, plant).await),
        folder: folder.to_owned(),
        seed: options.seed,
        keep: options.keep,
    };
    let several = series.voyage.commits.iter().filter(|(batches, _)| **batches > 1);
    assert!(several.map(|(_, commits)| commits).sum::<usize>() > 0, "some commits hold several");
    let begun = Instant::now();
    let wrecks = match options.image {
        Some(number) => series.check(number..=number).await,
        None => series.check(0..options.images).await,
    };
    let images = if options.image.is_some() { 1 } else { options.images };
    println!(
        "{images} images of power cuts, {} bad, {:.1} s",
        wrecks.len(),
        begun.elapsed().as_secs_f64()
    );
    describe(options, &wrecks);
    wrecks.is_empty()
}

fn describe(options: &Options, wrecks: &[Wreck]) {
    for wreck in wrecks.iter().take(DESCRIBED_MAX) {
        println!("image {}: {}", wreck.number, wreck.cut);
        for wrong in wreck.wrong.iter().take(DESCRIBED_MAX) {
            println!("    {wrong}");
        }
        if let Some(kept) = &wreck.kept {
            println!("    kept in {}", kept.display());
        }
    }
    if let Some(first) = wrecks.first() {
        println!(
            "again: cargo test --test powercut -- --seed {} --image {}",
            options.seed, first.number
        );
    }
}
