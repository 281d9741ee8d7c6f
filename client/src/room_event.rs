//! What a client tells its app of rooms, beside their entries. Must never carry an entry.

use packetboat_proto::id::ChatId;
use packetboat_proto::packet::{RoomState, Verdict};

/// What becomes of a room that the app has joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomEvent {
    /// Entries did not come, and will not: [`history`](crate::Client::history) has those that are
    /// still kept.
    Missed {
        /// The room.
        room: ChatId,
        /// The first of them.
        first: u64,
        /// The last.
        last: u64,
    },
    /// After a lost connection the client has joined again.
    Joined(RoomState),
    /// After a lost connection it could not: it is out of the room.
    Left {
        /// The room.
        room: ChatId,
        /// Why.
        verdict: Verdict,
    },
}
