//! Answers what a user asks of its own devices. Must never tell of another user's.

use packetboat_proto::id::{DeviceId, UserId};
use packetboat_proto::packet::{DeviceAnswer, DeviceOperation, DeviceState};

use crate::session::house::House;
use crate::store::act::Act;
use crate::store::device::KnownDevice;
use crate::store::{Store, StoreError};

/// The answer to a user on one of its devices.
pub(super) async fn find<S: Store>(
    house: &House<S>,
    user: UserId,
    from: DeviceId,
    operation: DeviceOperation,
) -> Result<DeviceAnswer, StoreError> {
    let store = &house.store;
    Ok(match operation {
        DeviceOperation::List { after, limit } => {
            let page = store.devices(user.clone(), after, limit as usize).await?;
            let online = house.hub.devices_of(&user);
            let devices = page.items.into_iter().map(|known| state(known, &online)).collect();
            DeviceAnswer::List { devices, more: page.more }
        }
        DeviceOperation::LogOut { device } => {
            store.act(user, Act::LogOut { device }).await?;
            DeviceAnswer::LogOut
        }
        DeviceOperation::LogOutOthers => {
            store.act(user, Act::LogOutOthers { but: from }).await?;
            DeviceAnswer::LogOutOthers
        }
    })
}

fn state(known: KnownDevice, online: &[DeviceId]) -> DeviceState {
    let KnownDevice { device, label, first_seen_ms, last_seen_ms } = known;
    DeviceState {
        online: online.contains(&device),
        name: label.name,
        platform: label.platform,
        client: label.client,
        first_seen_ms,
        last_seen_ms,
        address: label.address,
        device,
    }
}
