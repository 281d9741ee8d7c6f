//! A user's device as the store keeps it. Must never be taken for the cursors of the device, which
//! have rows of their own.

use prost::Message;

use super::{RecordError, decoded};
use crate::store::device::DeviceLabel;

/// A device. Its first two fields are those of `Seen`, which an older version kept in its place.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct DeviceRow {
    /// When it first came.
    #[prost(uint64, tag = "1")]
    pub(crate) first_ms: u64,
    /// When a session of it last began or ended, or was seen to be there.
    #[prost(uint64, tag = "2")]
    pub(crate) last_ms: u64,
    /// Its number among all devices that the user ever had: another one each time that it comes
    /// after it was logged out or forgotten.
    #[prost(uint64, tag = "3")]
    pub(crate) number: u64,
    #[prost(string, tag = "4")]
    name: String,
    #[prost(string, tag = "5")]
    platform: String,
    #[prost(string, tag = "6")]
    client: String,
    #[prost(string, tag = "7")]
    address: String,
}

impl DeviceRow {
    /// One that comes for the first time.
    pub(crate) fn new(now_ms: u64, number: u64, label: &DeviceLabel) -> Self {
        let row = Self { first_ms: now_ms, last_ms: now_ms, number, ..Self::default() };
        row.labelled(label)
    }

    /// With what it says of itself now.
    pub(crate) fn labelled(self, label: &DeviceLabel) -> Self {
        let DeviceLabel { name, platform, client, address } = label.clone();
        Self { name, platform, client, address, ..self }
    }

    /// Seen now.
    pub(crate) fn seen_at(self, now_ms: u64) -> Self {
        Self { last_ms: self.last_ms.max(now_ms), ..self }
    }

    /// What it said of itself last.
    pub(crate) fn label(&self) -> DeviceLabel {
        DeviceLabel {
            name: self.name.clone(),
            platform: self.platform.clone(),
            client: self.client.clone(),
            address: self.address.clone(),
        }
    }

    pub(crate) fn to_value(&self) -> Vec<u8> {
        self.encode_to_vec()
    }

    pub(crate) fn from_value(value: &[u8]) -> Result<Self, RecordError> {
        decoded("device", value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::record::Seen;

    #[test]
    fn a_device_comes_back_as_it_was_and_so_does_one_of_an_older_version() {
        let label = DeviceLabel {
            name: "Ann's phone".into(),
            platform: "android".into(),
            client: "example 1.0".into(),
            address: "::1".into(),
        };
        let row = DeviceRow::new(5, 3, &label);
        assert_eq!(DeviceRow::from_value(&row.to_value()), Ok(row.clone()));
        assert_eq!(row.label(), label);
        let old = Seen { first_ms: 5, last_ms: 7, devices: 0 }.to_value();
        let old = DeviceRow::from_value(&old).unwrap();
        assert_eq!((old.first_ms, old.last_ms, old.number), (5, 7, 0));
        assert_eq!(old.label(), DeviceLabel::default());
    }
}
