//! What the ledger keeps at hand of rooms. Must never be the only place of what has to outlive a
//! restart: when a user last wrote in a slow room is all that is forgotten then.

use packetboat_proto::id::ChatId;

use crate::store::recent::Recent;
use crate::store::record::room::Room;

/// Rooms that are kept at hand, and up to twice as many.
const ROOMS_CACHED: usize = 4_096;
/// Users of slow rooms of whom it is kept when they last wrote, and up to twice as many. One that
/// is forgotten may write at once.
const SPEAKERS_CACHED: usize = 32_768;

/// What stands in the way of each message to a room, and what each makes room for.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoomGate {
    pub(super) keep: u32,
    pub(super) passed: u64,
    pub(super) slow_ms: u32,
    pub(super) closed: bool,
}

impl RoomGate {
    pub(super) fn of(room: &Room) -> Self {
        let Room { keep, passed, slow_ms, closed, .. } = *room;
        Self { keep, passed, slow_ms, closed }
    }
}

/// What is at hand.
#[derive(Debug)]
pub(super) struct RoomCache {
    pub(super) gates: Recent<ChatId, RoomGate>,
    /// Up to which seq nothing is left of a room's log.
    pub(super) gone: Recent<ChatId, u64>,
    /// When the user of a room, named as where its messages are found by their ids, last wrote.
    pub(super) spoke: Recent<Vec<u8>, u64>,
}

impl Default for RoomCache {
    fn default() -> Self {
        Self {
            gates: Recent::keeping(ROOMS_CACHED),
            gone: Recent::keeping(ROOMS_CACHED),
            spoke: Recent::keeping(SPEAKERS_CACHED),
        }
    }
}
