//! What is to be stored, by whom, and what became of it. Must never hold a sender that was read
//! from the wire.

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Alteration, Content, Context, GroupChange};
use packetboat_proto::id::{ChatId, MessageId, SessionId, UserId};
use thiserror::Error;

/// A message before it has a seq. Its content has been checked by `Content::decode_sent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Where it is to go.
    pub chat: ChatId,
    /// How its sender names it.
    pub id: MessageId,
    /// The encoded content, stored as it is.
    pub content: Bytes,
    /// The change to a group that the content says, if it says one.
    pub change: Option<GroupChange>,
    /// How the content refers to other entries, if it does.
    pub refers: Option<Reference>,
}

/// How a content refers to other entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A text or data belongs to them.
    Context(Box<Context>),
    /// It changes one.
    Alteration(Alteration),
}

impl Draft {
    /// A message with what its content says.
    pub fn new(
        chat: ChatId,
        id: MessageId,
        bytes: Bytes,
        (content, context): (Content, Context),
    ) -> Self {
        let (change, refers) = match content {
            Content::Group(change) => (Some(change), None),
            Content::Entry(alteration) => (None, Some(Reference::Alteration(alteration))),
            _ if context == Context::default() => (None, None),
            _ => (None, Some(Reference::Context(Box::new(context)))),
        };
        Self { chat, id, content: bytes, change, refers }
    }

    /// The change to an earlier entry that the content says, if it says one.
    pub(super) fn alteration(&self) -> Option<&Alteration> {
        match &self.refers {
            Some(Reference::Alteration(alteration)) => Some(alteration),
            Some(Reference::Context(_)) | None => None,
        }
    }
}

/// Who appends: stamped from the session, never read from the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The user.
    pub user: UserId,
    /// The session, which is not pushed its own entries.
    pub session: SessionId,
}

/// What became of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable.
    Stored {
        /// Its place in the chat's log.
        seq: u64,
        /// When it was taken, in milliseconds of Unix time.
        at_ms: u64,
    },
    /// It was durable already.
    Duplicate {
        /// The place that it has.
        seq: u64,
        /// When it was taken, in milliseconds of Unix time.
        at_ms: u64,
    },
    /// It is not stored, and will not be.
    Refused(Refusal),
}

/// Why something is refused; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Refusal {
    /// The code for the wire.
    pub code: RejectCode,
    /// A sentence for a person.
    pub reason: String,
}
