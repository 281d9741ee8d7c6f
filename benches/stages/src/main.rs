//! What each stage of a message costs by itself. `cargo bench -p packetboat-stages` prints the
//! figures; the tests run each body once. Must never print figures of a build in which bugs can be
//! planted, nor of a body whose result was not checked.
//!
//! Floors, lowest first: `round`, `scene`, `ground`; a stage each.

mod catch_up;
mod codec;
mod commit;
mod fanout;
mod flow;
mod ground;
mod ledger;
mod questions;
mod round;
mod scene;

use std::env;
use std::ffi::OsString;
use std::process::{Command, ExitCode};
use std::time::Duration;

use criterion::Criterion;
use mimalloc::MiMalloc;
use packetboat_proto::planted;

/// How often a body is measured.
const SAMPLES: usize = 20;
/// Before it is measured.
const WARM_UP: Duration = Duration::from_millis(200);
/// While it is measured.
const MEASUREMENT: Duration = Duration::from_secs(1);

/// That of the server.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let given: Vec<OsString> = env::args_os().skip(1).collect();
    let known = known_to_criterion(&given);
    if known.len() < given.len() {
        // Criterion reads the arguments of the process, and ends at one that it does not know.
        return again_with(&known);
    }
    if planted::POSSIBLE && given.iter().any(|argument| argument == "--bench") {
        eprintln!("bugs can be planted in this build: run cargo bench -p packetboat-stages");
        return ExitCode::FAILURE;
    }
    let criterion = Criterion::default().without_plots().sample_size(SAMPLES);
    let criterion = criterion.warm_up_time(WARM_UP).measurement_time(MEASUREMENT);
    let mut criterion = criterion.configure_from_args();
    codec::measure(&mut criterion);
    flow::measure(&mut criterion);
    ledger::measure(&mut criterion);
    commit::measure(&mut criterion);
    fanout::measure(&mut criterion);
    catch_up::measure(&mut criterion);
    questions::measure(&mut criterion);
    criterion.final_summary();
    ExitCode::SUCCESS
}

/// The arguments without those of a test that Criterion does not know, and their values.
fn known_to_criterion(given: &[OsString]) -> Vec<OsString> {
    let mut known = Vec::new();
    let mut given = given.iter();
    while let Some(argument) = given.next() {
        match argument.to_str() {
            Some("--test-threads" | "--skip") => drop(given.next()),
            Some("-q") => {}
            Some(text) if text.starts_with("--test-threads=") || text.starts_with("--skip=") => {}
            _ => known.push(argument.clone()),
        }
    }
    known
}

fn again_with(arguments: &[OsString]) -> ExitCode {
    let own = env::current_exe().expect("a process knows what it runs");
    let ended = Command::new(own).args(arguments).status().expect("it can be run again");
    let code = ended.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
