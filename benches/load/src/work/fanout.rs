//! One group of many members, some of them connected, or one room of many listeners; and one
//! sender or a few.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use clap::{Args, value_parser};
use serde::Serialize;

use super::lanes::{TEXT_BYTES, WINDOW};
use crate::check::{GroupCheck, LaneCheck};
use crate::clock::Clock;
use crate::error::LoadError;
use crate::figure::{Outcome, per_second};
use crate::fleet::{Fleet, Token};
use crate::ground::{Ground, in_time};
use crate::histogram::Histogram;
use crate::stamp::Letter;
use crate::traffic::{GRACE, Lane, Route, Traffic};
use crate::usage::Meter;
use crate::wire::{Event, Login, To};

/// The group, or the room.
const GROUP: u32 = 0;
/// How long it may take to make it.
const GATHERING_MAX: Duration = Duration::from_mins(2);

/// The settings of the work.
#[derive(Args, Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fanout {
    /// Members who listen
    #[arg(long, default_value_t = 1_000, value_parser = value_parser!(u32).range(1..=18_000))]
    pub members: u32,
    /// Members beside, who are not connected, where a group knows such
    #[arg(long, default_value_t = 0, value_parser = value_parser!(u32).range(0..=99_000))]
    pub absent: u32,
    /// A room that they listen to, in place of a group, where there are such
    #[arg(long, conflicts_with = "absent")]
    pub room: bool,
    /// Members who send
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u32).range(1..=50))]
    pub senders: u32,
    /// Sends that each sender keeps unanswered
    #[arg(long, default_value_t = 32,
          value_parser = value_parser!(u32).range(WINDOW))]
    pub window: u32,
    /// Bytes of each text, 32 of them being its name and time
    #[arg(long, default_value_t = 200, value_parser = value_parser!(u32).range(TEXT_BYTES))]
    pub bytes: u32,
    /// Seconds of sending
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=3_600))]
    pub seconds: u32,
}

/// What the members had. They are the first connections, so that their tokens count them.
struct Members {
    count: u32,
    clock: Clock,
    letter: Letter,
    check: GroupCheck,
    delivered: u64,
    latency: Histogram,
    /// Of each sender, how many members its messages have still to reach.
    spreads: Vec<Spread>,
    /// Until the last member had a message.
    last: Histogram,
}

/// The messages of a sender that have not reached all members, from the number `first` on.
#[derive(Clone, Debug, Default)]
struct Spread {
    first: u64,
    left: VecDeque<u32>,
}

impl Spread {
    /// One more member has it; whether that was the last.
    fn reach(&mut self, number: u64, members: u32) -> bool {
        let Some(at) = number.checked_sub(self.first).and_then(|at| usize::try_from(at).ok())
        else {
            return false;
        };
        if at >= self.left.len() {
            self.left.resize(at + 1, members);
        }
        self.left[at] = self.left[at].saturating_sub(1);
        let is_last = self.left[at] == 0;
        while self.left.front() == Some(&0) {
            self.left.pop_front();
            self.first += 1;
        }
        is_last
    }
}

impl Members {
    /// Takes what came for a member; what came for a sender is given back, but for deliveries.
    fn take<'a>(&mut self, token: Token, event: Event<'a>) -> Option<Event<'a>> {
        let Event::Delivered { name, seq, text } = event else { return Some(event) };
        if token >= self.count {
            return None;
        }
        let now = self.clock.now();
        let stamp = self.letter.read(text);
        let stamp = stamp.filter(|stamp| name.is_none_or(|name| name == stamp.name));
        let Some(stamp) = stamp else {
            self.check.fault(|| format!("what came as {name:?} is not what was sent"));
            return None;
        };
        self.check.delivered(token as usize, stamp.name, seq);
        self.delivered += 1;
        let time = now.saturating_sub(stamp.at);
        self.latency.record(time);
        let spread = self.spreads.get_mut(stamp.name.channel as usize);
        if spread.is_some_and(|spread| spread.reach(stamp.name.number, self.count)) {
            self.last.record(time);
        }
        None
    }
}

impl Fanout {
    /// Does it once.
    pub fn run(&self, ground: &mut Ground<'_>) -> Result<Outcome, LoadError> {
        ground.prepare(self.members + self.senders + self.absent)?;
        let mut fleet = ground.fleet(u64::from(self.members + self.senders))?;
        let logins: Vec<_> = (0..self.members + self.senders).map(Login::of).collect();
        let tokens = ground.open(&mut fleet, &logins)?;
        let to = if self.room {
            listen(&mut fleet, &tokens)?;
            To::Room(GROUP)
        } else {
            self.gather(&mut fleet, &tokens)?;
            To::Group(GROUP)
        };
        let mut members = Members {
            count: self.members,
            clock: ground.clock,
            letter: Letter::new(self.bytes as usize),
            check: GroupCheck::new(self.senders as usize, self.members as usize),
            delivered: 0,
            latency: Histogram::default(),
            spreads: vec![Spread::default(); self.senders as usize],
            last: Histogram::default(),
        };
        let mut traffic = Traffic::new(ground.clock, self.bytes, self.window);
        for sender in &tokens[self.members as usize..] {
            let route = Route::One(to);
            traffic.add(&fleet, Lane::new(*sender, route, LaneCheck::of_a_sender(), u64::MAX))?;
        }

        let time = Duration::from_secs(self.seconds.into());
        let meter = Meter::start(ground.server().pid())?;
        let until = Instant::now() + time;
        while let Some(wait) = until.checked_duration_since(Instant::now()) {
            traffic.fill(&mut fleet);
            turn(&mut fleet, &mut traffic, &mut members, wait)?;
        }
        let (used, in_time) = (meter.read()?, members.delivered);
        self.settle(&mut fleet, &mut traffic, &mut members)?;
        Ground::close(&mut fleet, &tokens)?;

        let mut outcome = Outcome::default();
        outcome.add("deliveries_per_s", "/s", per_second(in_time, time));
        outcome.add_latency("delivered", &members.latency);
        outcome.add_latency("last_delivered", &members.last);
        outcome.add_latency("accepted", &traffic.accepted);
        used.put(&mut outcome, in_time);
        let lanes = traffic.lanes().iter();
        let accepted: Vec<u64> = lanes.map(|lane| lane.check.accepted_count()).collect();
        outcome.faults = traffic.finish();
        outcome.faults.join(members.check.finish(&accepted));
        Ok(outcome)
    }

    fn gather(&self, fleet: &mut Fleet, tokens: &[Token]) -> Result<(), LoadError> {
        let (members, senders) = tokens.split_at(self.members as usize);
        let others =
            (0..self.members).chain(self.members + 1..self.members + self.senders + self.absent);
        let others: Vec<u32> = others.collect();
        let (wire, out) = fleet.put(senders[0]);
        let mut awaited = wire.gather(GROUP, &others, out);
        for sender in senders {
            let (wire, out) = fleet.put(*sender);
            awaited += wire.join_to_send(GROUP, out);
        }
        for member in members {
            let (wire, out) = fleet.put(*member);
            awaited += wire.join(GROUP, out);
        }
        Ground::await_done(fleet, awaited, GATHERING_MAX, "making a group")
    }

    /// Waits for what is on its way, then asks every member whether that was all.
    fn settle(
        &self,
        fleet: &mut Fleet,
        traffic: &mut Traffic,
        members: &mut Members,
    ) -> Result<(), LoadError> {
        let give_up = Instant::now() + GRACE;
        let is_done = |traffic: &Traffic, members: &Members| {
            let counts = traffic.counts;
            counts.answered == counts.sent
                && members.delivered >= counts.accepted * u64::from(self.members)
        };
        while !is_done(traffic, members)
            && let Some(wait) = give_up.checked_duration_since(Instant::now())
        {
            turn(fleet, traffic, members, wait)?;
        }
        for token in 0..self.members {
            let (wire, out) = fleet.put(token);
            wire.tick(out);
            wire.beat(out);
        }
        let (mut heard, begun) = (0, Instant::now());
        while heard < self.members {
            fleet.turn(GRACE, &mut |token, event| {
                heard += u32::from(matches!(event, Event::Pong));
                members.take(token, event);
            })?;
            in_time(begun, GRACE, "the answer to a heartbeat")?;
        }
        Ok(())
    }
}

/// Opens the room, and has all listen to it.
fn listen(fleet: &mut Fleet, tokens: &[Token]) -> Result<(), LoadError> {
    let (wire, out) = fleet.put(tokens[0]);
    wire.open_room(GROUP, out);
    Ground::await_done(fleet, 1, GATHERING_MAX, "opening a room")?;
    for token in tokens {
        let (wire, out) = fleet.put(*token);
        wire.listen(GROUP, out);
    }
    let all = u32::try_from(tokens.len()).expect("so many sessions are numbered");
    Ground::await_done(fleet, all, GATHERING_MAX, "coming into a room")
}

fn turn(
    fleet: &mut Fleet,
    traffic: &mut Traffic,
    members: &mut Members,
    wait: Duration,
) -> Result<(), LoadError> {
    fleet.turn(wait, &mut |token, event| {
        if let Some(event) = members.take(token, event) {
            traffic.take(event);
        }
    })
}
