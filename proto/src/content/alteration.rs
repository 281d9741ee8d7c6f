//! What an entry says about an earlier one (SPEC.md section 6.1). Must never let one through that
//! names no entry.

use bytes::Bytes;

use crate::limits::{MEDIA_TYPE_BYTES_MAX, REACTION_BYTES_MAX};
use crate::schema;
use crate::schema::content::Kind;
use crate::schema::edited::New;

use super::error::ContentError;
use super::text::checked;

/// A text or data: what may be edited, recalled, reacted to, pinned and forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Words.
    Text(String),
    /// Bytes of a media type.
    Data {
        /// The media type, 1 to 128 bytes of printable ASCII.
        media_type: String,
        /// The bytes, at least one.
        body: Bytes,
    },
}

/// A change to an earlier entry of the same chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alteration {
    /// Its sender says it differently.
    Edited {
        /// The entry.
        seq: u64,
        /// What counts from now on.
        new: Body,
    },
    /// What it said is erased.
    Recalled {
        /// The entry.
        seq: u64,
    },
    /// Somebody reacts to it.
    Reacted {
        /// The entry.
        seq: u64,
        /// How, 1 to 64 bytes without control characters.
        reaction: String,
        /// Not any more.
        taken_back: bool,
    },
    /// It is to be found easily.
    Pinned {
        /// The entry.
        seq: u64,
        /// Not any more.
        unpinned: bool,
    },
}

impl Body {
    pub(super) fn from_text(text: schema::Text) -> Result<Self, ContentError> {
        if text.body.is_empty() { Err(ContentError::Empty) } else { Ok(Self::Text(text.body)) }
    }

    pub(super) fn from_data(data: schema::Data) -> Result<Self, ContentError> {
        if data.body.is_empty() {
            return Err(ContentError::Empty);
        }
        let fits = (1..=MEDIA_TYPE_BYTES_MAX).contains(&data.media_type.len());
        if fits && data.media_type.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Ok(Self::Data { media_type: data.media_type, body: data.body });
        }
        Err(ContentError::Text { what: "a media type", max: MEDIA_TYPE_BYTES_MAX })
    }

    fn into_new(self) -> New {
        match self {
            Self::Text(body) => New::Text(schema::Text { body }),
            Self::Data { media_type, body } => New::Data(schema::Data { media_type, body }),
        }
    }
}

impl Alteration {
    pub(super) fn from_edited(edited: schema::Edited) -> Result<Self, ContentError> {
        let seq = named(edited.seq)?;
        let new = match edited.new.ok_or(ContentError::Unsupported)? {
            New::Text(text) => Body::from_text(text)?,
            New::Data(data) => Body::from_data(data)?,
        };
        Ok(Self::Edited { seq, new })
    }

    pub(super) fn from_recalled(recalled: schema::Recalled) -> Result<Self, ContentError> {
        Ok(Self::Recalled { seq: named(recalled.seq)? })
    }

    pub(super) fn from_reacted(reacted: schema::Reacted) -> Result<Self, ContentError> {
        let seq = named(reacted.seq)?;
        let what = "a reaction";
        if reacted.reaction.is_empty() {
            return Err(ContentError::Text { what, max: REACTION_BYTES_MAX });
        }
        let reaction = checked(what, reacted.reaction, REACTION_BYTES_MAX)?;
        Ok(Self::Reacted { seq, reaction, taken_back: reacted.taken_back })
    }

    pub(super) fn from_pinned(pinned: schema::Pinned) -> Result<Self, ContentError> {
        Ok(Self::Pinned { seq: named(pinned.seq)?, unpinned: pinned.unpinned })
    }

    pub(super) fn into_kind(self) -> Kind {
        match self {
            Self::Edited { seq, new } => {
                Kind::Edited(schema::Edited { seq, new: Some(new.into_new()) })
            }
            Self::Recalled { seq } => Kind::Recalled(schema::Recalled { seq }),
            Self::Reacted { seq, reaction, taken_back } => {
                Kind::Reacted(schema::Reacted { seq, reaction, taken_back })
            }
            Self::Pinned { seq, unpinned } => Kind::Pinned(schema::Pinned { seq, unpinned }),
        }
    }

    /// What the entry says from now on, if it is an edit.
    pub fn into_new(self) -> Option<Body> {
        match self {
            Self::Edited { new, .. } => Some(new),
            Self::Recalled { .. } | Self::Reacted { .. } | Self::Pinned { .. } => None,
        }
    }

    /// The entry that it changes.
    pub fn seq(&self) -> u64 {
        match self {
            Self::Edited { seq, .. }
            | Self::Recalled { seq }
            | Self::Reacted { seq, .. }
            | Self::Pinned { seq, .. } => *seq,
        }
    }
}

fn named(seq: u64) -> Result<u64, ContentError> {
    if seq == 0 { Err(ContentError::Seq) } else { Ok(seq) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::RejectCode;

    #[test]
    fn a_change_names_an_entry() {
        assert_eq!(Alteration::from_recalled(schema::Recalled { seq: 0 }), Err(ContentError::Seq));
        let pinned = schema::Pinned { seq: 0, unpinned: true };
        assert_eq!(Alteration::from_pinned(pinned), Err(ContentError::Seq));
    }

    #[test]
    fn an_edit_says_something_that_is_known() {
        let edited = |new| Alteration::from_edited(schema::Edited { seq: 1, new });
        assert_eq!(edited(None), Err(ContentError::Unsupported));
        assert_eq!(edited(Some(New::Text(schema::Text::default()))), Err(ContentError::Empty));
        assert_eq!(edited(Some(New::Data(schema::Data::default()))), Err(ContentError::Empty));
    }

    #[test]
    fn a_reaction_has_its_bounds() {
        let reacted = |reaction: &str| {
            let reaction = reaction.to_owned();
            Alteration::from_reacted(schema::Reacted { seq: 1, reaction, taken_back: false })
        };
        assert!(reacted(&"r".repeat(64)).is_ok());
        for bad in [String::new(), "r".repeat(65), "a\nb".into()] {
            assert_eq!(reacted(&bad).unwrap_err().code(), RejectCode::Invalid);
        }
    }
}
