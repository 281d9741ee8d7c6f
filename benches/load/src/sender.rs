//! The sending end of a pair: keeps a window of sends unanswered. Must never send a message twice,
//! nor wait for its receiver.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use packetboat_proto::code::RejectCode;
use packetboat_proto::frame::Frame;
use packetboat_proto::packet::{Kind, Packet};
use prost::Message;
use tokio::time::{Instant, sleep_until};

use crate::check::PairCheck;
use crate::clock::Clock;
use crate::connection::Connection;
use crate::error::LoadError;
use crate::histogram::Histogram;
use crate::wire::{Accepted, Letter, Stamp};

/// How long the server may take for what is on its way once nothing more is sent.
pub const GRACE: Duration = Duration::from_secs(30);

/// What the two ends of a pair share.
#[derive(Clone, Debug, Default)]
pub struct SharedCheck(Arc<Mutex<PairCheck>>);

impl SharedCheck {
    /// To be let go before waiting.
    pub fn lock(&self) -> MutexGuard<'_, PairCheck> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a sender has sent enough, and when it has waited enough.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// So many messages.
    pub messages: u64,
    /// Or so long.
    pub until: Instant,
    /// What is unanswered then stays so.
    pub give_up: Instant,
}

impl Goal {
    /// Sends for so long.
    pub fn time(from: Instant, time: Duration) -> Self {
        let until = from + time;
        Self { messages: u64::MAX, until, give_up: until + GRACE }
    }

    /// Sends so many, which may take so long.
    pub fn messages(messages: u64, from: Instant, time: Duration) -> Self {
        Self { messages, ..Self::time(from, time) }
    }
}

/// What became of the sends.
#[derive(Debug, Default)]
pub struct Sent {
    /// Accepted before the time to send was over.
    pub accepted_in_time: u64,
    /// Nanoseconds from send to accepted, of all that were accepted.
    pub latency: Histogram,
}

/// The sending end of a pair.
#[derive(Debug)]
pub struct Sender {
    connection: Connection,
    letter: Letter,
    check: SharedCheck,
    clock: Clock,
    window: usize,
    /// When the unanswered were sent, from the number `first` on; `None` is answered.
    waiting: VecDeque<Option<u64>>,
    first: u64,
    unanswered: usize,
    sent: Sent,
}

impl Sender {
    /// One that has sent nothing yet.
    pub fn new(
        connection: Connection,
        letter: Letter,
        check: SharedCheck,
        clock: Clock,
        window: u32,
    ) -> Result<Self, LoadError> {
        let allowed = connection.limits().sends;
        if window > allowed {
            return Err(LoadError::Window { window, allowed });
        }
        Ok(Self {
            connection,
            letter,
            check,
            clock,
            window: window as usize,
            waiting: VecDeque::new(),
            first: 0,
            unanswered: 0,
            sent: Sent::default(),
        })
    }

    /// Sends until the goal is reached and all is answered.
    pub async fn run(mut self, goal: Goal) -> Result<(Sent, Connection), LoadError> {
        let until = self.clock.at(goal.until);
        let mut give_up = std::pin::pin!(sleep_until(goal.give_up));
        loop {
            if !self.send(goal.messages, until) && self.unanswered == 0 {
                break;
            }
            tokio::select! {
                biased;
                exchanged = self.connection.exchange() => exchanged?,
                () = &mut give_up => break,
            }
            let now = self.clock.now();
            while let Some(frame) = self.connection.next_frame()? {
                self.take(now, until, &frame)?;
            }
        }
        let mut check = self.check.lock();
        if self.unanswered > 0 {
            let unanswered = self.unanswered;
            check.fault(|| format!("{unanswered} sends of a pair stayed without an answer"));
        }
        check.close();
        drop(check);
        Ok((self.sent, self.connection))
    }

    /// Fills the window; whether there is more to be sent.
    fn send(&mut self, messages: u64, until: u64) -> bool {
        let at = self.clock.now();
        let next = self.first + self.waiting.len() as u64;
        if at >= until || next >= messages {
            return false;
        }
        let room = (self.window - self.unanswered) as u64;
        for number in next..messages.min(next + room) {
            self.letter.put(self.connection.outbox(), Stamp { number, at });
            self.waiting.push_back(Some(at));
            self.unanswered += 1;
        }
        true
    }

    fn take(&mut self, now: u64, until: u64, frame: &Frame) -> Result<(), LoadError> {
        if frame.kind == Kind::Accepted as u8 {
            let accepted = Accepted::decode(frame.body.clone())?;
            let number = self.letter.number(&accepted.chat, &accepted.id);
            let Some((number, sent_at)) = number.and_then(|number| self.answered(number)) else {
                let seq = accepted.seq;
                self.check.lock().fault(|| format!("seq {seq} was accepted without being asked"));
                return Ok(());
            };
            self.sent.latency.record(now.saturating_sub(sent_at));
            self.sent.accepted_in_time += u64::from(now <= until);
            let mut check = self.check.lock();
            check.accepted(number, accepted.seq);
            if accepted.duplicate {
                check.fault(|| format!("message {number} is said to be a duplicate"));
            }
        } else if frame.kind == Kind::Rejected as u8
            && let Some(Packet::Rejected(rejected)) = Packet::decode(frame)?
        {
            let (chat, id) = (rejected.chat.as_str().as_bytes(), rejected.id.as_bytes());
            self.letter.number(chat, id).and_then(|number| self.answered(number));
            let verdict = rejected.verdict;
            let code = verdict.reject_code().map(RejectCode::name);
            self.check.lock().fault(|| format!("a send was rejected: {code:?} {}", verdict.reason));
        }
        Ok(())
    }

    /// Notes that a message is answered: the number and when it was sent, if it was waiting.
    fn answered(&mut self, number: u64) -> Option<(u64, u64)> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let sent_at = self.waiting.get_mut(at)?.take()?;
        self.unanswered -= 1;
        while let Some(None) = self.waiting.front() {
            self.waiting.pop_front();
            self.first += 1;
        }
        Some((number, sent_at))
    }
}
