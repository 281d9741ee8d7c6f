//! A disk that fails: the k-th call of every kind gets EIO or ENOSPC, once or from then on, while a
//! server starts on a store that was killed, or on none, and while it is under load. Must never
//! count a run as good in which no call of a kind that matters has failed.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use packetboat_proof::dice::Dice;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::case::{Case, Wanted};
use crate::engine::{Engine, Sample};
use crate::options::Options;
use crate::trial::{Base, Outcome, Place, bases, run};

/// Cases at a time.
const AT_ONCE: usize = 2;
/// Up to which calls a sample is taken in CI.
const CALLS_MAX: u64 = 200;
/// Bad cases that are described, and faults of each.
const DESCRIBED_MAX: usize = 12;
/// The errors: EIO and ENOSPC.
const ERRORS: [i32; 2] = [5, 28];
/// A bug that a failing sync has to show, and the syncs that are tried: of them some are commits'.
const PLANTED: &str = "sync-error-ignored";
const PLANTED_SYNCS: std::ops::Range<u64> = 30..34;

/// Cases of one kind, by what came of them.
#[derive(Debug, Default)]
struct Count {
    ended: usize,
    harmless: usize,
    bad: usize,
    not_reached: usize,
    /// Not tried, since a lower number was not reached.
    beyond: usize,
}

impl fmt::Display for Count {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ended, harmless, bad, not_reached, beyond } = self;
        write!(
            out,
            "{ended:4} ended, {harmless:4} harmless, {bad:4} bad, {not_reached:4} not reached, \
             {beyond:4} beyond that"
        )
    }
}

/// What came of all cases.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<char, Count>,
    harmless: BTreeMap<String, usize>,
    bad: Vec<(Case, Vec<String>)>,
    slowest_ms: u128,
}

impl Tally {
    fn add(&mut self, case: Case, outcome: Outcome) {
        let count = self.counts.entry(case.kind).or_default();
        match outcome {
            Outcome::NotReached => count.not_reached += 1,
            Outcome::Ended(lived) => {
                self.slowest_ms = self.slowest_ms.max(lived);
                count.ended += 1;
            }
            Outcome::WentOn(what) => {
                *self.harmless.entry(what).or_default() += 1;
                count.harmless += 1;
            }
            Outcome::Bad(wrong) => {
                count.bad += 1;
                self.bad.push((case, wrong));
            }
        }
    }

    /// Kinds of which no call has ended a server.
    fn missing(&self, engine: Engine) -> Vec<char> {
        let ended = |kind: &char| self.counts.get(kind).is_some_and(|count| count.ended > 0);
        engine.ending().iter().copied().filter(|kind| !ended(kind)).collect()
    }
}

/// Checks all cases that the options ask for.
pub async fn check(options: &Options, folder: &Path, shim: &Path) -> bool {
    let begun = Instant::now();
    let bases = Arc::new(bases(options.engine(), folder, shim, options.seed).await);
    let tally = try_all(options, &bases, folder, shim).await;
    println!("failing calls on {}, by kind:", options.engine());
    for (kind, count) in &tally.counts {
        println!("    {kind} {count}");
    }
    let Tally { harmless, slowest_ms, bad, .. } = &tally;
    println!("harmless: {harmless:?}; the slowest end came {slowest_ms} ms after its fault");
    for (case, wrong) in bad.iter().take(DESCRIBED_MAX) {
        println!("{case:?} on {}", bases[case.base].name);
        for wrong in wrong.iter().take(DESCRIBED_MAX) {
            println!("    {wrong}");
        }
        println!("    again: {}", replay(options, &format!(" --case {}", case.argument())));
    }
    println!("{} bad cases of failing calls, {:.1} s", bad.len(), begun.elapsed().as_secs_f64());
    let mut good = bad.is_empty();
    if is_whole(options) {
        let missing = tally.missing(options.engine());
        if !missing.is_empty() {
            println!("no failing call of the kinds {missing:?} has ended a server");
            good = false;
        }
        if options.plant.is_none() {
            good &= a_planted_bug_is_found(options, &bases, folder, shim).await;
        }
    }
    if !good {
        let last = options.faults.map_or(String::new(), |last| format!(" --faults {last}"));
        println!("all again: {}", replay(options, &last));
    }
    good
}

fn replay(options: &Options, more: &str) -> String {
    let plant = options.plant.as_ref().map_or(String::new(), |name| format!(" --plant {name}"));
    let (engine, seed) = (options.engine(), options.seed);
    format!(
        "cargo test --test powercut -- --backend {engine} --only faults --seed {seed}{more}{plant}"
    )
}

/// The cases are those of a whole run, and not a few of them.
fn is_whole(options: &Options) -> bool {
    options.case.is_none()
        && options.faults.is_none_or(|last| last >= options.engine().sample().first)
}

async fn try_all(options: &Options, bases: &Arc<Vec<Base>>, folder: &Path, shim: &Path) -> Tally {
    let cases = match options.case {
        Some(wanted) => cases_of(options, wanted, bases.len()),
        None => cases(options, bases.len()),
    };
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let unreached = Arc::new(Unreached::default());
    let mut running = JoinSet::new();
    let mut tally = Tally::default();
    for (number, case) in cases.into_iter().enumerate() {
        let free = Arc::clone(&places).acquire_owned().await.expect("it is never closed");
        if is_beyond(&unreached, &case) {
            tally.counts.entry(case.kind).or_default().beyond += 1;
            continue;
        }
        let root = folder.join(format!("case-{number}"));
        let place = Place { root, shim: shim.to_owned(), keep: options.keep };
        let (bases, unreached, seed) = (Arc::clone(bases), Arc::clone(&unreached), options.seed);
        running.spawn(async move {
            let tried = case.clone();
            let trial = async move { run(&bases[tried.base], &tried, &place, seed).await };
            let outcome = tokio::spawn(trial).await;
            drop(free);
            let outcome = outcome
                .unwrap_or_else(|error| Outcome::Bad(vec![format!("the suite gave up: {error}")]));
            if matches!(outcome, Outcome::NotReached) {
                let mut unreached = unreached.lock().unwrap();
                unreached.entry((case.kind, case.base)).or_insert(case.number);
            }
            (case, outcome)
        });
    }
    while let Some(done) = running.join_next().await {
        let (case, outcome) = done.expect("a panic within is a bad case");
        tally.add(case, outcome);
    }
    tally
}

/// The first calls that were never made, by kind and base.
type Unreached = Mutex<HashMap<(char, usize), u64>>;

fn is_beyond(unreached: &Unreached, case: &Case) -> bool {
    let unreached = unreached.lock().unwrap();
    // The number of calls differs a little from run to run.
    unreached.get(&(case.kind, case.base)).is_some_and(|first| case.number > *first)
}

fn cases_of(options: &Options, wanted: Wanted, bases: usize) -> Vec<Case> {
    let Wanted { kind, number, error, lasts, base } = wanted;
    let wanted = (0..bases).filter(|number| base.is_none_or(|base| base == *number));
    let plant = &options.plant;
    let case = |base| Case { base, kind, number, error, lasts, plant: plant.clone() };
    wanted.map(case).collect()
}

fn cases(options: &Options, bases: usize) -> Vec<Case> {
    let mut dice = Dice::new(options.seed);
    let Sample { first, later, every_error } = options.engine().sample();
    let every_error = every_error || options.faults.is_some();
    let mut cases = Vec::new();
    for kind in options.engine().kinds() {
        for base in 0..bases {
            let numbers: Vec<u64> = if let Some(last) = options.faults {
                (1..=last).collect()
            } else {
                let later = (0..later).map(|_| dice.between(first + 1, CALLS_MAX));
                (1..=first).chain(later).collect()
            };
            for number in numbers {
                let one = if every_error { None } else { dice.pick(&ERRORS) };
                for error in ERRORS.into_iter().filter(|error| one.is_none_or(|one| one == error)) {
                    let (lasts, plant) = (dice.chance(500), options.plant.clone());
                    cases.push(Case { base, kind, number, error, lasts, plant });
                }
            }
        }
    }
    // So that what is not reached is known before what comes later.
    cases.sort_by_key(|case| case.number);
    cases
}

/// A server that answers in spite of a failed sync is bad, or this half is worth nothing.
async fn a_planted_bug_is_found(
    options: &Options,
    bases: &[Base],
    folder: &Path,
    shim: &Path,
) -> bool {
    for number in PLANTED_SYNCS {
        let plant = Some(PLANTED.to_owned());
        let case = Case { base: 0, kind: 'F', number, error: ERRORS[0], lasts: false, plant };
        let root = folder.join(format!("planted-case-{number}"));
        let place = Place { root, shim: shim.to_owned(), keep: false };
        if let Outcome::Bad(wrong) = run(&bases[0], &case, &place, options.seed).await {
            let why = wrong.iter().skip(1).take(2).cloned().collect::<Vec<_>>().join("; ");
            println!("the bug {PLANTED} is found at sync {number}: {why}");
            return true;
        }
    }
    println!("the bug {PLANTED} is not found; seed {}", options.seed);
    false
}
