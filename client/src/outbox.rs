//! Messages without an outcome.

use bytes::Bytes;
use packetboat_proto::id::{ChatId, MessageId};

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
    /// Where its outcome goes.
    pub(crate) reply: R,
}
