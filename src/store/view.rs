//! What the store tells of chats and users, as one user sees them. Must never hold what that user
//! may not know.

use packetboat_proto::content::{GroupRules, Role};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::packet::{Marks, ReceiptRule, Visibility};

/// A chat as one user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatView {
    /// The chat.
    pub chat: ChatId,
    /// The last durable seq that the user may see.
    pub head: u64,
    /// The asking device's cursor.
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
    /// When the entry at `head` was taken, in milliseconds of Unix time; 0 if there is none.
    pub last_at_ms: u64,
    /// What a group is about, or nothing.
    pub topic: String,
    /// A reference to a group's picture, or nothing.
    pub avatar: String,
    /// What holds in a group.
    pub rules: GroupRules,
    /// Until when the user is mute in a group, in milliseconds of Unix time; 0: not.
    pub muted_until_ms: u64,
    /// Who asks to come into a group, for one who may let them in.
    pub join_requests: u32,
    /// How the user wants it to be shown.
    pub marks: Marks,
    /// Entries of others after `read` that mention the user.
    pub mentions: u64,
    /// The last entry in which there is something to read, if it was asked for.
    pub last: Option<Box<Entry>>,
}

/// A room as one user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomView {
    /// What people call it.
    pub name: String,
    /// What it is about, or nothing.
    pub topic: String,
    /// Its last durable seq.
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

/// What is kept of a user's presence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// When the user was last seen, in milliseconds of Unix time; 0 if never.
    pub last_seen_ms: u64,
    /// What the user says of itself; empty: nothing.
    pub status: String,
    /// Who is told of its presence.
    pub visible_to: Visibility,
    /// Whether others are told what it has read.
    pub receipts: ReceiptRule,
}

/// A member as the others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// The user.
    pub user: UserId,
    /// What the user is in the chat.
    pub role: Role,
    /// What a device of the user has had.
    pub delivered: u64,
    /// What the user has read.
    pub read: u64,
    /// Until when the user is mute, in milliseconds of Unix time; 0: not.
    pub muted_until_ms: u64,
}

/// How a user stands to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relation {
    /// They are contacts.
    pub contact: bool,
    /// The user has blocked the other.
    pub blocked: bool,
}
