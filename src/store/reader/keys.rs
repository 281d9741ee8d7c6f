//! The directory of keys. Must never tell another than their user how many one-time keys there are.

use std::ops::ControlFlow::{Break, Continue};

use packetboat_proto::id::{DeviceId, UserId};
use packetboat_proto::packet::{DeviceKeys, KeysState};

use super::Reader;
use crate::store::key::keys as key;
use crate::store::record::keys::Bundle;
use crate::store::{Page, StoreError};

impl Reader {
    /// The devices of a user that have keys, in order of device id; none for one whom it blocks.
    pub(crate) fn keys(
        &self,
        user: &UserId,
        of: &UserId,
        after: Option<&DeviceId>,
        limit: usize,
    ) -> Result<Page<DeviceKeys>, StoreError> {
        let mut page = Page { items: Vec::new(), more: false };
        if self.blocks(of, user)? {
            return Ok(page);
        }
        self.try_scan(&key::bundles(of, after), |row, value| {
            let bundle = Bundle::from_value(value)?;
            if bundle.identity.is_empty() {
                return Ok(Continue(()));
            }
            if page.items.len() >= limit.max(1) {
                page.more = true;
                return Ok(Break(()));
            }
            let Bundle { identity, proof, left, highest, .. } = bundle;
            let state = (user == of).then_some(KeysState { left, highest });
            let device = key::last_device(row)?;
            page.items.push(DeviceKeys { device, identity, proof, state });
            Ok(Continue(()))
        })?;
        Ok(page)
    }
}
