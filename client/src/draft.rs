//! A message before it has a seq. Must never change once it is made: its id names its bytes.

use bytes::Bytes;
use packetboat_proto::id::{ChatId, MessageId};
use packetboat_proto::packet::Send;

use crate::sending::SendReply;

/// A message for the outbox.
#[derive(Debug)]
pub(crate) struct Draft<R = SendReply> {
    pub(crate) chat: ChatId,
    pub(crate) id: MessageId,
    /// An encoded `Content`.
    pub(crate) content: Bytes,
    /// It ends when the server cannot store it for now.
    pub(crate) once: bool,
    /// How far its chat was when it was given: it is stored after that.
    pub(crate) known: u64,
    /// Where its outcome goes.
    pub(crate) reply: R,
}

impl<R> Draft<R> {
    pub(crate) fn to_send(&self) -> Send {
        Send { chat: self.chat.clone(), id: self.id, content: self.content.clone() }
    }
}
