//! Whom a user knows, and whom it wants to hear nothing of (SPEC.md section 5.12). Must never hold
//! what others say of themselves.

use crate::id::UserId;
use crate::limits::CONTACT_NAME_BYTES_MAX;
use crate::schema;
use crate::schema::{request, response};

use super::body::{BodyError, short};

/// How two users stand to each other, seen by one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContactState {
    /// They are no contacts.
    #[default]
    None,
    /// The user has asked the other one to be a contact.
    Asked,
    /// The other one has asked the user.
    Asks,
    /// They are contacts.
    Contact,
}

/// What a user knows of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The other one.
    pub user: UserId,
    /// How they stand to each other.
    pub state: ContactState,
    /// What the user calls the other one, at most 128 bytes; empty: nothing.
    pub name: String,
}

/// A change of what a user knows of another. What is `None` stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetContact {
    /// The other one.
    pub user: UserId,
    /// To be a contact, which asks the other one or accepts its wish; or to be none.
    pub wanted: Option<bool>,
    /// What to call the other one, at most 128 bytes.
    pub name: Option<String>,
}

/// Whether a user wants to hear nothing of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The other one.
    pub user: UserId,
    /// It is so.
    pub blocked: bool,
}

/// What is asked about contacts and blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContactOperation {
    /// Change what the user knows of another.
    Set(SetContact),
    /// Block another user, or no more.
    Block(Block),
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactAnswer {
    /// To `Set`: the revision that the item has; 0: there is none.
    Set(u64),
    /// To `Block`, likewise.
    Block(u64),
}

impl Contact {
    /// Of whom nothing is known.
    pub const fn of(user: UserId) -> Self {
        Self { user, state: ContactState::None, name: String::new() }
    }

    /// Whether it says nothing.
    pub fn is_none(&self) -> bool {
        self.state == ContactState::None && self.name.is_empty()
    }

    pub(super) fn from_wire(wire: &schema::Contact) -> Result<Self, BodyError> {
        Ok(Self {
            user: UserId::new(&wire.user)?,
            state: match wire.state() {
                schema::ContactState::Unspecified => ContactState::None,
                schema::ContactState::Asked => ContactState::Asked,
                schema::ContactState::Asks => ContactState::Asks,
                schema::ContactState::Contact => ContactState::Contact,
            },
            name: short("name", wire.name.clone(), CONTACT_NAME_BYTES_MAX)?,
        })
    }

    pub(super) fn to_wire(&self) -> schema::Contact {
        let state = match self.state {
            ContactState::None => schema::ContactState::Unspecified,
            ContactState::Asked => schema::ContactState::Asked,
            ContactState::Asks => schema::ContactState::Asks,
            ContactState::Contact => schema::ContactState::Contact,
        };
        let (user, name) = (self.user.to_string(), self.name.clone());
        schema::Contact { user, state: state.into(), name }
    }
}

impl SetContact {
    /// A change of nothing.
    pub const fn of(user: UserId) -> Self {
        Self { user, wanted: None, name: None }
    }

    fn from_wire(wire: &schema::SetContact) -> Result<Self, BodyError> {
        let name = wire.name.clone().map(|name| short("name", name, CONTACT_NAME_BYTES_MAX));
        Ok(Self { user: UserId::new(&wire.user)?, wanted: wire.wanted, name: name.transpose()? })
    }

    fn to_wire(&self) -> schema::SetContact {
        let (wanted, name) = (self.wanted, self.name.clone());
        schema::SetContact { user: self.user.to_string(), wanted, name }
    }
}

impl Block {
    pub(super) fn from_wire(wire: &schema::Block) -> Result<Self, BodyError> {
        Ok(Self { user: UserId::new(&wire.user)?, blocked: wire.blocked })
    }

    pub(super) fn to_wire(&self) -> schema::Block {
        schema::Block { user: self.user.to_string(), blocked: self.blocked }
    }
}

impl ContactOperation {
    /// `None`: it is about something else.
    pub(super) fn from_wire(wire: &request::Operation) -> Result<Option<Self>, BodyError> {
        use request::Operation as Wire;
        Ok(Some(match wire {
            Wire::SetContact(set) => Self::Set(SetContact::from_wire(set)?),
            Wire::SetBlock(block) => Self::Block(Block::from_wire(block)?),
            _ => return Ok(None),
        }))
    }

    pub(super) fn to_wire(&self) -> request::Operation {
        use request::Operation as Wire;
        match self {
            Self::Set(set) => Wire::SetContact(set.to_wire()),
            Self::Block(block) => Wire::SetBlock(block.to_wire()),
        }
    }
}

impl ContactAnswer {
    /// `None`: it is about something else.
    pub(super) const fn from_wire(wire: &response::Result) -> Option<Self> {
        use response::Result as Wire;
        match wire {
            Wire::SetContact(set) => Some(Self::Set(set.revision)),
            Wire::SetBlock(set) => Some(Self::Block(set.revision)),
            _ => None,
        }
    }

    pub(super) const fn to_wire(self) -> response::Result {
        use response::Result as Wire;
        match self {
            Self::Set(revision) => Wire::SetContact(schema::OwnSet { revision }),
            Self::Block(revision) => Wire::SetBlock(schema::OwnSet { revision }),
        }
    }
}
