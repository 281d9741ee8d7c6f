//! One connection in a protocol's own terms: what the works say to it, and what it tells them. An
//! adapter implements it for what is measured. Must never hold a socket, wait, or reserve memory
//! for each message.

use std::time::Duration;

use bytes::BytesMut;
use thiserror::Error;

use crate::stamp::Name;

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// To a user, in the chat of the two.
    User(u32),
    /// To a group, or topic.
    Group(u32),
    /// To a room: to whoever listens now.
    Room(u32),
}

/// How often an idle connection says that it is there, unless another time is asked for.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Who connects, and how.
#[derive(Clone, Copy, Debug)]
pub struct Login {
    /// The user, by number.
    pub user: u32,
    /// Milliseconds between heartbeats that it asks for; 0 leaves it to the server.
    pub heartbeat_ms: u32,
}

impl Login {
    /// With the server's own heartbeat.
    pub const fn of(user: u32) -> Self {
        Self { user, heartbeat_ms: 0 }
    }

    /// How often it says that it is there, where the server has no heartbeat of its own.
    pub const fn heartbeat(self) -> Duration {
        if self.heartbeat_ms == 0 {
            HEARTBEAT
        } else {
            Duration::from_millis(self.heartbeat_ms as u64)
        }
    }
}

/// What came over a connection.
#[derive(Debug)]
pub enum Event<'a> {
    /// It is open and authenticated.
    Ready,
    /// The server has taken the message.
    Accepted {
        /// Which one.
        name: Name,
        /// Its place in the chat's log, where there is one.
        seq: Option<u64>,
        /// It is said to have been accepted before.
        again: bool,
    },
    /// The server has not taken a message.
    Rejected {
        /// Which one, if that is known.
        name: Option<Name>,
        /// Why.
        reason: String,
    },
    /// A message came.
    Delivered {
        /// Which one, by the message id, where there is one.
        name: Option<Name>,
        /// Its place in the chat's log, where there is one.
        seq: Option<u64>,
        /// Its text.
        text: &'a [u8],
    },
    /// What was asked for by [`Wire::gather`], [`Wire::join`], [`Wire::open_room`] or
    /// [`Wire::listen`] is done.
    Done,
    /// All chats that were asked for by [`Wire::list_chats`].
    Chats {
        /// How many.
        count: u32,
    },
    /// A heartbeat was answered.
    Pong,
    /// The connection is gone. Told only where that is expected.
    Gone,
}

/// Why what came makes no sense, or that the server ends the connection.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct WireError(pub String);

/// Takes what came, one event after the other.
pub type Sink<'a> = dyn FnMut(Event<'_>) + 'a;

/// One connection.
pub trait Wire {
    /// Appends what opens and authenticates it.
    fn greet(&mut self, out: &mut BytesMut);

    /// Reads all that is whole in `bytes`, and says how many it took. What has to be answered
    /// (pings, and acknowledgements once they are many) is appended to `out`.
    fn read(
        &mut self,
        bytes: &[u8],
        out: &mut BytesMut,
        sink: &mut Sink<'_>,
    ) -> Result<usize, WireError>;

    /// Appends a message; the server is to answer it. `unix_nanos` is the
    /// time in its id.
    fn send(&mut self, to: To, name: Name, unix_nanos: u64, text: &[u8], out: &mut BytesMut);

    /// Appends the acknowledgements that wait. Called every 100 ms, and before the end.
    fn tick(&mut self, out: &mut BytesMut);

    /// Appends a heartbeat, answered by [`Event::Pong`].
    fn beat(&mut self, out: &mut BytesMut);

    /// How often a heartbeat is due; `None` where none is.
    fn beat_every(&self) -> Option<Duration>;

    /// Sends that may be unanswered.
    fn window_max(&self) -> u32;

    /// Appends what makes a group of this user and those, where a sender makes groups. Says how
    /// many [`Event::Done`] will tell that it is done.
    fn gather(&mut self, _group: u32, _members: &[u32], _out: &mut BytesMut) -> u32 {
        0
    }

    /// Appends what makes this user a member of a group, where members come by themselves. Says
    /// how many [`Event::Done`] will tell that it is done.
    fn join(&mut self, _group: u32, _out: &mut BytesMut) -> u32 {
        0
    }

    /// The same for one who only sends, where nobody else may send to a group.
    fn join_to_send(&mut self, _group: u32, _out: &mut BytesMut) -> u32 {
        0
    }

    /// Appends what opens a room, where there are such. [`Event::Done`] tells that it is done.
    fn open_room(&mut self, _room: u32, _out: &mut BytesMut) {}

    /// Appends what lets this connection listen to a room, and speak there. [`Event::Done`] tells
    /// that it is done.
    fn listen(&mut self, _room: u32, _out: &mut BytesMut) {}

    /// Asks for all chats of this user, where it can: page after page, told once at the end.
    fn list_chats(&mut self, _out: &mut BytesMut) {}

    /// Appends the end.
    fn leave(&mut self, out: &mut BytesMut);

    /// Forgets the connection and keeps what makes the next one of this user cheaper, such as a
    /// ticket.
    fn again(&mut self);
}
