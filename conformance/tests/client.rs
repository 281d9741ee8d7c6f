//! The client of this repository under the runner; and clients that are wrong on purpose, each of
//! which fails the checks of what it breaks and no others. It is its own client: started again
//! with an address in its environment, it is the one that is driven.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "../../client/examples/conformance_client.rs"]
#[allow(dead_code, reason = "its own main is for the example")]
mod adapter;
#[path = "shared/tampering.rs"]
mod tampering;
#[path = "client/wrong.rs"]
mod wrong;

use std::ffi::OsString;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use packetboat_conformance::check::{self, Check, Finding};
use packetboat_conformance::client::{checks, harbor::Harbor};
use packetboat_conformance::outcome::Stop;
use packetboat_conformance::report::{Form, line};

/// The longest that one check may take.
const CHECK_TIME_MAX: Duration = Duration::from_secs(100);
const PATIENCE: Duration = Duration::from_secs(20);
const JOBS: usize = 6;
/// Run here too, though they are slow: the table of clauses says so.
const SLOW: [&str; 1] = ["sending.refused_before_the_last"];
/// Skipped of a client that is started elsewhere, whatever it acknowledges.
const UNSEEN: [&str; 4] = [
    "receiving.handed_over",
    "receiving.had_before",
    "receiving.again_after_a_cut",
    "receiving.own_other_device",
];
/// With this word the test is the client that it tests.
const AS_CLIENT: &str = "as-client";
/// Left out here: a client gives a server 15 s for a handshake.
const SKIPPED: [&str; 1] = ["handshake.no_welcome"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    if words.next().is_some_and(|word| word == AS_CLIENT) {
        let server = std::env::var("PACKETBOAT_SERVER").unwrap();
        // One that is wrong is started with the name of what is.
        let server = match words.next() {
            Some(name) => wrong::instead(&name, server.parse().unwrap()).await.to_string(),
            None => server,
        };
        adapter::run(server).await.unwrap();
        return ExitCode::SUCCESS;
    }
    let seed = getrandom::u64().unwrap();
    let begun = Instant::now();
    let mut wrongs = Vec::new();
    let (mut found, slow, unseen) = tokio::join!(
        run(checks(), None, seed, false),
        run(chosen(&SLOW), None, seed, true),
        waited_for(seed)
    );
    // What was skipped as slow beside them is not.
    found.retain(|finding| !SLOW.contains(&finding.name));
    found.extend(slow);
    let skipped: Vec<&str> = found.iter().filter(|f| is_skipped(f)).map(|f| f.name).collect();
    if skipped != SKIPPED {
        wrongs.push(format!("{SKIPPED:?} are to be skipped, {skipped:?} are"));
    }
    wrongs.extend(found.iter().filter(|f| f.fails(true)).map(|f| line(f, true, Form::Text)));
    let checked = unseen.iter().filter(|finding| !is_skipped(finding));
    wrongs.extend(checked.map(|f| format!("not seen: {}", line(f, true, Form::Text))));
    println!("{} checks of the client in {:?}", found.len(), begun.elapsed());
    for kind in wrong::KINDS {
        let chosen = chosen(kind.chapters);
        let found = run(chosen, Some(kind.name), seed, kind.chapters.contains(&SLOW[0])).await;
        let failed: Vec<&str> = found
            .iter()
            .filter(|finding| finding.fails(true))
            .map(|finding| finding.name)
            .collect();
        if failed != kind.fails {
            wrongs.push(format!("{}: {:?} are to fail, {failed:?} do", kind.name, kind.fails));
        }
    }
    println!("{} clients in {:?}", wrong::KINDS.len() + 1, begun.elapsed());
    if wrongs.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("seed {seed}\n{}", wrongs.join("\n"));
    ExitCode::from(101)
}

fn chosen(words: &[&str]) -> Vec<Check<Harbor>> {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    checks().into_iter().filter(|check| check.is_named(&words)).collect()
}

/// What becomes of those checks with the client started elsewhere, anew for each.
async fn waited_for(seed: u64) -> Vec<Finding> {
    let mut found = Vec::new();
    for check in chosen(&UNSEEN) {
        let at = ([127, 0, 0, 1], 0).into();
        let harbor = Harbor::new(at, Vec::new(), PATIENCE, false, seed).await.unwrap();
        let mut elsewhere = tokio::process::Command::new(std::env::current_exe().unwrap())
            .arg(AS_CLIENT)
            .env("PACKETBOAT_SERVER", harbor.waiting_at().unwrap().to_string())
            .env("PACKETBOAT_USER", "ada")
            .env("PACKETBOAT_PEER", "bob")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        found.extend(check::run(&[check], &harbor, 1, CHECK_TIME_MAX, |_| {}).await);
        elsewhere.kill().await.unwrap();
    }
    found
}

fn is_skipped(finding: &Finding) -> bool {
    matches!(finding.result, Err(Stop::Skip { .. }))
}

async fn run(
    checks: Vec<Check<Harbor>>,
    wrong: Option<&str>,
    seed: u64,
    slow: bool,
) -> Vec<Finding> {
    let program = std::env::current_exe().unwrap();
    let mut command: Vec<OsString> = vec![program.into(), AS_CLIENT.into()];
    command.extend(wrong.map(Into::into));
    let harbor = Harbor::new(([127, 0, 0, 1], 0).into(), command, PATIENCE, slow, seed);
    let harbor = harbor.await.unwrap();
    check::run(&checks, &harbor, JOBS, CHECK_TIME_MAX, |_| {}).await
}
