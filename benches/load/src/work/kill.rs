//! The server is killed half-way and started again: of what it had accepted, how many messages
//! never come. Receivers are absent, so that the server alone has what it accepted.

use std::time::{Duration, Instant};

use clap::{Args, value_parser};
use serde::Serialize;

use super::lanes::{Lanes, PAIRS, TEXT_BYTES, WINDOW};
use crate::check::LaneCheck;
use crate::error::LoadError;
use crate::figure::{Outcome, float, ms};
use crate::fleet::{Fleet, Token};
use crate::ground::{Ground, in_time};
use crate::traffic::{GRACE, Traffic};
use crate::usage::Meter;
use crate::wire::{Event, Login};

/// With nothing delivered for so long, what is missing is lost.
const QUIET: Duration = Duration::from_secs(6);

/// The settings of the work.
#[derive(Args, Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kill {
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
    /// Seconds of sending, of which half is done
    #[arg(long, default_value_t = 4, value_parser = value_parser!(u32).range(1..=3_600))]
    pub seconds: u32,
    /// Receivers are connected
    #[arg(long)]
    pub connected: bool,
}

impl Kill {
    /// Does it once.
    pub fn run(&self, ground: &mut Ground<'_>) -> Result<Outcome, LoadError> {
        let Self { pairs: count, window, bytes, seconds, connected } = *self;
        let lanes = Lanes { count, window, bytes, goal: u64::MAX };
        let mut fleet = lanes.fleet(ground)?;
        ground.introduce(lanes.receivers())?;
        let mut receivers = Vec::new();
        if connected {
            receivers = lanes.open_receivers(ground, &mut fleet)?;
        }
        let check = LaneCheck::across_a_kill();
        let (mut traffic, senders) = lanes.open_senders(ground, &mut fleet, &check)?;

        let meter = Meter::start(ground.server().pid())?;
        let half = Duration::from_secs(seconds.into()) / 2;
        traffic.run(&mut fleet, Instant::now() + half)?;
        let used = meter.read()?;
        fleet.expect_ends();
        ground.kill()?;
        hear_last(&mut fleet, &mut traffic, receivers.len() + senders.len())?;

        let begun = Instant::now();
        ground.start_again()?;
        let started = begun.elapsed();
        // What was prepared may be lost as well, and is not what is counted.
        ground.prepare(2 * count)?;
        fleet.moved(ground.server().address());
        traffic.lanes().iter_mut().for_each(|lane| lane.check.reconnected());
        if connected {
            receivers.iter().try_for_each(|receiver| fleet.dial(*receiver))?;
        } else {
            let users = lanes.receivers();
            let open = |user| fleet.open(ground.target.wire(ground.salt, Login::of(user)));
            receivers = users.map(open).collect::<Result<_, _>>()?;
        }
        let lost = recover(&mut fleet, &mut traffic)?;
        traffic.hear_out(&mut fleet, &receivers)?;
        Ground::close(&mut fleet, &receivers)?;
        Ok(outcome(ground, &mut traffic, lost, started, &used))
    }
}

fn outcome(
    ground: &Ground<'_>,
    traffic: &mut Traffic,
    lost: u64,
    started: Duration,
    used: &crate::usage::Used,
) -> Outcome {
    let counts = traffic.counts;
    let mut outcome = Outcome::default();
    outcome.add("accepted", "", float(counts.accepted));
    outcome.add("lost", "", float(lost));
    outcome.add("lost_percent", "%", 100.0 * float(lost) / float(counts.accepted.max(1)));
    outcome.add("unanswered", "", float(counts.sent - counts.answered));
    outcome.add("started_again", "ms", ms(started));
    used.put(&mut outcome, counts.accepted);
    outcome.faults = traffic.finish();
    if ground.nature().durable && lost > 0 {
        outcome.faults.add(|| format!("{lost} accepted messages were lost"));
    }
    outcome
}

/// Takes what the server had written before it was killed.
pub(super) fn hear_last(
    fleet: &mut Fleet,
    traffic: &mut Traffic,
    connections: usize,
) -> Result<(), LoadError> {
    let (mut gone, begun) = (0, Instant::now());
    while gone < connections {
        fleet.turn(GRACE, &mut |_: Token, event| {
            gone += usize::from(matches!(event, Event::Gone));
            traffic.take(event);
        })?;
        in_time(begun, GRACE, "the end of the connections")?;
    }
    Ok(())
}

/// Waits until nothing is missing, or nothing comes any more. How many are missing then.
fn recover(fleet: &mut Fleet, traffic: &mut Traffic) -> Result<u64, LoadError> {
    let (mut delivered, mut since) = (traffic.counts.delivered, Instant::now());
    loop {
        fleet.turn(QUIET, &mut |_, event| traffic.take(event))?;
        let missing = traffic.lanes().iter().map(|lane| lane.check.missing()).sum();
        if traffic.counts.delivered > delivered {
            (delivered, since) = (traffic.counts.delivered, Instant::now());
        }
        if missing == 0 || since.elapsed() > QUIET {
            return Ok(missing);
        }
    }
}
