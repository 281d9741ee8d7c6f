//! What is said of a user's devices, as JSON. Must never leave out a field.

use packetboat_proto::packet::{DeviceAnswer, DeviceOperation, DeviceState};
use serde_json::{Value, json};

pub(super) fn of_question(asked: &DeviceOperation) -> Value {
    match asked {
        DeviceOperation::List { after, limit } => json!({ "devices": {
            "after": after.as_ref().map(ToString::to_string).unwrap_or_default(),
            "limit": limit,
        } }),
        DeviceOperation::LogOut { device } => json!({ "log_out": { "device": device.as_str() } }),
        DeviceOperation::LogOutOthers => json!({ "log_out_others": {} }),
    }
}

pub(super) fn of_answer(answer: &DeviceAnswer) -> Value {
    match answer {
        DeviceAnswer::List { devices, more } => json!({ "devices": {
            "devices": devices.iter().map(of_state).collect::<Vec<_>>(),
            "more": more,
        } }),
        DeviceAnswer::LogOut => json!({ "log_out": {} }),
        DeviceAnswer::LogOutOthers => json!({ "log_out_others": {} }),
    }
}

fn of_state(state: &DeviceState) -> Value {
    json!({
        "device": state.device.as_str(),
        "name": state.name,
        "platform": state.platform,
        "client": state.client,
        "first_seen_ms": state.first_seen_ms,
        "last_seen_ms": state.last_seen_ms,
        "address": state.address,
        "online": state.online,
    })
}
