//! Devices as JSON objects, whose fields' names are kept.

use packetboat_client::DeviceState;
use serde_json::json;

use super::object::Object;
use crate::account::is_of_commands;

/// A device of the user's: `device`, `name`, `platform`, `client`, `address` (each of the four may
/// be empty), `online`, `first_seen_ms`, `last_seen_ms`, and `of_commands`: it is one that
/// commands of this program share, and nobody chats on it.
pub(crate) fn state(state: &DeviceState) -> Object {
    Object::new(
        "device",
        json!({
            "device": state.device.as_str(),
            "name": state.name,
            "platform": state.platform,
            "client": state.client,
            "address": state.address,
            "online": state.online,
            "of_commands": is_of_commands(&state.device),
            "first_seen_ms": state.first_seen_ms,
            "last_seen_ms": state.last_seen_ms,
        }),
    )
}
