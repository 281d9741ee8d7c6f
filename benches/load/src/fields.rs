//! The fields of a protobuf message, read where they lie: what the generator looks at ten thousand
//! times needs no copy. Must never be how anything is judged that the proto crate can judge.

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Wire type 0.
    Number(u64),
    /// Wire type 2.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// As bytes; none if it is a number.
    pub const fn bytes(self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(_) => &[],
        }
    }

    /// As a number; 0 if it is bytes.
    pub const fn number(self) -> u64 {
        match self {
            Self::Number(number) => number,
            Self::Bytes(_) => 0,
        }
    }
}

/// The fields of a message, one after the other; ends at what is none of version 1.
#[derive(Clone, Debug)]
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = varint(&mut self.0)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut self.0)?),
            2 => {
                let length = usize::try_from(varint(&mut self.0)?).ok()?;
                let (bytes, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                Value::Bytes(bytes)
            }
            _ => return None,
        };
        Some((key >> 3, value))
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7f) << (7 * at);
        if *byte < 0x80 {
            *bytes = &bytes[at + 1..];
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use packetboat_proto::entry::Entry;
    use packetboat_proto::id::{ChatId, MessageId, UserId};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_fields_of_an_entry_are_read_as_the_proto_crate_writes_them(
            seq in 1_u64..,
            at_ms in 1_u64..,
            content in proptest::collection::vec(any::<u8>(), 1..300),
        ) {
            let entry = Entry {
                chat: ChatId::new("dm:a:b").unwrap(),
                seq,
                sender: UserId::new("a").unwrap(),
                id: MessageId::from([7; 16]),
                at_ms,
                content: content.clone().into(),
            };
            let encoded = entry.encode();
            let read: Vec<_> = Fields(&encoded).collect();
            prop_assert_eq!(read, vec![
                (1, Value::Bytes(b"dm:a:b")),
                (2, Value::Number(seq)),
                (3, Value::Bytes(b"a")),
                (4, Value::Bytes(&[7; 16])),
                (5, Value::Number(at_ms)),
                (6, Value::Bytes(&content)),
            ]);
        }

        #[test]
        fn garbage_ends(bytes in proptest::collection::vec(any::<u8>(), 0..99)) {
            prop_assert!(Fields(&bytes).count() <= bytes.len());
        }
    }
}
