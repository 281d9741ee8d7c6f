//! Who writes to whom, and what: the same in every stage. Must never hold anything of a stage.

use std::sync::Arc;

use bytes::Bytes;
use packetboat::server;
use packetboat::session::port::Rules;
use packetboat::store::{Author, Draft};
use packetboat_proto::content::Content;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, MessageId, SessionId, UserId};
use packetboat_proto::limits::BODY_BYTES_DEFAULT;

/// Bytes of a message's text.
const TEXT_BYTES: usize = 200;
/// Chats whose ends are kept at hand: more than a stage has.
pub(crate) const CHATS_CACHED: usize = 1_000;
/// When all of it happens, in milliseconds of Unix time.
pub(crate) const NOW_MS: u64 = 1_800_000_000_000;

pub(crate) fn user(number: u64) -> UserId {
    UserId::new(&format!("user-{number:05}")).expect("it is an id")
}

/// The chat of two users, of whom the first writes.
pub(crate) fn direct(number: u64) -> ChatId {
    ChatId::direct(&writer(number), &reader(number))
}

/// Who writes in a direct chat.
pub(crate) fn writer(number: u64) -> UserId {
    user(2 * number)
}

/// Who reads in it.
pub(crate) fn reader(number: u64) -> UserId {
    user(2 * number + 1)
}

pub(crate) fn group(number: u64) -> ChatId {
    ChatId::group(&format!("group-{number:03}")).expect("it is an id")
}

pub(crate) fn session(number: u64) -> SessionId {
    SessionId::from(sixteen(number))
}

/// Ids that go up, as SPEC.md advises.
pub(crate) fn message_id(number: u64) -> MessageId {
    MessageId::from(sixteen(number))
}

fn sixteen(number: u64) -> [u8; 16] {
    u128::from(number).to_be_bytes()
}

/// An encoded text.
pub(crate) fn content() -> Bytes {
    Content::text("m".repeat(TEXT_BYTES)).encode()
}

pub(crate) fn author(user: UserId) -> Author {
    Author { user, session: session(u64::MAX) }
}

pub(crate) fn draft(chat: &ChatId, number: u64) -> Draft {
    Draft {
        chat: chat.clone(),
        id: message_id(number),
        content: content(),
        change: None,
        refers: None,
        file: None,
    }
}

/// An entry of a direct chat.
pub(crate) fn entry(number: u64, seq: u64) -> Entry {
    Entry {
        chat: direct(number),
        seq,
        sender: writer(number),
        id: message_id(seq),
        at_ms: NOW_MS,
        content: content(),
    }
}

/// A session's rules as the server has them by default.
pub(crate) fn rules() -> Arc<Rules> {
    let config = packetboat::config::settings::Config::default();
    Arc::new(server::rules(&config, BODY_BYTES_DEFAULT))
}
