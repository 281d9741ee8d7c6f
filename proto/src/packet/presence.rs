//! What is told of a user's presence (SPEC.md section 5.5). Must never say where a user is.

use crate::id::UserId;
use crate::limits::STATUS_BYTES_MAX;
use crate::schema;

use super::body::{BodyError, short};

/// Whether a user is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// The user.
    pub user: UserId,
    /// At least one device is connected.
    pub online: bool,
    /// The user is online, and away from every device.
    pub away: bool,
    /// What the user says of itself, at most 256 bytes; empty: nothing.
    pub status: String,
    /// When the user was last seen, in milliseconds of Unix time; 0: never, or not known.
    pub last_seen_ms: u64,
}

impl Presence {
    /// That of a user of whom nothing is told.
    pub const fn hidden(user: UserId) -> Self {
        Self { user, online: false, away: false, status: String::new(), last_seen_ms: 0 }
    }

    pub(super) fn from_wire(wire: schema::Presence) -> Result<Self, BodyError> {
        Ok(Self {
            user: UserId::new(&wire.user)?,
            online: wire.online,
            away: wire.away,
            status: short("status", wire.status, STATUS_BYTES_MAX)?,
            last_seen_ms: wire.last_seen_ms,
        })
    }

    pub(super) fn to_wire(&self) -> schema::Presence {
        schema::Presence {
            user: self.user.to_string(),
            online: self.online,
            last_seen_ms: self.last_seen_ms,
            away: self.away,
            status: self.status.clone(),
        }
    }
}
