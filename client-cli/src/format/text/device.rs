//! Devices in lines for people. Must never hold a character that a terminal obeys.

use packetboat_client::DeviceState;

use super::table::row_with;
use crate::account::is_of_commands;
use crate::clean;
use crate::clock::Clock;

/// Columns of a device's id; one that is longer has a line of its own.
const ID_COLUMNS: usize = 16;

/// A device of the user's.
pub(crate) fn state(clock: &Clock, state: &DeviceState) -> String {
    let there = match (state.online, state.last_seen_ms) {
        (true, _) => "online".to_owned(),
        (false, seen) => format!("seen {}", clock.to_the_minute(seen)),
    };
    let said = if is_of_commands(&state.device) {
        ["shared by commands", &state.name, &state.address, &state.client]
    } else {
        [state.name.as_str(), &state.platform, &state.address, &state.client]
    };
    let said: Vec<_> = said.iter().map(|text| clean::line(text)).collect();
    let said: Vec<_> =
        said.iter().map(AsRef::as_ref).filter(|text: &&str| !text.is_empty()).collect();
    row_with(state.device.as_str(), ID_COLUMNS, &format!("{there:<21} "), &said.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::table::fits;
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
        assert_eq!(line, format!("{:<16} {:<21}  Ada's\u{241b}phone, ios, ::1", "phone", "online"));
        device.online = false;
        assert!(state(&Clock::utc(), &device).contains("seen 2026-11-21 09:05 "));
        device.device = "cli-once-3".parse().unwrap();
        assert!(state(&Clock::utc(), &device).contains("shared by commands, Ada's"));
        device.name = "n".repeat(64);
        fits(&state(&Clock::utc(), &device));
    }
}
