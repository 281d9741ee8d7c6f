//! A disk that fails: the k-th call of every kind gets EIO or ENOSPC, once or from then on, while a
//! server starts on a store that was killed, or on none, and while it is under load. Must never
//! pass a server that goes on after a fault of its store.
//!
//! What is asked of every case in which a call failed:
//! - the process ends with 1 within six seconds, and its last words name what failed; or it goes
//!   on, where the call is one of those in `is_harmless`, and then it ends in order;
//! - the folder as it is opens, and so does what is on the disk if nothing that was not synced
//!   before has reached it: in both all that was ever accepted is there.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use packetboat_proof::calls::{self, Call};
use packetboat_proof::dice::Dice;
use packetboat_proof::disk::{Disk, Loss};
use packetboat_proof::promises;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::options::Options;
use crate::survey::survey;
use crate::talk::{Company, Measure};
use crate::vessel::{Orders, Record, Vessel};
use crate::voyage::write_image;

/// Cases at a time.
const AT_ONCE: usize = 2;
/// How long a server may live after a fault.
const END_TIME_MAX: Duration = Duration::from_secs(6);
/// Calls that fail one after the other in CI; of the later ones a sample does.
const FIRST_CALLS: u64 = 3;
/// Later ones of each kind in CI, and up to which.
const LATER_CALLS: u64 = 2;
const CALLS_MAX: u64 = 200;
/// Bad cases that are described.
const DESCRIBED_MAX: usize = 12;
/// The kinds of calls, as the shim names them.
const KINDS: [char; 9] = ['P', 'W', 'F', 'S', 'O', 'T', 'R', 'U', 'M'];
/// The errors: EIO and ENOSPC.
const ERRORS: [i32; 2] = [5, 28];
/// Microseconds that a sync takes.
const SYNC_US: u32 = 1_000;

const BEFORE: Measure = Measure { messages: 40, pipeline: 32, large: 20, bytes_max: 30_000 };
const UNDER_FAULT: Measure = Measure { messages: 190, pipeline: 8, large: 20, bytes_max: 30_000 };

/// A store to start from.
struct Base {
    name: &'static str,
    /// A folder to be copied; `None`: there is nothing yet.
    folder: Option<PathBuf>,
    /// What was recorded until then.
    calls: Vec<Call>,
}

#[derive(Clone, Debug)]
struct Case {
    base: usize,
    kind: char,
    number: u64,
    error: i32,
    lasts: bool,
    seed: u64,
}

/// What came of a case.
enum Outcome {
    /// There was no such call.
    NotReached,
    /// The server ended, so many milliseconds after the fault.
    Ended(u128),
    /// It went on, as it may.
    WentOn(String),
    /// Something is wrong.
    Bad(Vec<String>),
}

/// Checks all cases that the options ask for.
pub async fn check(options: &Options, folder: &Path, shim: &Path) -> bool {
    let begun = Instant::now();
    let bases = Arc::new(bases(folder, shim, options.seed).await);
    let cases = cases(options, bases.len());
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    let unreached = Arc::new(Mutex::new(HashMap::new()));
    for (number, case) in cases.into_iter().enumerate() {
        if is_beyond(&unreached, &case) {
            continue;
        }
        let place = Arc::clone(&places).acquire_owned().await.expect("it is never closed");
        let (bases, shim) = (Arc::clone(&bases), shim.to_owned());
        let unreached = Arc::clone(&unreached);
        let root = folder.join(format!("case-{number}"));
        running.spawn(async move {
            let outcome = run(&bases[case.base], &case, &root, &shim).await;
            drop(place);
            if matches!(outcome, Outcome::NotReached) {
                unreached.lock().unwrap().insert((case.kind, case.base), case.number);
            }
            (case, outcome)
        });
    }
    let mut counts: BTreeMap<char, [usize; 4]> = BTreeMap::new();
    let mut harmless: BTreeMap<String, usize> = BTreeMap::new();
    let mut bad = Vec::new();
    let mut slowest = 0;
    while let Some(done) = running.join_next().await {
        let (case, outcome) = done.unwrap();
        let column = match outcome {
            Outcome::NotReached => 0,
            Outcome::Ended(lived) => {
                slowest = slowest.max(lived);
                1
            }
            Outcome::WentOn(what) => {
                *harmless.entry(what).or_default() += 1;
                2
            }
            Outcome::Bad(wrong) => {
                bad.push((case.clone(), wrong));
                3
            }
        };
        counts.entry(case.kind).or_default()[column] += 1;
    }
    println!("failing calls, by kind [not reached, ended, harmless, bad]: {counts:?}");
    println!("harmless: {harmless:?}; the slowest end came {slowest} ms after its fault");
    for (case, wrong) in bad.iter().take(DESCRIBED_MAX) {
        println!("{case:?} on {}", bases[case.base].name);
        for wrong in wrong.iter().take(DESCRIBED_MAX) {
            println!("    {wrong}");
        }
    }
    println!("{} bad cases of failing calls, {:.1} s", bad.len(), begun.elapsed().as_secs_f64());
    if !bad.is_empty() {
        println!(
            "again: cargo test --test powercut -- --only faults --seed {}{}",
            options.seed,
            options.faults.map_or(String::new(), |last| format!(" --faults {last}"))
        );
    }
    bad.is_empty()
}

/// The first calls that were never made, by kind and base.
type Unreached = Mutex<HashMap<(char, usize), u64>>;

fn is_beyond(unreached: &Unreached, case: &Case) -> bool {
    let unreached = unreached.lock().unwrap();
    // The number of calls differs a little from run to run.
    unreached.get(&(case.kind, case.base)).is_some_and(|first| case.number > *first)
}

/// Nothing, and a store that was killed under load.
async fn bases(folder: &Path, shim: &Path, seed: u64) -> Vec<Base> {
    let root = folder.join("base");
    std::fs::create_dir(&root).unwrap();
    let log = folder.join("base.log");
    let record = Record { shim: shim.to_owned(), log: log.clone(), sync_us: SYNC_US };
    let orders = Orders { record: Some(record), ..Orders::default() };
    let mut vessel = Vessel::launch(&root, &orders).await;
    let address = vessel.address.expect("it starts on nothing");
    Company::new(&mut Dice::new(seed)).talk(address, BEFORE).await;
    // No call is under way: everything is answered.
    vessel.kill().await;
    let calls = calls::read(std::fs::read(&log).unwrap().into()).expect("the log is whole");
    vec![
        Base { name: "nothing", folder: None, calls: Vec::new() },
        Base { name: "a store that was killed", folder: Some(root), calls },
    ]
}

fn cases(options: &Options, bases: usize) -> Vec<Case> {
    let mut dice = Dice::new(options.seed);
    let mut cases = Vec::new();
    for kind in KINDS {
        for base in 0..bases {
            let numbers: Vec<u64> = if let Some(last) = options.faults {
                (1..=last).collect()
            } else {
                let later = (0..LATER_CALLS).map(|_| dice.between(FIRST_CALLS + 1, CALLS_MAX));
                (1..=FIRST_CALLS).chain(later).collect()
            };
            for number in numbers {
                for error in ERRORS {
                    let (lasts, seed) = (dice.chance(500), dice.number());
                    cases.push(Case { base, kind, number, error, lasts, seed });
                }
            }
        }
    }
    // So that what is not reached is known before what comes later.
    cases.sort_by_key(|case| case.number);
    cases
}

async fn run(base: &Base, case: &Case, root: &Path, shim: &Path) -> Outcome {
    std::fs::create_dir(root).unwrap();
    if let Some(folder) = &base.folder {
        copy(&folder.join("data"), &root.join("data"));
    }
    let log = root.with_extension("log");
    let Case { kind, number, error, lasts, .. } = case;
    let record = Record { shim: shim.to_owned(), log: log.clone(), sync_us: SYNC_US };
    let fail = Some(format!("{kind}:{number}:{error}:{}", u8::from(*lasts)));
    let orders = Orders { record: Some(record), fail, ..Orders::default() };
    let mut vessel = Vessel::launch(root, &orders).await;
    if let Some(address) = vessel.address {
        Company::new(&mut Dice::new(case.seed)).talk(address, UNDER_FAULT).await;
    }
    let status = vessel.stop().await;
    let ended_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let said = vessel.said();
    let mut all = base.calls.clone();
    all.extend(calls::read(std::fs::read(&log).unwrap().into()).expect("the log is whole"));
    let fault = all.iter().find_map(|call| match call {
        Call::Failed { name, at_ms, .. } => Some((name.to_string(), *at_ms)),
        _ => None,
    });
    let Some((name, failed_ms)) = fault else {
        clear(root, &log);
        return Outcome::NotReached;
    };
    let mut wrong = Vec::new();
    let lived = u128::saturating_sub(ended_ms, failed_ms.into());
    let code = status.and_then(|status| status.code());
    let what = format!("{kind} {}", plain(&name));
    match code {
        Some(1) => {
            if lived > END_TIME_MAX.as_millis() {
                wrong.push(format!("it lived for {lived} ms after the fault"));
            }
            if !is_clear(&said) {
                wrong.push("its last words do not name what failed".to_owned());
            }
        }
        Some(0) if is_harmless(*kind, &name) => {}
        Some(0) => wrong.push(format!("it went on after {what} failed")),
        _ => wrong.push(format!("it ended with {status:?}")),
    }
    wrong.extend(look_again(root, &all, case.seed).await);
    clear(root, &log);
    if wrong.is_empty() {
        return if code == Some(0) { Outcome::WentOn(what) } else { Outcome::Ended(lived) };
    }
    let told = said.lines().filter(|line| !line.contains(" DEBUG "));
    let told = told.collect::<Vec<_>>().join("\n        ");
    wrong.insert(0, format!("{what} failed; it said: {told}"));
    Outcome::Bad(wrong)
}

/// The folder as it is, and as it is when nothing has reached the disk that was not synced.
async fn look_again(root: &Path, all: &[Call], number: u64) -> Vec<String> {
    let facts = promises::facts(all).expect("the connections can be read");
    let mut wrong = Vec::new();
    let named = |place: &'static str| move |wrong: String| format!("{place}: {wrong}");
    wrong.extend(survey(root, &facts, number).await.into_iter().map(named("as it is")));
    let durable = Disk::after(all).image(Loss::ALL, &mut Dice::new(number));
    let bare = root.with_extension("durable");
    std::fs::create_dir(&bare).unwrap();
    write_image(&durable, &bare);
    let found = survey(&bare, &facts, number).await;
    wrong.extend(found.into_iter().map(named("what was durable")));
    std::fs::remove_dir_all(&bare).unwrap();
    wrong
}

/// Calls whose failure takes nothing from the store.
fn is_harmless(kind: char, name: &str) -> bool {
    match kind {
        // An old socket that is removed, and the server's own at its end.
        'U' => name.ends_with("control.sock"),
        _ => false,
    }
}

/// The last words are the program's, and end in what the system said.
fn is_clear(said: &str) -> bool {
    let last = said.lines().rev().find(|line| line.starts_with("packetboat: "));
    // sled loses some errors of its threads, and waits for ever: that is told as a stall.
    let words = ["os error", "storage engine failed", "damaged", "has not come to its end"];
    last.is_some_and(|last| words.iter().any(|word| last.contains(word)))
}

/// Without what differs from run to run.
fn plain(name: &str) -> String {
    let file = name.rsplit('/').next().unwrap_or(name);
    if file.starts_with("snap.") { "snap".to_owned() } else { file.to_owned() }
}

fn clear(root: &Path, log: &Path) {
    std::fs::remove_dir_all(root).unwrap();
    std::fs::remove_file(log).unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().expect("it is an entry"));
        if path.is_dir() {
            copy(&path, &target);
        } else if path.is_file() {
            std::fs::copy(&path, target).unwrap();
        }
    }
}
