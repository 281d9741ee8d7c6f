//! What the server asks to keep of users' devices beside their cursors. Must never tell a user of
//! another's.

use std::future::Future;

use packetboat_proto::id::{DeviceId, UserId};

use super::error::StoreError;
use super::page::Page;

/// What a device says of itself, and from where it comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceLabel {
    /// What its user calls it.
    pub name: String,
    /// What it runs on.
    pub platform: String,
    /// Name and version of its software.
    pub client: String,
    /// The address that it comes from; empty: not known.
    pub address: String,
}

/// A device that the store knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDevice {
    /// Which.
    pub device: DeviceId,
    /// What it said of itself last.
    pub label: DeviceLabel,
    /// When it first came, in milliseconds of Unix time.
    pub first_seen_ms: u64,
    /// When a session of it last began or ended.
    pub last_seen_ms: u64,
}

/// A device of some user, that was not seen for some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnseenDevice {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub device: DeviceId,
    /// When it was last seen.
    pub last_seen_ms: u64,
}

/// Those of a stretch of all devices that were not seen for some time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnseenDevices {
    /// In order of user and device.
    pub devices: Vec<UnseenDevice>,
    /// Where to go on; `None`: these were the last.
    pub next: Option<(UserId, DeviceId)>,
}

/// What is known of devices, kept beside the messages.
pub trait DeviceBook: Send + Sync + 'static {
    /// The user's own devices, after `after` in order of id.
    fn devices(
        &self,
        user: UserId,
        after: Option<DeviceId>,
        limit: usize,
    ) -> impl Future<Output = Result<Page<KnownDevice>, StoreError>> + Send;

    /// Which of the next devices of all users, behind `after`, were last seen before `before_ms`.
    fn devices_unseen(
        &self,
        before_ms: u64,
        after: Option<(UserId, DeviceId)>,
    ) -> impl Future<Output = Result<UnseenDevices, StoreError>> + Send;

    /// A device has a session now.
    fn device_seen(
        &self,
        user: UserId,
        device: DeviceId,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forgets a device, if it was not seen since `before_ms`. Whether it did.
    fn device_forget(
        &self,
        user: UserId,
        device: DeviceId,
        before_ms: u64,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Removes some of the cursors of devices that were logged out or forgotten. Whether there may
    /// be more.
    fn devices_clear(&self) -> impl Future<Output = Result<bool, StoreError>> + Send;
}
