//! The directory of keys of the embedded store. Must never hold a rule: the ledger and the reader
//! do.

use packetboat_proto::id::{ClaimId, DeviceId, UserId};
use packetboat_proto::packet::{DeviceKeys, KeyBundle, KeysState, PublishKeys};

use super::EmbeddedStore;
use crate::store::act::{Act, Acted};
use crate::store::keys::{KeyBook, Owned};
use crate::store::{Page, Store, StoreError};

impl KeyBook for EmbeddedStore {
    async fn publish_keys(
        &self,
        (user, device): Owned,
        keys: PublishKeys,
    ) -> Result<KeysState, StoreError> {
        match self.act(user, Act::PublishKeys { device, keys }).await? {
            Acted::Published(state) => Ok(state),
            other => unreachable!("keys that are published are answered with {other:?}"),
        }
    }

    async fn claim_key(
        &self,
        user: UserId,
        claim: ClaimId,
        (of, device): Owned,
    ) -> Result<KeyBundle, StoreError> {
        match self.act(user, Act::ClaimKey { claim, of, device }).await? {
            Acted::Key(bundle) => Ok(*bundle),
            other => unreachable!("a claim is answered with {other:?}"),
        }
    }

    async fn keys(
        &self,
        user: UserId,
        of: UserId,
        after: Option<DeviceId>,
        limit: usize,
    ) -> Result<Page<DeviceKeys>, StoreError> {
        self.read(move |reader| reader.keys(&user, &of, after.as_ref(), limit)).await
    }
}
