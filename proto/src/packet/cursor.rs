//! Cumulative acknowledgements (SPEC.md section 5.3). Must never unfold more of them than one
//! packet may hold.

use bytes::Bytes;
use prost::Message;

use crate::id::ChatId;
use crate::limits::ACK_CURSORS_MAX;
use crate::schema;
use crate::unfold::check_count;

use super::body::BodyError;

/// How far a device and its user are in a chat. Zero: no change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The chat.
    pub chat: ChatId,
    /// The device has every entry up to this seq.
    pub delivered: u64,
    /// The user has read up to this seq.
    pub read: u64,
}

pub(super) fn decode(body: Bytes) -> Result<Vec<Cursor>, BodyError> {
    check_count(&body, &[1], ACK_CURSORS_MAX)?;
    let wire = schema::Ack::decode(body)?;
    wire.cursors.into_iter().map(from_wire).collect()
}

fn from_wire(wire: schema::Cursor) -> Result<Cursor, BodyError> {
    Ok(Cursor { chat: ChatId::new(&wire.chat)?, delivered: wire.delivered, read: wire.read })
}

pub(super) fn to_wire(cursors: &[Cursor]) -> schema::Ack {
    let cursors = cursors.iter().map(|cursor| schema::Cursor {
        chat: cursor.chat.to_string(),
        delivered: cursor.delivered,
        read: cursor.read,
    });
    schema::Ack { cursors: cursors.collect() }
}
