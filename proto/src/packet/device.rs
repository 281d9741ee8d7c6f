//! What is asked of a user's own devices, and answered (SPEC.md section 5.11). Must never unfold
//! more devices than a page may hold.

use crate::id::DeviceId;
use crate::limits::{
    ADDRESS_BYTES_MAX, DEVICE_NAME_BYTES_MAX, PAGE_ITEMS_MAX, PLATFORM_BYTES_MAX,
    SOFTWARE_BYTES_MAX,
};
use crate::schema;
use crate::schema::{request, response};

use super::body::{BodyError, optional, short, text};

/// What is asked of a user's own devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceOperation {
    /// A page of them, in order of id.
    List {
        /// After this one.
        after: Option<DeviceId>,
        /// Devices at most; 0 leaves it to the server.
        limit: u32,
    },
    /// One is to be logged out.
    LogOut {
        /// Which.
        device: DeviceId,
    },
    /// All are to be logged out, but the one that asks.
    LogOutOthers,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceAnswer {
    /// To `List`.
    List {
        /// In order of id.
        devices: Vec<DeviceState>,
        /// There are more.
        more: bool,
    },
    /// To `LogOut`: it is.
    LogOut,
    /// To `LogOutOthers`: they are.
    LogOutOthers,
}

/// A device of the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceState {
    /// Which.
    pub device: DeviceId,
    /// What the user calls it, at most 64 bytes.
    pub name: String,
    /// What it runs on, at most 32 bytes.
    pub platform: String,
    /// Name and version of its software, at most 64 bytes.
    pub client: String,
    /// When it first came, in milliseconds of Unix time.
    pub first_seen_ms: u64,
    /// When its session last began or ended.
    pub last_seen_ms: u64,
    /// From where it last came, at most 64 bytes; empty: not known.
    pub address: String,
    /// It has a session now.
    pub online: bool,
}

/// The field numbers of the lists in a `Response`, each with the most that it may hold.
pub(super) const RESPONSE_LISTS: [([u32; 2], usize); 1] = [([41, 1], PAGE_ITEMS_MAX as usize)];

impl DeviceOperation {
    /// `None`: it is about something else.
    pub(super) fn from_wire(wire: &request::Operation) -> Result<Option<Self>, BodyError> {
        use request::Operation as Wire;
        Ok(Some(match wire {
            Wire::Devices(asked) => {
                Self::List { after: optional(&asked.after, DeviceId::new)?, limit: asked.limit }
            }
            Wire::LogOut(asked) => Self::LogOut { device: DeviceId::new(&asked.device)? },
            Wire::LogOutOthers(_) => Self::LogOutOthers,
            _ => return Ok(None),
        }))
    }

    pub(super) fn to_wire(&self) -> request::Operation {
        use request::Operation as Wire;
        match self {
            Self::List { after, limit } => {
                Wire::Devices(schema::DevicesRequest { after: text(after.as_ref()), limit: *limit })
            }
            Self::LogOut { device } => Wire::LogOut(schema::LogOut { device: device.to_string() }),
            Self::LogOutOthers => Wire::LogOutOthers(schema::Unit {}),
        }
    }
}

impl DeviceAnswer {
    /// `None`: it is about something else.
    pub(super) fn from_wire(wire: &response::Result) -> Result<Option<Self>, BodyError> {
        use response::Result as Wire;
        Ok(Some(match wire {
            Wire::Devices(page) => {
                let devices = page.devices.iter().map(DeviceState::from_wire);
                Self::List { devices: devices.collect::<Result<_, _>>()?, more: page.more }
            }
            Wire::LogOut(_) => Self::LogOut,
            Wire::LogOutOthers(_) => Self::LogOutOthers,
            _ => return Ok(None),
        }))
    }

    pub(super) fn to_wire(&self) -> response::Result {
        use response::Result as Wire;
        match self {
            Self::List { devices, more } => Wire::Devices(schema::DevicesPage {
                devices: devices.iter().map(DeviceState::to_wire).collect(),
                more: *more,
            }),
            Self::LogOut => Wire::LogOut(schema::Unit {}),
            Self::LogOutOthers => Wire::LogOutOthers(schema::Unit {}),
        }
    }
}

impl DeviceState {
    fn from_wire(wire: &schema::DeviceState) -> Result<Self, BodyError> {
        let bounded = |field, text: &String, max| short(field, text.clone(), max);
        Ok(Self {
            device: DeviceId::new(&wire.device)?,
            name: bounded("name", &wire.name, DEVICE_NAME_BYTES_MAX)?,
            platform: bounded("platform", &wire.platform, PLATFORM_BYTES_MAX)?,
            client: bounded("client", &wire.client, SOFTWARE_BYTES_MAX)?,
            first_seen_ms: wire.first_seen_ms,
            last_seen_ms: wire.last_seen_ms,
            address: bounded("address", &wire.address, ADDRESS_BYTES_MAX)?,
            online: wire.online,
        })
    }

    fn to_wire(&self) -> schema::DeviceState {
        schema::DeviceState {
            device: self.device.to_string(),
            name: self.name.clone(),
            platform: self.platform.clone(),
            client: self.client.clone(),
            first_seen_ms: self.first_seen_ms,
            last_seen_ms: self.last_seen_ms,
            address: self.address.clone(),
            online: self.online,
        }
    }
}
