//! The slash commands about the user's own devices. Must never log out a device that is not named.

use packetboat_client::DeviceId;

/// What is done about the user's devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Devices {
    /// Show them.
    List,
    /// Log one out.
    LogOut(DeviceId),
    /// Log all out but this one.
    LogOutOthers,
}

/// What `/verb rest` means, if it is about devices; otherwise why it means nothing.
pub(super) fn parse(verb: &str, rest: &str) -> Option<Result<Devices, String>> {
    Some(match (verb, rest) {
        ("devices", "") => Ok(Devices::List),
        ("devices", _) => Err("/devices shows all of yours".to_owned()),
        ("logout", "") => Err("/logout DEVICE, or /logout-others".to_owned()),
        ("logout", device) => device
            .parse()
            .map(Devices::LogOut)
            .map_err(|error: <DeviceId as std::str::FromStr>::Err| error.to_string()),
        ("logout-others", "") => Ok(Devices::LogOutOthers),
        ("logout-others", _) => Err("/logout-others names none".to_owned()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_to_be_logged_out() {
        assert_eq!(parse("devices", ""), Some(Ok(Devices::List)));
        let phone = Devices::LogOut("phone".parse().unwrap());
        assert_eq!(parse("logout", "phone"), Some(Ok(phone)));
        assert_eq!(parse("logout-others", ""), Some(Ok(Devices::LogOutOthers)));
        for (verb, rest) in
            [("logout", ""), ("logout", "a b"), ("logout-others", "phone"), ("devices", "phone")]
        {
            assert!(matches!(parse(verb, rest), Some(Err(_))), "/{verb} {rest}");
        }
        assert_eq!(parse("pins", ""), None);
    }
}
