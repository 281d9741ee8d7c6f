//! What was recalled or has expired is erased: the entry keeps its place, and nothing of its
//! content stays in any row. Must never leave a part of it, nor one of its edits.

use packetboat_proto::content::{Content, Erasure};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::ChatId;
use packetboat_proto::limits::{BODY_OVERHEAD_BYTES, EDIT_BYTES_MAX, EDITS_MAX};
use packetboat_proto::planted::{self, Bug};

use super::file::UNREFERENCE_OPERATIONS;
use super::mention::calls;
use super::refer::Target;
use super::turn::Turn;
use crate::store::key;
use crate::store::parts::{PARTS_MAX, Whole, parts_of};
use crate::store::read_error::ReadError;

/// Operations for each edit: its parts, and the row by which it is found.
const OPERATIONS_PER_EDIT: usize = parts_of(EDIT_BYTES_MAX + BODY_OVERHEAD_BYTES as usize) + 1;
/// Operations for what refers to the entry: its pin, its place in a thread, when it expires, whom
/// it mentions.
const ROW_OPERATIONS: usize = 4;
/// The most operations of a recall, beside those of its own entry.
pub(super) const RECALL_OPERATIONS_MAX: usize =
    PARTS_MAX + EDITS_MAX * OPERATIONS_PER_EDIT + ROW_OPERATIONS + UNREFERENCE_OPERATIONS;

impl Turn<'_> {
    /// Erases an entry with all of its edits.
    pub(super) fn erase(
        &mut self,
        chat: &ChatId,
        target: Target,
        why: Erasure,
    ) -> Result<(), ReadError> {
        if planted::is(Bug::RecallKeepsContent) {
            return Ok(());
        }
        let Target { entry, context, file } = target;
        for (row, _) in self.rows(&key::edits(chat, entry.seq), EDITS_MAX)? {
            let edit = self.entry(chat, key::last_seq(&row)?)?;
            self.replace(edit, why)?;
            self.remove(row);
        }
        self.remove(key::pin(chat, entry.seq));
        if context.thread != 0 {
            self.remove(key::thread(chat, context.thread, entry.seq));
        }
        if let Some(expires_ms) = context.expires_ms(entry.at_ms) {
            self.forget_expiry(expires_ms, chat, entry.seq);
        }
        if calls(&context) && !planted::is(Bug::MentionOutlivesRecall) {
            self.remove(key::own::mention(chat, entry.seq));
        }
        if let Some(file) = file {
            self.remove_reference(&file, chat, entry.seq)?;
        }
        self.replace(entry, why)
    }

    /// Writes an entry of the same place that says nothing over one.
    fn replace(&mut self, entry: Entry, why: Erasure) -> Result<(), ReadError> {
        let before = self.parts_at(&entry.chat, entry.seq)?;
        self.erase_soon();
        let content = Content::Erased(why).encode();
        let entry = Entry { content, ..entry };
        let mut parts = 0;
        for (part, value) in Whole::new(&entry).split() {
            self.put(key::entry(&entry.chat, entry.seq, part), value);
            parts = part + 1;
        }
        for part in parts..before {
            self.remove(key::entry(&entry.chat, entry.seq, part));
        }
        Ok(())
    }

    /// How many parts an entry has.
    fn parts_at(&self, chat: &ChatId, seq: u64) -> Result<u8, ReadError> {
        let first = self.get(&key::entry(chat, seq, 0))?;
        let parts = first.and_then(|first| first.first().copied());
        parts.ok_or_else(|| ReadError::Hole { chat: chat.clone(), seq })
    }
}
