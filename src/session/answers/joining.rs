//! Answers what is asked about coming into a group. Must never answer without the store's check of
//! the user's rights.

use packetboat_proto::id::UserId;
use packetboat_proto::packet::{Joined, Joining};

use crate::store::act::{Act, Acted};
use crate::store::{Store, StoreError};

/// The answer to a user.
pub(super) async fn find(
    store: &impl Store,
    user: UserId,
    joining: Joining,
) -> Result<Joined, StoreError> {
    Ok(match joining {
        Joining::Card { chat, proof } => Joined::Card(store.card(user, chat, proof).await?),
        Joining::Invite { chat, invitation } => {
            store.act(user, Act::Invite { chat, invitation }).await?;
            Joined::Invite
        }
        Joining::Uninvite { chat, id } => {
            store.act(user, Act::Uninvite { chat, id }).await?;
            Joined::Uninvite
        }
        Joining::Invites { chat } => Joined::Invites(store.invitations(user, chat).await?),
        Joining::Ask { chat, proof } => {
            match store.act(user, Act::AskToJoin { chat, proof }).await? {
                Acted::Asked(state) => Joined::Ask(Some(state)),
                _ => Joined::Ask(None),
            }
        }
        Joining::Requests { chat, after, limit } => {
            let page = store.join_requests(user, chat, after, limit as usize).await?;
            Joined::Requests { requests: page.items, more: page.more }
        }
        Joining::Refuse { chat, users } => {
            store.act(user, Act::RefuseJoin { chat, users }).await?;
            Joined::Refuse
        }
    })
}
