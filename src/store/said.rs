//! What a search goes by: what a user may see of its chats, and what entries say now. Must never
//! hold what an entry said before.

use bytes::Bytes;
use packetboat_proto::id::ChatId;

/// A chat, and the first and the last seq of each stretch of it that a user may see.
pub(crate) type Seen = (ChatId, Vec<(u64, u64)>);

/// An entry, and what stands for it: itself, or its newest edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) entry: Bytes,
    pub(crate) newest: Bytes,
}
