//! The command: opens the sessions, keeps their heartbeats going, and prints what they cost. Must
//! never print figures of a run in which a session was not answered.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, value_parser};
use packetboat_sessions::crowd::Crowd;
use packetboat_sessions::quay::house;
use packetboat_sessions::usage::Usage;
use packetboat_sessions::wire::WIRE_BYTES;
use serde_json::json;

/// Live sessions in one process, over streams in memory
#[derive(Parser, Clone, Debug)]
#[command(version, about)]
struct Args {
    /// Sessions
    #[arg(long, default_value_t = 20_000, value_parser = value_parser!(u32).range(1..=4_000_000))]
    count: u32,
    /// Seconds that their heartbeats are kept up once all are open
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u64).range(0..=3_600))]
    seconds: u64,
    /// Milliseconds between the heartbeats of one session
    #[arg(long, default_value_t = 30_000, value_parser = value_parser!(u64).range(100..=40_000))]
    heartbeat_ms: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("packetboat-sessions: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let figures = runtime.block_on(figures(args))?;
    let mut out = io::stdout();
    if args.json {
        let all = figures.iter().map(|(name, value, _)| ((*name).to_owned(), json!(value)));
        writeln!(out, "{}", serde_json::Value::Object(all.collect()))?;
    } else {
        for (name, value, unit) in &figures {
            writeln!(out, "{name:<24} {value:>14.1} {unit}")?;
        }
    }
    out.flush()?;
    // Ending the sessions one by one would show nothing.
    std::process::exit(0)
}

type Figure = (&'static str, f64, &'static str);

async fn figures(args: &Args) -> Result<Vec<Figure>, Box<dyn std::error::Error>> {
    let house = house()?;
    let (before, begun) = (Usage::now()?, Instant::now());
    let crowd = Crowd::open(args.count as usize, &house).await?;
    let (opened, opening) = (Usage::now()?, begun.elapsed());
    let interval = Duration::from_millis(args.heartbeat_ms);
    let beats = crowd.beat(interval, Duration::from_secs(args.seconds)).await?;
    let beaten = Usage::now()?;

    let count = f64::from(args.count);
    let each = |now: &Usage| float(now.resident.saturating_sub(before.resident)) / count;
    let micros = |from: &Usage, to: &Usage| to.cpu.saturating_sub(from.cpu).as_secs_f64() * 1e6;
    let gib = |bytes: u64| float(bytes) / f64::from(1 << 30);
    Ok(vec![
        ("sessions", count, ""),
        ("opened_per_s", count / opening.as_secs_f64(), "/s"),
        ("open_cpu_each", micros(&before, &opened) / count, "us"),
        ("rss_each_opened", each(&opened), "B"),
        ("rss_each_beaten", each(&beaten), "B"),
        ("of_it_the_streams", float(WIRE_BYTES as u64), "B"),
        ("rss", gib(beaten.resident), "GiB"),
        ("rss_most", gib(beaten.resident_most), "GiB"),
        ("heartbeats", float(beats), ""),
        ("heartbeat_cpu_each", micros(&opened, &beaten) / float(beats.max(1)), "us"),
    ])
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn float(count: u64) -> f64 {
    count as f64
}
