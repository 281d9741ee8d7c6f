//! Deterministic simulation: the real sessions, hub, ledger, committer and client library, over a
//! simulated network, disk and clock, where everything goes wrong that can. A seed is a run, and a
//! run is always the same. Must never use a real clock, thread or socket within a run.
//!
//! ```text
//! cargo test --release --test simulation                       3,000 seeds, and every planted bug
//! cargo test --release --test simulation -- --seeds 1000000    many
//! cargo test --release --test simulation -- --seed 17          one, with all that happened
//! cargo test --release --test simulation -- --plant NAME       until the bug is found
//! ```

#![allow(unreachable_pub, clippy::print_stdout, reason = "a test crate has no outside, and prints")]

mod app;
mod bay;
mod berths;
mod coverage;
mod dialer;
mod disk;
mod doors;
mod harbour;
mod hold;
mod judges;
mod keyring;
mod latest;
mod lookout;
mod lounge;
mod network;
mod notes;
mod people;
mod person;
mod plan;
mod promised;
mod receipts;
mod reckoning;
mod rude;
mod saying;
mod shelf;
mod spyglass;
mod whispers;
mod world;

use std::cell::RefCell;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use packetboat_proof::checker::{self, Counts, Rules};
use packetboat_proof::suite;
use packetboat_proto::planted::{self, Bug};
use packetboat_proto::seen;

use crate::coverage::Coverage;
use crate::judges::Met;
use crate::world::Run;

/// Bugs that this suite must find. Only a real disk can show what a missing fdatasync costs.
const PLANTS: [Bug; 38] = [
    Bug::AnswerBeforeSync,
    Bug::DedupRowSkipped,
    Bug::HeadFromMemory,
    Bug::HorizonIgnored,
    Bug::RefusedTakesSeq,
    Bug::ConflictAccepted,
    Bug::CursorBeforeDelivery,
    Bug::OverflowForgotten,
    Bug::RemovedStillServed,
    Bug::GroupsForgotten,
    Bug::PageSkipsOne,
    Bug::HandedOverTwice,
    Bug::SpanEndsLate,
    Bug::SyncErrorIgnored,
    Bug::AppliedUnderSync,
    Bug::RecallKeepsContent,
    Bug::RoomForgetsEarly,
    Bug::RevisionKept,
    Bug::KeyGivenTwice,
    Bug::ExpiredShown,
    Bug::LogOutKeepsTicket,
    Bug::BlockForgottenByCache,
    Bug::ReceiptsShowHidden,
    Bug::PresenceShownToBlocked,
    Bug::PresenceUntold,
    Bug::TypingReachesBlocked,
    Bug::LinkUsesUncounted,
    Bug::RivalStays,
    Bug::ForgottenTooSoon,
    Bug::MentionOutlivesRecall,
    Bug::OriginUnchecked,
    Bug::OldGroupStillCounts,
    Bug::HidingReplaces,
    Bug::FileGivenToAnyone,
    Bug::ReferenceUncounted,
    Bug::HashUnchecked,
    Bug::ForgottenBytesStay,
    Bug::HiddenStillFound,
];
/// Seeds within which a planted bug must be found.
const PLANT_SEEDS: u64 = 2_000;
/// Of so many seeds one is run twice, and must be the same.
const REPEAT_EVERY: u64 = 10;
/// Messages accepted for each seed, and entries handed over, that a run has at the least: it has
/// some 38 and 65.
const ACCEPTED_PER_SEED: u64 = 20;
const HANDED_PER_SEED: u64 = 30;
/// The exit code of a failed test.
const FAILED: u8 = 101;

thread_local! {
    /// The panics of this thread's runs, those of tasks among them.
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

#[derive(Parser)]
#[command(about = "Deterministic simulation of server and clients")]
struct Args {
    /// How many seeds to run.
    #[arg(long, default_value_t = 3_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Run this one alone, and print what happened.
    #[arg(long)]
    seed: Option<u64>,
    /// Plant this bug, and run until it is found.
    #[arg(long)]
    plant: Option<String>,
    /// Plant no bugs.
    #[arg(long)]
    only_seeds: bool,
    /// Write what was met often to this file, which is to be `tests/simulation/met.txt`.
    #[arg(long)]
    write_met: Option<PathBuf>,
    /// Threads.
    #[arg(long, default_value_t = std::thread::available_parallelism().map_or(1, Into::into))]
    threads: usize,
}

/// What is wrong with a run, in sentences.
fn judge(run: &Run) -> (Vec<String>, Counts) {
    let rules = Rules { sender_order: run.sender_order, bars: Some(run.bars) };
    let verdict = checker::check_with(&run.history, rules);
    let mut wrong = run.faults.clone();
    wrong.extend(verdict.violations.iter().map(ToString::to_string));
    (wrong, verdict.counts)
}

fn simulate(seed: u64) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O can be made");
    runtime.block_on(world::run(seed))
}

/// What many seeds came to.
#[derive(Default)]
struct Tally {
    coverage: Mutex<Coverage>,
    seeds: AtomicU64,
    accepted: AtomicU64,
    deliveries: AtomicU64,
    simulated_s: AtomicU64,
    met: Mutex<Met>,
    failed: Mutex<Option<(u64, Vec<String>)>>,
    /// What is looked for, if it is not anything that is wrong: a part of its sentence.
    sign: Option<&'static str>,
    stop: AtomicBool,
}

/// Runs seeds on all threads, until one fails.
fn run_all(first: u64, count: u64, threads: usize, sign: Option<&'static str>) -> Tally {
    let tally = Tally { sign, ..Tally::default() };
    let next = AtomicU64::new(first);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !tally.stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        break;
                    }
                    run_one(seed, &tally);
                }
                tally.coverage.lock().expect("no panic").add(seen::take());
            });
        }
    });
    tally
}

/// Runs a seed and judges it; a panic, of whatever task, is wrong too.
fn try_seed(seed: u64) -> (Vec<String>, Counts, Met, Duration) {
    let tried = catch_unwind(|| {
        let run = simulate(seed);
        let (mut wrong, counts) = judge(&run);
        if seed.is_multiple_of(REPEAT_EVERY) && simulate(seed).history != run.history {
            wrong.push("the same seed was another run the second time".to_owned());
        }
        (wrong, counts, run.met, run.took)
    });
    let (mut wrong, counts, met, took) = tried.unwrap_or_default();
    wrong.extend(PANICS.take());
    (wrong, counts, met, took)
}

fn run_one(seed: u64, tally: &Tally) {
    let (wrong, counts, met, took) = try_seed(seed);
    tally.met.lock().expect("no panic").add(&met);
    tally.seeds.fetch_add(1, Ordering::Relaxed);
    tally.accepted.fetch_add(counts.accepted, Ordering::Relaxed);
    tally.deliveries.fetch_add(counts.deliveries, Ordering::Relaxed);
    tally.simulated_s.fetch_add(took.as_secs(), Ordering::Relaxed);
    let shows = |what: &String| tally.sign.is_none_or(|sign| what.contains(sign));
    if wrong.iter().any(shows) {
        tally.stop.store(true, Ordering::Relaxed);
        tally.failed.lock().expect("no panic").get_or_insert((seed, wrong));
    }
}

fn show(seed: u64) -> bool {
    let run = simulate(seed);
    for event in &run.history.events {
        println!("{event:?}");
    }
    for line in &run.diary {
        println!("{line}");
    }
    let (mut wrong, counts) = judge(&run);
    wrong.extend(PANICS.take());
    println!("{counts:?}, {:?}, {} s simulated", run.met, run.took.as_secs());
    for what in &wrong {
        println!("WRONG: {what}");
    }
    wrong.is_empty()
}

/// A part of the sentence that must be among what is wrong for a bug to be found: that another
/// judge finds something is no proof of its own.
const fn sign(bug: Bug) -> Option<&'static str> {
    match bug {
        Bug::ReceiptsShowHidden => Some(" is told ["),
        Bug::PresenceShownToBlocked | Bug::PresenceUntold => Some(", and it is Presence {"),
        Bug::TypingReachesBlocked => Some(" types, and one blocks the other"),
        Bug::LinkUsesUncounted => Some("the invitation was used up"),
        Bug::RivalStays => Some(" is there, and so is "),
        Bug::ForgottenTooSoon => Some(" are known, and of them "),
        Bug::MentionOutlivesRecall => Some(" unread and calls, not "),
        Bug::FileGivenToAnyone => Some(", and sees none there"),
        Bug::ReferenceUncounted => Some(" stands in a chat, and "),
        Bug::HashUnchecked => Some(", and not what was announced"),
        Bug::ForgottenBytesStay => Some(", and its bytes are there still"),
        Bug::HiddenStillFound => Some(" finds "),
        _ => None,
    }
}

/// Looks for a planted bug; whether it was found.
fn hunt(bug: Bug, args: &Args) -> bool {
    planted::plant(Some(bug));
    let tally = run_all(args.first, PLANT_SEEDS, args.threads, sign(bug));
    planted::plant(None);
    let failed = tally.failed.into_inner().expect("no panic");
    let (name, is_found) = (bug.name(), failed.is_some());
    match failed {
        Some((seed, wrong)) => {
            let shows = |what: &&String| sign(bug).is_none_or(|sign| what.contains(sign));
            let what = wrong.iter().find(shows).expect("it was found by that");
            println!("planted {name}: found by seed {seed}: {what}");
        }
        None => println!("planted {name}: NOT FOUND in {PLANT_SEEDS} seeds"),
    }
    is_found
}

fn soak(args: &Args) -> bool {
    let started = Instant::now();
    let tally = run_all(args.first, args.seeds, args.threads, None);
    let seeds = tally.seeds.into_inner();
    let (accepted, deliveries) = (tally.accepted.into_inner(), tally.deliveries.into_inner());
    let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    println!(
        "{seeds} seeds in {} s on {} threads ({} an hour and thread): {} accepted, {} handed over, \
         {} s simulated",
        took / 1_000,
        args.threads,
        seeds * 3_600_000 / took.max(1) / args.threads as u64,
        accepted,
        deliveries,
        tally.simulated_s.into_inner(),
    );
    let met = tally.met.into_inner().expect("no panic");
    println!("judged: {met:?}");
    let Some((seed, wrong)) = tally.failed.into_inner().expect("no panic") else {
        let enough = accepted >= seeds * ACCEPTED_PER_SEED
            && deliveries >= seeds * HANDED_PER_SEED
            && met.is_enough(seeds);
        if !enough {
            println!("too little happened for this to be a proof of anything");
        }
        let coverage = tally.coverage.into_inner().expect("no panic");
        if let Some(file) = &args.write_met {
            std::fs::write(file, coverage.often()).expect("the file can be written");
        }
        return coverage.judge(args.seeds) && enough;
    };
    for what in &wrong {
        println!("seed {seed}: {what}");
    }
    println!("again: cargo test --release --test simulation -- --seed {seed}");
    false
}

fn main() -> ExitCode {
    let Some(arguments) = suite::arguments("simulation") else { return ExitCode::SUCCESS };
    let args = Args::parse_from(arguments);
    std::panic::set_hook(Box::new(|panic| {
        PANICS.with_borrow_mut(|panics| panics.push(format!("something panicked: {panic}")));
    }));
    let good = if let Some(name) = &args.plant {
        let Some(bug) = Bug::named(name) else {
            println!("there is no bug {name}; there are {:?}", Bug::ALL.map(Bug::name));
            return ExitCode::from(2);
        };
        hunt(bug, &args)
    } else if let Some(seed) = args.seed {
        show(seed)
    } else if args.only_seeds {
        soak(&args)
    } else {
        let found = PLANTS.into_iter().filter(|bug| hunt(*bug, &args)).count();
        println!("planted bugs: {found} of {} found", PLANTS.len());
        soak(&args) && found == PLANTS.len()
    };
    if good { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}
