//! `packetboat-conformance`: picks the checks, runs them, prints a line for each. Must never say
//! that all is well when nothing was checked.

#![allow(clippy::print_stdout, reason = "its lines are what it is for")]

mod command;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use clap::Parser;
use packetboat_conformance::check::{self, Check};
use packetboat_conformance::client::{self, harbor::Harbor};
use packetboat_conformance::report::{Form, Tally, line};
use packetboat_conformance::server;
use packetboat_conformance::server::bed::{ACCOUNTS_LEAST, Accounts, Bed, Operator};
use packetboat_conformance::trust;
use packetboat_proto::packet::Credential;

use self::command::{ClientArgs, Command, CommandLine, RunArgs, ServerArgs};

/// The longest that one check may take.
const CHECK_TIME_MAX: Duration = Duration::from_mins(2);
/// The longest of one that waits for what an operator has set high.
const SLOW_CHECK_TIME_MAX: Duration = Duration::from_mins(30);
/// Checks at one time, where nothing says how many.
const JOBS_DEFAULT: u16 = 8;
/// Nothing could be checked.
const USAGE: u8 = 2;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let run = match CommandLine::parse().command {
        Command::Server(args) => run_server(args).await,
        Command::Client(args) => run_client(args).await,
    };
    match run {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("packetboat-conformance: {reason}");
            ExitCode::from(USAGE)
        }
    }
}

async fn run_server(args: ServerArgs) -> Result<bool, String> {
    let chosen = choose(server::checks(), &args.run)?;
    if args.run.list {
        return Ok(list(&chosen));
    }
    let accounts = accounts(&args)?;
    let given = matches!(accounts, Accounts::Given(_));
    let seed = seed(&args.run)?;
    let address = resolve(&args.server).await?;
    let wants_tls = args.tls || args.ca.is_some();
    let tls = wants_tls.then(|| trust::tls(&args.server, args.ca.as_deref())).transpose()?;
    let ms = |ms: u32| Duration::from_millis(ms.into());
    let bed = Bed {
        address,
        tls,
        accounts,
        prefix: args.user_prefix,
        seed,
        patience: args.run.patience,
        slow: args.run.slow,
        operator: Operator {
            handshake: ms(args.handshake_ms),
            retry: ms(args.retry_ms),
            retries: args.retries,
            devices: args.devices_max,
        },
        names: AtomicU64::new(0),
    };
    bed.check_names()?;
    bed.reach().await.map_err(|error| format!("{} cannot be reached: {error}", args.server))?;
    // Checks that share users would meet each other's messages.
    let jobs = if given { 1 } else { args.run.jobs.unwrap_or(JOBS_DEFAULT) };
    Ok(carry_out(&chosen, &bed, jobs, seed, &args.run).await)
}

async fn run_client(args: ClientArgs) -> Result<bool, String> {
    let chosen = choose(client::checks(), &args.run)?;
    if args.run.list {
        return Ok(list(&chosen));
    }
    let seed = seed(&args.run)?;
    let alone = args.command.is_empty() || args.listen.port() != 0;
    let harbor = Harbor::new(args.listen, args.command, args.run.patience, args.run.slow, seed);
    let harbor = harbor.await.map_err(|error| format!("{}: {error}", args.listen))?;
    if let Some(address) = harbor.waiting_at() {
        println!("waiting for clients at {address}");
    }
    let jobs = if alone { 1 } else { args.run.jobs.unwrap_or(JOBS_DEFAULT) };
    Ok(carry_out(&chosen, &harbor, jobs, seed, &args.run).await)
}

async fn carry_out<B>(checks: &[Check<B>], bed: &B, jobs: u16, seed: u64, run: &RunArgs) -> bool {
    let form = if run.json { Form::Json } else { Form::Text };
    if form == Form::Text {
        println!("seed {seed}");
    }
    let longest = if run.slow { SLOW_CHECK_TIME_MAX } else { CHECK_TIME_MAX };
    let tell = |finding: &check::Finding| println!("{}", line(finding, run.strict, form));
    let findings = check::run(checks, bed, jobs.into(), longest, tell).await;
    let tally = Tally::of(&findings, run.strict);
    println!("{}", tally.line(form));
    if tally.failed > 0 {
        let failed = findings.iter().filter(|finding| finding.fails(run.strict));
        let names: Vec<&str> = failed.map(|finding| finding.name).collect();
        eprintln!("again: --seed {seed} --only {}", names.join(","));
    }
    tally.failed == 0
}

fn choose<B>(all: Vec<Check<B>>, run: &RunArgs) -> Result<Vec<Check<B>>, String> {
    for word in run.only.iter().chain(&run.except) {
        let named = all.iter().any(|check| check.is_named(std::slice::from_ref(word)));
        if !named {
            return Err(format!("{word} is no clause, chapter or check; --list has them"));
        }
    }
    let mut chosen = all;
    chosen.retain(|check| {
        (run.only.is_empty() || check.is_named(&run.only)) && !check.is_named(&run.except)
    });
    if chosen.is_empty() {
        return Err("no check is left".to_owned());
    }
    Ok(chosen)
}

fn list<B>(checks: &[Check<B>]) -> bool {
    for check in checks {
        println!("{} {}: {}", check.ids.join(","), check.name, check.says);
    }
    true
}

fn seed(run: &RunArgs) -> Result<u64, String> {
    match run.seed {
        Some(seed) => Ok(seed),
        None => getrandom::u64().map_err(|error| format!("no seed: {error}")),
    }
}

fn accounts(args: &ServerArgs) -> Result<Accounts, String> {
    if args.users.is_empty() {
        return Ok(Accounts::Open);
    }
    if args.users.len() < ACCOUNTS_LEAST {
        return Err(format!("{ACCOUNTS_LEAST} users are needed"));
    }
    let credentials: Vec<Credential> = match &args.password {
        Some(password) => {
            args.users.iter().map(|_| Credential::Password(password.clone())).collect()
        }
        None => args.tokens.iter().cloned().map(Credential::Token).collect(),
    };
    if credentials.len() != args.users.len() {
        return Err("a password, or a token for each user is needed".to_owned());
    }
    Ok(Accounts::Given(args.users.iter().cloned().zip(credentials).collect()))
}

async fn resolve(server: &str) -> Result<SocketAddr, String> {
    let unknown = |error| format!("{server} is no HOST:PORT: {error}");
    let mut found = tokio::net::lookup_host(server).await.map_err(unknown)?;
    found.next().ok_or_else(|| format!("{server} has no address"))
}
