//! One case of a failing call: a server on a store, the call that fails, and what is held against
//! it afterwards. Must never pass a server that goes on after a fault of its store.
//!
//! What is asked of every case in which a call failed:
//! - the process ends by itself with 1 within six seconds, and its last words name what failed; or
//!   it goes on, where the call is one that `Engine::is_harmless` knows, and then it ends in order.
//!   Who writes is answered only once it is durable: a store that lost a write has to notice it at
//!   the next commit, so more is written until the server ends. Only where the call was made as the
//!   server ended in order, it could not go on anyway;
//! - what was not durable before the call failed is not accepted after it;
//! - the folder as it is opens, and so does what is on the disk if nothing that was not synced
//!   before has reached it: in both all that was ever accepted is there.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use packetboat_proof::calls::{self, Call, CallsError};
use packetboat_proof::dice::Dice;
use packetboat_proof::disk::{Content, Disk, Loss};
use packetboat_proof::promises::{self, Fact};

use crate::case::Case;
use crate::engine::Engine;
use crate::survey::survey;
use crate::talk::{Company, Measure};
use crate::vessel::{Orders, Record, Vessel};
use crate::voyage::write_image;

/// What a server says of a failure on whose success no commit waits.
const BEHIND: &str = "the work behind the commits failed";

/// How long a server may live after a fault.
const END_TIME_MAX: Duration = Duration::from_secs(6);
/// How often more is written on a server that had a fault, and how long it has to end each time.
const ROUNDS: usize = 8;
const ROUND_TIME: Duration = Duration::from_millis(100);
/// As often where the fault is harmless.
const HARMLESS_ROUNDS: usize = 2;
/// Microseconds that a sync takes.
const SYNC_US: u32 = 1_000;

const BEFORE: Measure = Measure { messages: 40, pipeline: 32, large: 20, bytes_max: 30_000 };
const UNDER_FAULT: Measure = Measure { messages: 190, pipeline: 8, large: 20, bytes_max: 30_000 };
const MORE: Measure = Measure { messages: 3, pipeline: 2, large: 0, bytes_max: 0 };

/// A store to start from.
pub struct Base {
    /// The backend of the store.
    pub engine: Engine,
    /// As it is told.
    pub name: &'static str,
    /// A folder to be copied; `None`: there is nothing yet.
    folder: Option<PathBuf>,
    /// What was recorded until then.
    calls: Vec<Call>,
}

/// Nothing, and a store that was killed after some load.
pub async fn bases(engine: Engine, folder: &Path, shim: &Path, seed: u64) -> Vec<Base> {
    let root = folder.join("lived");
    std::fs::create_dir(&root).unwrap();
    let log = folder.join("base.log");
    let record = Record { shim: shim.to_owned(), log: log.clone(), sync_us: SYNC_US };
    let orders = Orders { engine, record: Some(record), ..Orders::default() };
    let mut vessel = Vessel::launch(&root, &orders).await.expect("it starts on nothing");
    let address = vessel.address.expect("it starts on nothing");
    let wrong = Company::new(&mut Dice::new(seed)).talk(address, BEFORE).await;
    assert!(wrong.is_empty(), "{wrong:?}; seed {seed}");
    vessel.kill().await;
    let calls = recorded(&log).expect("the log of the base can be read");
    // Not the folder that it lived in: a kill can come between a call and its record, and what
    // is recorded later would be laid over a file that it does not fit.
    let root = folder.join("base");
    write_image(&Disk::after(&calls).whole(), &root);
    vec![
        Base { engine, name: "nothing", folder: None, calls: Vec::new() },
        Base { engine, name: "a store that was killed", folder: Some(root), calls },
    ]
}

/// What came of a case.
pub enum Outcome {
    /// There was no such call.
    NotReached,
    /// The server ended, so many milliseconds after the fault.
    Ended(u128),
    /// It went on, as it may.
    WentOn(String),
    /// Something is wrong.
    Bad(Vec<String>),
}

/// Where a case is done.
#[derive(Clone)]
pub struct Place {
    /// The folder of the server, not made yet.
    pub root: PathBuf,
    /// The shim.
    pub shim: PathBuf,
    /// What is bad stays there.
    pub keep: bool,
}

/// How a server came to its end.
struct End {
    /// `None`: it did not in time.
    status: Option<ExitStatus>,
    /// A call had failed before it was asked to.
    had_fault: bool,
    /// It was asked to, though a call had failed before.
    asked_after_fault: bool,
    at_ms: u128,
    wrong: Vec<String>,
}

/// Does a case.
pub async fn run(base: &Base, case: &Case, place: &Place, seed: u64) -> Outcome {
    let root = &place.root;
    std::fs::create_dir(root).unwrap();
    if let Some(folder) = &base.folder {
        copy(&folder.join("data"), &root.join("data"));
    }
    let log = root.with_extension("log");
    let outcome = match judge(base, case, place, &log, case.seed(seed)).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Bad(vec![error]),
    };
    if !(place.keep && matches!(outcome, Outcome::Bad(_))) {
        std::fs::remove_dir_all(root).unwrap();
        std::fs::remove_file(&log).unwrap();
    }
    outcome
}

async fn judge(
    base: &Base,
    case: &Case,
    place: &Place,
    log: &Path,
    seed: u64,
) -> Result<Outcome, String> {
    let root = &place.root;
    let record = Record { shim: place.shim.clone(), log: log.to_owned(), sync_us: SYNC_US };
    let engine = base.engine;
    let (fail, plant) = (Some(case.order()), case.plant.clone());
    let orders = Orders { engine, record: Some(record), fail, plant, ..Orders::default() };
    let vessel = Vessel::launch(root, &orders).await;
    let mut vessel = vessel.map_err(|error| error.to_string())?;
    let End { status, had_fault, asked_after_fault, at_ms, mut wrong } =
        live(engine, &mut vessel, case.kind, log, seed).await?;
    let said = vessel.said();
    let mut all = base.calls.clone();
    all.extend(recorded(log).map_err(|error| error.to_string())?);
    let code = status.and_then(|status| status.code());
    let Some((failed, name, failed_ms)) = fault(&all) else {
        if code == Some(0) && wrong.is_empty() {
            return Ok(Outcome::NotReached);
        }
        wrong.push(format!("it ended with {status:?}, but no call failed; it said: {said}"));
        return Ok(Outcome::Bad(wrong));
    };
    let lived = at_ms.saturating_sub(failed_ms.into());
    let what = format!("{} {}", case.kind, engine.plain(&name));
    let harmless = engine.is_harmless(case.kind, &name);
    // What goes on after that is to be as good as what went before. Behind the commits the journal
    // is written, too: a segment is made there, or erased.
    let is_behind = engine.is_behind(&name) || said.contains(BEHIND);
    let failed = (!harmless && !is_behind).then_some(failed);
    match code {
        Some(0) if harmless || (!had_fault && engine.is_closed_quietly(&name)) => {}
        Some(0) => wrong.push(format!("it went on after {what} failed")),
        Some(1) if asked_after_fault => {
            wrong.push(format!("it went on after {what} failed, until it was asked to end"));
        }
        Some(1) => {
            if lived > END_TIME_MAX.as_millis() {
                wrong.push(format!("it lived for {lived} ms after the fault"));
            }
            if !is_clear(&said) {
                wrong.push("its last words do not name what failed".to_owned());
            }
        }
        _ => wrong.push(format!("it ended with {status:?}")),
    }
    wrong.extend(look_again(engine, root, &all, failed, seed).await?);
    if wrong.is_empty() {
        return Ok(if code == Some(0) { Outcome::WentOn(what) } else { Outcome::Ended(lived) });
    }
    let told = said.lines().filter(|line| !line.contains(" DEBUG "));
    let told = told.collect::<Vec<_>>().join("\n        ");
    wrong.insert(0, format!("{what} failed; it said: {told}"));
    Ok(Outcome::Bad(wrong))
}

/// Talks with a server until it ends by itself; asks it to end if no call has failed, or if it goes
/// on nevertheless.
async fn live(
    engine: Engine,
    vessel: &mut Vessel,
    kind: char,
    log: &Path,
    seed: u64,
) -> Result<End, String> {
    let mut wrong = Vec::new();
    let mut status = None;
    let mut had_fault = false;
    if let Some(address) = vessel.address {
        let mut company = Company::new(&mut Dice::new(seed));
        wrong.extend(company.talk(address, UNDER_FAULT).await);
        for round in 0..ROUNDS {
            let calls = recorded(log).map_err(|error| error.to_string())?;
            let Some((_, name, _)) = fault(&calls) else { break };
            had_fault = true;
            status = vessel.end(ROUND_TIME).await;
            let enough = engine.is_harmless(kind, &name) && round == HARMLESS_ROUNDS;
            if status.is_some() || enough {
                break;
            }
            wrong.extend(company.talk(address, MORE).await);
            if round + 1 == ROUNDS {
                status = vessel.end(END_TIME_MAX).await;
            }
        }
    } else {
        had_fault = true;
        status = vessel.end(END_TIME_MAX).await;
    }
    let asked_after_fault = had_fault && status.is_none();
    if status.is_none() {
        status = vessel.stop().await;
    }
    if status.is_none() {
        vessel.kill().await;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let wrong = wrong.iter().map(ToString::to_string).collect();
    Ok(End { status, had_fault, asked_after_fault, at_ms: now.as_millis(), wrong })
}

/// What one process did, which may have ended within a record.
fn recorded(log: &Path) -> Result<Vec<Call>, CallsError> {
    let bytes = std::fs::read(log).expect("there is a log");
    calls::read_to_tear(bytes.into()).map(|(calls, _)| calls)
}

/// The call that failed: its number, its file, and when that was.
fn fault(calls: &[Call]) -> Option<(usize, String, u64)> {
    calls.iter().enumerate().find_map(|(number, call)| match call {
        Call::Failed { name, at_ms, .. } => Some((number, name.to_string(), *at_ms)),
        _ => None,
    })
}

/// The folder as it is, and as it is when nothing has reached the disk that was not synced; the
/// same with what was done before a call failed that takes something, if anything was accepted
/// after it.
async fn look_again(
    engine: Engine,
    root: &Path,
    all: &[Call],
    failed: Option<usize>,
    number: u64,
) -> Result<Vec<String>, String> {
    let facts = promises::facts(all).map_err(|error| error.to_string())?;
    let mut wrong = Vec::new();
    let named = |place: &'static str| move |wrong: String| format!("{place}: {wrong}");
    let bare = root.with_extension("copy");
    std::fs::create_dir(&bare).unwrap();
    // A fault can come before there is a folder.
    if root.join("data").is_dir() {
        copy(&root.join("data"), &bare.join("data"));
    }
    let found = survey(engine, &bare, &facts, number).await;
    wrong.extend(found.into_iter().map(named("as it is")));
    std::fs::remove_dir_all(&bare).unwrap();
    let before = failed.map(|failed| (failed, durable_before(all, failed)));
    let mut images = vec![("what was durable", Disk::after(all))];
    if let Some((failed, before)) = &before {
        let late =
            |(at, fact): &(usize, Fact)| at > failed && matches!(fact, Fact::Accepted { .. });
        if facts.iter().any(late) {
            images.push(("what was done before the fault", Disk::after(before)));
        }
    }
    for (place, disk) in images {
        std::fs::create_dir(&bare).unwrap();
        write_image(&disk.image(Loss::ALL, &mut Dice::new(number)), &bare);
        let found = survey(engine, &bare, &facts, number).await;
        wrong.extend(found.into_iter().map(named(place)));
        std::fs::remove_dir_all(&bare).unwrap();
    }
    Ok(wrong)
}

/// What was done before a call failed, and the syncs under way then: what they cover may be
/// accepted yet. So may what a later sync covers, if it was written before; but not if it was a
/// sync that failed, for no later one tells what became of its data.
fn durable_before(all: &[Call], failed: usize) -> Vec<Call> {
    let (before, after) = all.split_at(failed);
    let after_sync = matches!(after[0], Call::Failed { kind: 'F', .. });
    let life = before.iter().rposition(|call| *call == Call::Began).unwrap_or(0);
    let under_way = |number: i64| {
        let began = |call: &Call| matches!(call, Call::SyncBegan { number: n, .. } if *n == number);
        before[life..].iter().any(began)
    };
    let counts = |call: &&Call| match call {
        Call::SyncEnded { number } => !after_sync || under_way(*number),
        Call::SyncBegan { .. } => !after_sync,
        _ => false,
    };
    before.iter().chain(after.iter().filter(counts)).cloned().collect()
}

/// The last words are the program's, and end in what the system said.
fn is_clear(said: &str) -> bool {
    let last = said.lines().rev().find(|line| line.starts_with("packetboat: "));
    // sled loses some errors of its threads, and waits for ever: that is told as a stall.
    let words = ["os error", "storage engine failed", "damaged", "has not come to its end"];
    last.is_some_and(|last| words.iter().any(|word| last.contains(word)))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().expect("it is an entry"));
        if path.is_dir() {
            copy(&path, &target);
        } else if path.is_file() {
            Content::from(std::fs::read(&path).unwrap()).write(&target).unwrap();
        }
    }
}
