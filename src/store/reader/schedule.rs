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
        for (key, value) in &found.rows {
            let (_, name) = due::read_scheduled(key)?;
            let row = ScheduledRow::decode(value)?;
            // Between the two reads it may have been sent.
            let Some(content) = self.scheduled_content(user, &name, row.bytes)? else { continue };
            if !budget.take_bytes(content.len() + SCHEDULED_OVERHEAD_BYTES) {
                return Ok(Page { items, more: true });
            }
            items.push(Scheduled { name, content, at_ms: row.at_ms, failed: row.failed });
        }
        Ok(Page { items, more: found.more })
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
