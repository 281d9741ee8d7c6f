//! What is asked and answered of a search (SPEC.md section 5.16). Must never say what a word is:
//! that is the server's affair.

use bytes::Bytes;

use crate::entry::Entry;
use crate::id::ChatId;
use crate::limits::{PAGE_ITEMS_MAX, SEARCH_WORDS_BYTES_MAX};
use crate::schema;

use super::body::{BodyError, optional, short, text};

/// Where a search stands: what it finds is in descending order of all three.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchPlace {
    /// When the entry was stored, in milliseconds of Unix time.
    pub at_ms: u64,
    /// Its chat.
    pub chat: ChatId,
    /// Its place there.
    pub seq: u64,
}

/// Which entries have all of some words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// The words, at most 256 bytes.
    pub words: String,
    /// In this chat; `None`: in all of the user's.
    pub chat: Option<ChatId>,
    /// Behind this place; `None`: from the newest.
    pub before: Option<SearchPlace>,
    /// Entries at most; 0 leaves it to the server.
    pub limit: u32,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchPage {
    /// Encoded entries, the newest first; in the place of one that was edited, its newest edit.
    pub entries: Vec<Bytes>,
    /// Where to go on; `None`: that was all.
    pub next: Option<SearchPlace>,
}

/// The field numbers of the lists in a `Response`, each with the most that it may hold.
pub(super) const RESPONSE_LISTS: [([u32; 2], usize); 1] = [([93, 1], PAGE_ITEMS_MAX as usize)];

impl SearchPlace {
    fn from_wire(wire: &schema::SearchPlace) -> Result<Self, BodyError> {
        if wire.seq == 0 {
            return Err(BodyError::OutOfBounds { field: "seq", value: 0 });
        }
        Ok(Self { at_ms: wire.at_ms, chat: ChatId::new(&wire.chat)?, seq: wire.seq })
    }

    fn to_wire(&self) -> schema::SearchPlace {
        schema::SearchPlace { at_ms: self.at_ms, chat: self.chat.to_string(), seq: self.seq }
    }
}

impl Search {
    pub(super) fn from_wire(wire: schema::SearchRequest) -> Result<Self, BodyError> {
        Ok(Self {
            words: short("words", wire.words, SEARCH_WORDS_BYTES_MAX)?,
            chat: optional(&wire.chat, ChatId::new)?,
            before: wire.before.as_ref().map(SearchPlace::from_wire).transpose()?,
            limit: wire.limit,
        })
    }

    pub(super) fn to_wire(&self) -> schema::SearchRequest {
        schema::SearchRequest {
            words: self.words.clone(),
            chat: text(self.chat.as_ref()),
            before: self.before.as_ref().map(SearchPlace::to_wire),
            limit: self.limit,
        }
    }
}

impl SearchPage {
    pub(super) fn from_wire(wire: schema::SearchPage) -> Result<Self, BodyError> {
        for entry in &wire.entries {
            Entry::decode(entry.clone())?;
        }
        let next = wire.next.as_ref().map(SearchPlace::from_wire).transpose()?;
        Ok(Self { entries: wire.entries, next })
    }

    pub(super) fn to_wire(&self) -> schema::SearchPage {
        let next = self.next.as_ref().map(SearchPlace::to_wire);
        schema::SearchPage { entries: self.entries.clone(), next }
    }
}
