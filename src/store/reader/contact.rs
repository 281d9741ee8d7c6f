//! How users stand to each other. Must never tell one what another has set of it, but through what
//! it may see.

use packetboat_proto::id::UserId;
use packetboat_proto::packet::ContactState;

use super::Reader;
use crate::store::read_error::ReadError;
use crate::store::record::own::{contact_in, is_block};
use crate::store::{Relation, StoreError, key};

impl Reader {
    /// How each of the users stands to `viewer`.
    pub(crate) fn relations(
        &self,
        viewer: &UserId,
        users: &[UserId],
    ) -> Result<Vec<Relation>, StoreError> {
        let relations = users.iter().map(|user| self.relation(user, viewer));
        Ok(relations.collect::<Result<_, ReadError>>()?)
    }

    /// How a user stands to `viewer`.
    fn relation(&self, user: &UserId, viewer: &UserId) -> Result<Relation, ReadError> {
        let contact = contact_in(self.backend.get(&key::own::contact(user, viewer))?, viewer)?;
        let blocked = self.blocks(user, viewer)?;
        Ok(Relation { contact: contact.state == ContactState::Contact, blocked })
    }

    /// Whether a user blocks another.
    pub(super) fn blocks(&self, user: &UserId, other: &UserId) -> Result<bool, ReadError> {
        Ok(is_block(self.backend.get(&key::own::block(user, other))?)?)
    }
}
