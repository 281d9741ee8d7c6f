//! Keys in sentences for people. Must never print raw bytes: they are shown in hex.

use packetboat_client::{DeviceKeys, KeyBundle, KeysNews, KeysState, UserId};

use super::super::hex;

/// The keys of a device.
pub(crate) fn device(user: &UserId, keys: &DeviceKeys) -> String {
    let own = keys.state.map(|own| format!("  ({})", state(own))).unwrap_or_default();
    format!("{user} {}  {}{own}", keys.device, hex(&keys.identity))
}

/// What a claim was given.
pub(crate) fn bundle(bundle: &KeyBundle) -> String {
    let one_time = match &bundle.one_time {
        Some(one) => format!("{} {}", one.id, hex(&one.key)),
        None => "none left".to_owned(),
    };
    let (identity, prekey) = (hex(&bundle.identity), hex(&bundle.prekey));
    format!("identity  {identity}\nprekey    {prekey}\none-time  {one_time}")
}

/// How many one-time keys there are.
pub(crate) fn state(state: KeysState) -> String {
    format!("{} one-time keys left, the highest id is {}", state.left, state.highest)
}

/// Somebody's keys are others, or one's own run low.
pub(crate) fn news(news: &KeysNews) -> String {
    let KeysNews { user, device } = news;
    match device.state {
        Some(own) => format!("keys of this device run low: {}", state(own)),
        None if device.identity.is_empty() => {
            format!("{user} {} has no keys any more", device.device)
        }
        None => format!("{user} {} has another identity: {}", device.device, hex(&device.identity)),
    }
}

#[cfg(test)]
mod tests {
    use packetboat_client::DeviceId;

    use super::*;

    #[test]
    fn another_identity_is_told_in_hex() {
        let device = DeviceId::new("phone").unwrap();
        let (identity, proof) = ("\u{1b}".into(), "".into());
        let device = DeviceKeys { device, identity, proof, state: None };
        let told = KeysNews { user: UserId::new("bob").unwrap(), device };
        assert_eq!(news(&told), "bob phone has another identity: 1b");
        let device = DeviceKeys { identity: "".into(), ..told.device.clone() };
        let gone = KeysNews { device, ..told };
        assert_eq!(news(&gone), "bob phone has no keys any more");
    }
}
