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
use std::process::ExitCode;
use std::time::{Duration, Instant};

use packetboat_conformance::check::{self, Check, Finding};
use packetboat_conformance::client::{checks, harbor::Harbor};
use packetboat_conformance::report::{Form, line};

/// The longest that one check may take.
const CHECK_TIME_MAX: Duration = Duration::from_secs(100);
const PATIENCE: Duration = Duration::from_secs(20);
const JOBS: usize = 6;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if let Ok(server) = std::env::var("PACKETBOAT_SERVER") {
        // One that is wrong is started with the name of what is.
        let server = match std::env::args().nth(1) {
            Some(name) => wrong::instead(&name, server.parse().unwrap()).await.to_string(),
            None => server,
        };
        adapter::run(server).await.unwrap();
        return ExitCode::SUCCESS;
    }
    let seed = getrandom::u64().unwrap();
    let begun = Instant::now();
    let mut wrongs = Vec::new();
    let found = run(checks(), None, seed).await;
    wrongs.extend(found.iter().filter(|f| f.fails(true)).map(|f| line(f, true, Form::Text)));
    println!("{} checks of the client in {:?}", found.len(), begun.elapsed());
    for kind in wrong::KINDS {
        let chosen = chosen(kind.chapters);
        let found = run(chosen, Some(kind.name), seed).await;
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

async fn run(checks: Vec<Check<Harbor>>, wrong: Option<&str>, seed: u64) -> Vec<Finding> {
    let mut command: Vec<OsString> = vec![std::env::current_exe().unwrap().into()];
    command.extend(wrong.map(Into::into));
    let harbor = Harbor::new(([127, 0, 0, 1], 0).into(), command, PATIENCE, false, seed);
    let harbor = harbor.await.unwrap();
    check::run(&checks, &harbor, JOBS, CHECK_TIME_MAX, |_| {}).await
}
