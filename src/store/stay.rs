//! How long an entry stays, told from its bytes as they are stored: most stay for good, and none of
//! those is to be taken apart for that. Must never miss an entry whose time has an end.

use bytes::Bytes;
use packetboat_proto::content::{Alteration, Content};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// How long an entry stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stay {
    ForGood,
    /// Until then, in milliseconds of Unix time.
    Until(u64),
    /// As long as the entry that it edits.
    AsLongAs(u64),
}

// Of an `Entry`.
const AT_MS: u32 = 5;
const CONTENT: u32 = 6;
// Of a `Content`.
const EDITED: u32 = 3;
const CONTEXT: u32 = 8;
// Of a `Context`.
const EXPIRES_AFTER_MS: u32 = 6;

/// A field of a message.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

/// The fields of a message, as far as it is one.
fn fields(mut rest: &[u8]) -> impl Iterator<Item = (u32, Value<'_>)> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (field, wire) = decode_key(&mut rest).ok()?;
        let value = match wire {
            WireType::Varint => Value::Number(decode_varint(&mut rest).ok()?),
            WireType::LengthDelimited => {
                let bytes = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
                let (value, behind) = rest.split_at_checked(bytes)?;
                rest = behind;
                Value::Bytes(value)
            }
            _ => {
                skip_field(wire, field, &mut rest, DecodeContext::default()).ok()?;
                Value::Other
            }
        };
        Some((field, value))
    })
}

/// How long an encoded entry stays.
pub(crate) fn stay(body: &Bytes) -> Stay {
    let (mut at_ms, mut content) = (0, Bytes::new());
    for (field, value) in fields(body) {
        match (field, value) {
            (AT_MS, Value::Number(number)) => at_ms = number,
            (CONTENT, Value::Bytes(bytes)) => content = body.slice_ref(bytes),
            _ => {}
        }
    }
    let (mut after_ms, mut is_edit) = (0, false);
    for (field, value) in fields(&content) {
        match (field, value) {
            // The same message twice is one.
            (CONTEXT, Value::Bytes(context)) => {
                after_ms = last_number(context, EXPIRES_AFTER_MS).unwrap_or(after_ms);
            }
            (EDITED, _) => is_edit = true,
            _ => {}
        }
    }
    if after_ms > 0 {
        return Stay::Until(at_ms.saturating_add(after_ms));
    }
    // Few are edits, and of several kinds in one content the last one counts.
    match is_edit.then(|| Content::decode(&content, usize::MAX)) {
        Some(Ok(Content::Entry(Alteration::Edited { seq, .. }))) => Stay::AsLongAs(seq),
        _ => Stay::ForGood,
    }
}

fn last_number(message: &[u8], wanted: u32) -> Option<u64> {
    let number = |(field, value)| match value {
        Value::Number(number) if field == wanted => Some(number),
        _ => None,
    };
    fields(message).filter_map(number).last()
}

#[cfg(test)]
mod tests {
    use packetboat_proto::content::{Body, Context, Forwarded, Origin};
    use packetboat_proto::entry::Entry;
    use packetboat_proto::id::{ChatId, MessageId, UserId};
    use proptest::prelude::*;

    use super::*;

    fn entry(at_ms: u64, content: Bytes) -> Bytes {
        let (chat, sender) = (ChatId::new("dm:ann:bob").unwrap(), UserId::new("ann").unwrap());
        let id = MessageId::from([7; 16]);
        Entry { chat, seq: 9, sender, id, at_ms, content }.encode()
    }

    fn edit(seq: u64) -> Content {
        Content::Entry(Alteration::Edited { seq, new: Body::Text("new".into()) })
    }

    /// The slow way.
    fn decoded(body: &Bytes) -> Stay {
        let entry = Entry::decode(body.clone()).unwrap();
        let Ok((content, context)) = Content::decode_whole(&entry.content, usize::MAX) else {
            return Stay::ForGood;
        };
        match (context.expires_ms(entry.at_ms), content) {
            (Some(until), _) => Stay::Until(until),
            (None, Content::Entry(Alteration::Edited { seq, .. })) => Stay::AsLongAs(seq),
            _ => Stay::ForGood,
        }
    }

    #[test]
    fn an_entry_stays_as_its_context_says_and_an_edit_as_what_it_edits() {
        let text = Content::text("hi");
        let for_ms = |expires_after_ms| Context { expires_after_ms, ..Context::default() };
        assert_eq!(stay(&entry(5, text.encode())), Stay::ForGood);
        assert_eq!(stay(&entry(5, text.encode_in(&for_ms(1_000)))), Stay::Until(1_005));
        let end = Stay::Until(u64::MAX);
        assert_eq!(stay(&entry(u64::MAX, text.encode_in(&for_ms(1_000)))), end);
        assert_eq!(stay(&entry(5, edit(3).encode())), Stay::AsLongAs(3));
        let later = [edit(3).encode().to_vec(), vec![0xfa, 0x07, 0x00]].concat();
        assert_eq!(stay(&entry(5, later.into())), Stay::AsLongAs(3), "beside a later field");
    }

    proptest! {
        #[test]
        fn it_is_told_from_the_bytes_as_from_what_they_say(
            at_ms in any::<u64>(),
            pieces in prop::collection::vec((0..7_u8, 1_000..99_999_u64), 0..6),
        ) {
            // Messages that follow each other are one: so clients may write, or a later version.
            let mut content = Vec::new();
            for (piece, number) in pieces {
                let context = |context: Context| {
                    let both = Content::text("x").encode_in(&context).to_vec();
                    both[Content::text("x").encode().len()..].to_vec()
                };
                content.extend(match piece {
                    0 => Content::text("words").encode().to_vec(),
                    1 => edit(number).encode().to_vec(),
                    2 => context(Context { expires_after_ms: number, ..Context::default() }),
                    3 => context(Context { reply_to: number, ..Context::default() }),
                    4 => vec![0xfa, 0x07, 0x02, 0x30, 0x07],
                    5 => vec![0xfd, 0x07, 1, 2, 3, 4],
                    _ => {
                        let chat = ChatId::new("group:crew").unwrap();
                        let sender = UserId::new("ann").unwrap();
                        let forwarded = Forwarded::From(Origin { chat, seq: number, sender });
                        context(Context { forwarded: Some(forwarded), ..Context::default() })
                    }
                });
            }
            let body = entry(at_ms, content.into());
            let (quick, slow) = (stay(&body), decoded(&body));
            // What is no content that is taken need not be told right, but not as staying longer.
            let is_taken = Content::decode(&Entry::decode(body).unwrap().content, 9_999).is_ok();
            prop_assert!(quick == slow || !is_taken, "{quick:?} {slow:?}");
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = stay(&bytes.clone().into());
            let _ = stay(&entry(1, bytes.into()));
        }
    }
}
