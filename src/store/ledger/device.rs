//! What is kept of a user's devices, and its end. A device that is logged out or forgotten is gone
//! with its row; its cursors, which may be many, are noted to be removed in steps. Must never give
//! a number to two devices of a user: a ticket of the one would be good for the other.

use packetboat_proto::id::{DeviceId, UserId};

use super::keys::KEYS_TAKEN_OPERATIONS_MAX;
use super::turn::{Halt, Turn};
use crate::store::act::Acted;
use crate::store::read_error::ReadError;
use crate::store::record::device::DeviceRow;
use crate::store::{Claim, Effect, key};

/// Operations to remove a device: its row, its keys, and what notes it.
pub(super) const REMOVE_OPERATIONS_MAX: usize = 2 + KEYS_TAKEN_OPERATIONS_MAX;
/// Cursors that are removed in one step.
const CURSORS_PER_STEP: usize = 256;
/// The most operations of a command about devices: those of one that is removed, or cursors and
/// what notes them.
pub(crate) const DEVICE_OPERATIONS_MAX: usize = REMOVE_OPERATIONS_MAX;
const _: () = assert!(CURSORS_PER_STEP < DEVICE_OPERATIONS_MAX);
/// For how long a device that comes again is not noted anew, if it says the same of itself: what
/// comes and goes all the time is not to cost a write each time.
pub(crate) const SEEN_EVERY_MS: u64 = 60_000;

/// What is done with devices beside what their users ask for.
#[derive(Debug)]
pub(crate) enum DeviceCommand {
    /// It has a session now.
    Seen { user: UserId, device: DeviceId },
    /// It is forgotten, if it was not seen since.
    Forget { user: UserId, device: DeviceId, before_ms: u64 },
    /// Some of what is left of those that are gone is removed.
    Clear,
}

impl Turn<'_> {
    /// Does a step. Whether it changed anything.
    pub(crate) fn device(&mut self, command: &DeviceCommand) -> Result<bool, ReadError> {
        match command {
            DeviceCommand::Seen { user, device } => self.see_device(user, device),
            DeviceCommand::Forget { user, device, before_ms } => {
                self.forget_device(user, device, *before_ms)
            }
            DeviceCommand::Clear => self.clear_device(),
        }
    }

    pub(super) fn device_row(
        &self,
        user: &UserId,
        device: &DeviceId,
    ) -> Result<Option<DeviceRow>, ReadError> {
        let value = self.get(&key::device::row(user, device))?;
        Ok(value.map(|value| DeviceRow::from_value(&value)).transpose()?)
    }

    /// A device that is known comes again.
    pub(super) fn note_claim(&mut self, claim: &Claim, row: DeviceRow) {
        let is_fresh = self.now_ms < row.last_ms.saturating_add(SEEN_EVERY_MS);
        if !is_fresh || row.label() != claim.label {
            let row = row.seen_at(self.now_ms).labelled(&claim.label);
            self.put(key::device::row(&claim.user, &claim.device), row.to_value());
        }
    }

    /// A session of the device is there, or has just ended.
    pub(super) fn see_device(
        &mut self,
        user: &UserId,
        device: &DeviceId,
    ) -> Result<bool, ReadError> {
        let Some(row) = self.device_row(user, device)? else { return Ok(false) };
        self.put(key::device::row(user, device), row.seen_at(self.now_ms).to_value());
        Ok(true)
    }

    /// A device is gone. Whether it was there.
    fn remove_device(&mut self, user: &UserId, device: &DeviceId) -> Result<bool, ReadError> {
        let row = key::device::row(user, device);
        let known = self.get(&row)?.is_some();
        if known {
            self.remove(row);
            self.remove_keys(user, device)?;
            self.put(key::device::gone_device(user, device), Vec::new());
            // A session that came in between the look at who is there and this would hear nothing.
            let (user, device) = (user.clone(), device.clone());
            self.emit(Effect::LoggedOut { user, device });
        }
        Ok(known)
    }

    /// One of a user's devices is logged out: one that is not there is so already.
    pub(super) fn log_out(&mut self, user: &UserId, device: &DeviceId) -> Result<Acted, Halt> {
        self.remove_device(user, device)?;
        Ok(Acted::Done)
    }

    /// One of a user's devices, but not this one, is logged out. `None`: there may be more of them.
    pub(super) fn log_out_others(
        &mut self,
        user: &UserId,
        but: &DeviceId,
    ) -> Result<Option<Acted>, Halt> {
        // One of two is another than the one that stays.
        for (row, _) in self.rows(&key::device::devices(user, None), 2)? {
            let device = key::device::last_device(&row).map_err(ReadError::from)?;
            if device != *but {
                self.log_out(user, &device)?;
                return Ok(None);
            }
        }
        Ok(Some(Acted::Done))
    }

    fn forget_device(
        &mut self,
        user: &UserId,
        device: &DeviceId,
        before_ms: u64,
    ) -> Result<bool, ReadError> {
        match self.device_row(user, device)? {
            Some(row) if row.last_ms < before_ms => self.remove_device(user, device),
            Some(_) | None => Ok(false),
        }
    }

    fn clear_device(&mut self) -> Result<bool, ReadError> {
        let Some((gone, _)) = self.rows(&key::device::gone_devices(), 1)?.pop() else {
            return Ok(false);
        };
        let (user, device) = key::device::user_and_device(&gone)?;
        let cursors = self.rows(&key::device::cursors(&user, &device), CURSORS_PER_STEP)?;
        if cursors.len() < CURSORS_PER_STEP {
            self.remove(gone);
        }
        for (cursor, _) in cursors {
            self.remove(cursor);
        }
        Ok(true)
    }
}
