//! The few who there are, and their numbers. Must never name anybody else.

use packetboat_proto::id::{ChatId, DeviceId, SessionId, UserId};

use super::model::{CHATS, DEVICES, NAMES};

pub(super) fn number(names: &[&str], name: &str) -> usize {
    names.iter().position(|known| *known == name).expect("nobody else is spoken of")
}

pub(super) fn index(seq: u64) -> usize {
    usize::try_from(seq - 1).expect("logs are short here")
}

pub(super) fn user(by: usize) -> UserId {
    UserId::new(NAMES[by]).expect("it is an id")
}

pub(super) fn device(on: usize) -> DeviceId {
    DeviceId::new(DEVICES[on]).expect("it is an id")
}

pub(super) fn chat(to: usize) -> ChatId {
    ChatId::new(CHATS[to]).expect("it is an id")
}

pub(super) fn session(by: usize) -> SessionId {
    SessionId::from([u8::try_from(by).expect("users are few"); 16])
}
