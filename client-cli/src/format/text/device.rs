//! Devices in lines for people. Must never hold a character that a terminal obeys.

use packetboat_client::DeviceState;

use crate::clean;
use crate::clock::Clock;

/// A device of the user's.
pub(crate) fn state(clock: &Clock, state: &DeviceState) -> String {
    let there = match (state.online, state.last_seen_ms) {
        (true, _) => "online".to_owned(),
        (false, seen) => format!("last seen {}", clock.full(seen)),
    };
    let said = [&state.name, &state.platform, &state.client, &state.address];
    let said: Vec<_> = said.iter().map(|text| clean::line(text)).collect();
    let said: Vec<_> =
        said.iter().map(AsRef::as_ref).filter(|text: &&str| !text.is_empty()).collect();
    format!("{:<28} {there}  {}", state.device.as_str(), said.join(", ")).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_a_line_without_what_it_does_not_say() {
        let mut device = DeviceState {
            device: "phone".parse().unwrap(),
            name: "Ada's\u{1b}phone".into(),
            platform: "ios".into(),
            client: String::new(),
            first_seen_ms: 1,
            last_seen_ms: 1_795_251_903_000,
            address: "::1".into(),
            online: true,
        };
        let line = state(&Clock::utc(), &device);
        assert_eq!(line, format!("{:<28} online  Ada's\u{241b}phone, ios, ::1", "phone"));
        device.online = false;
        assert!(state(&Clock::utc(), &device).contains("last seen 2026-11-21 09:05:03"));
    }
}
