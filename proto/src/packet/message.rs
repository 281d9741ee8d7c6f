//! A message on its way to the log, and what became of it (SPEC.md section 5.2). Must never look
//! into a content: its sender is told what is wrong with it by a `Rejected`, not by a close.

use bytes::{BufMut, Bytes};

use crate::field::Field;
use crate::id::{ChatId, MessageId};
use crate::schema;

use super::body::BodyError;
use super::verdict::Verdict;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Send {
    /// Where it is to go.
    pub chat: ChatId,
    /// How its sender names it.
    pub id: MessageId,
    /// An encoded `Content`.
    pub content: Bytes,
}

/// It is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Where.
    pub chat: ChatId,
    /// Which message.
    pub id: MessageId,
    /// Its place in the chat's log.
    pub seq: u64,
    /// When it was taken, in milliseconds of Unix time.
    pub at_ms: u64,
    /// It had been accepted before.
    pub duplicate: bool,
}

/// It is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Where it was to go.
    pub chat: ChatId,
    /// Which message.
    pub id: MessageId,
    /// Why, and whether to send it again.
    pub verdict: Verdict,
}

fn id_bytes(id: &MessageId) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

impl Send {
    pub(super) fn from_wire(wire: schema::Send) -> Result<Self, BodyError> {
        Ok(Self {
            chat: ChatId::new(&wire.chat)?,
            id: MessageId::new(&wire.message_id)?,
            content: wire.content,
        })
    }

    pub(super) fn to_wire(&self) -> schema::Send {
        schema::Send {
            chat: self.chat.to_string(),
            message_id: id_bytes(&self.id),
            content: self.content.clone(),
        }
    }
}

impl Accepted {
    pub(super) fn from_wire(wire: schema::Accepted) -> Result<Self, BodyError> {
        if wire.seq == 0 {
            return Err(BodyError::OutOfBounds { field: "seq", value: 0 });
        }
        Ok(Self {
            chat: ChatId::new(&wire.chat)?,
            id: MessageId::new(&wire.message_id)?,
            seq: wire.seq,
            at_ms: wire.at_ms,
            duplicate: wire.duplicate,
        })
    }

    /// Appends the encoded message to `out`.
    pub(super) fn put(&self, out: &mut impl BufMut) {
        let fields = [
            Field::Bytes(1, self.chat.as_str().as_bytes()),
            Field::Bytes(2, self.id.as_bytes()),
            Field::Number(3, self.seq),
            Field::Number(4, self.at_ms),
            Field::Number(5, self.duplicate.into()),
        ];
        for field in fields {
            field.put(out);
        }
    }
}

impl Rejected {
    pub(super) fn from_wire(wire: schema::Rejected) -> Result<Self, BodyError> {
        let verdict = wire.verdict.ok_or(BodyError::Missing { field: "verdict" })?;
        Ok(Self {
            chat: ChatId::new(&wire.chat)?,
            id: MessageId::new(&wire.message_id)?,
            verdict: Verdict::from_wire(verdict)?,
        })
    }

    pub(super) fn to_wire(&self) -> schema::Rejected {
        schema::Rejected {
            chat: self.chat.to_string(),
            message_id: id_bytes(&self.id),
            verdict: Some(self.verdict.to_wire()),
        }
    }
}
