//! A message that has its place in a chat's log (SPEC.md section 6): the body of a `Deliver`, and
//! what the log keeps. Must never carry anything of one receiver.

use bytes::{BufMut, Bytes};
use prost::Message;
use thiserror::Error;

use crate::field::Field;
use crate::id::{ChatId, IdError, MessageId, UserId};
use crate::schema;

/// One entry of a chat's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose log.
    pub chat: ChatId,
    /// Its place, from 1 on without a gap.
    pub seq: u64,
    /// Who sent it, as the server knows it.
    pub sender: UserId,
    /// How its sender names it.
    pub id: MessageId,
    /// When the server took it, in milliseconds of Unix time.
    pub at_ms: u64,
    /// An encoded `Content`, as its sender made it.
    pub content: Bytes,
}

/// Why bytes are no entry.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EntryError {
    /// They are no `Entry` message.
    #[error("not an Entry message: {detail}")]
    Malformed {
        /// What the decoder said.
        detail: String,
    },
    /// An id is none.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The seq is 0.
    #[error("an entry's seq starts at 1")]
    Seq,
}

impl Entry {
    /// The entry as bytes.
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.encoded_len());
        self.put(&mut out);
        out.into()
    }

    /// How many bytes it has.
    pub fn encoded_len(&self) -> usize {
        self.fields().iter().map(Field::encoded_len).sum()
    }

    /// Appends the entry to `out`.
    pub fn put(&self, out: &mut impl BufMut) {
        for field in self.fields() {
            field.put(out);
        }
    }

    /// Its fields, in the order of their numbers.
    fn fields(&self) -> [Field<'_>; 6] {
        [
            Field::Bytes(1, self.chat.as_str().as_bytes()),
            Field::Number(2, self.seq),
            Field::Bytes(3, self.sender.as_str().as_bytes()),
            Field::Bytes(4, self.id.as_bytes()),
            Field::Number(5, self.at_ms),
            Field::Bytes(6, &self.content),
        ]
    }

    /// Reads and checks an encoded entry. Its content stays as it is: a reader may meet kinds
    /// that it does not know.
    pub fn decode(bytes: Bytes) -> Result<Self, EntryError> {
        let wire = schema::Entry::decode(bytes)
            .map_err(|error| EntryError::Malformed { detail: error.to_string() })?;
        if wire.seq == 0 {
            return Err(EntryError::Seq);
        }
        Ok(Self {
            chat: ChatId::new(&wire.chat)?,
            seq: wire.seq,
            sender: UserId::new(&wire.sender)?,
            id: MessageId::new(&wire.message_id)?,
            at_ms: wire.at_ms,
            content: wire.content,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_encoded_as_the_schema_says(
            seq in any::<u64>(),
            at_ms in any::<u64>(),
            id in any::<[u8; 16]>(),
            content in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let entry = Entry {
                chat: ChatId::new("dm:ann:bob").unwrap(),
                seq,
                sender: UserId::new("bob").unwrap(),
                id: MessageId::from(id),
                at_ms,
                content: content.into(),
            };
            let wire = schema::Entry {
                chat: entry.chat.to_string(),
                seq,
                sender: entry.sender.to_string(),
                message_id: Bytes::copy_from_slice(&id),
                at_ms,
                content: entry.content.clone(),
            };
            prop_assert_eq!(entry.encode(), wire.encode_to_vec());
            prop_assert_eq!(entry.encoded_len(), wire.encoded_len());
        }
    }

    #[test]
    fn an_entry_comes_back_as_it_was() {
        let entry = Entry {
            chat: ChatId::new("dm:a:b").unwrap(),
            seq: 7,
            sender: UserId::new("a").unwrap(),
            id: MessageId::from([9; 16]),
            at_ms: 1_700_000_000_000,
            content: Bytes::from_static(b"\x0a\x04\x0a\x02hi"),
        };
        assert_eq!(Entry::decode(entry.encode()), Ok(entry.clone()));
        let unnumbered = Entry { seq: 0, ..entry };
        assert_eq!(Entry::decode(unnumbered.encode()), Err(EntryError::Seq));
    }

    #[test]
    fn what_a_later_version_put_into_a_content_is_not_lost() {
        // A text, then field 99 and a varint that is longer than it needs to be.
        let content = Bytes::from_static(b"\x0a\x04\x0a\x02hi\x98\x06\x80\x00");
        let entry = Entry {
            chat: ChatId::new("dm:a:b").unwrap(),
            seq: 1,
            sender: UserId::new("a").unwrap(),
            id: MessageId::from([9; 16]),
            at_ms: 1,
            content: content.clone(),
        };
        let read = Entry::decode(entry.encode()).unwrap();
        assert_eq!(read.content, content);
        assert_eq!(Entry::decode(read.encode()).unwrap().content, content);
    }
}
