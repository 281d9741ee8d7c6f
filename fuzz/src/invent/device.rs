//! What is asked and answered about a user's devices, made from choices. Must never make what a
//! peer would have to refuse.

use packetboat_proto::limits::{
    ADDRESS_BYTES_MAX, DEVICE_NAME_BYTES_MAX, PLATFORM_BYTES_MAX, SOFTWARE_BYTES_MAX,
};
use packetboat_proto::packet::{DeviceAnswer, DeviceOperation, DeviceState};

use crate::choices::Choices;

/// A question.
pub(super) fn question(choices: &mut Choices<'_>) -> DeviceOperation {
    match choices.byte() % 3 {
        0 => {
            let after = choices.flag().then(|| choices.device());
            DeviceOperation::List { after, limit: choices.number_32() }
        }
        1 => DeviceOperation::LogOut { device: choices.device() },
        _ => DeviceOperation::LogOutOthers,
    }
}

/// An answer, with so many devices.
pub(super) fn answer(choices: &mut Choices<'_>, count: usize) -> DeviceAnswer {
    match choices.byte() % 3 {
        0 => {
            let devices = (0..count).map(|_| state(choices)).collect();
            DeviceAnswer::List { devices, more: choices.flag() }
        }
        1 => DeviceAnswer::LogOut,
        _ => DeviceAnswer::LogOutOthers,
    }
}

fn state(choices: &mut Choices<'_>) -> DeviceState {
    DeviceState {
        device: choices.device(),
        name: choices.text(DEVICE_NAME_BYTES_MAX),
        platform: choices.text(PLATFORM_BYTES_MAX),
        client: choices.text(SOFTWARE_BYTES_MAX),
        first_seen_ms: choices.number(),
        last_seen_ms: choices.number(),
        address: choices.text(ADDRESS_BYTES_MAX),
        online: choices.flag(),
    }
}
