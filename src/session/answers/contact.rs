//! Answers what a user sets of others. Must never tell it what another has set of it.

use packetboat_proto::id::UserId;
use packetboat_proto::packet::{ContactAnswer, ContactOperation};

use super::own::revision;
use crate::store::act::Act;
use crate::store::{Store, StoreError};

/// The answer to a user.
pub(super) async fn find(
    store: &impl Store,
    user: UserId,
    operation: ContactOperation,
) -> Result<ContactAnswer, StoreError> {
    Ok(match operation {
        ContactOperation::Set(set) => {
            ContactAnswer::Set(revision(store.act(user, Act::SetContact(set)).await?))
        }
        ContactOperation::Block(block) => {
            ContactAnswer::Block(revision(store.act(user, Act::SetBlock(block)).await?))
        }
    })
}
