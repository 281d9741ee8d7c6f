//! What was taken back: it stands in its place, and says nothing. Must never take for erased what
//! no recall erased.

use bytes::Bytes;
use packetboat_proto::content::{Alteration, Content, Erasure};
use packetboat_proto::entry::Entry;

/// Which entry it takes back, if it does.
pub(super) fn recalls(entry: &Entry) -> Option<u64> {
    match Content::decode(&entry.content, usize::MAX) {
        Ok(Content::Entry(Alteration::Recalled { seq })) => Some(seq),
        _ => None,
    }
}

/// By which entry it was taken back, if it was.
pub(super) fn recall_of(entry: &Entry) -> Option<u64> {
    match Content::decode(&entry.content, usize::MAX) {
        Ok(Content::Erased(Erasure::Recalled { by })) => Some(by),
        _ => None,
    }
}

/// Whether an entry has the content, or had it before it was recalled.
pub(super) fn is_as_said(entry: &Entry, said: &Bytes) -> bool {
    entry.content == *said || recall_of(entry).is_some()
}
