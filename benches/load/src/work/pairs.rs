//! Pairs of a sender and a receiver, each with a connection and a user of its own. Every sender
//! keeps a window of sends unanswered.

use std::time::{Duration, Instant};

use clap::{Args, value_parser};
use serde::Serialize;

use super::lanes::{Lanes, PAIRS, TEXT_BYTES, WINDOW};
use crate::check::LaneCheck;
use crate::error::LoadError;
use crate::figure::{Outcome, per_second};
use crate::ground::Ground;
use crate::traffic::GRACE;
use crate::usage::Meter;

/// The settings of the work.
#[derive(Args, Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pairs {
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
    /// Seconds of sending
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=3_600))]
    pub seconds: u32,
}

impl Pairs {
    /// Does it once.
    pub fn run(&self, ground: &mut Ground<'_>) -> Result<Outcome, LoadError> {
        let Self { pairs: count, window, bytes, seconds } = *self;
        let lanes = Lanes { count, window, bytes, goal: u64::MAX };
        let mut fleet = lanes.fleet(ground)?;
        let mut tokens = lanes.open_receivers(ground, &mut fleet)?;
        let check = LaneCheck::default();
        let (mut traffic, senders) = lanes.open_senders(ground, &mut fleet, &check)?;

        let time = Duration::from_secs(seconds.into());
        let meter = Meter::start(ground.server().pid())?;
        traffic.run(&mut fleet, Instant::now() + time)?;
        let (used, counts) = (meter.read()?, traffic.counts);
        traffic.settle(&mut fleet, GRACE, false)?;
        tokens.extend(senders);
        traffic.hear_out(&mut fleet, &tokens)?;
        Ground::close(&mut fleet, &tokens)?;

        let mut outcome = Outcome::default();
        outcome.add("accepted_per_s", "/s", per_second(counts.accepted, time));
        outcome.add("delivered_per_s", "/s", per_second(counts.delivered, time));
        outcome.add_latency("accepted", &traffic.accepted);
        outcome.add_latency("delivered", &traffic.delivered);
        used.put(&mut outcome, counts.accepted);
        outcome.faults = traffic.finish();
        Ok(outcome)
    }
}
