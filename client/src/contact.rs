//! Whom a user knows, and whom it wants to hear nothing of. Must never keep more than a server
//! does.

use std::collections::{HashMap, HashSet};

use packetboat_proto::id::UserId;
use packetboat_proto::limits::CONTACT_NAME_BYTES_MAX;
use packetboat_proto::packet::{
    Answer, Block, Contact, ContactAnswer, ContactOperation, Operation, SetContact,
};

use crate::client::Client;
use crate::error::RequestError;

/// Users of whom something is kept: as many as a server keeps items.
const PEOPLE_MAX: usize = 50_000;

/// Whom the user knows, and whom it has blocked, as far as its own state was read.
#[derive(Clone, Debug, Default)]
pub struct People {
    contacts: HashMap<UserId, Contact>,
    blocked: HashSet<UserId>,
}

impl People {
    /// What the user knows of others, in no order: contacts, those who ask or are asked, those who
    /// have a name.
    pub fn contacts(&self) -> impl Iterator<Item = &Contact> {
        self.contacts.values()
    }

    /// What the user knows of another.
    pub fn contact(&self, user: &UserId) -> Contact {
        self.contacts.get(user).cloned().unwrap_or_else(|| Contact::of(user.clone()))
    }

    /// Whom the user has blocked, in no order.
    pub fn blocked(&self) -> impl Iterator<Item = &UserId> {
        self.blocked.iter()
    }

    /// Whether the user has blocked another.
    pub fn blocks(&self, user: &UserId) -> bool {
        self.blocked.contains(user)
    }

    pub(crate) fn set_contact(&mut self, contact: Contact) {
        if contact.is_none() {
            self.contacts.remove(&contact.user);
        } else if self.contacts.len() < PEOPLE_MAX || self.contacts.contains_key(&contact.user) {
            self.contacts.insert(contact.user.clone(), contact);
        }
    }

    pub(crate) fn set_block(&mut self, block: Block) {
        if !block.blocked {
            self.blocked.remove(&block.user);
        } else if self.blocked.len() < PEOPLE_MAX {
            self.blocked.insert(block.user);
        }
    }
}

impl Client {
    /// Asks another user to be a contact, or accepts its wish.
    pub async fn want_contact(&self, user: &UserId) -> Result<(), RequestError> {
        self.set_contact(SetContact { wanted: Some(true), ..SetContact::of(user.clone()) }).await
    }

    /// Ends a contact, takes a wish back, or refuses one.
    pub async fn end_contact(&self, user: &UserId) -> Result<(), RequestError> {
        self.set_contact(SetContact { wanted: Some(false), ..SetContact::of(user.clone()) }).await
    }

    /// Changes what the user knows of another; a name has at most 128 bytes.
    pub async fn set_contact(&self, set: SetContact) -> Result<(), RequestError> {
        let (count, max) = (set.name.as_ref().map_or(0, String::len), CONTACT_NAME_BYTES_MAX);
        if count > max {
            return Err(RequestError::TooMany { count, max });
        }
        match self.ask(Operation::Contact(ContactOperation::Set(set))).await? {
            Answer::Contact(ContactAnswer::Set(_)) => Ok(()),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// Blocks another user, or does so no more: it cannot write to this one, add it to groups, nor
    /// see its presence.
    pub async fn block(&self, user: &UserId, blocked: bool) -> Result<(), RequestError> {
        let block = Block { user: user.clone(), blocked };
        match self.ask(Operation::Contact(ContactOperation::Block(block))).await? {
            Answer::Contact(ContactAnswer::Block(_)) => Ok(()),
            _ => Err(RequestError::Unexpected),
        }
    }
}

#[cfg(test)]
mod tests {
    use packetboat_proto::packet::{ContactState, Item};

    use super::*;
    use crate::own::OwnState;

    #[test]
    fn people_are_kept_until_nothing_is_known_of_them() {
        let bob: UserId = "bob".parse().unwrap();
        let mut own = OwnState::default();
        let of = |state, name: &str| Contact { user: bob.clone(), state, name: name.into() };
        own.set(Item::Contact(of(ContactState::Contact, "Bobby")));
        own.set(Item::Block(Block { user: bob.clone(), blocked: true }));
        assert_eq!(own.people().contact(&bob).name, "Bobby");
        assert!(own.people().blocks(&bob) && own.chats().count() == 0);
        own.set(Item::Contact(of(ContactState::None, "")));
        own.set(Item::Block(Block { user: bob.clone(), blocked: false }));
        assert_eq!(own.people().contacts().count() + own.people().blocked().count(), 0);
        assert_eq!(own.people().contact(&bob), Contact::of(bob));
    }
}
