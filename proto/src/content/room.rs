//! What a room's log says about the room itself (SPEC.md section 6). Must never let a change
//! through that names nobody, or keeps nothing.

use crate::id::UserId;
use crate::limits::{GROUP_TOPIC_BYTES_MAX, ROOM_KEEP_MAX, ROOM_SLOW_MS_MAX};
use crate::schema;
use crate::schema::content::Kind;

use super::error::ContentError;
use super::text::{checked, checked_name, some, texts};

const NAME: &str = "a room's name";
const TOPIC: &str = "a room's topic";

/// A change to a room, which is an entry of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomChange {
    /// The room's first entry; its sender is the owner.
    Opened {
        /// What people call it, 1 to 128 bytes.
        name: String,
        /// What it is about, at most 512 bytes; empty: nothing.
        topic: String,
        /// Entries that its log keeps, at most 1,000; 0: 100.
        keep: u32,
        /// The least time between two messages of a user, in milliseconds; 0: none.
        slow_ms: u32,
    },
    /// It is otherwise; `None` stays. One of them is there.
    Set {
        /// Entries that its log keeps, 1 to 1,000.
        keep: Option<u32>,
        /// The least time between two messages of a user, in milliseconds; 0: none.
        slow_ms: Option<u32>,
        /// What people call it, 1 to 128 bytes.
        name: Option<String>,
        /// What it is about, at most 512 bytes; empty: nothing.
        topic: Option<String>,
    },
    /// Users are moderators, or no more, 1 to 100 and each once.
    Moderators {
        /// Who.
        users: Vec<UserId>,
        /// They are no more.
        taken_back: bool,
    },
    /// Users are mute until a time, 1 to 100 and each once; 0: no more.
    Muted {
        /// Who.
        users: Vec<UserId>,
        /// In milliseconds of Unix time.
        until_ms: u64,
    },
}

impl RoomChange {
    pub(super) fn from_kind(kind: Kind) -> Result<Self, ContentError> {
        Ok(match kind {
            Kind::RoomOpened(made) => Self::Opened {
                name: checked_name(NAME, made.name)?,
                topic: checked(TOPIC, made.topic, GROUP_TOPIC_BYTES_MAX)?,
                keep: at_most("keep", made.keep, ROOM_KEEP_MAX)?,
                slow_ms: at_most("slow_ms", made.slow_ms, ROOM_SLOW_MS_MAX)?,
            },
            Kind::RoomSet(set) => settings(set)?,
            Kind::RoomModerators(change) => {
                Self::Moderators { users: some(&change.users)?, taken_back: change.taken_back }
            }
            Kind::RoomMuted(change) => {
                Self::Muted { users: some(&change.users)?, until_ms: change.until_ms }
            }
            // The caller has looked at these.
            _ => return Err(ContentError::Unsupported),
        })
    }

    pub(super) fn into_kind(self) -> Kind {
        match self {
            Self::Opened { name, topic, keep, slow_ms } => {
                Kind::RoomOpened(schema::RoomOpened { name, topic, keep, slow_ms })
            }
            Self::Set { keep, slow_ms, name, topic } => {
                Kind::RoomSet(schema::RoomSet { keep, slow_ms, name, topic })
            }
            Self::Moderators { users, taken_back } => {
                Kind::RoomModerators(schema::RoomModerators { users: texts(&users), taken_back })
            }
            Self::Muted { users, until_ms } => {
                Kind::RoomMuted(schema::RoomMuted { users: texts(&users), until_ms })
            }
        }
    }

    /// The users that it names.
    pub fn users(&self) -> &[UserId] {
        match self {
            Self::Moderators { users, .. } | Self::Muted { users, .. } => users,
            Self::Opened { .. } | Self::Set { .. } => &[],
        }
    }
}

fn settings(set: schema::RoomSet) -> Result<RoomChange, ContentError> {
    let schema::RoomSet { keep, slow_ms, name, topic } = set;
    if keep.is_none() && slow_ms.is_none() && name.is_none() && topic.is_none() {
        return Err(ContentError::Empty);
    }
    if keep == Some(0) {
        return Err(ContentError::Number { what: "keep", max: ROOM_KEEP_MAX });
    }
    let keep = keep.map(|keep| at_most("keep", keep, ROOM_KEEP_MAX)).transpose()?;
    let slow_ms = slow_ms.map(|ms| at_most("slow_ms", ms, ROOM_SLOW_MS_MAX)).transpose()?;
    let name = name.map(|name| checked_name(NAME, name)).transpose()?;
    let topic = topic.map(|topic| checked(TOPIC, topic, GROUP_TOPIC_BYTES_MAX)).transpose()?;
    Ok(RoomChange::Set { keep, slow_ms, name, topic })
}

fn at_most(what: &'static str, number: u32, max: u32) -> Result<u32, ContentError> {
    if number <= max { Ok(number) } else { Err(ContentError::Number { what, max }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::RejectCode;

    fn set(keep: Option<u32>, slow_ms: Option<u32>) -> Result<RoomChange, ContentError> {
        let set = schema::RoomSet { keep, slow_ms, name: None, topic: None };
        RoomChange::from_kind(Kind::RoomSet(set))
    }

    #[test]
    fn a_room_keeps_something_and_not_too_much() {
        assert_eq!(set(None, None), Err(ContentError::Empty));
        assert!(set(Some(1), None).is_ok() && set(Some(1_000), Some(3_600_000)).is_ok());
        for (keep, slow_ms) in [(Some(0), None), (Some(1_001), None), (None, Some(3_600_001))] {
            assert_eq!(set(keep, slow_ms).unwrap_err().code(), RejectCode::Invalid);
        }
    }

    #[test]
    fn a_room_has_a_name_when_it_is_opened() {
        let opened = |name: &str, keep| {
            let made = schema::RoomOpened { name: name.into(), keep, ..Default::default() };
            RoomChange::from_kind(Kind::RoomOpened(made))
        };
        assert!(opened("Lobby", 0).is_ok() && opened("Lobby", 1_000).is_ok());
        for (name, keep) in [("", 0), ("a\nb", 0), ("Lobby", 1_001)] {
            assert_eq!(opened(name, keep).unwrap_err().code(), RejectCode::Invalid);
        }
    }
}
