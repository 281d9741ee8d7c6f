//! Hints about others: signals and notices (SPEC.md section 5.4). Must never be relied on: the log
//! and the cursors are asked for what is true.

use bytes::Bytes;

use crate::id::{ChatId, UserId};
use crate::limits::SIGNAL_BYTES_MAX;
use crate::schema;
use crate::schema::notice::Kind;

use super::body::{BodyError, check_length};
use super::invite::JoinState;
use super::keys::KeysNews;
use super::message::Rejected;
use super::presence::Presence;
use super::room::RoomCount;

/// Typing and the like: never stored, never acknowledged, dropped when something is in its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The chat.
    pub chat: ChatId,
    /// What it says.
    pub kind: SignalKind,
    /// Bytes of the app's own, at most 256.
    pub data: Bytes,
    /// Who sent it, stamped by the server; `None` from a client.
    pub sender: Option<UserId>,
}

/// What a signal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalKind {
    /// The sender is typing.
    Typing,
    /// The sender has stopped typing.
    Stopped,
    /// What the app has agreed on.
    Custom,
}

/// What became of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Somebody's cursors moved: of a direct chat's other user, or the user's own.
    Cursor(CursorMoved),
    /// A user who is watched is there, gone, or otherwise.
    Presence(Presence),
    /// More or fewer listen to a room.
    RoomCount(RoomCount),
    /// Some notices could not be kept, or entries of rooms: ask for the chats to know their
    /// cursors, for those who are watched, and for the rooms.
    Missed,
    /// Somebody asks to come into a group, or is not let in.
    Join(JoinNews),
    /// The user's own state has changed; its newest revision.
    Own(u64),
    /// Receipts of a group have moved: ask for those that are shown.
    Receipts(ChatId),
    /// Somebody's keys are others, or the user's own run low.
    Keys(KeysNews),
    /// A message of the user's own that was due could not be sent.
    ScheduleFailed(Rejected),
}

/// Somebody asks to come into a group, or is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinNews {
    /// The group.
    pub chat: ChatId,
    /// Who asks.
    pub user: UserId,
    /// How it stands; `None` is something that this version does not know.
    pub state: Option<JoinState>,
}

/// How far a user is in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorMoved {
    /// The chat.
    pub chat: ChatId,
    /// The user.
    pub user: UserId,
    /// A device of the user has every entry up to this seq.
    pub delivered: u64,
    /// The user has read up to this seq.
    pub read: u64,
}

impl Signal {
    pub(super) fn from_wire(wire: schema::Signal) -> Result<Self, BodyError> {
        let kind = match wire.kind() {
            schema::SignalKind::Typing => SignalKind::Typing,
            schema::SignalKind::Stopped => SignalKind::Stopped,
            schema::SignalKind::Custom => SignalKind::Custom,
            schema::SignalKind::Unspecified => {
                return Err(BodyError::Missing { field: "kind" });
            }
        };
        check_length("data", wire.data.len(), SIGNAL_BYTES_MAX)?;
        let sender = match wire.sender.as_str() {
            "" => None,
            sender => Some(UserId::new(sender)?),
        };
        Ok(Self { chat: ChatId::new(&wire.chat)?, kind, data: wire.data, sender })
    }

    pub(super) fn to_wire(&self) -> schema::Signal {
        let kind = match self.kind {
            SignalKind::Typing => schema::SignalKind::Typing,
            SignalKind::Stopped => schema::SignalKind::Stopped,
            SignalKind::Custom => schema::SignalKind::Custom,
        };
        schema::Signal {
            chat: self.chat.to_string(),
            kind: kind.into(),
            data: self.data.clone(),
            sender: self.sender.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

impl Notice {
    /// `None` is a notice of a later version: a hint, so nothing is lost by skipping it.
    pub(super) fn from_wire(wire: schema::Notice) -> Result<Option<Self>, BodyError> {
        Ok(match wire.kind {
            None => None,
            Some(Kind::Missed(_)) => Some(Self::Missed),
            Some(Kind::Join(news)) => Some(Self::Join(JoinNews {
                chat: ChatId::new(&news.chat)?,
                user: UserId::new(&news.user)?,
                state: JoinState::from_wire(news.state()),
            })),
            Some(Kind::Own(changed)) => Some(Self::Own(changed.revision)),
            Some(Kind::Keys(news)) => Some(Self::Keys(KeysNews::from_wire(&news)?)),
            Some(Kind::Receipts(moved)) => Some(Self::Receipts(ChatId::new(&moved.chat)?)),
            Some(Kind::ScheduleFailed(rejected)) => {
                Some(Self::ScheduleFailed(Rejected::from_wire(rejected)?))
            }
            Some(Kind::Presence(presence)) => Some(Self::Presence(Presence::from_wire(presence)?)),
            Some(Kind::RoomCount(count)) => Some(Self::RoomCount(RoomCount::from_wire(&count)?)),
            Some(Kind::Cursor(moved)) => Some(Self::Cursor(CursorMoved {
                chat: ChatId::new(&moved.chat)?,
                user: UserId::new(&moved.user)?,
                delivered: moved.delivered,
                read: moved.read,
            })),
        })
    }

    pub(super) fn to_wire(&self) -> schema::Notice {
        let kind = match self {
            Self::Missed => Kind::Missed(schema::Unit {}),
            Self::Join(news) => Kind::Join(schema::JoinNews {
                chat: news.chat.to_string(),
                user: news.user.to_string(),
                state: JoinState::to_wire(news.state),
            }),
            Self::Own(revision) => Kind::Own(schema::OwnChanged { revision: *revision }),
            Self::Keys(news) => Kind::Keys(news.to_wire()),
            Self::Receipts(chat) => {
                Kind::Receipts(schema::ReceiptsMoved { chat: chat.to_string() })
            }
            Self::ScheduleFailed(rejected) => Kind::ScheduleFailed(rejected.to_wire()),
            Self::Presence(presence) => Kind::Presence(presence.to_wire()),
            Self::RoomCount(count) => Kind::RoomCount(count.to_wire()),
            Self::Cursor(moved) => Kind::Cursor(schema::CursorMoved {
                chat: moved.chat.to_string(),
                user: moved.user.to_string(),
                delivered: moved.delivered,
                read: moved.read,
            }),
        };
        schema::Notice { kind: Some(kind) }
    }
}
