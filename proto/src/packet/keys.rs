//! The directory of keys: what is asked, answered and told (SPEC.md section 5.14). Must never look
//! into a key: all of them are opaque.

use bytes::Bytes;

use crate::id::{ClaimId, DeviceId, UserId};
use crate::limits::{
    KEY_IDENTITY_BYTES_MAX, KEY_PROOF_BYTES_MAX, ONE_TIME_KEY_BYTES_MAX,
    ONE_TIME_KEYS_PER_PUBLISH_MAX, PAGE_ITEMS_MAX, PREKEY_BYTES_MAX,
};
use crate::schema;
use crate::schema::{request, response};

use super::body::{BodyError, check_length, optional, text};

/// What is asked about keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskKeys {
    /// The keys of this session's device are these, and more one-time keys.
    Publish(PublishKeys),
    /// What somebody needs to write to a device: one of its one-time keys, if there is one left.
    Claim {
        /// The same again is given the same.
        claim: ClaimId,
        /// Whose device.
        user: UserId,
        /// Which.
        device: DeviceId,
    },
    /// The devices of a user that have keys, in order of device id; from then on the session is
    /// told of changes.
    Devices {
        /// Whose.
        user: UserId,
        /// After this one.
        after: Option<DeviceId>,
        /// Devices at most; 0 leaves it to the server.
        limit: u32,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// To `Publish`: how many are there now.
    Published(KeysState),
    /// To `Claim`.
    Claimed(KeyBundle),
    /// To `Devices`.
    Devices {
        /// In order of device id.
        devices: Vec<DeviceKeys>,
        /// There are more.
        more: bool,
    },
}

/// The keys of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishKeys {
    /// Who the device is, at most 256 bytes; empty: all its keys go.
    pub identity: Bytes,
    /// That this identity follows the one before, at most 512 bytes; empty: there is no proof.
    pub proof: Bytes,
    /// What is given with every claim, at most 2,048 bytes.
    pub prekey: Bytes,
    /// More one-time keys, at most 100.
    pub one_time: Vec<OneTimeKey>,
}

/// A key that is given to one claim, and never again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimeKey {
    /// Chosen by the device, ever higher, from 1 on.
    pub id: u64,
    /// At most 2,048 bytes.
    pub key: Bytes,
}

/// How many one-time keys there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeysState {
    /// That are not given yet.
    pub left: u32,
    /// The highest id that was ever taken.
    pub highest: u64,
}

/// What somebody needs to write to a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyBundle {
    /// Who the device is.
    pub identity: Bytes,
    /// Signed by it.
    pub prekey: Bytes,
    /// This claim's own; `None`: there is none left.
    pub one_time: Option<OneTimeKey>,
}

/// A device that has keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceKeys {
    /// Which.
    pub device: DeviceId,
    /// Who it is; empty: its keys are gone.
    pub identity: Bytes,
    /// That this identity follows the one before.
    pub proof: Bytes,
    /// How many one-time keys it has, told its user alone.
    pub state: Option<KeysState>,
}

/// Something about a device's keys is otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysNews {
    /// Whose device.
    pub user: UserId,
    /// The device; with a state: the user's own, which has few one-time keys left.
    pub device: DeviceKeys,
}

/// The field numbers of the lists in a `Request`, each with the most that it may hold.
pub(super) const REQUEST_LISTS: [([u32; 2], usize); 1] = [([70, 4], ONE_TIME_KEYS_PER_PUBLISH_MAX)];
/// The same in a `Response`.
pub(super) const RESPONSE_LISTS: [([u32; 2], usize); 1] = [([75, 1], PAGE_ITEMS_MAX as usize)];

fn bounded(field: &'static str, bytes: &Bytes, max: usize) -> Result<Bytes, BodyError> {
    check_length(field, bytes.len(), max)?;
    Ok(bytes.clone())
}

fn identity_of(bytes: &Bytes) -> Result<Bytes, BodyError> {
    bounded("identity", bytes, KEY_IDENTITY_BYTES_MAX)
}

impl PublishKeys {
    fn from_wire(wire: &schema::PublishKeys) -> Result<Self, BodyError> {
        Ok(Self {
            identity: identity_of(&wire.identity)?,
            proof: bounded("proof", &wire.proof, KEY_PROOF_BYTES_MAX)?,
            prekey: bounded("prekey", &wire.prekey, PREKEY_BYTES_MAX)?,
            one_time: wire.one_time.iter().map(OneTimeKey::from_wire).collect::<Result<_, _>>()?,
        })
    }

    fn to_wire(&self) -> schema::PublishKeys {
        schema::PublishKeys {
            identity: self.identity.clone(),
            proof: self.proof.clone(),
            prekey: self.prekey.clone(),
            one_time: self.one_time.iter().map(OneTimeKey::to_wire).collect(),
        }
    }
}

impl OneTimeKey {
    fn from_wire(wire: &schema::OneTimeKey) -> Result<Self, BodyError> {
        if wire.id == 0 {
            return Err(BodyError::OutOfBounds { field: "id", value: 0 });
        }
        Ok(Self { id: wire.id, key: bounded("key", &wire.key, ONE_TIME_KEY_BYTES_MAX)? })
    }

    fn to_wire(&self) -> schema::OneTimeKey {
        schema::OneTimeKey { id: self.id, key: self.key.clone() }
    }
}

impl KeysState {
    fn from_wire(wire: schema::KeysState) -> Self {
        Self { left: wire.left, highest: wire.highest }
    }

    fn to_wire(self) -> schema::KeysState {
        schema::KeysState { left: self.left, highest: self.highest }
    }
}

impl KeyBundle {
    fn from_wire(wire: &schema::KeyBundle) -> Result<Self, BodyError> {
        Ok(Self {
            identity: identity_of(&wire.identity)?,
            prekey: bounded("prekey", &wire.prekey, PREKEY_BYTES_MAX)?,
            one_time: wire.one_time.as_ref().map(OneTimeKey::from_wire).transpose()?,
        })
    }

    fn to_wire(&self) -> schema::KeyBundle {
        schema::KeyBundle {
            identity: self.identity.clone(),
            prekey: self.prekey.clone(),
            one_time: self.one_time.as_ref().map(OneTimeKey::to_wire),
        }
    }
}

impl DeviceKeys {
    fn from_wire(wire: &schema::DeviceKeys) -> Result<Self, BodyError> {
        Ok(Self {
            device: DeviceId::new(&wire.device)?,
            identity: identity_of(&wire.identity)?,
            proof: bounded("proof", &wire.proof, KEY_PROOF_BYTES_MAX)?,
            state: wire.state.map(KeysState::from_wire),
        })
    }

    fn to_wire(&self) -> schema::DeviceKeys {
        schema::DeviceKeys {
            device: self.device.to_string(),
            identity: self.identity.clone(),
            proof: self.proof.clone(),
            state: self.state.map(KeysState::to_wire),
        }
    }
}

impl KeysNews {
    pub(super) fn from_wire(wire: &schema::KeysNews) -> Result<Self, BodyError> {
        let device = wire.device.as_ref().ok_or(BodyError::Missing { field: "device" })?;
        let device = DeviceKeys::from_wire(device)?;
        Ok(Self { user: UserId::new(&wire.user)?, device })
    }

    pub(super) fn to_wire(&self) -> schema::KeysNews {
        schema::KeysNews { user: self.user.to_string(), device: Some(self.device.to_wire()) }
    }
}

impl AskKeys {
    /// `None`: it is about something else.
    pub(super) fn from_wire(wire: &request::Operation) -> Result<Option<Self>, BodyError> {
        use request::Operation as Wire;
        Ok(Some(match wire {
            Wire::PublishKeys(keys) => Self::Publish(PublishKeys::from_wire(keys)?),
            Wire::ClaimKey(asked) => Self::Claim {
                claim: ClaimId::new(&asked.claim)?,
                user: UserId::new(&asked.user)?,
                device: DeviceId::new(&asked.device)?,
            },
            Wire::Keys(asked) => Self::Devices {
                user: UserId::new(&asked.user)?,
                after: optional(&asked.after, DeviceId::new)?,
                limit: asked.limit,
            },
            _ => return Ok(None),
        }))
    }

    pub(super) fn to_wire(&self) -> request::Operation {
        use request::Operation as Wire;
        match self {
            Self::Publish(keys) => Wire::PublishKeys(keys.to_wire()),
            Self::Claim { claim, user, device } => Wire::ClaimKey(schema::ClaimKey {
                claim: Bytes::copy_from_slice(claim.as_bytes()),
                user: user.to_string(),
                device: device.to_string(),
            }),
            Self::Devices { user, after, limit } => Wire::Keys(schema::KeysRequest {
                user: user.to_string(),
                after: text(after.as_ref()),
                limit: *limit,
            }),
        }
    }
}

impl Keys {
    /// `None`: it is about something else.
    pub(super) fn from_wire(wire: &response::Result) -> Result<Option<Self>, BodyError> {
        use response::Result as Wire;
        Ok(Some(match wire {
            Wire::PublishKeys(state) => Self::Published(KeysState::from_wire(*state)),
            Wire::ClaimKey(bundle) => Self::Claimed(KeyBundle::from_wire(bundle)?),
            Wire::Keys(page) => {
                let devices = page.devices.iter().map(DeviceKeys::from_wire);
                Self::Devices { devices: devices.collect::<Result<_, _>>()?, more: page.more }
            }
            _ => return Ok(None),
        }))
    }

    pub(super) fn to_wire(&self) -> response::Result {
        use response::Result as Wire;
        match self {
            Self::Published(state) => Wire::PublishKeys(state.to_wire()),
            Self::Claimed(bundle) => Wire::ClaimKey(bundle.to_wire()),
            Self::Devices { devices, more } => Wire::Keys(schema::KeysPage {
                devices: devices.iter().map(DeviceKeys::to_wire).collect(),
                more: *more,
            }),
        }
    }
}
