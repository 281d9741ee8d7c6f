//! What is kept of a room beside its log. Must never hold who listens: that ends with a session.

use packetboat_proto::id::UserId;
use packetboat_proto::limits::{ROOM_KEEP_MAX, ROOM_SLOW_MS_MAX};
use prost::Message;

use super::{RecordError, decoded, malformed};

/// A room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// What people call it.
    pub(crate) name: String,
    /// Who opened it.
    pub(crate) owner: UserId,
    /// What it is about, or nothing.
    pub(crate) topic: String,
    /// Entries that its log keeps.
    pub(crate) keep: u32,
    /// The least time between two messages of a user, in milliseconds.
    pub(crate) slow_ms: u32,
    /// When it was opened.
    pub(crate) opened_ms: u64,
    /// It is closed for good.
    pub(crate) closed: bool,
    /// Users with a row in it.
    pub(crate) people: u32,
    /// Up to which seq nothing is shown any more, whatever it keeps now.
    pub(crate) passed: u64,
}

#[derive(Clone, PartialEq, Message)]
struct RoomRow {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    owner: String,
    #[prost(string, tag = "3")]
    topic: String,
    #[prost(uint32, tag = "4")]
    keep: u32,
    #[prost(uint32, tag = "5")]
    slow_ms: u32,
    #[prost(uint64, tag = "6")]
    opened_ms: u64,
    #[prost(bool, tag = "7")]
    closed: bool,
    #[prost(uint32, tag = "8")]
    people: u32,
    #[prost(uint64, tag = "9")]
    passed: u64,
}

impl Room {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let row = RoomRow {
            name: self.name.clone(),
            owner: self.owner.to_string(),
            topic: self.topic.clone(),
            keep: self.keep,
            slow_ms: self.slow_ms,
            opened_ms: self.opened_ms,
            closed: self.closed,
            people: self.people,
            passed: self.passed,
        };
        row.encode_to_vec()
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, RecordError> {
        const WHAT: &str = "room";
        let row: RoomRow = decoded(WHAT, value)?;
        let owner = UserId::new(&row.owner).map_err(|error| malformed(WHAT, error))?;
        let keeps = (1..=ROOM_KEEP_MAX).contains(&row.keep);
        if row.name.is_empty() || !keeps || row.slow_ms > ROOM_SLOW_MS_MAX {
            return Err(malformed(WHAT, "no name, or out of its bounds"));
        }
        let RoomRow { name, topic, keep, slow_ms, opened_ms, closed, people, passed, .. } = row;
        Ok(Self { name, owner, topic, keep, slow_ms, opened_ms, closed, people, passed })
    }

    /// Up to which seq nothing of its log is shown, if that ends at `head`.
    pub(crate) fn hidden_upto(&self, head: u64) -> u64 {
        head.saturating_sub(self.keep.into()).max(self.passed)
    }
}

/// What a user is in a room, beside one who listens.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Person {
    /// May mute others, and writes as often as it likes.
    #[prost(bool, tag = "1")]
    pub(crate) moderator: bool,
    /// Until when the user is mute, in milliseconds of Unix time.
    #[prost(uint64, tag = "2")]
    pub(crate) muted_until_ms: u64,
}

impl Person {
    pub(crate) fn to_value(self) -> Vec<u8> {
        self.encode_to_vec()
    }

    pub(crate) fn from_value(value: &[u8]) -> Result<Self, RecordError> {
        decoded("person", value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> Room {
        Room {
            name: "Lobby".into(),
            owner: UserId::new("ann").unwrap(),
            topic: "All".into(),
            keep: 7,
            slow_ms: 500,
            opened_ms: 9,
            closed: true,
            people: 3,
            passed: 4,
        }
    }

    #[test]
    fn a_room_comes_back_as_it_was() {
        assert_eq!(Room::decode(&room().encode()), Ok(room()));
        let person = Person { moderator: true, muted_until_ms: 5 };
        assert_eq!(Person::from_value(&person.to_value()), Ok(person));
    }

    #[test]
    fn a_room_of_a_version_that_had_no_number_for_it_has_passed_nothing() {
        let older = Room { passed: 0, ..room() };
        let value = older.encode();
        assert!(!value.contains(&(9 << 3)), "the field is not there");
        assert_eq!(Room::decode(&value), Ok(older));
    }

    #[test]
    fn what_a_room_has_passed_is_hidden_and_so_is_what_it_does_not_keep() {
        for (head, hidden) in [(1, 4), (11, 4), (12, 5), (20, 13)] {
            assert_eq!(room().hidden_upto(head), hidden, "{head}");
        }
    }

    #[test]
    fn a_room_that_keeps_nothing_or_too_much_is_malformed() {
        for keep in [0, ROOM_KEEP_MAX + 1] {
            assert!(Room::decode(&Room { keep, ..room() }.encode()).is_err());
        }
        let nameless = Room { name: String::new(), ..room() };
        assert!(Room::decode(&nameless.encode()).is_err());
        assert!(Room::decode(&[0xff]).is_err() && Room::decode(&[]).is_err());
    }
}
