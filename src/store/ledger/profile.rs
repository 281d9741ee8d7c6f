//! What a user says of itself. Must never change that of another.

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::UserId;
use packetboat_proto::limits::STATUS_BYTES_MAX;
use packetboat_proto::packet::ReceiptRule;

use super::turn::Turn;
use crate::store::key;
use crate::store::read_error::ReadError;
use crate::store::record::profile::ProfileRow;
use crate::store::{Effect, Refusal, Visibility};

impl Turn<'_> {
    /// A user says other things of itself.
    pub(crate) fn set_profile(
        &mut self,
        user: &UserId,
        status: &str,
        visible_to: Visibility,
    ) -> Result<Result<(), Refusal>, ReadError> {
        if status.len() > STATUS_BYTES_MAX || status.chars().any(char::is_control) {
            let reason =
                format!("a status has no control characters, and at most {STATUS_BYTES_MAX} bytes");
            return Ok(Err(Refusal::new(RejectCode::Invalid, reason)));
        }
        let status = status.to_owned();
        self.change_profile(user, |before| ProfileRow { status, visible_to, ..before })?;
        Ok(Ok(()))
    }

    /// Others are told what a user has read, or are told no more.
    pub(super) fn set_receipts(
        &mut self,
        user: &UserId,
        receipts: ReceiptRule,
    ) -> Result<(), ReadError> {
        self.keep_receipt_rule(user, receipts);
        self.change_profile(user, |before| ProfileRow { receipts, ..before })
    }

    fn change_profile(
        &mut self,
        user: &UserId,
        change: impl FnOnce(ProfileRow) -> ProfileRow,
    ) -> Result<(), ReadError> {
        let before = self.profile(user)?;
        let profile = change(before.clone().unwrap_or_default());
        // Said again, it changes nothing: who lost the answer asks again.
        if before.as_ref() != Some(&profile) {
            self.put(key::profile(user), profile.encode());
            let ProfileRow { status, visible_to, receipts } = profile;
            self.emit(Effect::ProfileSet { user: user.clone(), status, visible_to, receipts });
        }
        Ok(())
    }

    pub(super) fn profile(&self, user: &UserId) -> Result<Option<ProfileRow>, ReadError> {
        let value = self.get(&key::profile(user))?;
        Ok(value.map(|value| ProfileRow::decode(&value)).transpose()?)
    }
}
