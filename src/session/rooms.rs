//! The rooms that a session listens to, as its packets have asked: what is sent to another is
//! refused, and what still comes of another is dropped. Pure. Must never decide how many it may be
//! in: a join that is asked for may be refused yet, and the hub counts.

use packetboat_proto::id::ChatId;
use packetboat_proto::limits::{REQUESTS_MAX, ROOMS_PER_SESSION_MAX};
use packetboat_proto::packet::Operation;

/// Rooms of a session: those that it is in, and those of which it is not answered yet whether it
/// is.
const ROOMS_MAX: usize = ROOMS_PER_SESSION_MAX + REQUESTS_MAX;

/// The rooms that a session listens to.
#[derive(Debug, Default)]
pub struct Rooms(Vec<ChatId>);

impl Rooms {
    /// A request was read. What is sent behind it may count on it: where there is no such room, the
    /// store refuses that too.
    pub fn asked(&mut self, operation: &Operation) {
        match operation {
            Operation::RoomJoin { room } => self.join(room),
            Operation::RoomLeave { room } => self.leave(room),
            _ => {}
        }
    }

    /// The session is in, or will be.
    pub fn join(&mut self, room: &ChatId) {
        if !self.has(room) && self.0.len() < ROOMS_MAX {
            self.0.push(room.clone());
        }
    }

    /// It is not.
    pub fn leave(&mut self, room: &ChatId) {
        self.0.retain(|other| other != room);
    }

    /// Whether it is in.
    pub fn has(&self, room: &ChatId) -> bool {
        self.0.contains(room)
    }

    /// Whether it is in none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
