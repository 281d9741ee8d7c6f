//! What is asked and answered about messages that the server is to send later (SPEC.md section
//! 5.15). Must never read a content: what may be scheduled is for the server to say.

use bytes::Bytes;

use crate::id::{ChatId, MessageId};
use crate::limits::PAGE_ITEMS_MAX;
use crate::schema;
use crate::schema::{request, response};

use super::body::BodyError;
use super::verdict::Verdict;

/// How a message is named that is to be sent later.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScheduledName {
    /// Where it is to go.
    pub chat: ChatId,
    /// The id that it will have.
    pub id: MessageId,
}

/// A message that is to be sent later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledMessage {
    /// Its name.
    pub name: ScheduledName,
    /// An encoded `Content`.
    pub content: Bytes,
    /// When, in milliseconds of Unix time.
    pub at_ms: u64,
    /// Why it could not be sent then; `None`: it waits.
    pub failed: Option<Verdict>,
}

/// What is asked about messages that are to be sent later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheduling {
    /// To send one then, instead of what was scheduled by that name before.
    Schedule {
        /// Its name.
        name: ScheduledName,
        /// An encoded `Content`.
        content: Bytes,
        /// When, in milliseconds of Unix time.
        at_ms: u64,
    },
    /// Not to send one, or to forget one that could not be sent.
    Unschedule(ScheduledName),
    /// The user's, in order of name.
    List {
        /// After this one.
        after: Option<ScheduledName>,
        /// Messages at most; 0 leaves it to the server.
        limit: u32,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheduled {
    /// To `Schedule`: it will be sent, or was already.
    Schedule,
    /// To `Unschedule`: it will not be sent, unless it was already.
    Unschedule,
    /// To `List`.
    List {
        /// In order of name.
        messages: Vec<ScheduledMessage>,
        /// There are more.
        more: bool,
    },
}

/// The field numbers of the lists in a `Response`, each with the most that it may hold.
pub(super) const RESPONSE_LISTS: [([u32; 2], usize); 1] = [([91, 1], PAGE_ITEMS_MAX as usize)];

impl ScheduledName {
    fn from_wire(wire: &schema::ScheduledName) -> Result<Self, BodyError> {
        Ok(Self { chat: ChatId::new(&wire.chat)?, id: MessageId::new(&wire.message_id)? })
    }

    fn needed(wire: Option<&schema::ScheduledName>) -> Result<Self, BodyError> {
        Self::from_wire(wire.ok_or(BodyError::Missing { field: "name" })?)
    }

    fn to_wire(&self) -> schema::ScheduledName {
        schema::ScheduledName {
            chat: self.chat.to_string(),
            message_id: Bytes::copy_from_slice(self.id.as_bytes()),
        }
    }
}

impl ScheduledMessage {
    fn from_wire(wire: &schema::ScheduledMessage) -> Result<Self, BodyError> {
        Ok(Self {
            name: ScheduledName::needed(wire.name.as_ref())?,
            content: wire.content.clone(),
            at_ms: wire.at_ms,
            failed: wire.failed.clone().map(Verdict::from_wire).transpose()?,
        })
    }

    fn to_wire(&self) -> schema::ScheduledMessage {
        schema::ScheduledMessage {
            name: Some(self.name.to_wire()),
            content: self.content.clone(),
            at_ms: self.at_ms,
            failed: self.failed.as_ref().map(Verdict::to_wire),
        }
    }
}

impl Scheduling {
    /// `None`: it is about something else.
    pub(super) fn from_wire(wire: &request::Operation) -> Result<Option<Self>, BodyError> {
        use request::Operation as Wire;
        Ok(Some(match wire {
            Wire::Schedule(asked) => Self::Schedule {
                name: ScheduledName::needed(asked.name.as_ref())?,
                content: asked.content.clone(),
                at_ms: asked.at_ms,
            },
            Wire::Unschedule(name) => Self::Unschedule(ScheduledName::from_wire(name)?),
            Wire::Scheduled(asked) => Self::List {
                after: asked.after.as_ref().map(ScheduledName::from_wire).transpose()?,
                limit: asked.limit,
            },
            _ => return Ok(None),
        }))
    }

    pub(super) fn to_wire(&self) -> request::Operation {
        use request::Operation as Wire;
        match self {
            Self::Schedule { name, content, at_ms } => Wire::Schedule(schema::Schedule {
                name: Some(name.to_wire()),
                content: content.clone(),
                at_ms: *at_ms,
            }),
            Self::Unschedule(name) => Wire::Unschedule(name.to_wire()),
            Self::List { after, limit } => Wire::Scheduled(schema::ScheduledRequest {
                after: after.as_ref().map(ScheduledName::to_wire),
                limit: *limit,
            }),
        }
    }
}

impl Scheduled {
    /// `None`: it is about something else.
    pub(super) fn from_wire(wire: &response::Result) -> Result<Option<Self>, BodyError> {
        use response::Result as Wire;
        Ok(Some(match wire {
            Wire::Schedule(_) => Self::Schedule,
            Wire::Unschedule(_) => Self::Unschedule,
            Wire::Scheduled(page) => {
                let messages = page.messages.iter().map(ScheduledMessage::from_wire);
                Self::List { messages: messages.collect::<Result<_, _>>()?, more: page.more }
            }
            _ => return Ok(None),
        }))
    }

    pub(super) fn to_wire(&self) -> response::Result {
        use response::Result as Wire;
        match self {
            Self::Schedule => Wire::Schedule(schema::Unit {}),
            Self::Unschedule => Wire::Unschedule(schema::Unit {}),
            Self::List { messages, more } => Wire::Scheduled(schema::ScheduledPage {
                messages: messages.iter().map(ScheduledMessage::to_wire).collect(),
                more: *more,
            }),
        }
    }
}
