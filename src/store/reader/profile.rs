//! What is kept of users' presence. Must never decide who sees it.

use packetboat_proto::id::UserId;

use super::Reader;
use crate::store::key;
use crate::store::read_error::ReadError;
use crate::store::record::Seen;
use crate::store::record::profile::ProfileRow;
use crate::store::{Profile, StoreError};

impl Reader {
    /// What is kept of the presence of each of the users.
    pub(crate) fn profiles(&self, users: &[UserId]) -> Result<Vec<Profile>, StoreError> {
        let profiles = users.iter().map(|user| self.profile(user));
        Ok(profiles.collect::<Result<_, _>>()?)
    }

    fn profile(&self, user: &UserId) -> Result<Profile, ReadError> {
        let seen = self.backend.get(&key::user(user))?;
        let seen = seen.map(|value| Seen::from_value(&value)).transpose()?;
        let row = self.backend.get(&key::profile(user))?;
        let row = row.map(|value| ProfileRow::decode(&value)).transpose()?.unwrap_or_default();
        let ProfileRow { status, visible_to, receipts } = row;
        let last_seen_ms = seen.map_or(0, |seen| seen.last_ms);
        Ok(Profile { last_seen_ms, status, visible_to, receipts })
    }
}
