//! What is told of a room (SPEC.md section 5.7). Must never say who listens to it.

use crate::content::Role;
use crate::id::{ChatId, ChatKind};
use crate::limits::{GROUP_NAME_BYTES_MAX, GROUP_TOPIC_BYTES_MAX};
use crate::schema;

use super::body::{BodyError, short};

/// A room as one user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomState {
    /// The room.
    pub room: ChatId,
    /// What people call it.
    pub name: String,
    /// What it is about, or nothing.
    pub topic: String,
    /// Sessions that are in it.
    pub listeners: u32,
    /// Its last seq; what comes after it is delivered to who has joined.
    pub head: u64,
    /// The first entry that is kept.
    pub first: u64,
    /// Entries that are kept.
    pub keep: u32,
    /// The least time between two messages of a user, in milliseconds; 0: none.
    pub slow_ms: u32,
    /// The owner, or an admin for a moderator; `None` for all others.
    pub role: Option<Role>,
    /// Until when the user is mute, in milliseconds of Unix time; 0: not.
    pub muted_until_ms: u64,
}

/// How many sessions listen to a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomCount {
    /// The room.
    pub room: ChatId,
    /// Sessions that are in it.
    pub listeners: u32,
}

/// The id, if it is a room's.
pub(super) fn room_id(text: &str) -> Result<ChatId, BodyError> {
    let room = ChatId::new(text)?;
    match room.kind() {
        ChatKind::Room(_) => Ok(room),
        ChatKind::Direct(..) | ChatKind::Group(_) => Err(BodyError::NoRoom),
    }
}

impl RoomState {
    pub(super) fn from_wire(wire: schema::RoomState) -> Result<Self, BodyError> {
        Ok(Self {
            room: room_id(&wire.room)?,
            role: Role::from_wire(wire.role()),
            name: short("name", wire.name, GROUP_NAME_BYTES_MAX)?,
            topic: short("topic", wire.topic, GROUP_TOPIC_BYTES_MAX)?,
            listeners: wire.listeners,
            head: wire.head,
            first: wire.first,
            keep: wire.keep,
            slow_ms: wire.slow_ms,
            muted_until_ms: wire.muted_until_ms,
        })
    }

    pub(super) fn to_wire(&self) -> schema::RoomState {
        schema::RoomState {
            room: self.room.to_string(),
            name: self.name.clone(),
            topic: self.topic.clone(),
            listeners: self.listeners,
            head: self.head,
            first: self.first,
            keep: self.keep,
            slow_ms: self.slow_ms,
            role: Role::to_wire(self.role),
            muted_until_ms: self.muted_until_ms,
        }
    }
}

impl RoomCount {
    pub(super) fn from_wire(wire: &schema::RoomCount) -> Result<Self, BodyError> {
        Ok(Self { room: room_id(&wire.room)?, listeners: wire.listeners })
    }

    pub(super) fn to_wire(&self) -> schema::RoomCount {
        schema::RoomCount { room: self.room.to_string(), listeners: self.listeners }
    }
}
