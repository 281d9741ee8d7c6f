//! The names of users, devices, chats, messages and sessions (SPEC.md section 3). A value of
//! these types is valid; must never be made without its check.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::limits::{
    CHAT_ID_BYTES_MAX, CHAT_NAME_BYTES_MAX, CLAIM_ID_BYTES, DEVICE_ID_BYTES_MAX, FILE_ID_BYTES,
    INVITE_ID_BYTES, MESSAGE_ID_BYTES, SESSION_ID_BYTES, USER_ID_BYTES_MAX,
};

/// Why a text or bytes are no id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdError {
    /// It has no bytes.
    #[error("{what} is empty")]
    Empty {
        /// Which id it was to be.
        what: &'static str,
    },
    /// It has more bytes than `max`.
    #[error("{what} has {bytes} bytes, at most {max} are allowed")]
    TooLong {
        /// Which id it was to be.
        what: &'static str,
        /// The bytes that it has.
        bytes: usize,
        /// The bytes that it may have.
        max: usize,
    },
    /// It has a character other than `a-z A-Z 0-9 . _ -`.
    #[error("{what} has a character outside a-z A-Z 0-9 . _ - at byte {at}")]
    Character {
        /// Which id it was to be.
        what: &'static str,
        /// The offset of the first such byte.
        at: usize,
    },
    /// A chat id does not start with `dm:`, `group:` or `room:`.
    #[error("a chat id starts with dm:, group: or room:")]
    Prefix,
    /// A direct chat's id does not name two users, the lower first.
    #[error("a direct chat's id is dm:<a>:<b> with a <= b")]
    Pair,
    /// It has not the fixed number of bytes.
    #[error("{what} has {bytes} bytes, {expected} are needed")]
    Length {
        /// Which id it was to be.
        what: &'static str,
        /// The bytes that it has.
        bytes: usize,
        /// The bytes that it must have.
        expected: usize,
    },
    /// A text is not its bytes as hex.
    #[error("{what} is written as {digits} hex digits")]
    Hex {
        /// Which id it was to be.
        what: &'static str,
        /// The digits that it needs.
        digits: usize,
    },
}

/// Bytes from twice as many hex digits.
fn unhex<const BYTES: usize>(what: &'static str, text: &str) -> Result<[u8; BYTES], IdError> {
    let wrong = || IdError::Hex { what, digits: 2 * BYTES };
    if text.len() != 2 * BYTES || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let mut bytes = [0; BYTES];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| wrong())?;
    }
    Ok(bytes)
}

fn check_name(what: &'static str, text: &str, max: usize) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty { what });
    }
    if text.len() > max {
        return Err(IdError::TooLong { what, bytes: text.len(), max });
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    match text.bytes().position(|byte| !allowed(byte)) {
        Some(at) => Err(IdError::Character { what, at }),
        None => Ok(()),
    }
}

/// Gives a checked text type its conversions: it reads as a `&str` and clones cheaply.
macro_rules! text_id {
    ($name:ident) => {
        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{:?}", &*self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }
    };
}

/// A user: 1 to 64 bytes of `a-z A-Z 0-9 . _ -`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Arc<str>);

impl UserId {
    /// Checks `text`.
    pub fn new(text: &str) -> Result<Self, IdError> {
        check_name("a user id", text, USER_ID_BYTES_MAX)?;
        Ok(Self(text.into()))
    }
}

text_id!(UserId);

/// A user's installation: 1 to 64 bytes of `a-z A-Z 0-9 . _ -`, unique within the user.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(Arc<str>);

impl DeviceId {
    /// Checks `text`.
    pub fn new(text: &str) -> Result<Self, IdError> {
        check_name("a device id", text, DEVICE_ID_BYTES_MAX)?;
        Ok(Self(text.into()))
    }
}

text_id!(DeviceId);

/// A chat: `dm:<a>:<b>` with `a <= b`, `group:<id>` or `room:<name>`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChatId(Arc<str>);

/// What a chat id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatKind<'a> {
    /// The direct chat of two users, who are the same for a note to oneself.
    Direct(&'a str, &'a str),
    /// A group, by its own id.
    Group(&'a str),
    /// A room, by its own name.
    Room(&'a str),
}

impl ChatId {
    /// Checks `text`.
    pub fn new(text: &str) -> Result<Self, IdError> {
        if text.len() > CHAT_ID_BYTES_MAX {
            let (bytes, max) = (text.len(), CHAT_ID_BYTES_MAX);
            return Err(IdError::TooLong { what: "a chat id", bytes, max });
        }
        match split(text).ok_or(IdError::Prefix)? {
            ("dm", pair) => {
                let (low, high) = pair.split_once(':').ok_or(IdError::Pair)?;
                check_name("a user id", low, USER_ID_BYTES_MAX)?;
                check_name("a user id", high, USER_ID_BYTES_MAX)?;
                if low > high {
                    return Err(IdError::Pair);
                }
            }
            ("group", name) => check_name("a group's id", name, CHAT_NAME_BYTES_MAX)?,
            ("room", name) => check_name("a room's name", name, CHAT_NAME_BYTES_MAX)?,
            _ => return Err(IdError::Prefix),
        }
        Ok(Self(text.into()))
    }

    /// The direct chat of two users, in either order.
    pub fn direct(one: &UserId, other: &UserId) -> Self {
        let (low, high) = if one <= other { (one, other) } else { (other, one) };
        Self(format!("dm:{low}:{high}").into())
    }

    /// The group of that id.
    pub fn group(id: &str) -> Result<Self, IdError> {
        Self::new(&format!("group:{id}"))
    }

    /// The room of that name.
    pub fn room(name: &str) -> Result<Self, IdError> {
        Self::new(&format!("room:{name}"))
    }

    /// Whether it is a room.
    pub fn is_room(&self) -> bool {
        matches!(self.kind(), ChatKind::Room(_))
    }

    /// What the id names.
    pub fn kind(&self) -> ChatKind<'_> {
        const CHECKED: &str = "a ChatId is checked when it is made";
        match split(&self.0).expect(CHECKED) {
            ("dm", pair) => {
                let (low, high) = pair.split_once(':').expect(CHECKED);
                ChatKind::Direct(low, high)
            }
            ("group", name) => ChatKind::Group(name),
            (_, name) => ChatKind::Room(name),
        }
    }

    /// The other user of a direct chat (the same one for a note to oneself), or `None` when
    /// this is no direct chat of `user`.
    pub fn peer_of(&self, user: &UserId) -> Option<UserId> {
        match self.kind() {
            ChatKind::Direct(low, high) if low == user.as_str() => Some(UserId(high.into())),
            ChatKind::Direct(low, high) if high == user.as_str() => Some(UserId(low.into())),
            _ => None,
        }
    }
}

fn split(chat: &str) -> Option<(&str, &str)> {
    chat.split_once(':')
}

text_id!(ChatId);

/// Gives a type of fixed bytes its conversions; it reads as hex.
macro_rules! bytes_id {
    ($name:ident, $what:literal, $bytes:expr) => {
        impl $name {
            /// Checks the number of bytes.
            pub fn new(bytes: &[u8]) -> Result<Self, IdError> {
                match <[u8; $bytes]>::try_from(bytes) {
                    Ok(bytes) => Ok(Self(bytes)),
                    Err(_) => {
                        Err(IdError::Length { what: $what, bytes: bytes.len(), expected: $bytes })
                    }
                }
            }

            /// The id as bytes.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl From<[u8; $bytes]> for $name {
            fn from(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, out)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                unhex($what, text).map(Self)
            }
        }
    };
}

/// A message, as its sender names it: 16 bytes, `UUIDv7` advised.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId([u8; MESSAGE_ID_BYTES]);

bytes_id!(MessageId, "a message id", MESSAGE_ID_BYTES);

/// A file, as its uploader names it: 16 bytes, `UUIDv7` advised.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId([u8; FILE_ID_BYTES]);

bytes_id!(FileId, "a file id", FILE_ID_BYTES);

/// One authenticated connection: 16 random bytes, chosen by the server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId([u8; SESSION_ID_BYTES]);

bytes_id!(SessionId, "a session id", SESSION_ID_BYTES);

/// An invitation to a group: 8 random bytes, chosen by who makes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InviteId([u8; INVITE_ID_BYTES]);

bytes_id!(InviteId, "an invitation's id", INVITE_ID_BYTES);

/// A claim of a key: 16 random bytes, chosen by who claims.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimId([u8; CLAIM_ID_BYTES]);

bytes_id!(ClaimId, "a claim's id", CLAIM_ID_BYTES);

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> UserId {
        UserId::new(text).unwrap()
    }

    #[test]
    fn an_id_of_bytes_is_read_as_it_is_written() {
        let id = MessageId::from([0xab; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("AB".repeat(16).parse(), Ok(id));
        for text in ["", "ab", &"ab".repeat(17), &"é".repeat(16), &format!("+{}", "a".repeat(31))]
        {
            assert!(matches!(text.parse::<MessageId>(), Err(IdError::Hex { digits: 32, .. })));
        }
    }

    #[test]
    fn a_user_id_is_1_to_64_bytes_of_its_alphabet() {
        assert!(UserId::new("Az09._-").is_ok());
        assert!(UserId::new(&"a".repeat(64)).is_ok());
        assert_eq!(UserId::new(""), Err(IdError::Empty { what: "a user id" }));
        let long = UserId::new(&"a".repeat(65));
        assert_eq!(long, Err(IdError::TooLong { what: "a user id", bytes: 65, max: 64 }));
        for (text, at) in [("a b", 1), ("é", 0), ("ab:", 2), ("a/b", 1), ("a\0", 1)] {
            assert_eq!(UserId::new(text), Err(IdError::Character { what: "a user id", at }));
        }
    }

    #[test]
    fn a_direct_chat_is_the_same_from_both_sides() {
        let chat = ChatId::direct(&user("zoe"), &user("Bob"));
        assert_eq!(chat.as_str(), "dm:Bob:zoe");
        assert_eq!(chat, ChatId::direct(&user("Bob"), &user("zoe")));
        assert_eq!(chat.peer_of(&user("zoe")), Some(user("Bob")));
        assert_eq!(chat.peer_of(&user("eve")), None);
        assert_eq!(ChatId::new(chat.as_str()), Ok(chat));
    }

    #[test]
    fn a_note_to_oneself_is_a_direct_chat() {
        let note = ChatId::direct(&user("a"), &user("a"));
        assert_eq!(note.kind(), ChatKind::Direct("a", "a"));
        assert_eq!(note.peer_of(&user("a")), Some(user("a")));
    }

    #[test]
    fn a_chat_id_is_checked_whole() {
        for text in ["", "dm", "dm:", "dm:a", "dm:b:a", "dm:a:b:c", "group:", "x:a", "Group:a"] {
            assert!(ChatId::new(text).is_err(), "{text}");
        }
        assert_eq!(ChatId::new("dm:b:a"), Err(IdError::Pair));
        assert_eq!(ChatId::new("note:a"), Err(IdError::Prefix));
        assert_eq!(ChatId::new("group:g.1").unwrap().kind(), ChatKind::Group("g.1"));
        assert_eq!(ChatId::new("room:lobby").unwrap().kind(), ChatKind::Room("lobby"));
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        assert_eq!(ChatId::new(&format!("dm:{a}:{b}")).unwrap().as_str().len(), CHAT_ID_BYTES_MAX);
    }

    #[test]
    fn a_message_id_has_16_bytes_and_reads_as_hex() {
        assert_eq!(MessageId::new(&[0xab; 16]).unwrap().to_string(), "ab".repeat(16));
        let short = MessageId::new(&[0; 15]);
        let what = "a message id";
        assert_eq!(short, Err(IdError::Length { what, bytes: 15, expected: 16 }));
        assert!(MessageId::new(&[0; 17]).is_err());
    }
}
