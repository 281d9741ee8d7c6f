//! What stands in the index: of each entry with words these words, its place and its times, and
//! of each chat how far it was read. Nothing is stored as it was said. Must never be read by a
//! version that cuts words in another way: `FORMAT` goes up with that.

use packetboat_proto::id::ChatId;
use ring::digest::{SHA256, digest};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::{TantivyDocument, Term};

use super::words::words_of;

/// The version of the fields, and of how words are cut.
const FORMAT: u32 = 1;
/// The tokenizer that leaves a text as it is: words are cut before.
const AS_IT_IS: &str = "raw";

/// The field with the chat of an entry.
pub(super) const CHAT: &str = "chat";
/// The field with its seq.
pub(super) const SEQ: &str = "seq";
/// The field with the time at which it was stored.
pub(super) const AT_MS: &str = "at_ms";
/// The field with the seq up to which a chat was read.
pub(super) const UPTO: &str = "upto";

/// The fields of the index.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    pub(super) schema: Schema,
    words: Field,
    chat: Field,
    seq: Field,
    at_ms: Field,
    expires_ms: Field,
    place: Field,
    read: Field,
    upto: Field,
}

/// What stands in the index of an entry.
pub(super) struct Indexed<'a> {
    pub(super) chat: &'a ChatId,
    pub(super) seq: u64,
    pub(super) at_ms: u64,
    pub(super) expires_ms: Option<u64>,
    pub(super) text: &'a str,
}

impl Fields {
    pub(super) fn new() -> Self {
        let mut schema = Schema::builder();
        // Whether a word is there, and nothing of how often or where: that is all that is asked.
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(AS_IT_IS)
            .set_fieldnorms(false)
            .set_index_option(IndexRecordOption::Basic);
        let words = TextOptions::default().set_indexing_options(indexing);
        Self {
            words: schema.add_text_field("words", words),
            chat: schema.add_text_field(CHAT, STRING | FAST),
            seq: schema.add_u64_field(SEQ, FAST),
            at_ms: schema.add_u64_field(AT_MS, FAST),
            expires_ms: schema.add_u64_field("expires_ms", INDEXED | FAST),
            place: schema.add_text_field("place", STRING),
            read: schema.add_text_field("read", STRING),
            upto: schema.add_u64_field(UPTO, FAST),
            schema: schema.build(),
        }
    }

    pub(super) fn entry(&self, entry: &Indexed<'_>) -> TantivyDocument {
        let Indexed { chat, seq, at_ms, expires_ms, text } = entry;
        let mut document = TantivyDocument::default();
        for word in words_of(text) {
            document.add_text(self.words, word);
        }
        document.add_text(self.chat, chat.as_str());
        document.add_text(self.place, place(chat, *seq));
        document.add_u64(self.seq, *seq);
        document.add_u64(self.at_ms, *at_ms);
        if let Some(expires_ms) = expires_ms {
            document.add_u64(self.expires_ms, *expires_ms);
        }
        document
    }

    /// That a chat was read up to a seq.
    pub(super) fn cursor(&self, chat: &ChatId, upto: u64) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        document.add_text(self.read, chat.as_str());
        document.add_u64(self.upto, upto);
        document
    }

    pub(super) fn word(&self, word: &str) -> Term {
        Term::from_field_text(self.words, word)
    }

    /// All entries of a chat.
    pub(super) fn of_chat(&self, chat: &ChatId) -> Term {
        Term::from_field_text(self.chat, chat.as_str())
    }

    /// One entry.
    pub(super) fn at(&self, chat: &ChatId, seq: u64) -> Term {
        Term::from_field_text(self.place, &place(chat, seq))
    }

    /// How far a chat was read.
    pub(super) fn read(&self, chat: &ChatId) -> Term {
        Term::from_field_text(self.read, chat.as_str())
    }

    /// A time that an entry may expire at.
    pub(super) fn expiry(&self, at_ms: u64) -> Term {
        Term::from_field_u64(self.expires_ms, at_ms)
    }
}

/// No chat's id has a space.
fn place(chat: &ChatId, seq: u64) -> String {
    format!("{chat} {seq}")
}

/// What tells the index of one store and version from all others; tells nothing of the secret.
pub(super) fn mark(secret: &[u8; 32]) -> String {
    let named = [&b"packetboat search "[..], &secret[..]].concat();
    let hash = digest(&SHA256, &named);
    let (of, _) = hash.as_ref().split_first_chunk().expect("the hash has 32 bytes");
    format!("packetboat {FORMAT} {:016x}", u64::from_be_bytes(*of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_another_store_has_another_mark() {
        assert_eq!(mark(&[1; 32]), mark(&[1; 32]));
        assert_ne!(mark(&[1; 32]), mark(&[2; 32]));
    }

    #[test]
    fn places_of_different_entries_differ() {
        let chat = |text: &str| ChatId::new(text).unwrap();
        assert_ne!(place(&chat("group:a"), 11), place(&chat("group:a1"), 1));
    }
}
