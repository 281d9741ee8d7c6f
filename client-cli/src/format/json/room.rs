//! Rooms as JSON objects, whose fields' names are kept.

use packetboat_client::{RoomChange, RoomState};
use serde_json::{Value, json};

use super::{Object, role, texts};

/// A change of a room, by its `kind`: `room_opened` with `name`, `topic`, `keep` (0: 100) and
/// `slow_ms`; `room_set` with the same, null for what stays; `room_moderators` with `users` and
/// `taken_back`; `room_muted` with `users` and `until_ms` (0: mute no more).
pub(super) fn change(change: RoomChange) -> Value {
    match change {
        RoomChange::Opened { name, topic, keep, slow_ms } => json!({
            "kind": "room_opened",
            "name": name,
            "topic": topic,
            "keep": keep,
            "slow_ms": slow_ms,
        }),
        RoomChange::Set { keep, slow_ms, name, topic } => json!({
            "kind": "room_set",
            "name": name,
            "topic": topic,
            "keep": keep,
            "slow_ms": slow_ms,
        }),
        RoomChange::Moderators { users, taken_back } => json!({
            "kind": "room_moderators",
            "users": texts(&users),
            "taken_back": taken_back,
        }),
        RoomChange::Muted { users, until_ms } => {
            json!({ "kind": "room_muted", "users": texts(&users), "until_ms": until_ms })
        }
    }
}

/// A room: `room`, `name`, `topic`, `listeners`, `head` (the last seq), `first` (the first that is
/// kept), `keep`, `slow_ms`, `role` (`owner`, `admin` for a moderator, or null) and
/// `muted_until_ms` (0: not mute).
pub(crate) fn state(state: &RoomState) -> Object {
    Object::new(
        "room",
        json!({
            "room": state.room.as_str(),
            "name": state.name,
            "topic": state.topic,
            "listeners": state.listeners,
            "head": state.head,
            "first": state.first,
            "keep": state.keep,
            "slow_ms": state.slow_ms,
            "role": role(state.role),
            "muted_until_ms": state.muted_until_ms,
        }),
    )
}
