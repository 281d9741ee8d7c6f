//! The client of this repository under the runner; and clients that are wrong on purpose, each of
//! which fails the clauses that it breaks and no others. It is its own client: started again with
//! an address in its environment, it is the one that is driven.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "../../client/examples/conformance_client.rs"]
#[allow(dead_code, reason = "its own main is for the example")]
mod adapter;

use std::process::ExitCode;
use std::time::Duration;

use packetboat_conformance::check;
use packetboat_conformance::client::{checks, harbor::Harbor};
use packetboat_conformance::report::{Form, line};

/// The longest that one check may take.
const CHECK_TIME_MAX: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(20);
const JOBS: usize = 6;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if std::env::var_os("PACKETBOAT_SERVER").is_some() {
        adapter::run().await.unwrap();
        return ExitCode::SUCCESS;
    }
    let seed = 1;
    let command = vec![std::env::current_exe().unwrap().into()];
    let harbor = Harbor::new(([127, 0, 0, 1], 0).into(), command, PATIENCE, false, seed);
    let harbor = harbor.await.unwrap();
    let begun = std::time::Instant::now();
    let found = check::run(&checks(), &harbor, JOBS, CHECK_TIME_MAX, |finding| {
        println!("{:?} {}", begun.elapsed(), line(finding, true, Form::Text));
    })
    .await;
    let failed = found.iter().filter(|finding| finding.fails(true)).count();
    println!("{failed} of {} fail", found.len());
    if failed > 0 { ExitCode::from(101) } else { ExitCode::SUCCESS }
}
