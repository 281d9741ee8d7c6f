//! Where the keys of devices stand. Must never know what a value holds.
//!
//! | key | value |
//! |---|---|
//! | `K` user 0 device | who the device is, its prekey, how many one-time keys it has |
//! | `k` user 0 device 0 `o` id | a one-time key that is not given yet |
//! | `k` user 0 device 0 `g` slot | one that was given, to which claim |

use packetboat_proto::id::{DeviceId, UserId};

use super::{KeyError, KeyRange, between, ended, joined, last_id, last_seq};

const BUNDLE: u8 = b'K';
const KEY: u8 = b'k';
const ONE_TIME: u8 = b'o';
const GIVEN: u8 = b'g';

/// The keys of a device.
pub fn bundle(user: &UserId, device: &DeviceId) -> Vec<u8> {
    joined(BUNDLE, &[user.as_str(), device.as_str()])
}

/// Those of all devices of a user, behind `after`.
pub fn bundles(user: &UserId, after: Option<&DeviceId>) -> KeyRange {
    KeyRange::behind(ended(BUNDLE, &[user.as_str()]), after.map(DeviceId::as_str))
}

/// The device in such a key.
pub fn last_device(key: &[u8]) -> Result<DeviceId, KeyError> {
    Ok(DeviceId::new(last_id(key)?)?)
}

fn of_device(user: &UserId, device: &DeviceId, kind: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = ended(KEY, &[user.as_str(), device.as_str()]);
    key.push(kind);
    key.extend_from_slice(rest);
    key
}

/// A one-time key.
pub fn one_time(user: &UserId, device: &DeviceId, id: u64) -> Vec<u8> {
    of_device(user, device, ONE_TIME, &id.to_be_bytes())
}

/// All one-time keys of a device.
pub fn one_times(user: &UserId, device: &DeviceId) -> KeyRange {
    between(one_time(user, device, 0), one_time(user, device, u64::MAX))
}

/// The id in a one-time key's key.
pub fn last_key_id(key: &[u8]) -> Result<u64, KeyError> {
    last_seq(key)
}

/// A one-time key that was given.
pub fn given(user: &UserId, device: &DeviceId, slot: u8) -> Vec<u8> {
    of_device(user, device, GIVEN, &[slot])
}

/// All of a device that were given and are remembered.
pub fn givens(user: &UserId, device: &DeviceId) -> KeyRange {
    between(given(user, device, 0), given(user, device, u8::MAX))
}

/// All that stands behind a device's keys.
pub fn behind(user: &UserId, device: &DeviceId) -> KeyRange {
    KeyRange::behind(ended(KEY, &[user.as_str(), device.as_str()]), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(range: &KeyRange, key: &[u8]) -> bool {
        range.from.as_slice() <= key && key < range.to.as_slice()
    }

    #[test]
    fn the_keys_of_a_device_are_its_own_and_in_order() {
        let user = UserId::new("ann").unwrap();
        let device = |name: &str| DeviceId::new(name).unwrap();
        let (phone, other) = (device("phone"), device("phone.b"));
        let mut before = one_time(&user, &phone, 0);
        for id in [1, 255, 256, u64::MAX] {
            let key = one_time(&user, &phone, id);
            assert!(before < key && holds(&one_times(&user, &phone), &key), "{id}");
            assert!(!holds(&givens(&user, &phone), &key) && holds(&behind(&user, &phone), &key));
            assert_eq!(last_key_id(&key), Ok(id));
            before = key;
        }
        let given = given(&user, &phone, u8::MAX);
        assert!(holds(&givens(&user, &phone), &given) && holds(&behind(&user, &phone), &given));
        assert!(!holds(&one_times(&user, &phone), &given));
        assert!(!holds(&behind(&user, &phone), &one_time(&user, &other, 1)));
        assert!(holds(&bundles(&user, Some(&phone)), &bundle(&user, &other)));
        assert!(!holds(&bundles(&user, Some(&phone)), &bundle(&user, &phone)));
        assert_eq!(last_device(&bundle(&user, &phone)), Ok(phone));
    }
}
