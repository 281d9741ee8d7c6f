//! What a user says of itself. Must never change that of another.

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::UserId;
use packetboat_proto::limits::STATUS_BYTES_MAX;

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
        let value = ProfileRow { status: status.clone(), visible_to }.encode();
        let key = key::profile(user);
        // Said again, it changes nothing: who lost the answer asks again.
        if self.get(&key)?.as_deref() != Some(&value) {
            self.put(key, value);
            self.emit(Effect::ProfileSet { user: user.clone(), status, visible_to });
        }
        Ok(Ok(()))
    }
}
