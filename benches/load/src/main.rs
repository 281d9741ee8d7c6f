//! The command: does what was typed, and ends the server that it started whatever happens. Must
//! never hold a work.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use packetboat_load::args::Args;
use packetboat_load::error::LoadError;
use packetboat_load::figure::Outcome;
use packetboat_load::ground::Ground;
use packetboat_load::report::Report;
use packetboat_load::target::{Spawned, Target};

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(good) => ExitCode::from(u8::from(!good)),
        Err(error) => {
            eprintln!("packetboat-load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Does the work so often, and prints what it found. Whether all was good.
fn run(args: &Args) -> Result<bool, LoadError> {
    // One thread: the server needs the other processors, and 100 % are seen to be a limit.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut runs = Vec::new();
    for _ in 0..args.runs {
        runs.push(runtime.block_on(one_run(args))?);
    }
    let report = Report::new(&args.work, &runs);
    let text = if args.json { report.json() } else { report.text() };
    io::stdout().write_all(text.as_bytes())?;
    Ok(report.is_good())
}

async fn one_run(args: &Args) -> Result<Outcome, LoadError> {
    let mut stop = std::pin::pin!(told_to_stop()?);
    let Some(program) = &args.spawn else {
        let address = args.server.expect("the arguments have one or the other");
        return work(args, Target { address, pid: args.server_pid }, stop).await;
    };
    let server = tokio::select! {
        server = Spawned::start(program, &args.settings) => server?,
        () = &mut stop => return Err(LoadError::Stopped),
    };
    let outcome = work(args, server.target(), stop).await;
    let ended_well = server.stop().await;
    let mut outcome = outcome?;
    if !ended_well {
        outcome.faults.add(|| "the server did not end well when asked to".to_owned());
    }
    Ok(outcome)
}

async fn work(
    args: &Args,
    target: Target,
    stop: impl Future<Output = ()>,
) -> Result<Outcome, LoadError> {
    let ground = Ground::new(target);
    tokio::select! {
        outcome = args.work.run(&ground) => outcome,
        () = stop => Err(LoadError::Stopped),
    }
}

/// Waits for a signal; from the call on, none ends this process, so that its server is ended
/// first.
fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    })
}
