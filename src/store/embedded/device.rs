//! What the embedded store keeps of devices. Must never hold a rule: the ledger and the reader do.

use packetboat_proto::id::{DeviceId, UserId};

use super::EmbeddedStore;
use crate::store::device::{DeviceBook, KnownDevice, UnseenDevices};
use crate::store::job::Job;
use crate::store::ledger::DeviceCommand;
use crate::store::{Page, StoreError};

impl EmbeddedStore {
    async fn do_with_device(&self, command: DeviceCommand) -> Result<bool, StoreError> {
        self.shared.committer.ask(|answer| Job::Device { command, answer }).await
    }
}

impl DeviceBook for EmbeddedStore {
    async fn devices(
        &self,
        user: UserId,
        after: Option<DeviceId>,
        limit: usize,
    ) -> Result<Page<KnownDevice>, StoreError> {
        self.read(move |reader| reader.devices(&user, after.as_ref(), limit)).await
    }

    async fn devices_unseen(
        &self,
        before_ms: u64,
        after: Option<(UserId, DeviceId)>,
    ) -> Result<UnseenDevices, StoreError> {
        self.read(move |reader| reader.devices_unseen(before_ms, after.as_ref())).await
    }

    async fn device_seen(&self, user: UserId, device: DeviceId) -> Result<(), StoreError> {
        self.do_with_device(DeviceCommand::Seen { user, device }).await.map(drop)
    }

    async fn device_forget(
        &self,
        user: UserId,
        device: DeviceId,
        before_ms: u64,
    ) -> Result<bool, StoreError> {
        self.do_with_device(DeviceCommand::Forget { user, device, before_ms }).await
    }

    async fn devices_clear(&self) -> Result<bool, StoreError> {
        self.do_with_device(DeviceCommand::Clear).await
    }
}
