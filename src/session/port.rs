//! The words between a session's flow and its shell: what happens to a connection, and what is to
//! be done about it. Must never hold a rule.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use packetboat_proto::code::CloseCode;
use packetboat_proto::id::ChatId;
use packetboat_proto::packet::{self, Hello, Packet, Signal, Verdict};

use crate::auth::doorman::Admitted;
use crate::hub::mailbox::{Delivery, Hint};
use crate::store::{
    Claim, Claimed, CursorMove, Draft, LagPage, Outcome, PageLimit, Read, StoreError, Stretch,
};

use super::deliveries::Retries;
use super::rate::Rate;

/// What the operator has set for every session.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The largest body, in bytes.
    pub max_body: u32,
    /// The largest content that is taken, in bytes. What the store holds may be larger, from a
    /// time when more was allowed: `max_body` leaves room for that.
    pub max_content: u32,
    /// Deliveries that may be unacknowledged.
    pub window: u32,
    /// Sends that may be unanswered.
    pub sends: u32,
    /// The heartbeat interval.
    pub heartbeat: Duration,
    /// From the connection to an open session.
    pub handshake: Duration,
    /// How unacknowledged deliveries are sent again.
    pub retries: Retries,
    /// Bytes of entries in one read of the log.
    pub read_bytes: usize,
    /// Pings; over it the session is closed.
    pub pings: Rate,
    /// Sends; over it they are not read.
    pub send_rate: Rate,
    /// Requests; over it they are not read.
    pub requests: Rate,
    /// Bytes of files, both ways; over it they wait.
    pub transfers: Rate,
    /// Signals; over it they are dropped.
    pub signals: Rate,
    /// When to come back after a fault of the server, or a policy's, in milliseconds.
    pub retry_after_ms: u32,
}

/// A credential for the next connection, and when it ends in milliseconds of Unix time.
pub type Ticket = Option<(Bytes, u64)>;

/// One whose credential is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// By what.
    pub admitted: Admitted,
    /// From where, if that is known.
    pub address: Option<IpAddr>,
}

/// What happens to a connection.
#[derive(Debug)]
pub enum Input {
    /// Bytes came, or went while none were read: the other side is there.
    Heard,
    /// A packet came.
    Packet(Packet),
    /// What came is no packet.
    Broken {
        /// The code to end with.
        code: CloseCode,
        /// What was wrong.
        reason: String,
    },
    /// The credential was checked.
    Checked(Result<Guest, (CloseCode, String)>),
    /// The device was claimed; with the wall clock in milliseconds of Unix time.
    Claimed(Result<(Claimed, Ticket), StoreError>, u64),
    /// Drafts were appended.
    Appended(Result<Vec<Outcome>, StoreError>),
    /// Cursors were moved.
    Advanced(Result<(), StoreError>),
    /// A scan for lagging chats came back.
    Scanned(Result<LagPage, StoreError>),
    /// Stretches of the log were read.
    Read(Result<Vec<Read>, StoreError>),
    /// A request was answered.
    Answered(Result<packet::Answer, Verdict>),
    /// A request about files was answered.
    Transferred(Result<packet::Answer, Verdict>),
    /// An entry was pushed.
    Pushed(Arc<Delivery>),
    /// Pushes were lost.
    EntriesLost,
    /// A room is over: its last entry was pushed before.
    RoomOver(ChatId),
    /// A hint came.
    Hint(Hint),
    /// Notices were lost.
    NoticesLost,
    /// The other side has closed.
    Left,
    /// The session is to end at once.
    Evicted(CloseCode),
    /// The server stops: answer what was taken, then end.
    Drain,
    /// The deadline is reached.
    Tick,
}

impl Action {
    /// Whether the other side hears of it.
    pub const fn writes(&self) -> bool {
        matches!(self, Self::Write(_) | Self::WriteFrame(_) | Self::Deliver(_))
    }
}

impl Input {
    /// Its name: that of its packet, or its own.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Packet(packet) => packet.kind().name(),
            Self::Heard => "heard",
            Self::Broken { .. } => "broken",
            Self::Checked(Ok(_)) => "checked",
            Self::Checked(Err(_)) => "check failed",
            Self::Claimed(Ok(_), _) => "claimed",
            Self::Claimed(Err(_), _) => "claim failed",
            Self::Appended(Ok(_)) => "appended",
            Self::Appended(Err(_)) => "append failed",
            Self::Advanced(Ok(())) => "advanced",
            Self::Advanced(Err(_)) => "advance failed",
            Self::Scanned(Ok(_)) => "scanned",
            Self::Scanned(Err(_)) => "scan failed",
            Self::Read(Ok(_)) => "read",
            Self::Read(Err(_)) => "read failed",
            Self::Answered(_) => "answered",
            Self::Transferred(_) => "transferred",
            Self::Pushed(_) => "pushed",
            Self::EntriesLost => "entries lost",
            Self::RoomOver(_) => "room over",
            Self::Hint(_) => "hint",
            Self::NoticesLost => "notices lost",
            Self::Left => "left",
            Self::Evicted(_) => "evicted",
            Self::Drain => "drain",
            Self::Tick => "tick",
        }
    }
}

/// What is to be done about it.
#[derive(Debug)]
pub enum Action {
    /// Write a packet.
    Write(Packet),
    /// Write a frame that is encoded already.
    WriteFrame(Bytes),
    /// Write an entry from the log.
    Deliver(Bytes),
    /// Take bodies up to so many bytes from now on.
    SetBodyMax(u32),
    /// Check a credential; the answer is `Checked`.
    Check(Hello),
    /// Ask the store for something; its answer comes back as an input.
    Start(Work),
    /// Pass a signal on.
    Relay(Signal),
    /// Write a goodbye, then end the connection.
    Close(Verdict),
    /// End the connection.
    Hangup,
}

/// What the store is asked for: at most one of each at a time.
#[derive(Debug)]
pub enum Work {
    /// Claim the device for one who was let in; the answer is `Claimed`.
    Claim(Claim, Admitted),
    /// Append drafts; the answer is `Appended`.
    Append(Vec<Draft>),
    /// Move cursors; the answer is `Advanced`.
    Advance(Vec<CursorMove>),
    /// Look for lagging chats; the answer is `Scanned`.
    Scan {
        /// After this one.
        after: Option<ChatId>,
        /// So many at most.
        limit: usize,
    },
    /// Read stretches of the log; the answer is `Read`.
    Read(Vec<Stretch>, PageLimit),
    /// Answer a question; the answer is `Answered`.
    Ask(packet::Operation),
    /// Answer a request about files; the answer is `Transferred`.
    Transfer(packet::Operation),
}
