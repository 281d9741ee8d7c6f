//! What others are to learn of a change, once it is durable. Must never hold what is not.

use bytes::Bytes;
use packetboat_proto::id::{ChatId, DeviceId, SessionId, UserId};
use packetboat_proto::packet::{JoinNews, KeysNews, ReceiptRule, ScheduledName, Visibility};

use super::error::Refusal;
use super::view::Relation;

/// A durable change that others are to learn of. Released in the order of the log, and only
/// after the change is on stable storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A session has its device: whatever is released from here on, it must get.
    Claimed {
        /// Whose.
        user: UserId,
        /// Which device; an older session of it is to go.
        device: DeviceId,
        /// The session.
        session: SessionId,
        /// What the device runs on.
        platform: String,
        /// The groups of the user, at this point of the order.
        groups: Vec<ChatId>,
        /// The users whom the user blocks.
        blocked: Vec<UserId>,
    },
    /// How a user stands to another has changed.
    Related {
        /// The one.
        user: UserId,
        /// The other.
        other: UserId,
        /// How the one stands to the other.
        relation: Relation,
    },
    /// A device is gone: its session is to end.
    LoggedOut {
        /// Whose.
        user: UserId,
        /// Which.
        device: DeviceId,
    },
    /// Users came into a group; released before the entry that says so.
    Joined {
        /// The group.
        chat: ChatId,
        /// Who.
        users: Vec<UserId>,
    },
    /// An entry is in a log.
    Stored(Stored),
    /// Users are out of a group; released after the entry that says so.
    Left {
        /// The group.
        chat: ChatId,
        /// Who.
        users: Vec<UserId>,
    },
    /// A user says other things of itself.
    ProfileSet {
        /// Who.
        user: UserId,
        /// What it says.
        status: String,
        /// To whom.
        visible_to: Visibility,
        /// Whether others are told what it has read.
        receipts: ReceiptRule,
    },
    /// A group or a room is over; released after the entry that says so.
    Dissolved {
        /// Which.
        chat: ChatId,
    },
    /// Somebody asks to come into a group, or is not let in.
    Joining {
        /// Whom to tell.
        to: Vec<UserId>,
        /// What.
        news: JoinNews,
    },
    /// A user's own state has changed.
    OwnChanged {
        /// Whose.
        user: UserId,
        /// Its newest revision.
        revision: u64,
    },
    /// A device's identity is another, or it has few one-time keys left.
    Keys(KeysNews),
    /// A message that was due could not be sent.
    ScheduleFailed {
        /// Whose.
        user: UserId,
        /// Which.
        name: ScheduledName,
        /// Why.
        refusal: Refusal,
    },
    /// A user's cursors moved: the highest that any device has had, and what was read.
    CursorMoved {
        /// The chat.
        chat: ChatId,
        /// Whose.
        user: UserId,
        /// Now delivered up to.
        delivered: u64,
        /// Now read up to.
        read: u64,
        /// What others are told that it has read; `None`: there is no news for others.
        told: Option<u64>,
    },
}

/// An entry that has just become durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The chat.
    pub chat: ChatId,
    /// Its place.
    pub seq: u64,
    /// The session that sent it.
    pub origin: SessionId,
    /// The encoded `Entry`, which is the body of a `Deliver`.
    pub body: Bytes,
}

/// Where effects go. Called on the flusher's thread: must never wait.
pub trait Outlet: Send + 'static {
    /// Takes the effects of one commit, in order.
    fn release(&mut self, effects: Vec<Effect>);
}
