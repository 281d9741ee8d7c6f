//! What the values hold: each kind of row as bytes, and back. Must never panic on what it reads.
//!
//! The rows are protobuf messages, derived here: they are compact, a field can be added without a
//! new format, the decoder is one that is fuzzed by others, and nothing is written by hand twice.
//! What the derived types allow and the store does not, is checked on the way in. A lone number
//! is eight bytes, big-endian.

pub(crate) mod device;
pub(crate) mod file;
pub(crate) mod keys;
pub(crate) mod own;
pub(crate) mod profile;
pub(crate) mod room;
pub(crate) mod schedule;

use packetboat_proto::content::{GroupRules, JoinRule, Role};
use packetboat_proto::id::UserId;
use prost::Message;
use thiserror::Error;

use super::spans::{Span, Spans};

pub(crate) mod invite;

/// A value that is not what its key says.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a {what} row is malformed: {detail}")]
pub(crate) struct RecordError {
    what: &'static str,
    detail: String,
}

impl RecordError {
    pub(crate) fn new(what: &'static str, detail: impl ToString) -> Self {
        Self { what, detail: detail.to_string() }
    }
}

fn malformed(what: &'static str, detail: impl ToString) -> RecordError {
    RecordError::new(what, detail)
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
    /// What the user is in the chat, if not out of it.
    pub(crate) rank: Role,
    /// What a device of the user has had.
    pub(crate) delivered: u64,
    /// What the user has read.
    pub(crate) read: u64,
    /// What the user may see.
    pub(crate) spans: Spans,
    /// Where the user came in last, if it may see what was before: no device is owed that.
    pub(crate) owed_from: u64,
    /// Until when the user is mute, in milliseconds of Unix time.
    pub(crate) muted_until_ms: u64,
    /// The user was put out, and does not come in again by itself.
    pub(crate) barred: bool,
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
    #[prost(bool, tag = "5")]
    admin: bool,
    #[prost(uint64, tag = "6")]
    owed_from: u64,
    #[prost(uint64, tag = "7")]
    muted_until_ms: u64,
    #[prost(bool, tag = "8")]
    barred: bool,
}

impl Place {
    /// A member who came in at `from`.
    pub(crate) fn starting_at(from: u64) -> Self {
        Self {
            rank: Role::Member,
            delivered: 0,
            read: 0,
            spans: Spans::starting_at(from),
            owed_from: 0,
            muted_until_ms: 0,
            barred: false,
        }
    }

    /// The user comes in, or in again, at `seq`; with `all`, it may see the whole log. What it was
    /// owed from an earlier time it is owed still.
    pub(crate) fn enter(before: Option<Self>, seq: u64, all: bool) -> Self {
        let (mut place, owed_from) = match before {
            Some(mut place) => {
                let owed_from = place.before_owed() + 1;
                place.spans.open(seq);
                place.barred = false;
                (place, owed_from)
            }
            None => (Self::starting_at(seq), seq),
        };
        if all {
            place.spans = Spans::starting_at(1);
            place.owed_from = owed_from;
        }
        place
    }

    /// What the user is in the chat.
    pub(crate) fn role(&self) -> Option<Role> {
        self.spans.is_open().then_some(self.rank)
    }

    /// What a device has had: by the row of its cursor, or that it has had nothing.
    pub(crate) fn had_by(&self, cursor: Option<&[u8]>) -> Result<u64, RecordError> {
        cursor.map_or_else(|| Ok(self.before_owed()), as_number)
    }

    /// Where a device stands that has had nothing.
    pub(crate) fn before_owed(&self) -> u64 {
        self.spans.before_first().max(self.owed_from.saturating_sub(1))
    }

    /// Behind this an entry may be unread: up to here the user has read, or was owed nothing.
    pub(crate) fn before_unread(&self) -> u64 {
        self.read.max(self.owed_from.saturating_sub(1))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let spans = self.spans.as_slice().iter();
        let row = PlaceRow {
            owner: self.rank == Role::Owner,
            delivered: self.delivered,
            read: self.read,
            spans: spans.flat_map(|span| [span.from, span.to.unwrap_or(0)]).collect(),
            admin: self.rank == Role::Admin,
            owed_from: self.owed_from,
            muted_until_ms: self.muted_until_ms,
            barred: self.barred,
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
        let rank = match (row.owner, row.admin) {
            (false, false) => Role::Member,
            (false, true) => Role::Admin,
            (true, false) => Role::Owner,
            (true, true) => return Err(malformed(WHAT, "an owner who is an admin")),
        };
        let PlaceRow { delivered, read, owed_from, muted_until_ms, barred, .. } = row;
        Ok(Self { rank, delivered, read, spans, owed_from, muted_until_ms, barred })
    }
}

/// A member, as far as it matters for each message.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Member {
    /// Until when the user is mute, in milliseconds of Unix time.
    #[prost(uint64, tag = "1")]
    pub(crate) muted_until_ms: u64,
}

impl Member {
    pub(crate) fn to_value(self) -> Vec<u8> {
        self.encode_to_vec()
    }

    pub(crate) fn from_value(value: &[u8]) -> Result<Self, RecordError> {
        decoded("member", value)
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
    /// What it is about, or nothing.
    pub(crate) topic: String,
    /// A reference to its picture, or nothing.
    pub(crate) avatar: String,
    /// What holds in it.
    pub(crate) rules: GroupRules,
    /// It is over: its members only read.
    pub(crate) dissolved: bool,
    /// Who asks to come in, and has no answer.
    pub(crate) waiting: u32,
    /// Who asked to come in, and was refused.
    pub(crate) refused: u32,
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
    #[prost(string, tag = "5")]
    topic: String,
    #[prost(string, tag = "6")]
    avatar: String,
    #[prost(message, required, tag = "7")]
    rules: RulesRow,
    #[prost(bool, tag = "8")]
    dissolved: bool,
    #[prost(uint32, tag = "9")]
    waiting: u32,
    #[prost(uint32, tag = "10")]
    refused: u32,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct RulesRow {
    #[prost(bool, tag = "1")]
    members_add: bool,
    #[prost(bool, tag = "2")]
    only_admins_write: bool,
    #[prost(bool, tag = "3")]
    history_for_all: bool,
    /// 0: invited, 1: ask, 2: anyone.
    #[prost(uint32, tag = "4")]
    join_rule: u32,
}

impl RulesRow {
    fn of(rules: GroupRules) -> Self {
        Self {
            members_add: rules.members_add,
            only_admins_write: rules.only_admins_write,
            history_for_all: rules.history_for_all,
            join_rule: match rules.join_rule {
                JoinRule::Invited => 0,
                JoinRule::Ask => 1,
                JoinRule::Anyone => 2,
            },
        }
    }

    fn checked(self) -> Option<GroupRules> {
        Some(GroupRules {
            members_add: self.members_add,
            only_admins_write: self.only_admins_write,
            history_for_all: self.history_for_all,
            join_rule: match self.join_rule {
                0 => JoinRule::Invited,
                1 => JoinRule::Ask,
                2 => JoinRule::Anyone,
                _ => return None,
            },
        })
    }
}

impl Group {
    /// Whether anybody is in it. It is over, or everybody has left, otherwise.
    pub(crate) fn lives(&self) -> bool {
        self.owner.is_some()
    }

    /// Whether a member of that rank lets others in.
    pub(crate) fn lets_add(&self, rank: Role) -> bool {
        self.rules.members_add || rank != Role::Member
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let row = GroupRow {
            name: self.name.clone(),
            owner: self.owner.as_ref().map(ToString::to_string).unwrap_or_default(),
            members: self.members,
            created_ms: self.created_ms,
            topic: self.topic.clone(),
            avatar: self.avatar.clone(),
            rules: RulesRow::of(self.rules),
            dissolved: self.dissolved,
            waiting: self.waiting,
            refused: self.refused,
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
        let live = row.members > 0;
        if row.name.is_empty() || owner.is_some() != live || (row.dissolved && live) {
            return Err(malformed(WHAT, "no name, or members without an owner"));
        }
        Ok(Self {
            name: row.name,
            owner,
            members: row.members,
            created_ms: row.created_ms,
            topic: row.topic,
            avatar: row.avatar,
            rules: row.rules.checked().ok_or_else(|| malformed(WHAT, "an unknown rule"))?,
            dissolved: row.dissolved,
            waiting: row.waiting,
            refused: row.refused,
        })
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
    /// How many devices the user ever had: the number of the last one.
    #[prost(uint64, tag = "3")]
    pub(crate) devices: u64,
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
        Place {
            rank: Role::Admin,
            delivered: 5,
            read: 4,
            owed_from: 12,
            muted_until_ms: 8,
            ..place
        }
    }

    #[test]
    fn every_row_comes_back_as_it_was() {
        for rank in [Role::Member, Role::Admin, Role::Owner] {
            let place = Place { rank, ..place() };
            assert_eq!(Place::decode(&place.encode()), Ok(place));
        }
        let crew = Group {
            name: "Crew".into(),
            owner: Some(UserId::new("ann").unwrap()),
            members: 3,
            created_ms: 77,
            topic: "Sails".into(),
            avatar: "pictures/7".into(),
            rules: GroupRules { only_admins_write: true, ..GroupRules::default() },
            dissolved: false,
            waiting: 2,
            refused: 1,
        };
        assert_eq!(Group::decode(&crew.encode()), Ok(crew.clone()));
        let empty = Group { owner: None, members: 0, dissolved: true, ..crew };
        assert_eq!(Group::decode(&empty.encode()), Ok(empty));
        let seen = Seen { first_ms: 1, last_ms: 2, devices: 3 };
        assert_eq!(Seen::from_value(&seen.to_value()), Ok(seen));
        let account = AccountRow { hash: "$argon2id$".into(), generation: 4 };
        assert_eq!(AccountRow::from_value(&account.to_value()), Ok(account));
        assert_eq!(as_number(&number(u64::MAX)), Ok(u64::MAX));
    }

    #[test]
    fn what_the_rules_do_not_allow_is_malformed() {
        assert!(Place::decode(&[]).is_err(), "a place has a span");
        assert!(Group::decode(&[]).is_err(), "a group has a name");
        let row = PlaceRow { owner: true, admin: true, spans: vec![1, 0], ..PlaceRow::default() };
        assert!(Place::decode(&row.encode_to_vec()).is_err());
        let row = PlaceRow { spans: vec![4, 3], ..PlaceRow::default() };
        assert!(Place::decode(&row.encode_to_vec()).is_err());
        let row = PlaceRow { spans: vec![4], ..row };
        assert!(Place::decode(&row.encode_to_vec()).is_err());
        assert!(as_number(&[1]).is_err());
    }

    #[test]
    fn who_sees_what_was_before_is_not_owed_it() {
        let mut before = Place::enter(None, 4, false);
        assert_eq!((before.before_owed(), before.read), (3, 0));
        before.spans.close(7);
        let again = Place::enter(Some(before.clone()), 9, false);
        assert_eq!(again.spans.count(0, 20), 4 + 12);
        let all = Place::enter(Some(before), 9, true);
        let found =
            |it: &Place| (it.before_owed(), it.before_unread(), it.read, it.spans.count(0, 20));
        assert_eq!(found(&all), (3, 3, 0, 20));
        let new = Place::enter(None, 9, true);
        assert_eq!(found(&new), (8, 8, 0, 20));
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
