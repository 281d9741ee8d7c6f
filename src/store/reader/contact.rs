//! How users stand to each other. Must never tell one what another has set of it, but through what
//! it may see.

use packetboat_proto::id::UserId;
use packetboat_proto::packet::{Block, Contact, ContactState, Item};

use super::Reader;
use crate::store::read_error::ReadError;
use crate::store::record::own::decode_item;
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
    pub(super) fn relation(&self, user: &UserId, viewer: &UserId) -> Result<Relation, ReadError> {
        let state = match self.own_item(&key::own::contact(user, viewer))? {
            Some(Item::Contact(Contact { state, .. })) => state,
            _ => ContactState::None,
        };
        let block = self.own_item(&key::own::block(user, viewer))?;
        Ok(Relation {
            contact: state == ContactState::Contact,
            blocked: matches!(block, Some(Item::Block(Block { blocked: true, .. }))),
        })
    }

    fn own_item(&self, row: &[u8]) -> Result<Option<Item>, ReadError> {
        let value = self.backend.get(row)?;
        Ok(value.map(decode_item).transpose()?.and_then(|item| item.item))
    }
}
