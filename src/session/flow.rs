//! The rules of one connection, from its first packet to its last (SPEC.md section 7). Pure: time
//! is an argument, slow answers come back as inputs. Must never hold a socket, a clock or a store.
//!
//! ```text
//! AwaitHello --Hello--> Checking --good--> Claiming --claimed--> Open --drain--> Draining
//!      any state --Goodbye, end of the stream--> Leaving --all stored--> Closed
//!      any state --fault, time-out, eviction--> Closed
//! ```

mod asking;
mod opening;

use std::sync::Arc;
use std::time::Duration;

use packetboat_proto::code::CloseCode;
use packetboat_proto::id::SessionId;
use packetboat_proto::packet::{self, Packet, Signal, Verdict};
use packetboat_proto::planted::{self, Bug};
use packetboat_proto::seen;
use packetboat_proto::time::Time;

use crate::hub::mailbox::{Delivery, Hint};
use crate::metrics::Metrics;
use crate::store::{LagPage, Outcome, PageLimit, Read, StoreError};

use super::bookends::{limits, reason_of};
use super::deliveries::{Due, Pushed};
use super::desk::Desk;
use super::port::{Action, Input, Rules, Work};
use super::rate::Bucket;
use super::state::State;

mod rooms;

/// The token of the server's own pings, whose pongs mean nothing more than any other packet.
const SERVERS_PING: u64 = 0;

/// The rules of one connection.
#[derive(Debug)]
pub struct Flow {
    rules: Arc<Rules>,
    metrics: Arc<Metrics>,
    session: SessionId,
    state: State,
    was_open: bool,
    /// Deliveries that may be unacknowledged.
    window: u32,
    heartbeat_ms: u32,
    /// When the connection began; once the session is open, when something was last heard.
    heard: Time,
    wrote: Time,
    pings: Bucket,
    /// `None`: nothing is under way.
    desk: Option<Box<Desk>>,
}

impl Flow {
    /// Of a connection that has just been made.
    pub fn new(now: Time, session: SessionId, rules: Arc<Rules>, metrics: Arc<Metrics>) -> Self {
        Self {
            session,
            state: State::AwaitHello,
            was_open: false,
            window: rules.window,
            heartbeat_ms: limits(&rules).heartbeat_ms,
            heard: now,
            wrote: now,
            pings: Bucket::new(rules.pings, now),
            desk: None,
            rules,
            metrics,
        }
    }

    /// Takes what happened, and says what is to be done.
    pub fn handle(&mut self, now: Time, input: Input, out: &mut Vec<Action>) {
        seen::note("server", self.state.name(), input.name());
        if self.is_closed() {
            return;
        }
        let before = out.len();
        self.take(now, input, out);
        if out[before..].iter().any(Action::writes) {
            self.wrote = now;
        }
    }

    fn take(&mut self, now: Time, input: Input, out: &mut Vec<Action>) {
        match input {
            Input::Heard if self.was_open => self.heard = now,
            Input::Heard => {}
            Input::Packet(packet) => self.packet(now, packet, out),
            Input::Broken { code, reason } => {
                self.metrics.protocol_errors.one();
                self.close(code, &reason, out);
            }
            Input::Checked(result) => self.checked(result, out),
            Input::Claimed(result, now_ms) => self.claimed(now, result, now_ms, out),
            Input::Appended(result) => self.appended(result, out),
            Input::Advanced(result) => self.advanced(&result, out),
            Input::Scanned(result) => self.scanned(now, result, out),
            Input::Read(result) => self.read(now, result, out),
            Input::Answered(answer) => self.answered(now, answer, out),
            Input::Transferred(answer) => self.transferred(now, answer, out),
            Input::Pushed(delivery) => self.pushed(now, &delivery, out),
            Input::EntriesLost => self.entries_lost(now, out),
            Input::RoomOver(room) => self.room_over(&room),
            Input::Hint(hint) => self.hint(hint, out),
            Input::NoticesLost => out.push(Action::Write(Packet::Notice(packet::Notice::Missed))),
            Input::Left => self.state = State::Leaving,
            Input::Evicted(code) => self.close(code, reason_of(code), out),
            Input::Drain => self.drain(),
            Input::Tick => self.tick(now, out),
        }
    }

    /// Starts what work has gathered since the last time. To be called after a round of inputs.
    /// Without `room` for what would come back of it to be written, nothing is read for the peer.
    pub fn settle(&mut self, room: bool, out: &mut Vec<Action>) {
        match self.state {
            State::Open => {
                self.store(out);
                if room {
                    self.ask(out);
                }
            }
            State::Draining => {
                self.store(out);
                if self.is_stored() {
                    let code = CloseCode::ShuttingDown;
                    self.close(code, reason_of(code), out);
                }
            }
            State::Leaving => {
                self.store(out);
                if self.is_stored() {
                    out.push(Action::Hangup);
                    self.state = State::Closed;
                }
            }
            State::AwaitHello | State::Checking(_) | State::Claiming | State::Closed => {}
        }
    }

    /// When to call with `Input::Tick` at the latest.
    pub fn deadline(&self) -> Option<Time> {
        match self.state {
            State::AwaitHello | State::Checking(_) | State::Claiming => {
                Some(self.heard + self.rules.handshake)
            }
            State::Open => {
                let desk = self.desk.as_deref();
                let times = desk.map(Desk::deadlines);
                let times = times.into_iter().flatten().flatten();
                times.chain([self.silent_at(), self.ping_at()]).min()
            }
            State::Draining | State::Leaving => Some(self.silent_at()),
            State::Closed => None,
        }
    }

    /// Whether the next packet is to be read now.
    pub fn wants_packet(&mut self, now: Time) -> bool {
        match self.state {
            State::AwaitHello => true,
            State::Open => self.desk.as_mut().is_none_or(|desk| desk.has_room(now)),
            State::Checking(_)
            | State::Claiming
            | State::Draining
            | State::Leaving
            | State::Closed => false,
        }
    }

    /// Whether the session is open: before, nothing that is pushed may be taken from its mailbox.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Whether the session is or was open.
    pub fn was_open(&self) -> bool {
        self.was_open
    }

    /// Whether it is over.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    fn packet(&mut self, now: Time, packet: Packet, out: &mut Vec<Action>) {
        match (&self.state, packet) {
            // What was taken before it is still stored: a device acknowledges and leaves.
            (_, Packet::Goodbye(_)) => self.state = State::Leaving,
            (State::AwaitHello, Packet::Hello(hello)) => self.hello(hello, out),
            (State::Open, Packet::Ping(token)) => self.ping(now, token, out),
            (State::Open, Packet::Pong(_)) => {}
            (State::Open, Packet::Send(send)) => {
                self.metrics.sends.one();
                let desk = self.desk(now);
                if let Some(rejected) = desk.sends.take(now, send, &desk.rooms) {
                    self.metrics.rejected.one();
                    out.push(Action::Write(Packet::Rejected(rejected)));
                }
            }
            (State::Open, Packet::Ack(cursors)) => {
                let desk = self.desk(now);
                // A room owes nobody anything.
                for cursor in cursors.into_iter().filter(|cursor| !cursor.chat.is_room()) {
                    desk.deliveries.ack(&cursor.chat, cursor.delivered);
                    desk.moves.add(cursor);
                }
            }
            (State::Open, Packet::Signal(signal)) => self.signal(now, signal, out),
            (State::Open, Packet::Request(request)) => self.asked(now, request, out),
            (_, packet) => self.out_of_turn(&packet, out),
        }
    }

    fn out_of_turn(&mut self, packet: &Packet, out: &mut Vec<Action>) {
        self.metrics.protocol_errors.one();
        let kind = packet.kind();
        let reason = match self.state {
            State::AwaitHello => format!("a connection opens with a Hello, not with a {kind:?}"),
            _ => format!("a client may not send a {kind:?} here"),
        };
        self.close(CloseCode::WrongState, &reason, out);
    }

    /// The desk, made if there is none: what was sent before is acknowledged then, or was seen by
    /// a scan, as after an entry's position is forgotten.
    fn desk(&mut self, now: Time) -> &mut Desk {
        self.desk.get_or_insert_with(|| Box::new(Desk::quiet(now, &self.rules, self.window)))
    }

    /// Clears the desk away, if nothing is on it.
    fn clear(&mut self, now: Time) {
        self.desk.take_if(|desk| desk.is_clear(now));
    }

    fn is_stored(&self) -> bool {
        self.desk.as_ref().is_none_or(|desk| desk.is_stored())
    }

    fn ping(&mut self, now: Time, token: u64, out: &mut Vec<Action>) {
        // Who pings had nothing else to say for a while.
        self.clear(now);
        if self.pings.try_take(now) {
            out.push(Action::Write(Packet::Pong(token)));
        } else {
            self.metrics.rate_closes.one();
            self.close(CloseCode::RateLimited, "too many pings", out);
        }
    }

    fn signal(&mut self, now: Time, signal: Signal, out: &mut Vec<Action>) {
        if self.desk(now).signals.try_take(now) {
            out.push(Action::Relay(signal));
        } else {
            self.metrics.signals_dropped.one();
        }
    }

    fn appended(&mut self, result: Result<Vec<Outcome>, StoreError>, out: &mut Vec<Action>) {
        let Some(desk) = &mut self.desk else { return };
        match desk.sends.answered(result, self.rules.retry_after_ms) {
            Ok(answers) => {
                for answer in answers {
                    match answer {
                        Packet::Accepted(_) => self.metrics.accepted.one(),
                        _ => self.metrics.rejected.one(),
                    }
                    self.write(answer, out);
                }
            }
            Err(error) => self.close(CloseCode::Internal, &error.to_string(), out),
        }
    }

    /// Writes to a peer that is still there to read it.
    fn write(&self, packet: Packet, out: &mut Vec<Action>) {
        if !matches!(self.state, State::Leaving) {
            out.push(Action::Write(packet));
        }
    }

    fn advanced(&mut self, result: &Result<(), StoreError>, out: &mut Vec<Action>) {
        let Some(desk) = &mut self.desk else { return };
        desk.moves.done();
        if let Err(error) = result {
            self.close(CloseCode::Internal, &error.to_string(), out);
        }
    }

    fn scanned(&mut self, now: Time, result: Result<LagPage, StoreError>, out: &mut Vec<Action>) {
        match result {
            Ok(page) => {
                self.desk(now).deliveries.scanned(page);
                self.clear(now);
            }
            Err(error) => self.close(CloseCode::Internal, &error.to_string(), out),
        }
    }

    fn read(&mut self, now: Time, result: Result<Vec<Read>, StoreError>, out: &mut Vec<Action>) {
        match result {
            Ok(_) if !self.is_open() => {}
            Ok(reads) => {
                for entry in self.desk(now).deliveries.read(now, reads) {
                    self.metrics.deliveries.one();
                    out.push(Action::Deliver(entry.body));
                }
            }
            Err(error) => self.close(CloseCode::Internal, &error.to_string(), out),
        }
    }

    fn pushed(&mut self, now: Time, delivery: &Delivery, out: &mut Vec<Action>) {
        if !self.is_open() {
            return;
        }
        if delivery.chat.is_room() {
            return self.heard_in_room(delivery, out);
        }
        let own = delivery.origin == self.session;
        match self.desk(now).deliveries.push(now, &delivery.chat, delivery.seq, own) {
            Pushed::Send => {
                self.metrics.deliveries.one();
                out.push(Action::WriteFrame(delivery.frame.clone()));
                if planted::is(Bug::CursorBeforeDelivery) {
                    let (chat, delivered) = (delivery.chat.clone(), delivery.seq);
                    self.desk(now).moves.add(packet::Cursor { chat, delivered, read: 0 });
                }
            }
            Pushed::Hold => {}
            Pushed::HoldFull => self.metrics.windows_full.one(),
        }
    }

    fn hint(&mut self, hint: Hint, out: &mut Vec<Action>) {
        if !self.is_open() {
            return;
        }
        out.push(match hint {
            Hint::Cursor(moved) => Action::Write(Packet::Notice(packet::Notice::Cursor(moved))),
            Hint::Signal(frame)
            | Hint::Notice(frame)
            | Hint::Presence(_, frame)
            | Hint::RoomCount(_, frame)
            | Hint::Receipts(_, frame)
            | Hint::Own(frame) => Action::WriteFrame(frame),
        });
    }

    fn store(&mut self, out: &mut Vec<Action>) {
        let Some(desk) = &mut self.desk else { return };
        out.extend(desk.sends.next_batch().map(Work::Append).map(Action::Start));
        out.extend(desk.moves.next_batch().map(Work::Advance).map(Action::Start));
    }

    /// Asks the store for what is to be written.
    fn ask(&mut self, out: &mut Vec<Action>) {
        let Some(desk) = &mut self.desk else { return };
        out.extend(desk.questions.next_question().map(Work::Ask).map(Action::Start));
        // First the acknowledgements that came right behind the hello: what they cover need not
        // be found. Later scans do not wait: who always acknowledges something would never see one.
        if (desk.scanned || desk.moves.is_idle())
            && let Some(after) = desk.deliveries.next_scan()
        {
            desk.scanned = true;
            let limit = desk.deliveries.scan_limit();
            out.push(Action::Start(Work::Scan { after, limit }));
        }
        if let Some((stretches, items)) = desk.deliveries.next_read() {
            let limit = PageLimit { items, bytes: self.rules.read_bytes };
            out.push(Action::Start(Work::Read(stretches, limit)));
        }
    }

    fn drain(&mut self) {
        // What was taken is still answered; `settle` says goodbye after it, or at once.
        if !matches!(self.state, State::Leaving) {
            self.state = State::Draining;
        }
    }

    fn tick(&mut self, now: Time, out: &mut Vec<Action>) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        if !matches!(self.state, State::Open | State::Draining | State::Leaving) {
            self.metrics.handshake_timeouts.one();
            let code = CloseCode::HandshakeTimeout;
            return self.close(code, reason_of(code), out);
        }
        if now >= self.silent_at() {
            self.metrics.heartbeat_timeouts.one();
            let code = CloseCode::HeartbeatTimeout;
            return self.close(code, reason_of(code), out);
        }
        if self.is_open() && now >= self.ping_at() {
            out.push(Action::Write(Packet::Ping(SERVERS_PING)));
        }
        match self.desk.as_mut().map_or(Due::Nothing, |desk| desk.deliveries.tick(now)) {
            Due::Nothing => {}
            Due::Again => self.metrics.retries.one(),
            Due::GiveUp => {
                self.metrics.ack_timeouts.one();
                let code = CloseCode::AckTimeout;
                self.close(code, reason_of(code), out);
            }
        }
    }

    /// When a session that is silent from now on is closed: after one and a half intervals.
    fn silent_at(&self) -> Time {
        let interval = Duration::from_millis(self.heartbeat_ms.into());
        self.heard + interval + interval / 2
    }

    /// When a client that hears nothing is told that the server is there (T-3): later than its own
    /// ping would have been answered, for that may wait behind a long upload.
    fn ping_at(&self) -> Time {
        let interval = Duration::from_millis(self.heartbeat_ms.into());
        self.wrote + interval + interval / 4
    }

    fn close(&mut self, code: CloseCode, reason: &str, out: &mut Vec<Action>) {
        let verdict = Verdict::close(code, reason, self.rules.retry_after_ms);
        out.push(Action::Close(verdict));
        self.state = State::Closed;
    }
}

#[cfg(test)]
mod tests;
