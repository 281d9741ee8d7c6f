//! Keys as JSON, in hex. Must never leave out whose they are.

use packetboat_client::{DeviceKeys, KeyBundle, KeysState, UserId};
use serde_json::json;

use super::{Object, hex};

/// The keys of a device: `user`, `device`, `identity`, `proof`, and of one's own `left`, `highest`
/// (else null).
pub(crate) fn device(user: &UserId, keys: &DeviceKeys) -> Object {
    Object::new(
        "keys",
        json!({
            "user": user.as_str(),
            "device": keys.device.as_str(),
            "identity": hex(&keys.identity),
            "proof": hex(&keys.proof),
            "left": keys.state.map(|state| state.left),
            "highest": keys.state.map(|state| state.highest),
        }),
    )
}

/// What a claim was given: `identity`, `prekey`, `one_time` (`id`, `key`, or null: none is left).
pub(crate) fn bundle(bundle: &KeyBundle) -> Object {
    let one_time =
        bundle.one_time.as_ref().map(|one| json!({ "id": one.id, "key": hex(&one.key) }));
    Object::new(
        "claimed",
        json!({
            "identity": hex(&bundle.identity),
            "prekey": hex(&bundle.prekey),
            "one_time": one_time,
        }),
    )
}

/// How many one-time keys there are: `left`, `highest`.
pub(crate) fn state(state: KeysState) -> Object {
    Object::new("keys_state", json!({ "left": state.left, "highest": state.highest }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_without_a_one_time_key_says_so() {
        let none = KeyBundle { identity: "a".into(), prekey: "b".into(), one_time: None };
        let shape = json!({ "identity": "61", "prekey": "62", "one_time": null });
        assert_eq!(bundle(&none), Object::new("claimed", shape));
        let left = KeysState { left: 3, highest: 9 };
        let shape = json!({ "left": 3, "highest": 9 });
        assert_eq!(state(left), Object::new("keys_state", shape));
    }
}
