//! Connections with an open session that do nothing but say that they are there.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use clap::{Args, value_parser};
use packetboat_proto::limits::HEARTBEAT_MS_HIGHEST;
use serde::Serialize;

use crate::error::LoadError;
use crate::figure::{Outcome, float, per_second};
use crate::fleet::{Fleet, Token};
use crate::ground::Ground;
use crate::usage::{Meter, mib, resident};
use crate::wire::{Event, Login};

/// The settings of the work.
#[derive(Args, Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Idle {
    /// Connections; server and generator each need a descriptor for every one
    #[arg(long, default_value_t = 5_000, value_parser = value_parser!(u32).range(1..=25_000))]
    pub connections: u32,
    /// Seconds that they stay once all are open
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(0..=3_600))]
    pub hold: u32,
    /// Milliseconds between heartbeats; 0 leaves it to the server
    #[arg(long, default_value_t = 4_000,
          value_parser = value_parser!(u32).range(0..=i64::from(HEARTBEAT_MS_HIGHEST)))]
    pub heartbeat_ms: u32,
}

impl Idle {
    /// Does it once.
    pub fn run(&self, ground: &mut Ground<'_>) -> Result<Outcome, LoadError> {
        let (pid, count) = (ground.pid()?, u64::from(self.connections));
        ground.prepare(self.connections)?;
        let mut fleet = ground.fleet(count)?;
        let heartbeat_ms = self.heartbeat_ms;
        let logins: Vec<_> =
            (0..self.connections).map(|user| Login { user, heartbeat_ms }).collect();
        let before = resident(pid)?;
        let (meter, begun) = (Meter::start(Some(pid))?, Instant::now());
        let tokens = ground.open(&mut fleet, &logins)?;
        let (opening, used, opened) = (begun.elapsed(), meter.read()?, resident(pid)?);

        let meter = Meter::start(Some(pid))?;
        let beats = stay(&mut fleet, &tokens, Duration::from_secs(self.hold.into()))?;
        let (used_staying, staying) = (meter.read()?, resident(pid)?);
        Ground::close(&mut fleet, &tokens)?;

        let mut outcome = Outcome::default();
        let each = |rss: u64| float(rss.saturating_sub(before)) / float(count) / 1024.0;
        outcome.add("rss_per_connection", "KiB", each(staying));
        outcome.add("rss_per_connection_opened", "KiB", each(opened));
        outcome.add("opened_per_s", "/s", per_second(count, opening));
        used.put(&mut outcome, count);
        outcome.add("rss_before", "MiB", mib(before));
        outcome.add("rss_staying", "MiB", mib(staying));
        outcome.add("heartbeats", "", float(beats));
        used_staying.judge(&mut outcome);
        outcome.add("server_cpu_holding", "%", used_staying.server_percent());
        Ok(outcome)
    }
}

/// Sends a heartbeat whenever one is due. How many were answered.
fn stay(fleet: &mut Fleet, tokens: &[Token], hold: Duration) -> Result<u64, LoadError> {
    let (begun, mut answered) = (Instant::now(), 0);
    let mut due: VecDeque<(Instant, Token)> = tokens
        .iter()
        .zip(0_u32..)
        .filter_map(|(token, at)| {
            let pause = fleet.wire(*token).beat_every()?;
            // Spread, as those who came at different times are.
            let share = f64::from(at) / float(tokens.len() as u64);
            Some((begun + pause.mul_f64(share), *token))
        })
        .collect();
    while let Some(left) = hold.checked_sub(begun.elapsed()) {
        let now = Instant::now();
        while let Some((at, token)) = due.front().copied().filter(|(at, _)| *at <= now) {
            due.pop_front();
            let (wire, out) = fleet.put(token);
            wire.beat(out);
            if let Some(pause) = wire.beat_every() {
                due.push_back((at + pause, token));
            }
        }
        let wait = due.front().map_or(left, |(at, _)| left.min(at.saturating_duration_since(now)));
        fleet.turn(wait, &mut |_, event| {
            answered += u64::from(matches!(event, Event::Pong));
        })?;
    }
    Ok(answered)
}
