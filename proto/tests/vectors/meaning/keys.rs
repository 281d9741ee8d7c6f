//! What is said of keys, as JSON. Must never leave out a field.

use packetboat_proto::packet::{AskKeys, DeviceKeys, Keys, KeysNews, KeysState, OneTimeKey};
use serde_json::{Value, json};

use super::{list, text};
use crate::line::hex;

fn of_one(one: &OneTimeKey) -> Value {
    json!({ "id": one.id, "key": hex(&one.key) })
}

fn of_state(state: KeysState) -> Value {
    json!({ "left": state.left, "highest": state.highest })
}

fn of_device(keys: &DeviceKeys) -> Value {
    json!({
        "device": keys.device.as_str(),
        "identity": hex(&keys.identity),
        "proof": hex(&keys.proof),
        "state": keys.state.map(of_state),
    })
}

pub(super) fn of_news(news: &KeysNews) -> Value {
    json!({ "user": news.user.as_str(), "device": of_device(&news.device) })
}

pub(super) fn of_question(asked: &AskKeys) -> Value {
    match asked {
        AskKeys::Publish(keys) => json!({ "publish_keys": {
            "identity": hex(&keys.identity),
            "proof": hex(&keys.proof),
            "prekey": hex(&keys.prekey),
            "one_time": list(&keys.one_time, of_one),
        } }),
        AskKeys::Claim { claim, user, device } => json!({ "claim_key": {
            "claim": hex(claim.as_bytes()),
            "user": user.as_str(),
            "device": device.as_str(),
        } }),
        AskKeys::Devices { user, after, limit } => json!({ "keys": {
            "user": user.as_str(),
            "after": text(after.as_ref()),
            "limit": limit,
        } }),
    }
}

pub(super) fn of_answer(keys: &Keys) -> Value {
    match keys {
        Keys::Published(state) => json!({ "publish_keys": of_state(*state) }),
        Keys::Claimed(bundle) => json!({ "claim_key": {
            "identity": hex(&bundle.identity),
            "prekey": hex(&bundle.prekey),
            "one_time": bundle.one_time.as_ref().map(of_one),
        } }),
        Keys::Devices { devices, more } => {
            json!({ "keys": { "devices": list(devices, of_device), "more": more } })
        }
    }
}
