//! Answers what is asked about a user's own state. Must never tell one user of another's.

use packetboat_proto::id::UserId;
use packetboat_proto::packet::{Own, OwnAnswer};

use crate::store::act::{Act, Acted};
use crate::store::{PageLimit, Store, StoreError};

/// The answer to a user, in a page of at most so many `bytes`.
pub(super) async fn find(
    store: &impl Store,
    user: UserId,
    own: Own,
    bytes: usize,
) -> Result<OwnAnswer, StoreError> {
    let answer = match own {
        Own::Changes { after, limit } => {
            let limit = PageLimit { items: limit as usize, bytes };
            return Ok(OwnAnswer::Changes(store.own_changes(user, after, limit).await?));
        }
        Own::SetMarks(set) => OwnAnswer::Set(revision(store.act(user, Act::SetMarks(set)).await?)),
        Own::SetDraft(draft) => {
            OwnAnswer::Set(revision(store.act(user, Act::SetDraft(draft)).await?))
        }
        Own::Hide { chat, ranges } => {
            OwnAnswer::Hide(revision(store.act(user, Act::Hide { chat, ranges }).await?))
        }
    };
    Ok(answer)
}

pub(super) fn revision(acted: Acted) -> u64 {
    match acted {
        Acted::Set(revision) => revision,
        Acted::Done | Acted::Asked(_) | Acted::Published(_) | Acted::Key(_) => 0,
    }
}
