//! The rows of devices' keys. Must never show one: they are public, and no log's affair.

use packetboat_proto::id::{ClaimId, UserId};
use packetboat_proto::limits::{
    KEY_IDENTITY_BYTES_MAX, KEY_PROOF_BYTES_MAX, ONE_TIME_KEY_BYTES_MAX, PREKEY_BYTES_MAX,
};
use packetboat_proto::packet::OneTimeKey;
use prost::Message;

use super::{RecordError, decoded, malformed};
use crate::store::batch::VALUE_BYTES_MAX;

const _: () = assert!(
    KEY_IDENTITY_BYTES_MAX + KEY_PROOF_BYTES_MAX + PREKEY_BYTES_MAX + 64 <= VALUE_BYTES_MAX
        && ONE_TIME_KEY_BYTES_MAX + 256 <= VALUE_BYTES_MAX
);

/// The keys of a device, without the one-time keys.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Bundle {
    /// Who the device is; empty: it has taken its keys away.
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) identity: bytes::Bytes,
    /// That this identity follows the one before.
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) proof: bytes::Bytes,
    /// What is given with every claim.
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) prekey: bytes::Bytes,
    /// One-time keys that are not given yet.
    #[prost(uint32, tag = "4")]
    pub(crate) left: u32,
    /// The highest id that was ever taken.
    #[prost(uint64, tag = "5")]
    pub(crate) highest: u64,
    /// One-time keys that were ever given.
    #[prost(uint64, tag = "6")]
    pub(crate) given: u64,
}

impl Bundle {
    pub(crate) fn to_value(&self) -> Vec<u8> {
        self.encode_to_vec()
    }

    pub(crate) fn from_value(value: &[u8]) -> Result<Self, RecordError> {
        decoded("key bundle", value)
    }
}

/// A one-time key that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    /// To whom.
    pub(crate) to: UserId,
    /// To which claim.
    pub(crate) claim: ClaimId,
    /// The key.
    pub(crate) key: OneTimeKey,
}

#[derive(Clone, PartialEq, Message)]
struct GivenRow {
    #[prost(string, tag = "1")]
    to: String,
    #[prost(bytes = "vec", tag = "2")]
    claim: Vec<u8>,
    #[prost(uint64, tag = "3")]
    id: u64,
    #[prost(bytes = "bytes", tag = "4")]
    key: bytes::Bytes,
}

impl Given {
    pub(crate) fn to_value(&self) -> Vec<u8> {
        let (to, claim) = (self.to.to_string(), self.claim.as_bytes().to_vec());
        GivenRow { to, claim, id: self.key.id, key: self.key.key.clone() }.encode_to_vec()
    }

    pub(crate) fn from_value(value: &[u8]) -> Result<Self, RecordError> {
        const WHAT: &str = "given key";
        let GivenRow { to, claim, id, key } = decoded(WHAT, value)?;
        Ok(Self {
            to: UserId::new(&to).map_err(|error| malformed(WHAT, error))?,
            claim: ClaimId::new(&claim).map_err(|error| malformed(WHAT, error))?,
            key: OneTimeKey { id, key },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_as_they_were() {
        let bundle = Bundle {
            identity: "who".into(),
            proof: "was".into(),
            prekey: "pre".into(),
            left: 7,
            highest: 9,
            given: 2,
        };
        assert_eq!(Bundle::from_value(&bundle.to_value()), Ok(bundle));
        let key = OneTimeKey { id: 3, key: "once".into() };
        let given = Given { to: UserId::new("bob").unwrap(), claim: ClaimId::from([7; 16]), key };
        assert_eq!(Given::from_value(&given.to_value()), Ok(given));
        assert!(Given::from_value(&[]).is_err(), "to nobody");
    }
}
