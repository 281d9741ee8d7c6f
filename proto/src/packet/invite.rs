//! Invitations to groups, and what is asked by whom they reach (SPEC.md section 5.6). Must never
//! show a secret in a log.

use std::fmt;

use crate::id::{ChatId, InviteId, UserId};
use crate::limits::{
    GROUP_AVATAR_BYTES_MAX, GROUP_NAME_BYTES_MAX, GROUP_TOPIC_BYTES_MAX, INVITE_SECRET_BYTES,
};
use crate::schema;

use super::body::{BodyError, short};

/// What a link to a group holds: who has it may come in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InviteKey {
    /// The invitation.
    pub id: InviteId,
    /// 16 random bytes, chosen by who makes the invitation.
    pub secret: [u8; INVITE_SECRET_BYTES],
}

impl fmt::Debug for InviteKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "InviteKey({}, secret)", self.id)
    }
}

/// What the secret of an invitation is to sign, so that its proof is good for one user alone.
pub fn join_note(chat: &ChatId, user: &UserId) -> Vec<u8> {
    [b"packetboat join", chat.as_str().as_bytes(), user.as_str().as_bytes()].join(&0)
}

/// An invitation to a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// What its link holds.
    pub key: InviteKey,
    /// When it ends, in milliseconds of Unix time; 0: never.
    pub expires_ms: u64,
    /// So many may still come in by it; 0: any number.
    pub uses: u32,
    /// It lets its holder ask to come in, no more.
    pub asks: bool,
    /// Who made it, stamped by the server; `None` from a client.
    pub made_by: Option<UserId>,
}

/// What somebody sees of a group before it comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupCard {
    /// The group.
    pub chat: ChatId,
    /// What people call it.
    pub name: String,
    /// What it is about, or nothing.
    pub topic: String,
    /// A reference to its picture, or nothing.
    pub avatar: String,
    /// How many are in it.
    pub members: u32,
    /// What the user may do; `None`: something that this version does not know.
    pub way: Option<JoinWay>,
}

/// How a user may come into a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinWay {
    /// It is in it.
    Member,
    /// By itself.
    Join,
    /// By asking.
    Ask,
}

/// What became of a wish to come into a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinState {
    /// Nobody has answered it yet.
    Waiting,
    /// The user is not let in.
    Refused,
    /// The user is a member.
    Member,
}

/// Somebody who asks to come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinRequest {
    /// Who.
    pub user: UserId,
    /// Since when, in milliseconds of Unix time.
    pub at_ms: u64,
}

impl InviteKey {
    pub(super) fn from_wire(wire: &schema::InviteKey) -> Result<Self, BodyError> {
        let (field, bytes) = ("secret", wire.secret.len());
        let secret = wire.secret.as_ref().try_into();
        let secret = secret.map_err(|_| BodyError::OutOfBounds { field, value: bytes as u64 })?;
        Ok(Self { id: InviteId::new(&wire.id)?, secret })
    }

    pub(super) fn to_wire(self) -> schema::InviteKey {
        schema::InviteKey {
            id: self.id.as_bytes().to_vec().into(),
            secret: self.secret.to_vec().into(),
        }
    }
}

impl Invitation {
    pub(super) fn from_wire(wire: &schema::Invitation) -> Result<Self, BodyError> {
        let key = wire.key.as_ref().ok_or(BodyError::Missing { field: "key" })?;
        let made_by = match wire.made_by.as_str() {
            "" => None,
            user => Some(UserId::new(user)?),
        };
        Ok(Self {
            key: InviteKey::from_wire(key)?,
            expires_ms: wire.expires_ms,
            uses: wire.uses,
            asks: wire.asks,
            made_by,
        })
    }

    pub(super) fn to_wire(&self) -> schema::Invitation {
        schema::Invitation {
            key: Some(self.key.to_wire()),
            expires_ms: self.expires_ms,
            uses: self.uses,
            asks: self.asks,
            made_by: self.made_by.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

impl GroupCard {
    pub(super) fn from_wire(wire: schema::GroupCard) -> Result<Self, BodyError> {
        Ok(Self {
            chat: ChatId::new(&wire.chat)?,
            members: wire.members,
            way: JoinWay::from_wire(wire.way()),
            name: short("name", wire.name, GROUP_NAME_BYTES_MAX)?,
            topic: short("topic", wire.topic, GROUP_TOPIC_BYTES_MAX)?,
            avatar: short("avatar", wire.avatar, GROUP_AVATAR_BYTES_MAX)?,
        })
    }

    pub(super) fn to_wire(&self) -> schema::GroupCard {
        schema::GroupCard {
            chat: self.chat.to_string(),
            name: self.name.clone(),
            topic: self.topic.clone(),
            avatar: self.avatar.clone(),
            members: self.members,
            way: JoinWay::to_wire(self.way),
        }
    }
}

impl JoinWay {
    fn from_wire(wire: schema::JoinWay) -> Option<Self> {
        match wire {
            schema::JoinWay::Unspecified => None,
            schema::JoinWay::Member => Some(Self::Member),
            schema::JoinWay::Join => Some(Self::Join),
            schema::JoinWay::Ask => Some(Self::Ask),
        }
    }

    fn to_wire(way: Option<Self>) -> i32 {
        i32::from(match way {
            None => schema::JoinWay::Unspecified,
            Some(Self::Member) => schema::JoinWay::Member,
            Some(Self::Join) => schema::JoinWay::Join,
            Some(Self::Ask) => schema::JoinWay::Ask,
        })
    }
}

impl JoinState {
    pub(super) fn from_wire(wire: schema::JoinState) -> Option<Self> {
        match wire {
            schema::JoinState::Unspecified => None,
            schema::JoinState::Waiting => Some(Self::Waiting),
            schema::JoinState::Refused => Some(Self::Refused),
            schema::JoinState::Member => Some(Self::Member),
        }
    }

    pub(super) fn to_wire(state: Option<Self>) -> i32 {
        i32::from(match state {
            None => schema::JoinState::Unspecified,
            Some(Self::Waiting) => schema::JoinState::Waiting,
            Some(Self::Refused) => schema::JoinState::Refused,
            Some(Self::Member) => schema::JoinState::Member,
        })
    }
}

impl JoinRequest {
    pub(super) fn from_wire(wire: &schema::JoinRequest) -> Result<Self, BodyError> {
        Ok(Self { user: UserId::new(&wire.user)?, at_ms: wire.at_ms })
    }

    pub(super) fn to_wire(&self) -> schema::JoinRequest {
        schema::JoinRequest { user: self.user.to_string(), at_ms: self.at_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let key = InviteKey { id: InviteId::from([1; 8]), secret: [0xab; 16] };
        assert_eq!(format!("{key:?}"), "InviteKey(0101010101010101, secret)");
    }

    #[test]
    fn a_note_is_that_of_one_user_in_one_group() {
        let note = |chat: &str, user: &str| {
            join_note(&ChatId::new(chat).unwrap(), &UserId::new(user).unwrap())
        };
        assert_eq!(note("group:a", "bc"), b"packetboat join\0group:a\0bc");
        assert_ne!(note("group:a", "bc"), note("group:ab", "c"));
    }
}
