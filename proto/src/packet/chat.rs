//! What is told of a chat and of its members (SPEC.md section 5.5). Must never hold what only the
//! server may know of a user.

use bytes::Bytes;
use prost::Message;

use crate::content::GroupRules;
pub use crate::content::Role;
use crate::entry::Entry;
use crate::id::{ChatId, UserId};
use crate::limits::{
    GROUP_AVATAR_BYTES_MAX, GROUP_NAME_BYTES_MAX, GROUP_TOPIC_BYTES_MAX, LAST_BYTES_MAX,
};
use crate::schema;

use super::body::{BodyError, check_length, short};
use super::own::Marks;

/// A chat as one user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatState {
    /// The chat.
    pub chat: ChatId,
    /// The last seq that the user may see; 0: none.
    pub head: u64,
    /// This device's cursor.
    pub delivered: u64,
    /// The user's cursor.
    pub read: u64,
    /// Entries of others after `read`.
    pub unread: u64,
    /// A group's name, or nothing.
    pub name: String,
    /// A group's members, or 0.
    pub members: u32,
    /// What the user is in it; `None` once out of it.
    pub role: Option<Role>,
    /// In a direct chat: what a device of the other has had.
    pub peer_delivered: u64,
    /// In a direct chat: what the other has read.
    pub peer_read: u64,
    /// When the entry at `head` was taken, in milliseconds of Unix time.
    pub last_at_ms: u64,
    /// What a group is about, or nothing.
    pub topic: String,
    /// A reference to a group's picture, or nothing.
    pub avatar: String,
    /// What holds in a group.
    pub rules: GroupRules,
    /// Until when the user is mute in a group, in milliseconds of Unix time; 0: not.
    pub muted_until_ms: u64,
    /// Who asks to come into a group, and waits for the user's answer.
    pub join_requests: u32,
    /// How the user wants it to be shown.
    pub marks: Marks,
    /// Entries of others after `read` that mention the user.
    pub mentions: u64,
    /// In an answer to `Recent`: the last entry in which there is something to read, unless there
    /// is none, or it is too long.
    pub last: Option<Box<Entry>>,
}

/// A member of a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The user.
    pub user: UserId,
    /// What the user is in the chat.
    pub role: Option<Role>,
    /// What a device of the user has had.
    pub delivered: u64,
    /// What the user has read.
    pub read: u64,
    /// Until when the user is mute, in milliseconds of Unix time; 0: not.
    pub muted_until_ms: u64,
}

impl ChatState {
    /// That of a chat of which nothing is known but its id.
    pub const fn of(chat: ChatId) -> Self {
        Self {
            chat,
            head: 0,
            delivered: 0,
            read: 0,
            unread: 0,
            name: String::new(),
            members: 0,
            role: None,
            peer_delivered: 0,
            peer_read: 0,
            last_at_ms: 0,
            topic: String::new(),
            avatar: String::new(),
            rules: GroupRules::NONE,
            muted_until_ms: 0,
            join_requests: 0,
            marks: Marks { quiet_until_ms: 0, pinned: 0, archived: false, unread: false },
            mentions: 0,
            last: None,
        }
    }

    /// Bytes that it takes in a page.
    pub fn encoded_len(&self) -> usize {
        self.to_wire().encoded_len()
    }

    pub(super) fn from_wire(wire: schema::ChatState) -> Result<Self, BodyError> {
        check_length("last", wire.last.len(), LAST_BYTES_MAX as usize)?;
        let last = (!wire.last.is_empty()).then(|| Entry::decode(wire.last.clone())).transpose()?;
        Ok(Self {
            chat: ChatId::new(&wire.chat)?,
            head: wire.head,
            delivered: wire.delivered,
            read: wire.read,
            unread: wire.unread,
            role: Role::from_wire(wire.role()),
            members: wire.members,
            peer_delivered: wire.peer_delivered,
            peer_read: wire.peer_read,
            last_at_ms: wire.last_at_ms,
            name: short("name", wire.name, GROUP_NAME_BYTES_MAX)?,
            topic: short("topic", wire.topic, GROUP_TOPIC_BYTES_MAX)?,
            avatar: short("avatar", wire.avatar, GROUP_AVATAR_BYTES_MAX)?,
            rules: GroupRules::from_wire(wire.rules.unwrap_or_default()),
            muted_until_ms: wire.muted_until_ms,
            join_requests: wire.join_requests,
            marks: Marks::from_wire(wire.marks.unwrap_or_default()),
            mentions: wire.mentions,
            last: last.map(Box::new),
        })
    }

    pub(super) fn to_wire(&self) -> schema::ChatState {
        schema::ChatState {
            chat: self.chat.to_string(),
            head: self.head,
            delivered: self.delivered,
            read: self.read,
            unread: self.unread,
            name: self.name.clone(),
            members: self.members,
            role: Role::to_wire(self.role),
            peer_delivered: self.peer_delivered,
            peer_read: self.peer_read,
            last_at_ms: self.last_at_ms,
            topic: self.topic.clone(),
            avatar: self.avatar.clone(),
            rules: (self.rules != GroupRules::default()).then(|| self.rules.to_wire()),
            muted_until_ms: self.muted_until_ms,
            join_requests: self.join_requests,
            marks: (self.marks != Marks::default()).then(|| self.marks.to_wire()),
            mentions: self.mentions,
            last: self.last.as_ref().map_or_else(Bytes::new, |last| last.encode()),
        }
    }
}

impl Member {
    pub(super) fn from_wire(wire: schema::Member) -> Result<Self, BodyError> {
        Ok(Self {
            user: UserId::new(&wire.user)?,
            role: Role::from_wire(wire.role()),
            delivered: wire.delivered,
            read: wire.read,
            muted_until_ms: wire.muted_until_ms,
        })
    }

    pub(super) fn to_wire(&self) -> schema::Member {
        schema::Member {
            user: self.user.to_string(),
            role: Role::to_wire(self.role),
            delivered: self.delivered,
            read: self.read,
            muted_until_ms: self.muted_until_ms,
        }
    }
}
