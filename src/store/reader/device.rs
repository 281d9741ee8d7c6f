//! What is known of devices. Must never tell a user of another's.

use packetboat_proto::id::{DeviceId, UserId};

use super::Reader;
use crate::store::device::{KnownDevice, UnseenDevice, UnseenDevices};
use crate::store::read_error::ReadError;
use crate::store::record::device::DeviceRow;
use crate::store::{Page, StoreError, key};

/// Devices that are looked at in one read.
const DEVICES_PER_SCAN: usize = 1_000;

impl Reader {
    /// The user's own devices.
    pub(crate) fn devices(
        &self,
        user: &UserId,
        after: Option<&DeviceId>,
        limit: usize,
    ) -> Result<Page<KnownDevice>, StoreError> {
        let found = self.rows(&key::device::devices(user, after), limit.max(1))?;
        let items = found.rows.iter().map(|(row, value)| known(row, value));
        Ok(Page { items: items.collect::<Result<_, ReadError>>()?, more: found.more })
    }

    /// Those of the next devices that were last seen before that time.
    pub(crate) fn devices_unseen(
        &self,
        before_ms: u64,
        after: Option<&(UserId, DeviceId)>,
    ) -> Result<UnseenDevices, StoreError> {
        let after = after.map(|(user, device)| (user, device));
        Ok(self.unseen(before_ms, &key::device::all_devices(after))?)
    }

    fn unseen(&self, before_ms: u64, range: &key::KeyRange) -> Result<UnseenDevices, ReadError> {
        let found = self.rows(range, DEVICES_PER_SCAN)?;
        let mut unseen = UnseenDevices::default();
        for (row, value) in &found.rows {
            let last_seen_ms = DeviceRow::from_value(value)?.last_ms;
            if last_seen_ms < before_ms {
                let (user, device) = key::device::user_and_device(row)?;
                unseen.devices.push(UnseenDevice { user, device, last_seen_ms });
            }
        }
        if let Some((last, _)) = found.rows.last().filter(|_| found.more) {
            unseen.next = Some(key::device::user_and_device(last)?);
        }
        Ok(unseen)
    }
}

fn known(row: &[u8], value: &[u8]) -> Result<KnownDevice, ReadError> {
    let stored = DeviceRow::from_value(value)?;
    Ok(KnownDevice {
        device: key::device::last_device(row)?,
        label: stored.label(),
        first_seen_ms: stored.first_ms,
        last_seen_ms: stored.last_ms,
    })
}
