//! The names of a run's users, groups and chats: all of one length, so that one can be written
//! over another. Must never be a name of another run.

use packetboat_proto::id::{ChatId, UserId};

use crate::stamp::{put_hex, read_hex};
use crate::wire::To;

/// Bytes of the name of a user, or of a group: a letter, the run's salt, a dash, a number.
const NAME_BYTES: usize = 22;
const NUMBER_BYTES: usize = 8;
const PREFIX_BYTES: usize = NAME_BYTES - NUMBER_BYTES;
const DIRECT: &[u8] = b"dm:";
const GROUP: &[u8] = b"group:";
const ROOM: &[u8] = b"room:";
const SECOND_AT: usize = DIRECT.len() + NAME_BYTES + 1;
const DIRECT_BYTES: usize = SECOND_AT + NAME_BYTES;

/// The names as one user uses them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    prefix: [u8; PREFIX_BYTES],
    me: u32,
}

impl Names {
    pub(super) fn new(salt: u64, me: u32) -> Self {
        let mut prefix = [b'-'; PREFIX_BYTES];
        prefix[0] = b'l';
        put_hex(salt, &mut prefix[1..PREFIX_BYTES - 1]);
        Self { prefix, me }
    }

    fn put(&self, number: u32, out: &mut [u8]) {
        out[..PREFIX_BYTES].copy_from_slice(&self.prefix);
        put_hex(number.into(), &mut out[PREFIX_BYTES..NAME_BYTES]);
    }

    fn read(&self, name: &[u8]) -> Option<u32> {
        let number = name.strip_prefix(&self.prefix)?;
        let number = if number.len() == NUMBER_BYTES { read_hex(number)? } else { return None };
        u32::try_from(number).ok()
    }

    /// Writes the name of a chat over one of the same kind.
    pub(super) fn put_chat(&self, to: To, out: &mut [u8]) {
        match to {
            To::User(other) => {
                self.put(self.me.min(other), &mut out[DIRECT.len()..]);
                self.put(self.me.max(other), &mut out[SECOND_AT..]);
            }
            To::Group(group) => self.put(group, &mut out[GROUP.len()..]),
            To::Room(room) => self.put(room, &mut out[ROOM.len()..]),
        }
    }

    /// What a chat is to this user, if it may see it and it is of this run.
    pub(super) fn chat_with(&self, chat: &[u8]) -> Option<To> {
        if let Some(group) = chat.strip_prefix(GROUP) {
            return self.read(group).map(To::Group);
        }
        if let Some(room) = chat.strip_prefix(ROOM) {
            return self.read(room).map(To::Room);
        }
        if chat.len() != DIRECT_BYTES || !chat.starts_with(DIRECT) {
            return None;
        }
        let first = self.read(&chat[DIRECT.len()..SECOND_AT - 1])?;
        let second = self.read(&chat[SECOND_AT..])?;
        match (first == self.me, second == self.me) {
            (true, _) => Some(To::User(second)),
            (_, true) => Some(To::User(first)),
            _ => None,
        }
    }

    pub(super) fn user(&self, number: u32) -> UserId {
        let mut name = [0; NAME_BYTES];
        self.put(number, &mut name);
        let name = std::str::from_utf8(&name).expect("letters and digits");
        UserId::new(name).expect("letters and digits are an id")
    }

    pub(super) fn me(&self) -> UserId {
        self.user(self.me)
    }

    pub(super) fn is_me(&self, name: &[u8]) -> bool {
        self.read(name) == Some(self.me)
    }

    pub(super) fn chat(&self, to: To) -> ChatId {
        match to {
            To::User(other) => ChatId::direct(&self.me(), &self.user(other)),
            To::Group(group) => ChatId::group(self.user(group).as_str()).expect("a name is an id"),
            To::Room(room) => ChatId::room(self.user(room).as_str()).expect("a name is an id"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_chat_is_named_as_the_proto_crate_names_it_and_known_again(
            salt in any::<u64>(), me in any::<u32>(), other in any::<u32>(),
        ) {
            let names = Names::new(salt, me);
            for to in [To::User(other), To::Group(other), To::Room(other)] {
                let chat = names.chat(to);
                let mut written = names.chat(match to {
                    To::User(_) => To::User(me.wrapping_add(1)),
                    To::Group(_) => To::Group(0),
                    To::Room(_) => To::Room(0),
                }).as_str().as_bytes().to_vec();
                names.put_chat(to, &mut written);
                prop_assert_eq!(chat.as_str().as_bytes(), &written);
                prop_assert_eq!(names.chat_with(&written), Some(to));
            }
            let theirs = Names::new(salt, other).chat(To::User(me ^ 1));
            let is_mine = other == me;
            prop_assert_eq!(names.chat_with(theirs.as_str().as_bytes()).is_some(), is_mine);
            let elsewhere = Names::new(salt ^ 1, me).chat(To::User(other));
            prop_assert_eq!(names.chat_with(elsewhere.as_str().as_bytes()), None);
        }
    }
}
