//! An open loop: messages are due at a fixed rate, whatever became of those before. A latency
//! counts from when its message was due, so that what a slow server holds up counts in full.

use std::time::Duration;

use clap::{Args, value_parser};
use serde::Serialize;

use super::lanes::{Lanes, PAIRS, TEXT_BYTES};
use crate::check::LaneCheck;
use crate::error::LoadError;
use crate::figure::{Outcome, float, per_second, us};
use crate::fleet::Fleet;
use crate::ground::Ground;
use crate::histogram::Histogram;
use crate::schedule::Schedule;
use crate::traffic::{GRACE, Traffic};
use crate::usage::Meter;

/// The first message is due so long after the beginning, in nanoseconds.
const LEAD: u64 = 10_000_000;
/// With so many seconds' messages unanswered the server does not keep pace.
const BEHIND_SECONDS_MAX: u64 = 5;
/// The generator's own lateness may be this part of the latency that it measures.
const LATE_PART_MAX: f64 = 0.5;

/// The settings of the work.
#[derive(Args, Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pace {
    /// Messages a second, over all pairs
    #[arg(long, default_value_t = 10_000, value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub rate: u32,
    /// Pairs
    #[arg(long, default_value_t = 50, value_parser = value_parser!(u32).range(PAIRS))]
    pub pairs: u32,
    /// Bytes of each text, 32 of them being its name and time
    #[arg(long, default_value_t = 200, value_parser = value_parser!(u32).range(TEXT_BYTES))]
    pub bytes: u32,
    /// Seconds of sending
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=3_600))]
    pub seconds: u32,
}

impl Pace {
    /// Does it once.
    pub fn run(&self, ground: &mut Ground<'_>) -> Result<Outcome, LoadError> {
        let lanes = Lanes { count: self.pairs, window: 1, bytes: self.bytes, goal: 0 };
        let mut fleet = lanes.fleet(ground)?;
        let mut tokens = lanes.open_receivers(ground, &mut fleet)?;
        let check = LaneCheck::default();
        let (mut traffic, senders) = lanes.open_senders(ground, &mut fleet, &check)?;

        let messages = u64::from(self.rate) * u64::from(self.seconds);
        let schedule = Schedule::new(ground.clock.now() + LEAD, self.rate.into(), messages);
        let meter = Meter::start(ground.server().pid())?;
        let late = self.send(ground, &mut fleet, &mut traffic, &schedule)?;
        let used = meter.read()?;
        traffic.settle(&mut fleet, GRACE, false)?;
        tokens.extend(senders);
        traffic.hear_out(&mut fleet, &tokens)?;
        Ground::close(&mut fleet, &tokens)?;

        let mut outcome = Outcome::default();
        let counts = traffic.counts;
        let time = Duration::from_secs(self.seconds.into());
        outcome.add("sent_per_s", "/s", per_second(counts.sent, time));
        outcome.add_latency("delivered", &traffic.delivered);
        outcome.add_latency("accepted", &traffic.accepted);
        outcome.add("late_p99", "us", us(late.per_mille(990)));
        used.put(&mut outcome, counts.sent);
        let (own, all) = (late.per_mille(990), traffic.delivered.per_mille(990));
        if float(own) > LATE_PART_MAX * float(all) {
            outcome.doubts.push("the generator itself sent late".to_owned());
        }
        outcome.faults = traffic.finish();
        if counts.sent < messages {
            outcome.faults.add(|| format!("the server did not keep pace with {}/s", self.rate));
        }
        Ok(outcome)
    }

    /// Sends each message when it is due, or as soon as can be. How late they were sent.
    fn send(
        &self,
        ground: &Ground<'_>,
        fleet: &mut Fleet,
        traffic: &mut Traffic,
        schedule: &Schedule,
    ) -> Result<Histogram, LoadError> {
        let (mut late, mut number) = (Histogram::default(), 0);
        let behind_max = u64::from(self.rate) * BEHIND_SECONDS_MAX;
        while let Some(mut due) = schedule.due(number) {
            let now = ground.clock.now();
            while due <= now {
                let lane = u32::try_from(number % u64::from(self.pairs)).expect("a few pairs");
                traffic.send(fleet, lane, due, now);
                late.record(now - due);
                number += 1;
                match schedule.due(number) {
                    Some(next) => due = next,
                    None => return Ok(late),
                }
            }
            if traffic.counts.sent - traffic.counts.answered > behind_max {
                break;
            }
            let wait = schedule.wait(number, ground.clock.now()).unwrap_or_default();
            fleet.turn(Duration::from_nanos(wait), &mut |_, event| traffic.take(event))?;
        }
        Ok(late)
    }
}
