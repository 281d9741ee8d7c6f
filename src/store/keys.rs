//! The directory of keys as the store is asked for it. Must never look into a key.

use std::future::Future;

use packetboat_proto::id::{ClaimId, DeviceId, UserId};
use packetboat_proto::packet::{DeviceKeys, KeyBundle, KeysState, PublishKeys};

use super::error::StoreError;
use super::page::Page;

/// A device and its user.
pub type Owned = (UserId, DeviceId);

/// The keys of devices, by which others write to them.
pub trait KeyBook: Send + Sync + 'static {
    /// The keys of a device are these from now on, and more one-time keys, as far as they were not
    /// taken before.
    fn publish_keys(
        &self,
        owner: Owned,
        keys: PublishKeys,
    ) -> impl Future<Output = Result<KeysState, StoreError>> + Send;

    /// Gives a user what it takes to write to a device, with one of its one-time keys if there is
    /// one left: to no other claim again, and durable before it is answered. The same claim is
    /// given the same, as long as not many others came after it.
    fn claim_key(
        &self,
        user: UserId,
        claim: ClaimId,
        of: Owned,
    ) -> impl Future<Output = Result<KeyBundle, StoreError>> + Send;

    /// The devices of a user that have keys, after `after` in order of device id. How many one-time
    /// keys there are is told the user alone.
    fn keys(
        &self,
        user: UserId,
        of: UserId,
        after: Option<DeviceId>,
        limit: usize,
    ) -> impl Future<Output = Result<Page<DeviceKeys>, StoreError>> + Send;
}
