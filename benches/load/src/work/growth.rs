//! What a message costs as the server fills: with few chats and with very many, with an empty
//! store and with a full one.

use std::time::{Duration, Instant};

use clap::{Args, value_parser};
use serde::Serialize;

use super::lanes::{Lanes, PAIRS, TEXT_BYTES, WINDOW};
use crate::check::{Faults, LaneCheck};
use crate::error::LoadError;
use crate::figure::{Outcome, per_second};
use crate::fleet::{Fleet, Token};
use crate::ground::{Ground, in_time};
use crate::traffic::{GRACE, Lane, Route, Traffic};
use crate::usage::Meter;
use crate::wire::{Event, Login};

/// Chats of one sender at most; the server has a bound of its own (`store.chats_per_user_max`).
const CHATS_EACH_MAX: u32 = 8_000;
/// Senders at least.
const SENDERS_MIN: u32 = 50;
/// Receivers who come at the end to check what they have.
const SAMPLE: usize = 200;
/// Parts of the way from an empty store to a full one.
const SLICES: u64 = 10;
/// How long one part may take.
const SLICE_MAX: Duration = Duration::from_hours(1);

/// The settings of the work.
#[derive(Args, Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Growth {
    /// Chats of each step, in ascending order; without a number that part is left out
    #[arg(long, num_args = 0.., value_delimiter = ',', default_value = "1000,10000,100000",
          value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub chats: Vec<u32>,
    /// Messages from an empty store to the end of the other part; 0 leaves that out
    #[arg(long, default_value_t = 1_000_000,
          value_parser = value_parser!(u32).range(0..=100_000_000))]
    pub stored: u32,
    /// Pairs that fill the store
    #[arg(long, default_value_t = 50, value_parser = value_parser!(u32).range(PAIRS))]
    pub pairs: u32,
    /// Sends that each sender keeps unanswered
    #[arg(long, default_value_t = 64,
          value_parser = value_parser!(u32).range(WINDOW))]
    pub window: u32,
    /// Bytes of each text, 32 of them being its name and time
    #[arg(long, default_value_t = 200, value_parser = value_parser!(u32).range(TEXT_BYTES))]
    pub bytes: u32,
    /// Seconds of sending at each step of chats
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u32).range(1..=3_600))]
    pub seconds: u32,
}

impl Growth {
    /// Does it once: first what is stored, then the chats, so that the first begins with nothing.
    pub fn run(&self, ground: &mut Ground<'_>) -> Result<Outcome, LoadError> {
        let mut outcome = Outcome::default();
        let meter = Meter::start(ground.server().pid())?;
        let mut messages = 0;
        if self.stored > 0 {
            messages += self.fill(ground, &mut outcome)?;
        }
        if ground.nature().knows_only_who_came {
            outcome.gaps.push("nothing is kept for users who never came, as those of the chats");
        } else if !self.chats.is_empty() {
            messages += self.spread(ground, &mut outcome)?;
        }
        meter.read()?.put(&mut outcome, messages);
        Ok(outcome)
    }

    /// Pairs send until so much is stored; the rate of each part of the way.
    fn fill(&self, ground: &Ground<'_>, outcome: &mut Outcome) -> Result<u64, LoadError> {
        let Self { pairs: count, window, bytes, .. } = *self;
        let lanes = Lanes { count, window, bytes, goal: 0 };
        let mut fleet = lanes.fleet(ground)?;
        let mut tokens = lanes.open_receivers(ground, &mut fleet)?;
        let check = LaneCheck::default();
        let (mut traffic, senders) = lanes.open_senders(ground, &mut fleet, &check)?;
        let slice = u64::from(self.stored).div_ceil(SLICES * u64::from(count));
        let mut rates = Vec::new();
        for _ in 0..SLICES {
            let (begun, before) = (Instant::now(), traffic.counts.accepted);
            traffic.raise_goals(slice);
            traffic.run(&mut fleet, begun + SLICE_MAX)?;
            let accepted = traffic.counts.accepted;
            let rate = per_second(accepted - before, begun.elapsed());
            outcome.add(format!("stored_{accepted}_per_s"), "/s", rate);
            rates.push(rate);
        }
        traffic.settle(&mut fleet, GRACE, false)?;
        tokens.extend(senders);
        traffic.hear_out(&mut fleet, &tokens)?;
        Ground::close(&mut fleet, &tokens)?;
        outcome.add("stored_kept", "%", kept(&rates));
        outcome.faults.join(traffic.finish());
        Ok(traffic.counts.accepted)
    }

    /// Senders write in turn to more and more chats, whose other users are absent.
    fn spread(&self, ground: &Ground<'_>, outcome: &mut Outcome) -> Result<u64, LoadError> {
        let most = self.chats.iter().copied().max().unwrap_or_default();
        let senders = SENDERS_MIN.max(most.div_ceil(CHATS_EACH_MAX));
        let each_max = most.div_ceil(senders);
        // Behind all users of the other part.
        let base = 2 * self.pairs;
        ground.prepare(base + senders + senders * each_max)?;
        let mut fleet = ground.fleet(u64::from(senders))?;
        let logins: Vec<_> = (base..base + senders).map(Login::of).collect();
        let tokens = ground.open(&mut fleet, &logins)?;
        let mut traffic = Traffic::new(ground.clock, self.bytes, self.window);
        for (token, at) in tokens.iter().zip(0..) {
            let first = base + senders + at * each_max;
            let route = Route::Many { first, sent: Vec::new() };
            traffic.add(&fleet, Lane::new(*token, route, LaneCheck::of_a_sender(), 0))?;
        }
        let mut rates = Vec::new();
        for chats in &self.chats {
            let each = chats.div_ceil(senders);
            rates.push(self.step(&mut fleet, &mut traffic, each, *chats, outcome)?);
        }
        traffic.settle(&mut fleet, GRACE, true)?;
        Ground::close(&mut fleet, &tokens)?;
        outcome.add("chats_kept", "%", kept(&rates));
        let sample = sample(&mut traffic);
        outcome.faults.join(traffic.finish());
        outcome.faults.join(check(ground, &traffic, &sample)?);
        Ok(traffic.counts.accepted)
    }

    /// Makes the chats, each by a first message, then measures over all of them.
    fn step(
        &self,
        fleet: &mut Fleet,
        traffic: &mut Traffic,
        each: u32,
        chats: u32,
        outcome: &mut Outcome,
    ) -> Result<f64, LoadError> {
        let mut new = 0;
        for lane in traffic.lanes() {
            if let Route::Many { sent, .. } = &mut lane.route {
                new = (each as usize).saturating_sub(sent.len()) as u64;
                sent.resize(sent.len().max(each as usize), 0);
            }
        }
        let (begun, before) = (Instant::now(), traffic.counts.accepted);
        // In turn over all of them, so that each of the new ones had one.
        traffic.raise_goals(if new > 0 { each.into() } else { 0 });
        traffic.run(fleet, begun + SLICE_MAX)?;
        let made = traffic.counts.accepted - before;
        outcome.add(format!("chats_{chats}_made_per_s"), "/s", per_second(made, begun.elapsed()));

        let time = Duration::from_secs(self.seconds.into());
        let before = traffic.counts.accepted;
        traffic.raise_goals(u64::from(u32::MAX));
        traffic.run(fleet, Instant::now() + time)?;
        let rate = per_second(traffic.counts.accepted - before, time);
        outcome.add(format!("chats_{chats}_per_s"), "/s", rate);
        traffic.settle(fleet, GRACE, true)?;
        Ok(rate)
    }
}

/// What the last rate is of the first, in per cent.
fn kept(rates: &[f64]) -> f64 {
    match rates {
        [first, .., last] => 100.0 * last / first.max(f64::EPSILON),
        _ => 100.0,
    }
}

/// Some users who were written to, evenly spread, and how many messages each has to have.
fn sample(traffic: &mut Traffic) -> Vec<(u32, u32)> {
    let all = traffic.lanes().iter().flat_map(|lane| match &lane.route {
        Route::Many { first, sent } => (*first..).zip(sent.iter().copied()).collect(),
        Route::One(_) => Vec::new(),
    });
    let all: Vec<_> = all.collect();
    let step = all.len().div_ceil(SAMPLE).max(1);
    all.into_iter().step_by(step).collect()
}

/// What one of them had.
#[derive(Clone, Copy, Debug, Default)]
struct Had {
    messages: u32,
    seq: u64,
    number: Option<u64>,
}

/// Lets the users of the sample come, and judges what they get.
fn check(
    ground: &Ground<'_>,
    traffic: &Traffic,
    sample: &[(u32, u32)],
) -> Result<Faults, LoadError> {
    let mut fleet = ground.fleet(sample.len() as u64)?;
    let (mut faults, mut had) = (Faults::default(), vec![Had::default(); sample.len()]);
    let mut tokens = Vec::new();
    for (user, _) in sample {
        tokens.push(fleet.open(ground.target.wire(ground.salt, Login::of(*user)))?);
    }
    let due: u64 = sample.iter().map(|(_, messages)| u64::from(*messages)).sum();
    let (mut ready, mut came, begun) = (0, 0, Instant::now());
    while ready < tokens.len() || came < due {
        if begun.elapsed() > GRACE {
            faults.add(|| format!("{came} of {due} messages came to a sample of receivers"));
            break;
        }
        fleet.turn(GRACE, &mut |token: Token, event| match event {
            Event::Ready => ready += 1,
            Event::Delivered { seq, text, .. } => {
                came += 1;
                let number = traffic.letter().read(text).map(|stamp| stamp.name.number);
                judge(&mut had[token as usize], number, seq, &mut faults);
            }
            _ => {}
        })?;
    }
    in_time(begun, 2 * GRACE, "the sample")?;
    Ground::close(&mut fleet, &tokens)?;
    for ((user, due), had) in sample.iter().zip(had) {
        if had.messages != *due {
            faults.add(|| format!("user {user} had {} messages of {due}", had.messages));
        }
    }
    Ok(faults)
}

fn judge(had: &mut Had, number: Option<u64>, seq: Option<u64>, faults: &mut Faults) {
    let last = *had;
    had.messages += 1;
    if number.is_none() || number <= last.number {
        faults.add(|| format!("message {number:?} came after {:?}", last.number));
    }
    had.number = number.max(last.number);
    if let Some(seq) = seq {
        if seq != last.seq + 1 {
            faults.add(|| format!("seq {seq} came after seq {}", last.seq));
        }
        had.seq = seq;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_the_last_of_the_first() {
        assert!((kept(&[200.0, 70.0, 150.0]) - 75.0).abs() < 1e-9);
        assert!((kept(&[200.0]) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_gap_a_repetition_and_a_changed_text_are_found() {
        let judged = |came: &[(Option<u64>, u64)]| {
            let (mut had, mut faults) = (Had::default(), Faults::default());
            for (number, seq) in came {
                judge(&mut had, *number, Some(*seq), &mut faults);
            }
            faults.sentences().len()
        };
        assert_eq!(judged(&[(Some(4), 1), (Some(9), 2)]), 0);
        assert_eq!(judged(&[(Some(4), 1), (Some(9), 3)]), 1);
        assert_eq!(judged(&[(Some(4), 1), (Some(4), 1)]), 2);
        assert_eq!(judged(&[(None, 1)]), 1);
    }
}
