//! Messages for receivers that are not there, who then come and get them all.

use std::time::{Duration, Instant};

use clap::{Args, value_parser};
use serde::Serialize;

use super::lanes::{Lanes, PAIRS, TEXT_BYTES, WINDOW};
use crate::check::LaneCheck;
use crate::error::LoadError;
use crate::figure::{Outcome, float, per_second};
use crate::fleet::{Fleet, Token};
use crate::ground::Ground;
use crate::traffic::{GRACE, Traffic};
use crate::usage::Meter;
use crate::wire::Login;

/// Slower than this, draining is given up.
const SLOWEST_PER_S: u64 = 100;

/// The settings of the work.
#[derive(Args, Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Offline {
    /// Messages, over all pairs
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
    /// Seconds of storing at most: what is not sent by then is left out
    #[arg(long, default_value_t = 120, value_parser = value_parser!(u32).range(1..=86_400))]
    pub seconds: u32,
}

impl Offline {
    /// Does it once.
    pub fn run(&self, ground: &mut Ground<'_>) -> Result<Outcome, LoadError> {
        let Self { messages, pairs: count, window, bytes, seconds } = *self;
        let lanes = Lanes { count, window, bytes, goal: 0 }.sharing(messages.into());
        let mut fleet = lanes.fleet(ground)?;
        ground.introduce(lanes.receivers())?;
        let check = LaneCheck::default();
        let (mut traffic, senders) = lanes.open_senders(ground, &mut fleet, &check)?;
        let mut outcome = Outcome::default();

        let (meter, begun) = (Meter::start(ground.server().pid())?, Instant::now());
        store(&mut fleet, &mut traffic, Duration::from_secs(seconds.into()))?;
        let stored = traffic.counts.accepted;
        outcome.add("stored_per_s", "/s", per_second(stored, begun.elapsed()));
        let used = meter.read()?;

        let meter = Meter::start(ground.server().pid())?;
        let mut tokens = drain(ground, lanes, &mut fleet, &mut traffic, &mut outcome)?;
        let used_draining = meter.read()?;
        tokens.extend(senders);
        traffic.hear_out(&mut fleet, &tokens)?;
        Ground::close(&mut fleet, &tokens)?;

        outcome.add("stored", "", float(stored));
        if stored < messages.into() {
            let doubt = format!("only {stored} of {messages} messages were stored in {seconds} s");
            outcome.doubts.push(doubt);
        }
        outcome.add_latency("accepted", &traffic.accepted);
        used.put(&mut outcome, stored);
        used_draining.judge(&mut outcome);
        outcome.add("server_cpu_draining", "%", used_draining.server_percent());
        outcome.faults = traffic.finish();
        Ok(outcome)
    }
}

/// Sends all to receivers that are not there, or what can be sent in that time.
pub(super) fn store(
    fleet: &mut Fleet,
    traffic: &mut Traffic,
    time: Duration,
) -> Result<(), LoadError> {
    traffic.run(fleet, Instant::now() + time)?;
    // What was slow to take so much is as slow with the rest of its window.
    traffic.settle(fleet, GRACE + time, true)
}

/// Lets all receivers come at once, and waits until they have everything.
pub(super) fn drain(
    ground: &Ground<'_>,
    lanes: Lanes,
    fleet: &mut Fleet,
    traffic: &mut Traffic,
    outcome: &mut Outcome,
) -> Result<Vec<Token>, LoadError> {
    let begun = ground.clock.now();
    let mut tokens = Vec::new();
    for user in lanes.receivers() {
        tokens.push(fleet.open(ground.target.wire(ground.salt, Login::of(user)))?);
    }
    let before = traffic.counts.delivered;
    let bound = GRACE + Duration::from_secs(traffic.counts.accepted / SLOWEST_PER_S);
    traffic.settle(fleet, bound, false)?;
    let drained = traffic.counts.delivered - before;
    let time = Duration::from_nanos(traffic.last_at.saturating_sub(begun));
    outcome.add("drained_per_s", "/s", per_second(drained, time));
    Ok(tokens)
}
