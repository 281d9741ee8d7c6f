//! How long a server takes to start after a kill with so many messages in its store, and what a
//! message takes of the disk.

use std::time::{Duration, Instant};

use clap::{Args, value_parser};
use serde::Serialize;

use super::kill::hear_last;
use super::lanes::{Lanes, PAIRS, TEXT_BYTES, WINDOW};
use super::offline::{drain, store};
use crate::check::LaneCheck;
use crate::error::LoadError;
use crate::figure::{Outcome, float, ms, per_second};
use crate::ground::Ground;
use crate::usage::{Meter, mib, on_disk, resident};
use crate::wire::Login;

/// How long storing may take; what is not sent by then is left out.
const STORING_MAX: Duration = Duration::from_hours(1);

/// The settings of the work.
#[derive(Args, Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restart {
    /// Messages in the store, over all pairs
    #[arg(long, default_value_t = 500_000, value_parser = value_parser!(u32).range(1..=50_000_000))]
    pub messages: u32,
    /// Pairs
    #[arg(long, default_value_t = 50, value_parser = value_parser!(u32).range(PAIRS))]
    pub pairs: u32,
    /// Sends that each sender keeps unanswered
    #[arg(long, default_value_t = 64,
          value_parser = value_parser!(u32).range(WINDOW))]
    pub window: u32,
    /// Bytes of each text, 32 of them being its name and time
    #[arg(long, default_value_t = 200, value_parser = value_parser!(u32).range(TEXT_BYTES))]
    pub bytes: u32,
}

impl Restart {
    /// Does it once.
    pub fn run(&self, ground: &mut Ground<'_>) -> Result<Outcome, LoadError> {
        let Self { messages, pairs: count, window, bytes } = *self;
        let lanes = Lanes { count, window, bytes, goal: 0 }.sharing(messages.into());
        let mut fleet = lanes.fleet(ground)?;
        ground.introduce(lanes.receivers())?;
        let empty = on_disk(ground.folder());
        let check = LaneCheck::default();
        let (mut traffic, senders) = lanes.open_senders(ground, &mut fleet, &check)?;
        let (meter, begun) = (Meter::start(ground.server().pid())?, Instant::now());
        store(&mut fleet, &mut traffic, STORING_MAX)?;
        let (used, storing, stored) = (meter.read()?, begun.elapsed(), traffic.counts.accepted);

        fleet.expect_ends();
        ground.kill()?;
        let taken = on_disk(ground.folder()).saturating_sub(empty);
        hear_last(&mut fleet, &mut traffic, senders.len())?;
        let begun = Instant::now();
        ground.start_again()?;
        let listens = begun.elapsed();
        let mut first = ground.fleet(1)?;
        // A user of whom the server has never heard: its welcome waits for nothing else.
        let first_in = ground.open(&mut first, &[Login::of(2 * count)])?;
        let serves = begun.elapsed();
        let memory = ground.server().pid().map(resident).transpose()?;
        Ground::close(&mut first, &first_in)?;

        fleet.moved(ground.server().address());
        let mut outcome = Outcome::default();
        outcome.add("start", "ms", ms(serves));
        outcome.add("start_listening", "ms", ms(listens));
        outcome.add("stored", "", float(stored));
        outcome.add("disk_per_message", "B", float(taken) / float(stored.max(1)));
        outcome.add("stored_per_s", "/s", per_second(stored, storing));
        let receivers = drain(ground, lanes, &mut fleet, &mut traffic, &mut outcome)?;
        traffic.hear_out(&mut fleet, &receivers)?;
        Ground::close(&mut fleet, &receivers)?;
        outcome.add("rss_started", "MiB", mib(memory.unwrap_or_default()));
        used.put(&mut outcome, stored);
        outcome.faults = traffic.finish();
        Ok(outcome)
    }
}
