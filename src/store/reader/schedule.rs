//! Messages that are to be sent later, for whose they are. Must never give one to anybody else.

use bytes::{Bytes, BytesMut};
use packetboat_proto::id::UserId;
use packetboat_proto::packet::ScheduledName;

use super::Reader;
use super::history::Budget;
use crate::store::agenda::Scheduled;
use crate::store::batch::VALUE_BYTES_MAX;
use crate::store::key::due;
use crate::store::read_error::ReadError;
use crate::store::record::schedule::ScheduledRow;
use crate::store::{Page, PageLimit, StoreError};

/// Bytes that one takes of a page at most beside its content: its name, two numbers, a verdict.
const SCHEDULED_OVERHEAD_BYTES: usize = 512;
/// How often one is read again that is set anew meanwhile.
const TRIES_MAX: usize = 8;

impl Reader {
    /// What of a user's is to be sent, or could not be.
    pub(crate) fn scheduled(
        &self,
        user: &UserId,
        after: Option<&ScheduledName>,
        limit: PageLimit,
    ) -> Result<Page<Scheduled>, StoreError> {
        Ok(self.scheduled_page(user, after, limit)?)
    }

    fn scheduled_page(
        &self,
        user: &UserId,
        after: Option<&ScheduledName>,
        limit: PageLimit,
    ) -> Result<Page<Scheduled>, ReadError> {
        let mut budget = Budget::of(limit);
        let found = self.rows(&due::all_scheduled(user, after), budget.items())?;
        let mut items = Vec::with_capacity(found.rows.len());
        for (key, _) in &found.rows {
            let (_, name) = due::read_scheduled(key)?;
            let Some(scheduled) = self.scheduled_one(user, key, name)? else { continue };
            if !budget.take_bytes(scheduled.content.len() + SCHEDULED_OVERHEAD_BYTES) {
                return Ok(Page { items, more: true });
            }
            items.push(scheduled);
        }
        Ok(Page { items, more: found.more })
    }

    /// One that is to be sent, unless it is gone by now. Its row and its content are read one after
    /// the other, and it may be set anew in between: then it is read again. One that is set anew
    /// all the time is left out.
    fn scheduled_one(
        &self,
        user: &UserId,
        key: &[u8],
        name: ScheduledName,
    ) -> Result<Option<Scheduled>, ReadError> {
        let mut before = self.backend.get(key)?;
        for _ in 0..TRIES_MAX {
            let Some(value) = before else { return Ok(None) };
            let row = ScheduledRow::decode(&value)?;
            let content = self.scheduled_content(user, &name, row.bytes)?;
            before = self.backend.get(key)?;
            if before.as_ref() == Some(&value) {
                let (at_ms, failed) = (row.at_ms, row.failed);
                return Ok(content.map(|content| Scheduled { name, content, at_ms, failed }));
            }
        }
        Ok(None)
    }

    fn scheduled_content(
        &self,
        user: &UserId,
        name: &ScheduledName,
        bytes: usize,
    ) -> Result<Option<Bytes>, ReadError> {
        let mut content = BytesMut::with_capacity(bytes);
        for part in (0..).take(bytes.div_ceil(VALUE_BYTES_MAX)) {
            let Some(value) = self.backend.get(&due::content(user, name, part))? else {
                return Ok(None);
            };
            content.extend_from_slice(&value);
        }
        Ok((content.len() == bytes).then(|| content.freeze()))
    }
}
