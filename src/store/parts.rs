//! An entry over as many values as it needs: the first says how many there are. Must never make a
//! value that is larger than a backend takes.

use bytes::Bytes;
use packetboat_proto::entry::Entry;
use packetboat_proto::limits::{BODY_BYTES_HIGHEST, BODY_OVERHEAD_BYTES};
use prost::encoding::{WireType, decode_key, decode_varint};
use thiserror::Error;

use super::batch::VALUE_BYTES_MAX;

/// Bytes in front of the first part: how many parts there are.
const HEAD_BYTES: usize = 1;
/// Bytes of an entry in one part. The same for all, so that a part's place needs no arithmetic.
const PART_BYTES: usize = VALUE_BYTES_MAX - HEAD_BYTES;
/// Parts of the largest entry.
pub(crate) const PARTS_MAX: usize = parts_of(ENTRY_BYTES_MAX);
const ENTRY_BYTES_MAX: usize = (BODY_BYTES_HIGHEST + BODY_OVERHEAD_BYTES) as usize;

/// The kinds of contents in which there is nothing to read: edited, recalled, reacted, pinned,
/// erased.
const SILENT: std::ops::RangeInclusive<u32> = 3..=7;

const _: () = assert!(PARTS_MAX <= u8::MAX as usize);

/// An entry's parts do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum PartError {
    /// A first part has no head, or one that says there are none.
    #[error("the first part of an entry has no head")]
    Head,
    /// A part is not the one that should follow.
    #[error("part {found} of an entry follows where part {expected} should")]
    Order {
        /// The part that is there.
        found: u8,
        /// The part that should be.
        expected: u8,
    },
}

/// How many parts an entry of so many bytes needs.
pub(crate) const fn parts_of(bytes: usize) -> usize {
    if bytes == 0 { 1 } else { bytes.div_ceil(PART_BYTES) }
}

/// An encoded entry behind the head of its first part: what goes out and what is stored are
/// slices of the same bytes.
#[derive(Clone, Debug)]
pub(crate) struct Whole(Bytes);

impl Whole {
    /// That of an entry.
    pub(crate) fn new(entry: &Entry) -> Self {
        let len = entry.encoded_len();
        Self::with(len, |out| entry.put(out))
    }

    /// One of so many bytes, that `put` appends.
    pub(crate) fn with(len: usize, put: impl FnOnce(&mut Vec<u8>)) -> Self {
        assert!(len <= ENTRY_BYTES_MAX, "the size of a content is checked before it is stored");
        let mut out = Vec::with_capacity(HEAD_BYTES + len);
        out.push(u8::try_from(parts_of(len)).expect("PARTS_MAX fits a byte"));
        put(&mut out);
        Self(out.into())
    }

    /// The entry.
    pub(crate) fn body(&self) -> Bytes {
        self.0.slice(HEAD_BYTES..)
    }

    /// Its values, with their parts' numbers.
    pub(crate) fn split(&self) -> impl Iterator<Item = (u8, Bytes)> {
        (0..self.0[0]).map(|part| {
            let from = usize::from(part) * PART_BYTES;
            let to = self.0.len().min(HEAD_BYTES + from + PART_BYTES);
            (part, self.0.slice(if part == 0 { 0 } else { HEAD_BYTES + from }..to))
        })
    }
}

/// Who sent an entry, from its first part alone: an entry's sender stands in front of its content,
/// so an entry of any size need not be put together for it.
pub(crate) fn sender_of(first_part: &[u8]) -> Option<&str> {
    const SENDER: u32 = 3;
    std::str::from_utf8(field(first_part, SENDER, false)?).ok()
}

/// Whether there is nothing to read in an entry: it changes an earlier one, or was recalled. It is
/// told from the first part alone, by the first field of its content, which every encoder that
/// writes fields in order writes first.
pub(crate) fn is_silent(first_part: &[u8]) -> bool {
    const CONTENT: u32 = 6;
    let key =
        field(first_part, CONTENT, true).and_then(|mut content| decode_key(&mut content).ok());
    key.is_some_and(|(kind, _)| SILENT.contains(&kind))
}

/// When an entry was taken, from its first part alone.
pub(crate) fn at_ms_of(first_part: &[u8]) -> Option<u64> {
    const AT_MS: u32 = 5;
    match found(first_part, AT_MS, false)? {
        Found::Number(at_ms) => Some(at_ms),
        Found::Bytes(_) => None,
    }
}

/// A field of an entry that has bytes; if it `may_be_cut`, as many of them as there are.
fn field(first_part: &[u8], wanted: u32, may_be_cut: bool) -> Option<&[u8]> {
    match found(first_part, wanted, may_be_cut)? {
        Found::Bytes(bytes) => Some(bytes),
        Found::Number(_) => None,
    }
}

/// What a field of an entry holds.
enum Found<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn found(first_part: &[u8], wanted: u32, may_be_cut: bool) -> Option<Found<'_>> {
    let mut rest = first_part.get(HEAD_BYTES..)?;
    while !rest.is_empty() {
        let (field, kind) = decode_key(&mut rest).ok()?;
        let number = decode_varint(&mut rest).ok()?;
        let found = match kind {
            WireType::Varint => Found::Number(number),
            WireType::LengthDelimited => {
                let bytes = usize::try_from(number).ok()?;
                let bytes =
                    if may_be_cut && field == wanted { bytes.min(rest.len()) } else { bytes };
                let (payload, behind) = rest.split_at_checked(bytes)?;
                rest = behind;
                Found::Bytes(payload)
            }
            _ => return None,
        };
        if field == wanted {
            return Some(found);
        }
    }
    None
}

/// Puts an entry together again from its values in order.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    parts: u8,
    next: u8,
    body: Vec<u8>,
}

impl Joiner {
    /// Some of an entry was taken, and not all of it.
    pub(crate) fn is_within(&self) -> bool {
        self.next > 0
    }

    /// The part that comes next.
    pub(crate) fn next_part(&self) -> u8 {
        self.next
    }

    /// Takes the next value; gives the entry once it is whole.
    pub(crate) fn take(&mut self, part: u8, value: &[u8]) -> Result<Option<Bytes>, PartError> {
        if part != self.next {
            return Err(PartError::Order { found: part, expected: self.next });
        }
        let piece = match (part, value.split_first()) {
            (0, Some((parts, piece))) if *parts > 0 => {
                self.parts = *parts;
                self.body.reserve_exact(piece.len() * usize::from(*parts));
                piece
            }
            (0, _) => return Err(PartError::Head),
            _ => value,
        };
        self.body.extend_from_slice(piece);
        self.next += 1;
        if self.next < self.parts {
            return Ok(None);
        }
        self.next = 0;
        Ok(Some(std::mem::take(&mut self.body).into()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(body: &[u8]) -> Whole {
        Whole::with(body.len(), |out| out.extend_from_slice(body))
    }

    #[test]
    fn no_value_is_larger_than_a_backend_takes() {
        for bytes in [0, 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES, ENTRY_BYTES_MAX] {
            let values: Vec<_> = whole(&vec![7; bytes]).split().collect();
            assert_eq!(values.len(), parts_of(bytes));
            assert!(values.iter().all(|(_, value)| value.len() <= VALUE_BYTES_MAX));
        }
    }

    #[test]
    fn a_part_out_of_place_is_an_error() {
        let values: Vec<_> = whole(&[1; 2 * PART_BYTES]).split().collect();
        let mut joiner = Joiner::default();
        assert_eq!(joiner.take(1, &values[1].1), Err(PartError::Order { found: 1, expected: 0 }));
        assert_eq!(joiner.take(0, &[]), Err(PartError::Head));
        assert_eq!(joiner.take(0, &[0, 9]), Err(PartError::Head));
        assert_eq!(joiner.take(0, &values[0].1), Ok(None));
        assert!(joiner.take(0, &values[0].1).is_err());
    }

    #[test]
    fn sender_and_time_are_told_from_the_first_part_alone() {
        use packetboat_proto::id::{ChatId, MessageId, UserId};
        let entry = Entry {
            chat: ChatId::group("crew").unwrap(),
            seq: 300,
            sender: UserId::new("ann").unwrap(),
            id: MessageId::from([1; 16]),
            at_ms: 5,
            content: Bytes::from(vec![0xff; 2 * PART_BYTES]),
        };
        let whole = Whole::new(&entry);
        assert_eq!(whole.body(), entry.encode());
        let (_, first) = whole.split().next().unwrap();
        assert_eq!((sender_of(&first), at_ms_of(&first)), (Some("ann"), Some(5)));
        for cut in 0..21 {
            assert_eq!(sender_of(&first[..cut]), None, "{cut}");
        }
        assert_eq!(sender_of(&[1, 0xff, 0xff]), None);
    }

    #[test]
    fn what_is_not_to_be_read_is_told_from_the_first_part_alone() {
        use packetboat_proto::content::{Alteration, Body, Content, Erasure};
        use packetboat_proto::id::{ChatId, MessageId, UserId};
        let edited = |bytes: usize| {
            Content::Entry(Alteration::Edited { seq: 1, new: Body::Text("x".repeat(bytes)) })
        };
        for (content, silent) in [
            (Content::text("hi"), false),
            (Content::text("x".repeat(9_000)), false),
            (edited(1), true),
            (edited(9_000), true),
            (Content::Entry(Alteration::Recalled { seq: 1 }), true),
            (Content::Erased(Erasure::Expired { of: 2 }), true),
        ] {
            let entry = Entry {
                chat: ChatId::group("crew").unwrap(),
                seq: 300,
                sender: UserId::new("ann").unwrap(),
                id: MessageId::from([1; 16]),
                at_ms: 5,
                content: content.encode(),
            };
            let (_, first) = Whole::new(&entry).split().next().unwrap();
            assert_eq!(is_silent(&first), silent);
        }
        assert!(!is_silent(&[1, 0xff, 0xff]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn an_entry_comes_back_as_it_was(
            body in proptest::collection::vec(any::<u8>(), 0..20_000),
        ) {
            let mut joiner = Joiner::default();
            let mut found = None;
            for (part, value) in whole(&body).split() {
                prop_assert!(found.is_none());
                found = joiner.take(part, &value).unwrap();
            }
            prop_assert_eq!(found.as_deref(), Some(body.as_slice()));
        }
    }
}
