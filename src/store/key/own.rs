//! Where a user's own state stands, and by which number its changes and the mentions of users are
//! found. Must never know what a value holds.
//!
//! | prefix | key | value |
//! |---|---|---|
//! | `B` | user | how many items there are, the newest revision, the floor |
//! | `B` | user 0 kind what | an item, with its revision |
//! | `Y` | user 0 revision | the key of the item that has it |
//! | `Y` | chat 0 seq | whom the entry mentions (a user's id has no colon, a chat's has one) |

use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::packet::Item;

use super::{KeyRange, between, ended, joined, numbered};

const OWN: u8 = b'B';
const NUMBERED: u8 = b'Y';

const MARKS: u8 = b'm';
const DRAFT: u8 = b'd';
const HIDDEN: u8 = b'h';
const CONTACT: u8 = b'c';
const BLOCK: u8 = b'b';

/// What there is of a user's own state.
pub fn own(user: &UserId) -> Vec<u8> {
    joined(OWN, &[user.as_str()])
}

/// An item of a user's.
pub fn item(user: &UserId, item: &Item) -> Vec<u8> {
    match item {
        Item::Marks { chat, .. } => marks(user, chat),
        Item::Draft(draft) => item_of(user, DRAFT, draft.chat.as_str()),
        Item::Hidden { chat, .. } => hidden(user, chat),
        Item::Contact(of) => contact(user, &of.user),
        Item::Block(of) => block(user, &of.user),
    }
}

/// A user's marks of a chat.
pub fn marks(user: &UserId, chat: &ChatId) -> Vec<u8> {
    item_of(user, MARKS, chat.as_str())
}

/// What a user has hidden of a chat.
pub fn hidden(user: &UserId, chat: &ChatId) -> Vec<u8> {
    item_of(user, HIDDEN, chat.as_str())
}

/// What a user knows of another.
pub fn contact(user: &UserId, other: &UserId) -> Vec<u8> {
    item_of(user, CONTACT, other.as_str())
}

/// That a user wants to hear nothing of another.
pub fn block(user: &UserId, other: &UserId) -> Vec<u8> {
    item_of(user, BLOCK, other.as_str())
}

/// All whom a user has ever blocked.
pub fn blocks(user: &UserId) -> KeyRange {
    KeyRange::behind(item_of(user, BLOCK, ""), None)
}

fn item_of(user: &UserId, kind: u8, what: &str) -> Vec<u8> {
    let mut key = ended(OWN, &[user.as_str()]);
    key.push(kind);
    key.extend_from_slice(what.as_bytes());
    key
}

/// Which item a revision has set.
pub fn revision(user: &UserId, revision: u64) -> Vec<u8> {
    numbered(NUMBERED, user.as_str(), &[revision])
}

/// The revisions from one to another, which is among them.
pub fn revisions(user: &UserId, first: u64, last: u64) -> KeyRange {
    between(revision(user, first), revision(user, last))
}

/// Whom an entry mentions.
pub fn mention(chat: &ChatId, seq: u64) -> Vec<u8> {
    numbered(NUMBERED, chat.as_str(), &[seq])
}

/// The entries that mention somebody, from one seq to another, which is among them.
pub fn mentions(chat: &ChatId, first: u64, last: u64) -> KeyRange {
    between(mention(chat, first), mention(chat, last))
}

#[cfg(test)]
mod tests {
    use super::super::{SAID, entry, place};
    use super::*;

    #[test]
    fn what_people_say_and_whom_they_mention_is_kept_apart() {
        let (user, chat) = (UserId::new("ann").unwrap(), ChatId::new("dm:ann:bob").unwrap());
        let said = [entry(&chat, 1, 0), mention(&chat, 1)];
        assert!(said.iter().all(|key| SAID.contains(&key[0])), "{said:?}");
        assert!(!SAID.contains(&place(&user, &chat)[0]));
    }

    #[test]
    fn revisions_and_mentions_are_ranges_of_their_own() {
        let (ann, crew) = (UserId::new("ann").unwrap(), ChatId::new("group:ann").unwrap());
        let holds = |range: &KeyRange, key: &[u8]| *range.from <= *key && *key < *range.to;
        let range = revisions(&ann, 2, 4);
        for (number, inside) in [(1, false), (2, true), (4, true), (5, false)] {
            assert_eq!(holds(&range, &revision(&ann, number)), inside, "{number}");
            assert!(!holds(&range, &mention(&crew, number)));
        }
        assert!(holds(&mentions(&crew, 1, u64::MAX), &mention(&crew, u64::MAX)));
    }

    #[test]
    fn items_of_a_chat_do_not_meet() {
        let (ann, crew) = (UserId::new("ann").unwrap(), ChatId::new("group:ann").unwrap());
        assert_ne!(marks(&ann, &crew), hidden(&ann, &crew));
        assert_ne!(own(&ann)[..], marks(&ann, &crew)[..=own(&ann).len()]);
    }
}
