//! Which of a user's devices may be connected at a time. Must never stand in the way of a session
//! that takes the place of an older one of its own device.

use packetboat_proto::id::DeviceId;

/// How many of a user's devices may be connected at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtOnce {
    /// Any number.
    #[default]
    Any,
    /// One of each platform, by what the devices say of themselves.
    OnePerPlatform,
    /// One.
    One,
}

/// Which device stays, of those that may not be connected at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wins {
    /// The one that comes: the others are closed.
    #[default]
    Newest,
    /// The one that is there: who comes is refused.
    Oldest,
}

/// Which of a user's devices may be connected at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DevicePolicy {
    /// How many.
    pub at_once: AtOnce,
    /// Which one stays.
    pub wins: Wins,
}

/// A device that is connected, or would be.
#[derive(Clone, Copy, Debug)]
pub struct Connected<'a> {
    /// Which.
    pub device: &'a DeviceId,
    /// What it runs on.
    pub platform: &'a str,
}

impl DevicePolicy {
    /// Whether two devices of a user may not be connected at a time.
    pub fn parts(self, one: Connected<'_>, other: Connected<'_>) -> bool {
        let differ = one.device != other.device;
        match self.at_once {
            AtOnce::Any => false,
            AtOnce::OnePerPlatform => differ && one.platform == other.platform,
            AtOnce::One => differ,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_parted_by_the_policy_and_a_device_never_from_itself() {
        let [a, b] = ["a", "b"].map(|id| DeviceId::new(id).unwrap());
        let parts = |at_once, other: &DeviceId, platform| {
            let policy = DevicePolicy { at_once, wins: Wins::Newest };
            let one = Connected { device: &a, platform: "web" };
            policy.parts(one, Connected { device: other, platform })
        };
        for (at_once, same_platform, other_platform) in [
            (AtOnce::Any, false, false),
            (AtOnce::OnePerPlatform, true, false),
            (AtOnce::One, true, true),
        ] {
            assert_eq!(parts(at_once, &b, "web"), same_platform, "{at_once:?}");
            assert_eq!(parts(at_once, &b, "ios"), other_platform, "{at_once:?}");
            assert!(!parts(at_once, &a, "web") && !parts(at_once, &a, "ios"), "{at_once:?}");
        }
    }
}
