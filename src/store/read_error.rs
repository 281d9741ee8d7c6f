//! Why something that is stored could not be read. Must never stand for something that is not
//! there, which is an answer and no error.

use packetboat_proto::entry::EntryError;
use packetboat_proto::id::ChatId;
use thiserror::Error;

use super::StoreError;
use super::backend::BackendError;
use super::key::KeyError;
use super::parts::PartError;
use super::record::RecordError;

/// The backend failed, or a row is not what the layout says.
#[derive(Debug, Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Backend(#[from] BackendError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Parts(#[from] PartError),
    #[error("an entry in a log is malformed: {0}")]
    Entry(#[from] EntryError),
    #[error("{what} of {of} is missing")]
    Missing { what: &'static str, of: String },
    #[error("the log of {chat} has no entry {seq}")]
    Hole { chat: ChatId, seq: u64 },
}

impl From<ReadError> for StoreError {
    fn from(error: ReadError) -> Self {
        // Told here, for the operator: what a peer is told has no such detail.
        tracing::error!(%error, "something in the store could not be read");
        Self::Unreadable { detail: error.to_string() }
    }
}
