//! The life of a client, connection after connection. Pure: time is an argument, what is to be
//! done comes out as actions. Must never touch a socket or a clock.
//!
//! ```text
//!  ┌─────► Idle ──────► Dialing ──────► Greeting ──────► Open
//!  │   time is up   dialed: Hello goes out  Welcome comes  │
//!  └────────── lost: failed, cut, silent, goodbye ◄────────┘      any ── closed, refused ──► Over
//! ```

mod live;
mod traffic;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use packetboat_proto::code::CloseCode;
use packetboat_proto::id::ChatId;
use packetboat_proto::limits::{
    HANDSHAKE_BODY_BYTES_MAX, HEARTBEAT_MS_DEFAULT, HEARTBEAT_MS_HIGHEST, HEARTBEAT_MS_LOWEST,
};
use packetboat_proto::packet::{Credential as Shown, Hello, Limits, Packet, Verdict, Welcome};
use packetboat_proto::seen;
use packetboat_proto::time::Time;
use tokio::sync::oneshot;

use crate::asks::Asks;
use crate::command::Command;
use crate::config::{Config, Credential};
use crate::error::SendError;
use crate::event::{Ending, Event, Lost};
use crate::handover::Doings;
use crate::heartbeat::Heartbeat;
use crate::inbox::Inbox;
use crate::outbox::Outbox;
use crate::random::Random;
use crate::reconnect::Reconnect;

/// What happens to a client.
#[derive(Debug)]
pub(crate) enum Input {
    /// The connection asked for is there.
    Dialed,
    /// It cannot be made.
    DialFailed(String),
    /// A packet came.
    Packet(Packet),
    /// The stream ended or failed.
    Lost(Lost),
    /// What came is no packet.
    Broken(CloseCode, String),
    /// The app wants something.
    Command(Command),
    /// The app did something.
    Doings(Doings),
    /// Bytes came; or nothing can be heard, because this side does not listen.
    Heard,
    /// Time has passed.
    Tick,
}

impl Input {
    const fn name(&self) -> &'static str {
        match self {
            Self::Packet(packet) => packet.kind().name(),
            Self::Dialed => "dialed",
            Self::DialFailed(_) => "dial failed",
            Self::Lost(_) => "lost",
            Self::Broken(..) => "broken",
            Self::Command(_) => "command",
            Self::Doings(_) => "doings",
            Self::Heard => "heard",
            Self::Tick => "tick",
        }
    }
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Action {
    /// Make a connection.
    Dial,
    /// Send a packet.
    Write(Packet),
    /// Leave the connection, or stop making it; what was to be written may still be.
    HangUp,
    /// Tell the app.
    Tell(Event),
}

/// A client.
#[derive(Debug)]
pub(crate) struct Flow {
    config: Config,
    phase: Phase,
    outbox: Outbox,
    inbox: Inbox,
    asks: Asks,
    live: live::Live,
    reconnect: Reconnect,
    ticket: Option<Ticket>,
    ticket_is_shown: bool,
    /// The last session was not opened: now nothing goes out behind the `Hello`, for a server that
    /// closes with bytes unread may have its goodbye lost on the way.
    is_wary: bool,
    next_token: u64,
    /// Pings of the app.
    pings: VecDeque<(u64, oneshot::Sender<()>)>,
    /// The ping whose pong shows that the acks before it arrived.
    ack_ping: Option<u64>,
    /// They are dropped with the flow, when all is over.
    closers: Vec<oneshot::Sender<()>>,
}

#[derive(Debug)]
enum Phase {
    Idle { until: Time },
    Dialing { since: Time },
    Greeting { since: Time },
    Open(Session),
    Over(Ending),
}

impl Phase {
    const fn name(&self) -> &'static str {
        match self {
            Self::Idle { .. } => "Idle",
            Self::Dialing { .. } => "Dialing",
            Self::Greeting { .. } => "Greeting",
            Self::Open(_) => "Open",
            Self::Over(_) => "Over",
        }
    }
}

#[derive(Debug)]
struct Session {
    limits: Limits,
    heartbeat: Heartbeat,
    /// When it has been open for a whole heartbeat, and so was of use.
    steady_at: Option<Time>,
}

#[derive(Debug)]
struct Ticket {
    bytes: Bytes,
    /// `None`: it is not known.
    expires: Option<Time>,
}

impl Flow {
    /// A client that is to connect at once.
    pub(crate) fn new(mut config: Config, seed: u64) -> Self {
        let cursors = std::mem::take(&mut config.cursors);
        let ticket = config.ticket.take();
        Self {
            phase: Phase::Idle { until: Time::default() },
            outbox: Outbox::new(config.resend_after, config.strict_order),
            inbox: Inbox::new(config.acks, cursors),
            asks: Asks::new(config.request_timeout),
            live: live::Live::default(),
            reconnect: Reconnect::new(config.backoff, Random::new(seed)),
            ticket: ticket.map(|bytes| Ticket { bytes, expires: None }),
            ticket_is_shown: false,
            is_wary: false,
            next_token: 1,
            pings: VecDeque::new(),
            ack_ping: None,
            closers: Vec::new(),
            config,
        }
    }

    /// Takes an input; what follows from it is appended to `out`.
    pub(crate) fn handle(&mut self, now: Time, input: Input, out: &mut Vec<Action>) {
        seen::note("client", self.phase.name(), input.name());
        match input {
            Input::Dialed => self.dialed(now, out),
            Input::DialFailed(detail) => self.lost(now, Lost::Unreachable { detail }, out),
            Input::Packet(packet) => self.packet(now, packet, out),
            Input::Lost(why) => self.lost(now, why, out),
            Input::Broken(code, detail) => self.fault(now, code, detail, out),
            Input::Command(command) => self.command(now, command, out),
            Input::Doings(doings) => self.doings(now, doings, out),
            Input::Heard => self.heard(now),
            Input::Tick => self.tick(now, out),
        }
    }

    /// When the next tick is due.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let timeout = self.config.connect_timeout;
        let (phase, acks) = match &self.phase {
            Phase::Idle { until } => (*until, None),
            Phase::Dialing { since } => (*since + timeout, None),
            Phase::Greeting { since } => {
                let acks = self.inbox.deadline().filter(|_| !self.is_wary);
                (*since + timeout, acks)
            }
            Phase::Open(session) => {
                let live = self.live_deadline();
                let beat = session.deadline();
                (live.map_or(beat, |at| at.min(beat)), self.inbox.deadline())
            }
            Phase::Over(_) => return None,
        };
        let parts = [acks, self.outbox.deadline(), self.asks.deadline()];
        parts.into_iter().flatten().chain([phase]).min()
    }

    /// The largest body that the other side may send now, in bytes.
    pub(crate) const fn body_max(&self) -> u32 {
        match &self.phase {
            Phase::Open(session) => session.limits.max_body,
            _ => HANDSHAKE_BODY_BYTES_MAX,
        }
    }

    /// All is over: there is nothing more to come.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }

    /// How far the app is done with each chat.
    pub(crate) fn cursors(&self) -> HashMap<ChatId, u64> {
        self.inbox.cursors()
    }

    fn dialed(&mut self, now: Time, out: &mut Vec<Action>) {
        if !matches!(self.phase, Phase::Dialing { .. }) {
            return;
        }
        self.phase = Phase::Greeting { since: now };
        let hello = self.hello(now);
        out.push(Action::Write(Packet::Hello(hello)));
    }

    fn hello(&mut self, now: Time) -> Hello {
        let expired = |ticket: &Ticket| ticket.expires.is_some_and(|at| at <= now);
        if self.ticket.as_ref().is_some_and(expired) {
            self.ticket = None;
        }
        self.ticket_is_shown = self.ticket.is_some();
        let credential = match (&self.ticket, &self.config.credential) {
            (Some(ticket), _) => Shown::Ticket(ticket.bytes.clone()),
            (None, Credential::Open) => Shown::Open,
            (None, Credential::Password(password)) => Shown::Password(password.clone()),
            (None, Credential::Token(token)) => Shown::Token(token.clone()),
        };
        Hello {
            user: self.config.user.clone(),
            device: self.config.device.clone(),
            credential,
            client: self.config.software.clone(),
            wanted: self.config.wanted(),
            start: self.config.start,
            device_name: self.config.device_name.clone(),
            platform: self.config.platform.clone(),
        }
    }

    fn welcome(&mut self, now: Time, welcome: Welcome, out: &mut Vec<Action>) {
        let limits = Limits {
            // Less than a handshake takes would leave no room for a cursor.
            max_body: welcome.limits.max_body.max(HANDSHAKE_BODY_BYTES_MAX),
            heartbeat_ms: match welcome.limits.heartbeat_ms {
                0 => HEARTBEAT_MS_DEFAULT,
                ms => ms.clamp(HEARTBEAT_MS_LOWEST, HEARTBEAT_MS_HIGHEST),
            },
            sends: welcome.limits.sends.max(1),
            ..welcome.limits
        };
        let interval = Duration::from_millis(limits.heartbeat_ms.into());
        self.phase = Phase::Open(Session {
            limits,
            heartbeat: Heartbeat::new(now, interval),
            steady_at: Some(now + interval),
        });
        if !welcome.ticket.is_empty() {
            let life_ms = welcome.ticket_expires_ms.saturating_sub(welcome.now_ms);
            self.ticket = Some(Ticket {
                bytes: welcome.ticket.clone(),
                expires: Some(now + Duration::from_millis(life_ms)),
            });
        }
        self.is_wary = false;
        self.inbox.set_window(limits.window);
        self.outbox.all_ready();
        self.ask_again(now);
        out.push(Action::Tell(Event::Connected(welcome)));
    }

    fn goodbye(&mut self, now: Time, verdict: Verdict, out: &mut Vec<Action>) {
        let about_credential = matches!(
            verdict.close_code(),
            Some(CloseCode::BadTicket | CloseCode::BadCredential | CloseCode::WrongCredentialKind)
        );
        if about_credential && self.ticket_is_shown {
            // The next connection shows the credential itself, so this comes up once at most.
            self.ticket = None;
            return self.leave(now, Lost::Goodbye(verdict), Duration::ZERO, out);
        }
        match self.reconnect.after_goodbye(&verdict) {
            Some(wait) => self.leave(now, Lost::Goodbye(verdict), wait, out),
            None => self.end(Ending::Refused(verdict), out),
        }
    }

    /// The other side broke the protocol: it is told, and left.
    fn fault(&mut self, now: Time, code: CloseCode, detail: String, out: &mut Vec<Action>) {
        if !matches!(self.phase, Phase::Greeting { .. } | Phase::Open(_)) {
            return;
        }
        let verdict = Verdict::close(code, &detail, 0);
        out.push(Action::Write(Packet::Goodbye(verdict)));
        self.lost(now, Lost::Protocol { detail }, out);
    }

    /// The other side says nothing: it is told why it is left, in case it hears.
    fn give_up(&mut self, now: Time, code: CloseCode, why: Lost, out: &mut Vec<Action>) {
        let verdict = Verdict::close(code, &why.to_string(), 0);
        out.push(Action::Write(Packet::Goodbye(verdict)));
        self.lost(now, why, out);
    }

    fn lost(&mut self, now: Time, why: Lost, out: &mut Vec<Action>) {
        let wait = self.reconnect.after_loss();
        self.leave(now, why, wait, out);
    }

    fn leave(&mut self, now: Time, why: Lost, wait: Duration, out: &mut Vec<Action>) {
        if matches!(self.phase, Phase::Idle { .. } | Phase::Over(_)) {
            return;
        }
        self.is_wary |= matches!(self.phase, Phase::Greeting { .. });
        self.phase = Phase::Idle { until: now + wait };
        self.outbox.disconnected();
        self.inbox.disconnected(now);
        self.asks.disconnected();
        self.pings.clear();
        self.ack_ping = None;
        out.push(Action::HangUp);
        out.push(Action::Tell(Event::Disconnected { why, retry_in: wait }));
    }

    fn close(&mut self, now: Time, out: &mut Vec<Action>) {
        if matches!(self.phase, Phase::Greeting { .. } | Phase::Open(_)) {
            self.flush_acks(now, out);
            let done = Verdict::close(CloseCode::Done, "", 0);
            out.push(Action::Write(Packet::Goodbye(done)));
        }
        self.end(Ending::Closed, out);
    }

    fn end(&mut self, ending: Ending, out: &mut Vec<Action>) {
        if self.is_over() {
            return;
        }
        for draft in self.outbox.drain() {
            draft.reply.end(Err(SendError::Closed { id: draft.id, ending: ending.clone() }));
        }
        self.asks.end(&ending);
        self.pings.clear();
        self.phase = Phase::Over(ending.clone());
        out.push(Action::HangUp);
        out.push(Action::Tell(Event::Closed(ending)));
    }

    fn tick(&mut self, now: Time, out: &mut Vec<Action>) {
        if let Some(stand) = self.asks.expire(now) {
            self.stands(now, stand, out);
        }
        let timeout = self.config.connect_timeout;
        match &self.phase {
            Phase::Idle { until } if *until <= now => {
                self.phase = Phase::Dialing { since: now };
                out.push(Action::Dial);
            }
            Phase::Dialing { since } if *since + timeout <= now => {
                let detail = "no connection in time".to_owned();
                self.lost(now, Lost::Unreachable { detail }, out);
            }
            Phase::Greeting { since } if *since + timeout <= now => {
                self.give_up(now, CloseCode::HandshakeTimeout, Lost::NoWelcome, out);
            }
            Phase::Open(_) => self.tick_open(now, out),
            _ => {}
        }
        let can_send = matches!(self.phase, Phase::Open(_));
        if let Some(send) = self.outbox.tick(now, can_send) {
            self.write(now, Packet::Send(send), out);
        }
    }

    /// Leaves whatever connection there is for another.
    fn reconnect_now(&mut self, now: Time, out: &mut Vec<Action>) {
        if let Phase::Idle { until } = &mut self.phase {
            *until = now;
            return;
        }
        if matches!(self.phase, Phase::Open(_)) {
            let done = Verdict::close(CloseCode::Done, "", 0);
            out.push(Action::Write(Packet::Goodbye(done)));
        }
        self.leave(now, Lost::Asked, Duration::ZERO, out);
    }
}

impl Session {
    fn deadline(&self) -> Time {
        let beat = self.heartbeat.deadline();
        self.steady_at.map_or(beat, |at| at.min(beat))
    }
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
