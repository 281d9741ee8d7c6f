//! What can be wrong with a body, and the checks that the kinds share. Must never know a kind.

use thiserror::Error;

use crate::entry::EntryError;
use crate::id::IdError;
use crate::unfold::UnfoldError;

/// What is wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BodyError {
    /// It is not the protobuf message of its kind.
    #[error("no such message: {detail}")]
    Malformed {
        /// What the decoder said.
        detail: String,
    },
    /// It would unfold into more than is allowed.
    #[error(transparent)]
    Unfold(#[from] UnfoldError),
    /// An id is none.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The entry is none.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// A field that is needed is not there.
    #[error("{field} is missing")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A text or bytes are longer than allowed.
    #[error("{field} has {bytes} bytes, at most {max} are allowed")]
    TooLong {
        /// The field.
        field: &'static str,
        /// Its bytes.
        bytes: usize,
        /// The bytes that it may have.
        max: usize,
    },
    /// A chat is named where a room is needed.
    #[error("the chat is no room")]
    NoRoom,
    /// A number is out of its bounds.
    #[error("{field} is {value}, which is out of its bounds")]
    OutOfBounds {
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
    },
}

impl From<prost::DecodeError> for BodyError {
    fn from(error: prost::DecodeError) -> Self {
        Self::Malformed { detail: error.to_string() }
    }
}

/// The text, if it is no longer than `max` bytes.
pub(super) fn short(field: &'static str, text: String, max: usize) -> Result<String, BodyError> {
    check_length(field, text.len(), max)?;
    Ok(text)
}

pub(super) fn check_length(field: &'static str, bytes: usize, max: usize) -> Result<(), BodyError> {
    if bytes > max { Err(BodyError::TooLong { field, bytes, max }) } else { Ok(()) }
}

/// The id, or `None` for an empty one.
pub(super) fn optional<T, E>(
    id: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, E> {
    if id.is_empty() { Ok(None) } else { parse(id).map(Some) }
}

/// The id's text, or an empty one.
pub(super) fn text<T: ToString>(id: Option<&T>) -> String {
    id.map(ToString::to_string).unwrap_or_default()
}
