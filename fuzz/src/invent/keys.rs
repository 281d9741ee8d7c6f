//! What is asked, answered and told about keys, made from choices. Must never make what a peer
//! would have to refuse.

use bytes::Bytes;
use packetboat_proto::id::{ClaimId, DeviceId};
use packetboat_proto::limits::{
    KEY_IDENTITY_BYTES_MAX, KEY_PROOF_BYTES_MAX, ONE_TIME_KEY_BYTES_MAX,
    ONE_TIME_KEYS_PER_PUBLISH_MAX, PAGE_ITEMS_MAX, PREKEY_BYTES_MAX,
};
use packetboat_proto::packet::{
    AskKeys, DeviceKeys, KeyBundle, Keys, KeysNews, KeysState, OneTimeKey, PublishKeys,
};

use super::{count, owned};
use crate::choices::Choices;

fn bytes(choices: &mut Choices<'_>, max: usize) -> Bytes {
    owned(choices.some_bytes(max))
}

/// A user's id is a device's too.
fn device(choices: &mut Choices<'_>) -> DeviceId {
    DeviceId::new(choices.user().as_str()).expect("both are of the same letters")
}

fn one(choices: &mut Choices<'_>) -> OneTimeKey {
    let id = choices.number().max(1);
    OneTimeKey { id, key: bytes(choices, ONE_TIME_KEY_BYTES_MAX) }
}

fn state(choices: &mut Choices<'_>) -> KeysState {
    KeysState { left: choices.number_32(), highest: choices.number() }
}

fn device_keys(choices: &mut Choices<'_>) -> DeviceKeys {
    DeviceKeys {
        device: device(choices),
        identity: bytes(choices, KEY_IDENTITY_BYTES_MAX),
        proof: bytes(choices, KEY_PROOF_BYTES_MAX),
        state: choices.flag().then(|| state(choices)),
    }
}

/// Something that is told.
pub(super) fn news(choices: &mut Choices<'_>) -> KeysNews {
    KeysNews { user: choices.user(), device: device_keys(choices) }
}

/// A question.
pub(super) fn question(choices: &mut Choices<'_>) -> AskKeys {
    match choices.byte() % 3 {
        0 => {
            let count = count(choices, ONE_TIME_KEYS_PER_PUBLISH_MAX);
            AskKeys::Publish(PublishKeys {
                identity: bytes(choices, KEY_IDENTITY_BYTES_MAX),
                proof: bytes(choices, KEY_PROOF_BYTES_MAX),
                prekey: bytes(choices, PREKEY_BYTES_MAX),
                one_time: (0..count).map(|_| one(choices)).collect(),
            })
        }
        1 => {
            let claim = ClaimId::from(choices.sixteen());
            AskKeys::Claim { claim, user: choices.user(), device: device(choices) }
        }
        _ => AskKeys::Devices {
            user: choices.user(),
            after: choices.flag().then(|| device(choices)),
            limit: choices.number_32(),
        },
    }
}

/// An answer.
pub(super) fn answer(choices: &mut Choices<'_>) -> Keys {
    match choices.byte() % 3 {
        0 => Keys::Published(state(choices)),
        1 => Keys::Claimed(KeyBundle {
            identity: bytes(choices, KEY_IDENTITY_BYTES_MAX),
            prekey: bytes(choices, PREKEY_BYTES_MAX),
            one_time: choices.flag().then(|| one(choices)),
        }),
        _ => {
            let count = count(choices, PAGE_ITEMS_MAX as usize);
            let devices = (0..count).map(|_| device_keys(choices)).collect();
            Keys::Devices { devices, more: choices.flag() }
        }
    }
}
