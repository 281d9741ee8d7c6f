//! Where the devices of users stand: their rows, their cursors, and the notes of those that are
//! gone. Must never know what a value holds.
//!
//! | prefix | key | value |
//! |---|---|---|
//! | `V` | user 0 device | when it was seen, its number, what it says of itself |
//! | `W` | user 0 device | nothing: the device is gone, and its cursors are to be removed |
//! | `R` | user 0 device 0 chat | what the device has had |

use packetboat_proto::id::{ChatId, DeviceId, UserId};

use super::{END, KeyError, KeyRange, ended, joined, last_id};

const DEVICE: u8 = b'V';
const GONE_DEVICE: u8 = b'W';
const CURSOR: u8 = b'R';

/// A user's device.
pub fn row(user: &UserId, device: &DeviceId) -> Vec<u8> {
    joined(DEVICE, &[user.as_str(), device.as_str()])
}

/// The devices of a user, those behind `after`.
pub fn devices(user: &UserId, after: Option<&DeviceId>) -> KeyRange {
    KeyRange::behind(ended(DEVICE, &[user.as_str()]), after.map(DeviceId::as_str))
}

/// The devices of all users, those behind that one.
pub fn all_devices(after: Option<(&UserId, &DeviceId)>) -> KeyRange {
    let mut range = KeyRange::behind(vec![DEVICE], None);
    if let Some((user, device)) = after {
        range.from = ended(DEVICE, &[user.as_str(), device.as_str()]);
    }
    range
}

/// That a device is gone, and cursors of it may be left.
pub fn gone_device(user: &UserId, device: &DeviceId) -> Vec<u8> {
    joined(GONE_DEVICE, &[user.as_str(), device.as_str()])
}

/// The devices that are gone.
pub fn gone_devices() -> KeyRange {
    KeyRange::behind(vec![GONE_DEVICE], None)
}

/// A device's cursor in a chat.
pub fn cursor(user: &UserId, device: &DeviceId, chat: &ChatId) -> Vec<u8> {
    joined(CURSOR, &[user.as_str(), device.as_str(), chat.as_str()])
}

/// The cursors of a device.
pub fn cursors(user: &UserId, device: &DeviceId) -> KeyRange {
    KeyRange::behind(ended(CURSOR, &[user.as_str(), device.as_str()]), None)
}

/// The device in a device's key.
pub fn last_device(key: &[u8]) -> Result<DeviceId, KeyError> {
    Ok(DeviceId::new(last_id(key)?)?)
}

/// The user and the device in a device's key.
pub fn user_and_device(key: &[u8]) -> Result<(UserId, DeviceId), KeyError> {
    let malformed = || KeyError::Malformed { key: key.to_vec() };
    let rest = key.get(1..).ok_or_else(malformed)?;
    let user = rest.split(|byte| *byte == END).next().unwrap_or_default();
    let user = std::str::from_utf8(user).map_err(|_| malformed())?;
    Ok((UserId::new(user)?, last_device(key)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(range: &KeyRange, key: &[u8]) -> bool {
        range.from.as_slice() <= key && key < range.to.as_slice()
    }

    #[test]
    fn the_devices_of_a_user_are_one_range_and_all_are_one_too() {
        let [ann, anna] = ["ann", "anna"].map(|name| UserId::new(name).unwrap());
        let [desk, phone] = ["desk", "phone"].map(|name| DeviceId::new(name).unwrap());
        assert!(holds(&devices(&ann, None), &row(&ann, &desk)));
        assert!(!holds(&devices(&ann, None), &row(&anna, &desk)));
        assert!(!holds(&devices(&ann, Some(&desk)), &row(&ann, &desk)));
        assert!(holds(&devices(&ann, Some(&desk)), &row(&ann, &phone)));
        let behind = all_devices(Some((&ann, &desk)));
        assert!(!holds(&behind, &row(&ann, &desk)) && holds(&behind, &row(&ann, &phone)));
        assert!(holds(&behind, &row(&anna, &desk)));
        assert!(holds(&all_devices(None), &row(&ann, &desk)));
        assert!(holds(&gone_devices(), &gone_device(&ann, &desk)));
        assert!(!holds(&gone_devices(), &row(&ann, &desk)));
        assert_eq!(user_and_device(&gone_device(&ann, &desk)), Ok((ann.clone(), desk.clone())));
        let chat = ChatId::new("dm:ann:bob").unwrap();
        assert!(holds(&cursors(&ann, &desk), &cursor(&ann, &desk, &chat)));
        assert!(!holds(&cursors(&ann, &phone), &cursor(&ann, &desk, &chat)));
        assert!(user_and_device(&[b'V', 0xff]).is_err());
    }
}
