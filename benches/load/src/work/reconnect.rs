//! A storm: all connections break off at once, as with a network that is gone, and come back as
//! fast as the server lets them; where it gives tickets, by ticket.

use std::time::{Duration, Instant};

use clap::{Args, value_parser};
use serde::Serialize;

use crate::error::LoadError;
use crate::figure::{Outcome, per_second};
use crate::ground::{Ground, in_time};
use crate::usage::{Meter, descriptors};
use crate::wire::{Event, Login};

/// How long the storm may take.
const STORM_MAX: Duration = Duration::from_mins(2);
/// Descriptors that a server may open beside, such as files of its store.
const DESCRIPTORS_BESIDE: usize = 16;

/// The settings of the work.
#[derive(Args, Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reconnect {
    /// Connections
    #[arg(long, default_value_t = 5_000, value_parser = value_parser!(u32).range(1..=25_000))]
    pub connections: u32,
    /// Connections that are being opened at one time
    #[arg(long, default_value_t = 256, value_parser = value_parser!(u32).range(1..=25_000))]
    pub at_once: u32,
}

impl Reconnect {
    /// Does it once.
    pub fn run(&self, ground: &mut Ground<'_>) -> Result<Outcome, LoadError> {
        let (pid, count) = (ground.pid()?, self.connections as usize);
        ground.prepare(self.connections)?;
        let mut fleet = ground.fleet(count as u64)?;
        let before = descriptors(pid)?;
        let logins: Vec<_> = (0..self.connections).map(Login::of).collect();
        let tokens = ground.open(&mut fleet, &logins)?;
        tokens.iter().try_for_each(|token| fleet.cut(*token))?;
        ground.await_descriptors(before + DESCRIPTORS_BESIDE)?;

        let (meter, begun) = (Meter::start(Some(pid))?, Instant::now());
        let (mut dialled, mut ready) = (0, 0);
        while ready < count {
            while dialled < count && dialled - ready < self.at_once as usize {
                fleet.dial(tokens[dialled])?;
                dialled += 1;
            }
            fleet.turn(Duration::MAX, &mut |_, event| {
                ready += usize::from(matches!(event, Event::Ready));
            })?;
            in_time(begun, STORM_MAX, "the storm")?;
        }
        let (time, used) = (begun.elapsed(), meter.read()?);
        Ground::close(&mut fleet, &tokens)?;

        let mut outcome = Outcome::default();
        outcome.add("reconnected_per_s", "/s", per_second(count as u64, time));
        used.put(&mut outcome, count as u64);
        Ok(outcome)
    }
}
