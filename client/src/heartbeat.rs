//! Life of one connection: when to ping, and when to take it for dead. Must never count what this
//! side sends as a sign of the other.

use std::time::Duration;

use packetboat_proto::time::Time;

/// When there was life, and the ping that asks for it.
#[derive(Clone, Debug)]
pub(crate) struct Heartbeat {
    interval: Duration,
    sent: Time,
    heard: Time,
    pinged: Option<Time>,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// Nothing.
    Rest,
    /// Send a ping.
    Ping,
    /// Nothing is heard any more.
    Dead,
}

impl Heartbeat {
    pub(crate) const fn new(now: Time, interval: Duration) -> Self {
        Self { interval, sent: now, heard: now, pinged: None }
    }

    /// Something was sent.
    pub(crate) const fn sent(&mut self, now: Time) {
        self.sent = now;
    }

    /// Something was heard, or cannot be heard because this side does not listen.
    pub(crate) const fn heard(&mut self, now: Time) {
        self.heard = now;
        self.pinged = None;
    }

    pub(crate) fn beat(&mut self, now: Time) -> Beat {
        if now < self.deadline() {
            return Beat::Rest;
        }
        if self.pinged.is_some_and(|at| at + self.interval / 2 <= now) {
            return Beat::Dead;
        }
        self.pinged.get_or_insert(now);
        self.sent = now;
        Beat::Ping
    }

    pub(crate) fn deadline(&self) -> Time {
        let quiet = self.sent + self.interval;
        match self.pinged {
            Some(pinged) => quiet.min(pinged + self.interval / 2),
            None => quiet.min(self.heard + self.interval),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_ms(ms)
    }

    fn heartbeat() -> Heartbeat {
        Heartbeat::new(at(0), Duration::from_millis(100))
    }

    #[test]
    fn silence_of_either_side_asks_for_a_ping() {
        let mut quiet = heartbeat();
        quiet.heard(at(90));
        assert_eq!(quiet.beat(at(99)), Beat::Rest);
        assert_eq!(quiet.beat(at(100)), Beat::Ping);

        let mut talking = heartbeat();
        talking.sent(at(90));
        assert_eq!(talking.deadline(), at(100));
        assert_eq!(talking.beat(at(100)), Beat::Ping);
    }

    #[test]
    fn half_an_interval_without_a_word_after_a_ping_is_death() {
        let mut heartbeat = heartbeat();
        assert_eq!(heartbeat.beat(at(100)), Beat::Ping);
        heartbeat.sent(at(140));
        assert_eq!(heartbeat.deadline(), at(150));
        assert_eq!(heartbeat.beat(at(149)), Beat::Rest);
        assert_eq!(heartbeat.beat(at(150)), Beat::Dead);
    }

    #[test]
    fn any_word_is_life() {
        let mut heartbeat = heartbeat();
        assert_eq!(heartbeat.beat(at(100)), Beat::Ping);
        heartbeat.heard(at(149));
        assert_eq!(heartbeat.beat(at(150)), Beat::Rest);
        assert_eq!(heartbeat.deadline(), at(200));
    }
}
