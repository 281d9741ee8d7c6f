//! Devices as JSON objects, whose fields' names are kept.

use packetboat_client::DeviceState;
use serde_json::{Value, json};

/// A device of the user's: `device`, `name`, `platform`, `client`, `address` (each of the four may
/// be empty), `online`, `first_seen_ms` and `last_seen_ms`.
pub(crate) fn state(state: &DeviceState) -> Value {
    json!({
        "type": "device",
        "device": state.device.as_str(),
        "name": state.name,
        "platform": state.platform,
        "client": state.client,
        "address": state.address,
        "online": state.online,
        "first_seen_ms": state.first_seen_ms,
        "last_seen_ms": state.last_seen_ms,
    })
}
