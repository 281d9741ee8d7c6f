//! Real clients and the real server with a hostile network between them: every fault is done to
//! every kind of frame, and yet nothing is lost, nothing comes twice or out of order, and once the
//! network is calm everything arrives.
//!
//! `cargo test --release --test proxy -- --rounds 20 --seed 7`; without arguments it is the short
//! version. Which fault meets which frame is drawn from the seed.

#![allow(unreachable_pub, clippy::unwrap_used, reason = "a test crate has no outside")]
#![allow(clippy::print_stdout, reason = "the figures are to be seen")]

mod voyage;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use packetboat_proof::suite;

use crate::voyage::{Report, Voyage};

/// Does every fault to every kind of frame, and checks what the clients saw
#[derive(Debug, Parser)]
struct Arguments {
    /// How often each fault is done to each kind of frame
    #[arg(long, default_value_t = 8)]
    rounds: usize,
    /// Everything random comes from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Plant this bug in the server, and fail unless it is found
    #[arg(long, value_parser = suite::plant)]
    plant: Option<String>,
}

fn main() -> ExitCode {
    let Some(own) = suite::arguments("proxy") else { return ExitCode::SUCCESS };
    let arguments = Arguments::parse_from(own);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run(&arguments))
}

async fn run(arguments: &Arguments) -> ExitCode {
    let started = Instant::now();
    let Arguments { rounds, seed, plant } = arguments;
    let Report { why, matrix, counts, judged, unjudged, history } =
        Voyage::new(*seed, *rounds, plant.as_deref()).run().await;
    println!("{matrix}");
    println!(
        "proxy: {} hits; {} sends accepted, {} refused, {} left open; {} entries handed over; {} \
         apps killed, {} replaced; {judged} chats judged, {unjudged} not; in {:.1} s",
        matrix.total(),
        counts.accepted,
        counts.rejected,
        counts.unknown,
        counts.delivered,
        counts.crashes,
        counts.replaced,
        started.elapsed().as_secs_f64()
    );
    let Err(why) = why else {
        let Some(name) = plant else { return ExitCode::SUCCESS };
        println!("proxy: the bug {name} was planted and not found");
        return ExitCode::from(101);
    };
    println!("proxy: {why}");
    if let Some(name) = plant
        && why.shows_a_bug()
    {
        println!("proxy: the planted bug {name} was found");
        return ExitCode::SUCCESS;
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("proxy-{seed}.txt"));
    match fs::write(&path, format!("{:#?}\n", history.events)) {
        Ok(()) => println!("proxy: the whole history is in {}", path.display()),
        Err(error) => println!("proxy: the history could not be kept: {error}"),
    }
    println!("proxy: again with `cargo test --test proxy -- --seed {seed} --rounds {rounds}`");
    ExitCode::from(101)
}
