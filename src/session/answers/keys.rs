//! What is asked of the directory of keys. Must never read whose keys are which before the session
//! is told of changes: what changes in between would not be told.

use packetboat_proto::id::{DeviceId, SessionId, UserId};
use packetboat_proto::packet::{AskKeys, Keys};

use crate::session::house::House;
use crate::store::{Store, StoreError};

/// The answer to a user on a device.
pub(super) async fn find<S: Store>(
    house: &House<S>,
    (user, device): (UserId, DeviceId),
    session: SessionId,
    asked: AskKeys,
) -> Result<Keys, StoreError> {
    let store = &house.store;
    Ok(match asked {
        AskKeys::Publish(keys) => Keys::Published(store.publish_keys((user, device), keys).await?),
        AskKeys::Claim { claim, user: of, device } => {
            Keys::Claimed(store.claim_key(user, claim, (of, device)).await?)
        }
        AskKeys::Devices { user: of, after, limit } => {
            house.hub.watch_keys(&user, session, &of);
            let page = store.keys(user, of, after, limit as usize).await?;
            Keys::Devices { devices: page.items, more: page.more }
        }
    })
}
