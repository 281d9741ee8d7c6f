//! What is to be stored, by whom, and what became of it. Must never hold a sender that was read
//! from the wire.

use bytes::Bytes;
use packetboat_proto::content::{Alteration, Change, Content, Context, FileSent};
use packetboat_proto::id::{ChatId, MessageId, SessionId, UserId};

use super::error::Refusal;

/// A message before it has a seq. Its content has been checked by `Content::decode_sent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Where it is to go.
    pub chat: ChatId,
    /// How its sender names it.
    pub id: MessageId,
    /// The encoded content, stored as it is.
    pub content: Bytes,
    /// The change to a group or a room that the content says, if it says one.
    pub change: Option<Change>,
    /// The file that the content has, if it has one.
    pub file: Option<FileSent>,
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
        let mut draft = Self { chat, id, content: bytes, change: None, file: None, refers: None };
        match content {
            Content::Group(change) => draft.change = Some(Change::Group(change)),
            Content::Room(change) => draft.change = Some(Change::Room(change)),
            Content::Entry(alteration) => draft.refers = Some(Reference::Alteration(alteration)),
            Content::File(sent) => draft.file = Some(sent),
            Content::Text(_) | Content::Data { .. } | Content::Erased(_) => {}
        }
        // Only a text, data or file has one.
        if context != Context::default() {
            draft.refers = Some(Reference::Context(Box::new(context)));
        }
        draft
    }

    /// When its time is over, if it ever is and it is taken at `at_ms`.
    pub(super) fn expires_ms(&self, at_ms: u64) -> Option<u64> {
        match &self.refers {
            Some(Reference::Context(context)) => context.expires_ms(at_ms),
            Some(Reference::Alteration(_)) | None => None,
        }
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
