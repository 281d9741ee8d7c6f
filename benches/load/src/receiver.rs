//! The receiving end of a pair: checks what comes, and acknowledges it many at a time as the
//! specification asks (T-5). Must never acknowledge what it has not looked at.

use std::time::Duration;

use packetboat_proto::frame::Frame;
use packetboat_proto::id::ChatId;
use packetboat_proto::packet::{Cursor, Kind, Packet};
use prost::Message;
use tokio::time::{Instant, sleep_until};

use crate::clock::Clock;
use crate::connection::Connection;
use crate::error::LoadError;
use crate::histogram::Histogram;
use crate::sender::SharedCheck;
use crate::wire::{Delivered, Letter};

/// How long a delivery waits for its acknowledgement.
const ACK_AFTER: Duration = Duration::from_millis(100);
/// Deliveries are acknowledged when they fill this part of the window.
const ACK_WINDOW_PART: u32 = 4;
/// The token of the ping that asks whether anything else was on its way.
const LAST_PING: u64 = u64::MAX;

/// What was delivered.
#[derive(Debug, Default)]
pub struct Received {
    /// Delivered before the time to send was over.
    pub in_time: u64,
    /// All that was delivered.
    pub total: u64,
    /// When the last one came, by the generator's clock.
    pub last_at: u64,
    /// Nanoseconds from send to delivered.
    pub latency: Histogram,
}

/// The receiving end of a pair.
#[derive(Debug)]
pub struct Receiver {
    connection: Connection,
    chat: ChatId,
    letter: Letter,
    check: SharedCheck,
    clock: Clock,
    ack_at_count: u32,
    unacked: u32,
    seq: u64,
    ponged: bool,
    received: Received,
}

impl Receiver {
    /// One that has got nothing yet.
    pub fn new(
        connection: Connection,
        chat: ChatId,
        letter: Letter,
        check: SharedCheck,
        clock: Clock,
    ) -> Self {
        Self {
            ack_at_count: (connection.limits().window / ACK_WINDOW_PART).max(1),
            connection,
            chat,
            letter,
            check,
            clock,
            unacked: 0,
            seq: 0,
            ponged: false,
            received: Received::default(),
        }
    }

    /// Receives until all that was accepted has come, or for so long. What comes up to `until`
    /// counts as in time.
    pub async fn run(
        mut self,
        until: Instant,
        give_up: Instant,
    ) -> Result<(Received, Connection), LoadError> {
        let until = self.clock.at(until);
        let mut tick = std::pin::pin!(sleep_until(Instant::now() + ACK_AFTER));
        let mut pinged = false;
        while !self.ponged {
            if !pinged && self.check.lock().is_done() {
                self.ack();
                self.connection.put(&Packet::Ping(LAST_PING));
                pinged = true;
            }
            tokio::select! {
                biased;
                exchanged = self.connection.exchange() => exchanged?,
                () = &mut tick => {
                    let now = Instant::now();
                    if now >= give_up {
                        break;
                    }
                    self.ack();
                    tick.as_mut().reset(now + ACK_AFTER);
                }
            }
            let now = self.clock.now();
            while let Some(frame) = self.connection.next_frame()? {
                self.take(now, until, &frame)?;
            }
            if self.unacked >= self.ack_at_count {
                self.ack();
            }
        }
        Ok((self.received, self.connection))
    }

    fn take(&mut self, now: u64, until: u64, frame: &Frame) -> Result<(), LoadError> {
        if frame.kind == Kind::Pong as u8 {
            self.ponged = true;
        }
        if frame.kind != Kind::Deliver as u8 {
            return Ok(());
        }
        let delivered = Delivered::decode(frame.body.clone())?;
        let seq = delivered.seq;
        let Some(stamp) = self.letter.stamp(&delivered) else {
            self.check.lock().fault(|| format!("seq {seq} is no message of the pair's sender"));
            return Ok(());
        };
        self.check.lock().delivered(stamp.number, seq);
        self.seq = self.seq.max(seq);
        self.unacked += 1;
        self.received.total += 1;
        self.received.in_time += u64::from(now <= until);
        self.received.last_at = now;
        self.received.latency.record(now.saturating_sub(stamp.at));
        Ok(())
    }

    fn ack(&mut self) {
        if self.unacked > 0 {
            self.unacked = 0;
            let cursor = Cursor { chat: self.chat.clone(), delivered: self.seq, read: 0 };
            self.connection.put(&Packet::Ack(vec![cursor]));
        }
    }
}
