//! The slash commands about the user's own devices. Must never log out a device that is not named.

use packetboat_client::DeviceId;

/// What is done about the user's devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Devices {
    /// Show them.
    List,
    /// Tell how they are named.
    Names,
    /// Log one out.
    LogOut(DeviceId),
    /// Log all out but this one.
    LogOutOthers,
}

/// What `/verb rest` means, if it is about devices and written as it should be.
pub(super) fn parse(verb: &str, rest: &str) -> Option<Devices> {
    Some(match (verb, rest) {
        ("devices", "") => Devices::List,
        ("logout", device) => Devices::LogOut(device.parse().ok()?),
        ("logout-others", "") => Devices::LogOutOthers,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_to_be_logged_out() {
        assert_eq!(parse("devices", ""), Some(Devices::List));
        let phone = Devices::LogOut("phone".parse().unwrap());
        assert_eq!(parse("logout", "phone"), Some(phone));
        assert_eq!(parse("logout-others", ""), Some(Devices::LogOutOthers));
        for (verb, rest) in
            [("logout", ""), ("logout", "a b"), ("logout-others", "phone"), ("devices", "phone")]
        {
            assert_eq!(parse(verb, rest), None, "/{verb} {rest}");
        }
        assert_eq!(parse("pins", ""), None);
    }
}
