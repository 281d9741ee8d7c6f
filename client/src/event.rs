//! What a client tells its app. Must never carry an entry twice.

use std::fmt;
use std::time::Duration;

use packetboat_proto::entry::Entry;
use packetboat_proto::id::ChatId;
use packetboat_proto::packet::{Notice, Signal, Verdict, Welcome};

use crate::room_event::RoomEvent;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An entry of one of the user's chats; each comes once, in the order of its chat.
    Entry(Entry),
    /// A session is open.
    Connected(Welcome),
    /// The connection is gone, or could not be made; the client tries again.
    Disconnected {
        /// Why.
        why: Lost,
        /// When the next try is.
        retry_in: Duration,
    },
    /// The server's log of a chat is younger than what this device has had of it: the server came
    /// back from a backup, or is another one. Entries were lost there, and new ones have seqs that
    /// stood for others before.
    ///
    /// From here on the chat starts over: its entries come as the server has them for this device,
    /// some perhaps for a second time, and all of them after this event. An app should tell its
    /// user, forget the cursor and whatever else it has stored by the seqs of this chat, and no
    /// longer [`ack`](crate::Client::ack) by them. What the server takes for delivered already, up
    /// to its [`delivered`](crate::ChatState::delivered), does not come: ask for the
    /// [`history`](crate::Client::history), or start a client under a new device id, without the
    /// cursor of this chat.
    LogReset {
        /// The chat.
        chat: ChatId,
        /// The last entry of the server's log, as far as is known.
        head: u64,
        /// How far this device was.
        cursor: u64,
    },
    /// What became of a room that the app has joined.
    Room(RoomEvent),
    /// What became of others. A hint: some may be missing.
    Notice(Notice),
    /// Typing and the like. A hint: some may be missing.
    Signal(Signal),
    /// The client has ended, and this is its last event.
    Closed(Ending),
}

/// Why a connection is gone, or was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The server cannot be reached.
    Unreachable {
        /// What the system says.
        detail: String,
    },
    /// The session was not opened in time.
    NoWelcome,
    /// The server said goodbye.
    Goodbye(Verdict),
    /// The stream ended without a goodbye.
    Cut,
    /// The stream failed.
    Stream {
        /// What the system says.
        detail: String,
    },
    /// Nothing was heard for too long.
    Silent,
    /// What came is not the protocol.
    Protocol {
        /// What is wrong with it.
        detail: String,
    },
    /// The app asked for another connection.
    Asked,
}

impl fmt::Display for Lost {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { detail } => write!(out, "the server cannot be reached: {detail}"),
            Self::NoWelcome => out.write_str("the session was not opened in time"),
            Self::Goodbye(verdict) => fmt_verdict(verdict, out),
            Self::Cut => out.write_str("the connection was cut"),
            Self::Stream { detail } => write!(out, "the connection failed: {detail}"),
            Self::Silent => out.write_str("nothing was heard from the server"),
            Self::Protocol { detail } => write!(out, "the server broke the protocol: {detail}"),
            Self::Asked => out.write_str("another connection was asked for"),
        }
    }
}

/// Why a client has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The app closed it.
    Closed,
    /// The server said goodbye, and not to come back without a change: a wrong credential, or a
    /// newer session of the same device.
    Refused(Verdict),
}

impl fmt::Display for Ending {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => out.write_str("it was closed"),
            Self::Refused(verdict) => fmt_verdict(verdict, out),
        }
    }
}

fn fmt_verdict(verdict: &Verdict, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    match verdict.close_code() {
        Some(code) => write!(out, "the server says {}", code.name())?,
        None => write!(out, "the server says code {}", verdict.code)?,
    }
    if verdict.reason.is_empty() {
        return Ok(());
    }
    write!(out, ": {}", verdict.reason)
}

/// How things stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// A connection is being made.
    Connecting,
    /// A session is open.
    Connected(Welcome),
    /// The next try is to come.
    Waiting(Lost),
    /// The client has ended.
    Closed(Ending),
}
