//! Messages on their way, many lanes at a time: a lane is one sender that keeps a window of sends
//! unanswered, and one receiver. Must never wait for anything, nor send a message twice.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::check::{Faults, LaneCheck};
use crate::clock::Clock;
use crate::error::LoadError;
use crate::fleet::{Fleet, Token};
use crate::ground::in_time;
use crate::histogram::Histogram;
use crate::stamp::{ID_STEP_NANOS, Letter, Name, Stamp};
use crate::wire::{Event, To};

/// How long the server may take for what is on its way once nothing more is sent.
pub const GRACE: Duration = Duration::from_secs(30);
/// The place of an answered send among those that wait.
const ANSWERED: u64 = u64::MAX;

/// Where the messages of a lane go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// All to one.
    One(To),
    /// To so many users in turn, from a first one on; with how many each was sent.
    Many {
        /// The first user.
        first: u32,
        /// How many were sent to it and to each that follows.
        sent: Vec<u32>,
    },
}

impl Route {
    /// Where that message goes.
    fn next(&mut self, number: u64) -> To {
        match self {
            Self::One(to) => *to,
            Self::Many { first, sent } => {
                let at = u32::try_from(number % sent.len() as u64).expect("there are few users");
                sent[at as usize] += 1;
                To::User(*first + at)
            }
        }
    }
}

/// One sender and one receiver, or one sender and those that it writes to in turn.
#[derive(Debug)]
pub struct Lane {
    sender: Token,
    /// Where its messages go.
    pub route: Route,
    /// What is judged.
    pub check: LaneCheck,
    /// It sends so many messages.
    pub goal: u64,
    sent: u64,
    /// The time in its last message id.
    id_at: u64,
    /// When the unanswered were due, from the number `first` on.
    waiting: VecDeque<u64>,
    first: u64,
    unanswered: u64,
    is_ready: bool,
}

impl Lane {
    /// One that has sent nothing yet.
    pub fn new(sender: Token, route: Route, check: LaneCheck, goal: u64) -> Self {
        Self {
            sender,
            route,
            check,
            goal,
            sent: 0,
            id_at: 0,
            waiting: VecDeque::new(),
            first: 0,
            unanswered: 0,
            is_ready: false,
        }
    }

    /// Notes that a message is answered; when it was due, if it was waiting.
    fn answered(&mut self, number: u64) -> Option<u64> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let due = self.waiting.get_mut(at).filter(|due| **due != ANSWERED)?;
        let due = std::mem::replace(due, ANSWERED);
        self.unanswered -= 1;
        while self.waiting.front() == Some(&ANSWERED) {
            self.waiting.pop_front();
            self.first += 1;
        }
        Some(due)
    }
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sent.
    pub sent: u64,
    /// Accepted.
    pub accepted: u64,
    /// Accepted or rejected.
    pub answered: u64,
    /// Delivered.
    pub delivered: u64,
}

/// Messages on their way.
#[derive(Debug)]
pub struct Traffic {
    clock: Clock,
    letter: Letter,
    window: u64,
    lanes: Vec<Lane>,
    /// Lanes that may send.
    ready: Vec<u32>,
    /// What was counted.
    pub counts: Counts,
    /// Nanoseconds from due to accepted.
    pub accepted: Histogram,
    /// Nanoseconds from due to delivered.
    pub delivered: Histogram,
    /// When the last delivery came.
    pub last_at: u64,
    faults: Faults,
}

impl Traffic {
    /// Nothing on its way yet.
    pub fn new(clock: Clock, bytes: u32, window: u32) -> Self {
        Self {
            clock,
            letter: Letter::new(bytes as usize),
            window: window.into(),
            lanes: Vec::new(),
            ready: Vec::new(),
            counts: Counts::default(),
            accepted: Histogram::default(),
            delivered: Histogram::default(),
            last_at: 0,
            faults: Faults::default(),
        }
    }

    /// Adds a lane; its messages have the lane's number as their channel.
    pub fn add(&mut self, fleet: &Fleet, mut lane: Lane) -> Result<(), LoadError> {
        let allowed = fleet.wire(lane.sender).window_max();
        if self.window > allowed.into() {
            let window = u32::try_from(self.window).expect("it was given as one");
            return Err(LoadError::Window { window, allowed });
        }
        lane.is_ready = true;
        self.ready.push(u32::try_from(self.lanes.len()).expect("there are few lanes"));
        self.lanes.push(lane);
        Ok(())
    }

    /// The texts.
    pub const fn letter(&self) -> &Letter {
        &self.letter
    }

    /// The lanes.
    pub fn lanes(&mut self) -> &mut [Lane] {
        &mut self.lanes
    }

    /// Lets every lane send so many more.
    pub fn raise_goals(&mut self, messages: u64) {
        for (lane, at) in self.lanes.iter_mut().zip(0..) {
            lane.goal += messages;
            if !lane.is_ready {
                lane.is_ready = true;
                self.ready.push(at);
            }
        }
    }

    /// Sends one message of a lane, due at that time, whatever is unanswered.
    pub fn send(&mut self, fleet: &mut Fleet, lane: u32, due: u64, now: u64) {
        let at = &mut self.lanes[lane as usize];
        let name = Name { channel: lane, number: at.sent };
        let text = self.letter.write(Stamp { name, at: due });
        let (wire, out) = fleet.put(at.sender);
        // Ids of one sender go up, as those of any good maker of UUIDv7 do, also in a burst.
        at.id_at = self.clock.unix_nanos(now).max(at.id_at + ID_STEP_NANOS);
        wire.send(at.route.next(name.number), name, at.id_at, text, out);
        at.waiting.push_back(due);
        at.sent += 1;
        at.unanswered += 1;
        self.counts.sent += 1;
    }

    /// Fills the windows of all lanes that have room.
    pub fn fill(&mut self, fleet: &mut Fleet) {
        let now = self.clock.now();
        while let Some(lane) = self.ready.pop() {
            let at = &mut self.lanes[lane as usize];
            at.is_ready = false;
            let room = self.window.saturating_sub(at.unanswered).min(at.goal - at.sent);
            for _ in 0..room {
                self.send(fleet, lane, now, now);
            }
        }
    }

    /// Takes what came.
    pub fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Accepted { name, seq, again } => self.take_accepted(name, seq, again),
            Event::Delivered { name, seq, text } => self.take_delivered(name, seq, text),
            Event::Rejected { name, reason } => {
                let lane = name.and_then(|name| Some((name, self.lane(name.channel)?)));
                if let Some((name, lane)) = lane {
                    lane.answered(name.number);
                }
                self.counts.answered += 1;
                self.faults.add(|| format!("a send was rejected: {reason}"));
            }
            Event::Ready | Event::Done | Event::Chats { .. } | Event::Pong | Event::Gone => {}
        }
    }

    fn lane(&mut self, channel: u32) -> Option<&mut Lane> {
        self.lanes.get_mut(channel as usize)
    }

    fn take_accepted(&mut self, name: Name, seq: Option<u64>, again: bool) {
        let now = self.clock.now();
        let Name { channel, number } = name;
        let Some((lane, due)) =
            self.lane(channel).and_then(|lane| lane.answered(number).map(|due| (lane, due)))
        else {
            self.faults.add(|| format!("{name:?} was accepted without being asked"));
            return;
        };
        lane.check.accepted(number, seq);
        if again {
            lane.check.fault(|| format!("{name:?} is said to be a duplicate"));
        }
        if !lane.is_ready {
            lane.is_ready = true;
            self.ready.push(channel);
        }
        self.counts.accepted += 1;
        self.counts.answered += 1;
        self.accepted.record(now.saturating_sub(due));
    }

    fn take_delivered(&mut self, name: Option<Name>, seq: Option<u64>, text: &[u8]) {
        let now = self.clock.now();
        let stamp = self.letter.read(text);
        let stamp = stamp.filter(|stamp| name.is_none_or(|name| name == stamp.name));
        let Some(stamp) = stamp else {
            self.faults.add(|| format!("what came as {name:?} is not what was sent"));
            return;
        };
        let Name { channel, number } = stamp.name;
        let Some(lane) = self.lane(channel) else {
            self.faults.add(|| format!("{name:?} is of nobody here"));
            return;
        };
        lane.check.delivered(number, seq);
        self.counts.delivered += 1;
        self.last_at = now;
        self.delivered.record(now.saturating_sub(stamp.at));
    }

    /// Sends and receives until that moment, or until all goals are reached and answered.
    pub fn run(&mut self, fleet: &mut Fleet, until: Instant) -> Result<(), LoadError> {
        loop {
            let now = Instant::now();
            if now >= until || self.is_answered() {
                return Ok(());
            }
            self.fill(fleet);
            fleet.turn(until - now, &mut |_, event| self.take(event))?;
        }
    }

    fn is_answered(&self) -> bool {
        self.counts.answered == self.counts.sent
            && self.lanes.iter().all(|lane| lane.sent >= lane.goal)
    }

    /// Sends nothing more, and waits until everything is answered and, unless the receivers are
    /// absent, delivered; or for so long.
    pub fn settle(
        &mut self,
        fleet: &mut Fleet,
        time: Duration,
        absent: bool,
    ) -> Result<(), LoadError> {
        self.lanes.iter_mut().for_each(|lane| lane.goal = lane.sent);
        let give_up = Instant::now() + time;
        loop {
            let is_delivered = absent || self.counts.delivered >= self.counts.accepted;
            let now = Instant::now();
            if (self.is_answered() && is_delivered) || now >= give_up {
                break;
            }
            fleet.turn(give_up - now, &mut |_, event| self.take(event))?;
        }
        if !self.is_answered() {
            let unanswered = self.counts.sent - self.counts.answered;
            self.faults.add(|| format!("{unanswered} sends stayed without an answer"));
        }
        Ok(())
    }

    /// Asks on each connection whether anything else is on its way: a message that comes twice
    /// comes before the answer.
    pub fn hear_out(&mut self, fleet: &mut Fleet, tokens: &[Token]) -> Result<(), LoadError> {
        for token in tokens {
            let (wire, out) = fleet.put(*token);
            wire.tick(out);
            wire.beat(out);
        }
        let (mut heard, begun) = (0, Instant::now());
        while heard < tokens.len() {
            fleet.turn(GRACE, &mut |_, event| {
                heard += usize::from(matches!(event, Event::Pong));
                self.take(event);
            })?;
            in_time(begun, GRACE, "the answer to a heartbeat")?;
        }
        Ok(())
    }

    /// What is wrong, once all has come that will.
    pub fn finish(&mut self) -> Faults {
        let mut faults = std::mem::take(&mut self.faults);
        self.lanes.iter_mut().for_each(|lane| faults.join(lane.check.finish()));
        faults
    }
}
