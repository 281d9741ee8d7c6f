//! What the values hold: each kind of row as bytes, and back. Must never panic on what it reads.
//!
//! The rows are protobuf messages, derived here: they are compact, a field can be added without a
//! new format, the decoder is one that is fuzzed by others, and nothing is written by hand twice.
//! What the derived types allow and the store does not, is checked on the way in. A lone number
//! is eight bytes, big-endian.

use packetboat_proto::id::UserId;
use prost::Message;
use thiserror::Error;

use super::Role;
use super::spans::{Span, Spans};

/// A value that is not what its key says.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a {what} row is malformed: {detail}")]
pub(crate) struct RecordError {
    what: &'static str,
    detail: String,
}

fn malformed(what: &'static str, detail: impl ToString) -> RecordError {
    RecordError { what, detail: detail.to_string() }
}

fn decoded<M: Message + Default>(what: &'static str, value: &[u8]) -> Result<M, RecordError> {
    M::decode(value).map_err(|error| malformed(what, error))
}

/// A number as a value.
pub(crate) fn number(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// A number from a value.
pub(crate) fn as_number(value: &[u8]) -> Result<u64, RecordError> {
    let bytes = value.try_into().map_err(|_| malformed("number", "not eight bytes"))?;
    Ok(u64::from_be_bytes(bytes))
}

/// A user's place in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Only the owner is told from the others; who is out is neither.
    pub(crate) owner: bool,
    /// What a device of the user has had.
    pub(crate) delivered: u64,
    /// What the user has read.
    pub(crate) read: u64,
    /// What the user may see.
    pub(crate) spans: Spans,
}

#[derive(Clone, PartialEq, Message)]
struct PlaceRow {
    #[prost(bool, tag = "1")]
    owner: bool,
    #[prost(uint64, tag = "2")]
    delivered: u64,
    #[prost(uint64, tag = "3")]
    read: u64,
    /// From, to, from, to, …; 0 for a `to` that is open.
    #[prost(uint64, repeated, tag = "4")]
    spans: Vec<u64>,
}

impl Place {
    /// A member who came in at `from`.
    pub(crate) fn starting_at(from: u64) -> Self {
        Self { owner: false, delivered: 0, read: 0, spans: Spans::starting_at(from) }
    }

    /// What the user is in the chat.
    pub(crate) fn role(&self) -> Option<Role> {
        match (self.spans.is_open(), self.owner) {
            (false, _) => None,
            (true, false) => Some(Role::Member),
            (true, true) => Some(Role::Owner),
        }
    }

    /// What a device has had: by the row of its cursor, or that it has had nothing.
    pub(crate) fn had_by(&self, cursor: Option<&[u8]>) -> Result<u64, RecordError> {
        cursor.map_or_else(|| Ok(self.spans.before_first()), as_number)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let spans = self.spans.as_slice().iter();
        let row = PlaceRow {
            owner: self.owner,
            delivered: self.delivered,
            read: self.read,
            spans: spans.flat_map(|span| [span.from, span.to.unwrap_or(0)]).collect(),
        };
        row.encode_to_vec()
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, RecordError> {
        const WHAT: &str = "place";
        let row: PlaceRow = decoded(WHAT, value)?;
        let (pairs, rest) = row.spans.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(malformed(WHAT, "half a span"));
        }
        let open = |to: u64| if to == 0 { None } else { Some(to) };
        let spans = pairs.iter().map(|[from, to]| Span { from: *from, to: open(*to) }).collect();
        let spans = Spans::checked(spans).ok_or_else(|| malformed(WHAT, "spans out of order"))?;
        Ok(Self { owner: row.owner, delivered: row.delivered, read: row.read, spans })
    }
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// What people call it.
    pub(crate) name: String,
    /// Who may change it; nobody once the last one has left.
    pub(crate) owner: Option<UserId>,
    /// How many are in it.
    pub(crate) members: u32,
    /// When it was made.
    pub(crate) created_ms: u64,
}

#[derive(Clone, PartialEq, Message)]
struct GroupRow {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    owner: String,
    #[prost(uint32, tag = "3")]
    members: u32,
    #[prost(uint64, tag = "4")]
    created_ms: u64,
}

impl Group {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let row = GroupRow {
            name: self.name.clone(),
            owner: self.owner.as_ref().map(ToString::to_string).unwrap_or_default(),
            members: self.members,
            created_ms: self.created_ms,
        };
        row.encode_to_vec()
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, RecordError> {
        const WHAT: &str = "group";
        let row: GroupRow = decoded(WHAT, value)?;
        let owner = match row.owner.as_str() {
            "" => None,
            owner => Some(UserId::new(owner).map_err(|error| malformed(WHAT, error))?),
        };
        if row.name.is_empty() || owner.is_some() != (row.members > 0) {
            return Err(malformed(WHAT, "no name, or members without an owner"));
        }
        Ok(Self { name: row.name, owner, members: row.members, created_ms: row.created_ms })
    }
}

/// A user or a device: when it was here.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Seen {
    /// For the first time.
    #[prost(uint64, tag = "1")]
    pub(crate) first_ms: u64,
    /// When a session last ended, or the user first came.
    #[prost(uint64, tag = "2")]
    pub(crate) last_ms: u64,
}

impl Seen {
    pub(crate) fn to_value(self) -> Vec<u8> {
        self.encode_to_vec()
    }

    pub(crate) fn from_value(value: &[u8]) -> Result<Self, RecordError> {
        decoded("seen", value)
    }
}

/// An account, or what is remembered of one.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct AccountRow {
    /// The hash of the password; empty once the account is removed.
    #[prost(string, tag = "1")]
    pub(crate) hash: String,
    /// Counts the changes, over removals too.
    #[prost(uint64, tag = "2")]
    pub(crate) generation: u64,
}

impl AccountRow {
    pub(crate) fn to_value(&self) -> Vec<u8> {
        self.encode_to_vec()
    }

    pub(crate) fn from_value(value: &[u8]) -> Result<Self, RecordError> {
        decoded("account", value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place() -> Place {
        let mut place = Place::starting_at(3);
        place.spans.close(9);
        place.spans.open(12);
        Place { owner: true, delivered: 5, read: 4, ..place }
    }

    #[test]
    fn every_row_comes_back_as_it_was() {
        assert_eq!(Place::decode(&place().encode()), Ok(place()));
        let owner = Some(UserId::new("ann").unwrap());
        let crew = Group { name: "Crew".into(), owner, members: 3, created_ms: 77 };
        assert_eq!(Group::decode(&crew.encode()), Ok(crew.clone()));
        let empty = Group { owner: None, members: 0, ..crew };
        assert_eq!(Group::decode(&empty.encode()), Ok(empty));
        let seen = Seen { first_ms: 1, last_ms: 2 };
        assert_eq!(Seen::from_value(&seen.to_value()), Ok(seen));
        let account = AccountRow { hash: "$argon2id$".into(), generation: 4 };
        assert_eq!(AccountRow::from_value(&account.to_value()), Ok(account));
        assert_eq!(as_number(&number(u64::MAX)), Ok(u64::MAX));
    }

    #[test]
    fn what_the_rules_do_not_allow_is_malformed() {
        assert!(Place::decode(&[]).is_err(), "a place has a span");
        assert!(Group::decode(&[]).is_err(), "a group has a name");
        let row = PlaceRow { owner: false, delivered: 0, read: 0, spans: vec![4, 3] };
        assert!(Place::decode(&row.encode_to_vec()).is_err());
        let row = PlaceRow { spans: vec![4], ..row };
        assert!(Place::decode(&row.encode_to_vec()).is_err());
        assert!(as_number(&[1]).is_err());
    }

    proptest! {
        #[test]
        fn garbage_is_an_error_or_a_valid_row_but_never_a_panic(
            value in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            if let Ok(place) = Place::decode(&value) {
                prop_assert_eq!(Place::decode(&place.encode()), Ok(place));
            }
            if let Ok(group) = Group::decode(&value) {
                prop_assert_eq!(Group::decode(&group.encode()), Ok(group));
            }
            let _ = (Seen::from_value(&value), AccountRow::from_value(&value), as_number(&value));
        }

        #[test]
        fn a_cut_place_never_passes_for_another(cut in 0..15_usize) {
            let whole = place().encode();
            let cut = &whole[..cut.min(whole.len() - 1)];
            if let Ok(other) = Place::decode(cut) {
                prop_assert_ne!(other, place());
            }
        }
    }
}
