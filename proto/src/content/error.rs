//! Why bytes are no content that the server takes (SPEC.md section 6). Must never be without the
//! code that answers the send.

use thiserror::Error;

use crate::code::RejectCode;
use crate::id::{IdError, UserId};
use crate::limits::{EXPIRES_MS_HIGHEST, EXPIRES_MS_LOWEST};
use crate::unfold::UnfoldError;

/// Why bytes are no content that the server takes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ContentError {
    /// It has more bytes than are allowed.
    #[error("the content has {bytes} bytes, at most {max} are allowed")]
    TooLarge {
        /// The bytes that it has.
        bytes: usize,
        /// The bytes that it may have.
        max: usize,
    },
    /// There is nothing in it.
    #[error("the content is empty")]
    Empty,
    /// It is no `Content` message.
    #[error("the content is not a Content message: {detail}")]
    Malformed {
        /// What the decoder said.
        detail: String,
    },
    /// It is of a kind that this version does not know.
    #[error("the content is of a kind that this version does not know")]
    Unsupported,
    /// A list has too many elements.
    #[error("more than {max} users in one content")]
    TooMany {
        /// The users that it may name.
        max: usize,
    },
    /// A user id is none.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A user is named twice.
    #[error("{user} is named twice")]
    Twice {
        /// The user.
        user: UserId,
    },
    /// A role is given that cannot be.
    #[error("a role that is given is that of a member or an admin")]
    Role,
    /// A rule for coming in is none that this version knows.
    #[error("who comes in is invited, asks, or is anyone")]
    JoinRule,
    /// An entry is named by no seq.
    #[error("an entry is named by its seq, which is 1 at least")]
    Seq,
    /// It belongs to something, and is neither text nor data.
    #[error("only a text or data has a context")]
    Context,
    /// An origin is told in part.
    #[error("an origin has a chat, a seq and a sender, or none of them")]
    Origin,
    /// The time after which it expires is out of its bounds.
    #[error("a message expires after {EXPIRES_MS_LOWEST} to {EXPIRES_MS_HIGHEST} ms, or never")]
    Expiry,
    /// Only the server says that something is erased.
    #[error("only the server says that something is erased")]
    Erased,
    /// A number is out of its bounds.
    #[error("{what} is at most {max}; a room keeps one entry at least")]
    Number {
        /// Which number.
        what: &'static str,
        /// The highest that it may be.
        max: u32,
    },
    /// A hash is none.
    #[error("a hash has 32 bytes")]
    Hash,
    /// A text is out of its bounds.
    #[error("{what} has no control characters, and at most {max} bytes; a name has one at least")]
    Text {
        /// Which text.
        what: &'static str,
        /// The bytes that it may have.
        max: usize,
    },
}

impl ContentError {
    /// The code that answers a send of such a content.
    pub const fn code(&self) -> RejectCode {
        match self {
            Self::TooLarge { .. } => RejectCode::TooLarge,
            Self::Empty => RejectCode::Empty,
            Self::Unsupported => RejectCode::Unsupported,
            Self::Malformed { .. }
            | Self::TooMany { .. }
            | Self::Id(_)
            | Self::Twice { .. }
            | Self::Role
            | Self::JoinRule
            | Self::Seq
            | Self::Context
            | Self::Origin
            | Self::Expiry
            | Self::Erased
            | Self::Number { .. }
            | Self::Hash
            | Self::Text { .. } => RejectCode::Invalid,
        }
    }
}

impl From<UnfoldError> for ContentError {
    fn from(error: UnfoldError) -> Self {
        match error {
            UnfoldError::TooMany { max } => Self::TooMany { max },
            UnfoldError::Malformed { .. } => Self::Malformed { detail: error.to_string() },
        }
    }
}
