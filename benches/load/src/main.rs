//! The command: does what was typed. Must never hold a work.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::num::NonZeroU64;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use rustix::thread::set_current_timer_slack;
use serde_json::{Value, json};

use packetboat_load::args::{Args, Command, Compare};
use packetboat_load::compare::{self, compare, table};
use packetboat_load::error::LoadError;
use packetboat_load::figure::Outcome;
use packetboat_load::plot::plots;
use packetboat_load::report;
use packetboat_load::run::once;
use packetboat_load::series::{Series, shown};
use packetboat_load::sessions::Sessions;
use packetboat_load::stop::Stop;
use packetboat_load::targets::{Chosen, chosen};
use packetboat_load::work::Work;

/// That of the server, whose sessions are counted here in this very process.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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

/// Does what was typed, and prints what it found. Whether all was good.
fn run(args: &Args) -> Result<bool, LoadError> {
    match &args.command {
        Command::Relay(relay) => relay.run().map(|()| true).map_err(LoadError::from),
        Command::Work(work) => measure(args, work),
        Command::Sessions(sessions) => fill(args, sessions),
        Command::Compare(wanted) => compare_all(args, wanted),
    }
}

/// What is due in 50 µs is not to be late by 50 µs.
fn be_punctual() -> Result<Stop, LoadError> {
    set_current_timer_slack(NonZeroU64::new(1)).map_err(io::Error::from)?;
    Ok(Stop::on_signals()?)
}

fn measure(args: &Args, work: &Work) -> Result<bool, LoadError> {
    let stop = be_punctual()?;
    let target = args.target.target(&args.place)?;
    let mut series = Series::default();
    for _ in 0..args.runs {
        series.push(once(&*target, work, &stop)?);
    }
    print(args, &report::text(work, target.name(), &series), || {
        report::json(work, target.name(), &series)
    })?;
    Ok(series.is_good())
}

fn fill(args: &Args, sessions: &Sessions) -> Result<bool, LoadError> {
    let mut series = Series::default();
    series.push(sessions.run(&Stop::on_signals()?)?);
    let work = json!({ "sessions": sessions });
    print(args, &report::text(&work, "packetboat", &series), || {
        report::json(&work, "packetboat", &series)
    })?;
    Ok(series.is_good())
}

fn compare_all(args: &Args, wanted: &Compare) -> Result<bool, LoadError> {
    let stop = be_punctual()?;
    let Chosen { targets, left_out } = chosen(&wanted.targets, &args.place)?;
    for reason in &left_out {
        eprintln!("left out: {reason}");
    }
    let told = &mut |work: &Work, target: &str, run: &Outcome| {
        let headlines = work.headlines().iter().map(|headline| headline.figure);
        let found =
            headlines.filter_map(|name| Some(format!("{name} {}", shown(run.value(name)?))));
        let found = if run.faults.is_empty() { found.collect() } else { vec!["BAD".to_owned()] };
        eprintln!("{} on {target}: {}", work.name(), found.join(", "));
    };
    let compared = compare(wanted.works(), &targets, args.runs, &stop, told)?;
    let by_frame = args.place.relay_by_frame;
    let note = if by_frame { "The relays hand on every frame by itself.\n\n" } else { "" };
    let mut text = format!("{note}{}", table(&compared));
    for reason in &left_out {
        writeln!(text, "Left out: {reason}").expect("a string can be written to");
    }
    print(args, &text, || {
        let mut object = compare::json(&compared, args.runs);
        object["relay_by_frame"] = json!(by_frame);
        object["left_out"] = json!(left_out);
        object
    })?;
    if let Some(folder) = &wanted.plots {
        let written = plots(&compared, folder)?;
        eprintln!("{} plots in {}", written.len(), folder.display());
    }
    Ok(compared.iter().all(compare::Compared::is_good))
}

/// Prints the text, and writes the object where it is wanted; printed, it takes the text's place.
fn print(args: &Args, text: &str, object: impl FnOnce() -> Value) -> Result<(), LoadError> {
    let mut out = io::stdout();
    match args.json.as_deref() {
        None => out.write_all(text.as_bytes())?,
        Some(path) if path == Path::new("-") => writeln!(out, "{}", object())?,
        Some(path) => {
            let failed = |error: io::Error| LoadError::Write {
                path: path.to_owned(),
                reason: error.to_string(),
            };
            std::fs::write(path, format!("{}\n", object())).map_err(failed)?;
            out.write_all(text.as_bytes())?;
        }
    }
    Ok(())
}
