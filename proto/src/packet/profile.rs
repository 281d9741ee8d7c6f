//! What a user says of itself, and to whom its presence is told (SPEC.md section 5.5). Must never
//! take a visibility that it does not know for one that shows more.

use crate::limits::STATUS_BYTES_MAX;
use crate::schema;

use super::body::{BodyError, short};

/// Who is told of a user's presence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Visibility {
    /// Whoever asks.
    #[default]
    Everyone,
    /// The user's contacts.
    Contacts,
    /// Nobody but the user itself.
    Nobody,
}

/// What a user says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// In its words, at most 256 bytes; empty: nothing.
    pub status: String,
    /// Who is told; `None`: what this version does not know, and a server refuses.
    pub visible_to: Option<Visibility>,
}

impl Profile {
    pub(super) fn from_wire(wire: schema::SetProfile) -> Result<Self, BodyError> {
        let visible_to = match wire.visible_to() {
            schema::Visibility::Unspecified => None,
            schema::Visibility::Everyone => Some(Visibility::Everyone),
            schema::Visibility::Contacts => Some(Visibility::Contacts),
            schema::Visibility::Nobody => Some(Visibility::Nobody),
        };
        Ok(Self { status: short("status", wire.status, STATUS_BYTES_MAX)?, visible_to })
    }

    pub(super) fn to_wire(&self) -> schema::SetProfile {
        let visible_to = match self.visible_to {
            None => schema::Visibility::Unspecified,
            Some(Visibility::Everyone) => schema::Visibility::Everyone,
            Some(Visibility::Contacts) => schema::Visibility::Contacts,
            Some(Visibility::Nobody) => schema::Visibility::Nobody,
        };
        schema::SetProfile { status: self.status.clone(), visible_to: visible_to.into() }
    }
}
