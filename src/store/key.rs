//! Where everything stands in a backend: one ordered key space, a prefix byte for each kind of
//! row, big-endian numbers. An id has no zero byte, so zero ends one. Must never know what a value
//! holds. The layout is the format on disk: a change to it needs a new `FORMAT`.
//!
//! | prefix | key | value |
//! |---|---|---|
//! | `!` | name | the format's version; the store's secret |
//! | `L` | chat 0 seq part | a part of an entry |
//! | `D` | chat 0 sender 0 message id | the seq that it has |
//! | `G` | group | its name, owner, number of members |
//! | `M` | chat 0 user | until when the user, who is a member now, is mute |
//! | `C` | user 0 chat | role, cursors and spans of the user, also once out of the chat |
//! | `U` | user | first and last seen |
//! | `V` | user 0 device | when it was seen, its number, what it says of itself |
//! | `W` | user 0 device | nothing: the device is gone, and its cursors are to be removed |
//! | `R` | user 0 device 0 chat | what the device has had |
//! | `A` | user | an account |
//! | `I` | group 0 invitation | an invitation |
//! | `Q` | group 0 user | who asks to come in |
//! | `E` | chat 0 seq seq | nothing: the second entry is an edit of the first |
//! | `P` | chat 0 seq | nothing: the entry is pinned |
//! | `T` | chat 0 seq seq | nothing: the second entry is in the thread of the first |
//! | `O` | room | its name, owner, settings |
//! | `O` | room 0 user | a role of the user in the room, or until when it is mute |
//! | `O` | user | how many rooms the user has open |
//! | `S` | user | what the user says of itself, and to whom |
//! | `B`, `Y` | see `own` | a user's own state; whom entries mention |
//! | `F`, `Z` | see `file` | files, and which entries have them |
//! | `X`, `H` | see `due` | what is due, and when; messages that are to be sent |
//!
//! Who is out of a chat has a row under `C` and none under `M`, so the range of a chat's members is
//! dense, and a change of one member is two operations: 100 of them fit into one commit.

pub mod device;
pub mod due;
pub mod file;
pub mod keys;
pub mod own;

use packetboat_proto::id::{ChatId, IdError, InviteId, MessageId, UserId};
use thiserror::Error;

/// The version of the layout and of the records.
pub const FORMAT: u64 = 1;

/// The kinds of rows that hold what people say: entries, a user's own state, messages that are to
/// be sent, whom an entry mentions.
pub const SAID: &[u8] = b"LBHY";

const META: u8 = b'!';
pub(super) const LOG: u8 = b'L';
const DEDUP: u8 = b'D';
const GROUP: u8 = b'G';
const MEMBER: u8 = b'M';
const PLACE: u8 = b'C';
const USER: u8 = b'U';
const ACCOUNT: u8 = b'A';
const INVITE: u8 = b'I';
const ASKING: u8 = b'Q';
const EDIT: u8 = b'E';
const PIN: u8 = b'P';
const THREAD: u8 = b'T';
const ROOM: u8 = b'O';
const PROFILE: u8 = b'S';

pub(super) const END: u8 = 0;
/// Bytes after the chat in a log's key: the end of the chat, the seq and the part.
pub(super) const LOG_TAIL_BYTES: usize = 1 + 8 + 1;

/// A key that is not what its range should hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// It is too short, or an id in it is not text.
    #[error("a key is malformed: {key:02x?}")]
    Malformed {
        /// The key.
        key: Vec<u8>,
    },
    /// An id in it is none.
    #[error(transparent)]
    Id(#[from] IdError),
}

/// Keys from one up to another, which is not among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// The first.
    pub from: Vec<u8>,
    /// The one after the last.
    pub to: Vec<u8>,
}

impl KeyRange {
    /// All keys that start with `prefix`, which ends in `END`; of these, those behind the one
    /// that ends in `after`.
    fn behind(prefix: Vec<u8>, after: Option<&str>) -> Self {
        let mut to = prefix.clone();
        *to.last_mut().expect("a prefix has at least its first byte") += 1;
        let mut from = prefix;
        if let Some(after) = after {
            from.extend_from_slice(after.as_bytes());
            from.push(END);
        }
        Self { from, to }
    }
}

fn joined(prefix: u8, ids: &[&str]) -> Vec<u8> {
    let bytes: usize = ids.iter().map(|id| id.len() + 1).sum();
    let mut key = Vec::with_capacity(1 + bytes + LOG_TAIL_BYTES);
    key.push(prefix);
    for (at, id) in ids.iter().enumerate() {
        if at > 0 {
            key.push(END);
        }
        key.extend_from_slice(id.as_bytes());
    }
    key
}

fn ended(prefix: u8, ids: &[&str]) -> Vec<u8> {
    let mut key = joined(prefix, ids);
    key.push(END);
    key
}

/// Where the format's version stands.
pub fn format() -> Vec<u8> {
    joined(META, &["format"])
}

/// Where the store's secret stands.
pub fn secret() -> Vec<u8> {
    joined(META, &["secret"])
}

/// Where the largest body that entries were ever taken for stands.
pub fn body_max() -> Vec<u8> {
    joined(META, &["body_max"])
}

/// A part of an entry.
pub fn entry(chat: &ChatId, seq: u64, part: u8) -> Vec<u8> {
    let mut key = ended(LOG, &[chat.as_str()]);
    key.extend_from_slice(&seq.to_be_bytes());
    key.push(part);
    key
}

/// All parts of the entries from one seq to another, which is among them.
pub fn entries(chat: &ChatId, first: u64, last: u64) -> KeyRange {
    let mut to = entry(chat, last, u8::MAX);
    to.push(END);
    KeyRange { from: entry(chat, first, 0), to }
}

/// A chat's whole log.
pub fn log(chat: &ChatId) -> KeyRange {
    KeyRange::behind(ended(LOG, &[chat.as_str()]), None)
}

/// The seq and the part in a log's key.
pub fn seq_and_part(key: &[u8]) -> Result<(u64, u8), KeyError> {
    let malformed = || KeyError::Malformed { key: key.to_vec() };
    let (_, tail) = key.split_last_chunk::<9>().ok_or_else(malformed)?;
    let (seq, part) = tail.split_first_chunk::<8>().ok_or_else(malformed)?;
    Ok((u64::from_be_bytes(*seq), part[0]))
}

/// Where a message's seq is found by its id.
pub fn dedup(chat: &ChatId, sender: &UserId, id: &MessageId) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + chat.as_str().len() + sender.as_str().len() + 18);
    key.push(DEDUP);
    key.extend_from_slice(chat.as_str().as_bytes());
    key.push(END);
    key.extend_from_slice(sender.as_str().as_bytes());
    key.push(END);
    key.extend_from_slice(id.as_bytes());
    key
}

/// The part of a message's key that is its sender's in its chat, and the part that is the id.
pub fn split_dedup(key: &[u8]) -> (&[u8], MessageId) {
    let (of_sender, id) = key.split_last_chunk().expect("such a key ends in an id");
    (of_sender, MessageId::from(*id))
}

/// Where all messages of a sender in a chat are found, given the first part of a key of theirs.
pub fn dedups(of_sender: &[u8]) -> KeyRange {
    KeyRange::behind(of_sender.to_vec(), None)
}

/// A group.
pub fn group(chat: &ChatId) -> Vec<u8> {
    joined(GROUP, &[chat.as_str()])
}

/// A member of a chat.
pub fn member(chat: &ChatId, user: &UserId) -> Vec<u8> {
    joined(MEMBER, &[chat.as_str(), user.as_str()])
}

/// The members of a chat, those behind `after`.
pub fn members(chat: &ChatId, after: Option<&UserId>) -> KeyRange {
    KeyRange::behind(ended(MEMBER, &[chat.as_str()]), after.map(UserId::as_str))
}

/// A user's place in a chat.
pub fn place(user: &UserId, chat: &ChatId) -> Vec<u8> {
    joined(PLACE, &[user.as_str(), chat.as_str()])
}

/// A user's places, those behind `after`.
pub fn places(user: &UserId, after: Option<&ChatId>) -> KeyRange {
    KeyRange::behind(ended(PLACE, &[user.as_str()]), after.map(ChatId::as_str))
}

/// A user's places in groups.
pub fn places_in_groups(user: &UserId) -> KeyRange {
    KeyRange::behind(joined(PLACE, &[user.as_str(), "group:"]), None)
}

/// A user.
pub fn user(user: &UserId) -> Vec<u8> {
    joined(USER, &[user.as_str()])
}

/// An invitation to a group.
pub fn invite(chat: &ChatId, id: InviteId) -> Vec<u8> {
    let mut key = ended(INVITE, &[chat.as_str()]);
    key.extend_from_slice(id.as_bytes());
    key
}

/// The invitations to a group.
pub fn invites(chat: &ChatId) -> KeyRange {
    KeyRange::behind(ended(INVITE, &[chat.as_str()]), None)
}

/// The invitation in its key.
pub fn last_invite(key: &[u8]) -> Result<InviteId, KeyError> {
    let id = key.last_chunk::<{ packetboat_proto::limits::INVITE_ID_BYTES }>();
    id.map(|id| InviteId::from(*id)).ok_or_else(|| KeyError::Malformed { key: key.to_vec() })
}

/// Who asks to come into a group.
pub fn asking(chat: &ChatId, user: &UserId) -> Vec<u8> {
    joined(ASKING, &[chat.as_str(), user.as_str()])
}

/// Those who ask to come into a group, behind `after`.
pub fn askings(chat: &ChatId, after: Option<&UserId>) -> KeyRange {
    KeyRange::behind(ended(ASKING, &[chat.as_str()]), after.map(UserId::as_str))
}

/// An account.
pub fn account(user: &UserId) -> Vec<u8> {
    joined(ACCOUNT, &[user.as_str()])
}

/// A room.
pub fn room(room: &ChatId) -> Vec<u8> {
    joined(ROOM, &[room.as_str()])
}

/// What a user is in a room.
pub fn person(room: &ChatId, user: &UserId) -> Vec<u8> {
    joined(ROOM, &[room.as_str(), user.as_str()])
}

/// How many rooms a user has open. No user's id is a room's: it has no colon.
pub fn rooms_of(user: &UserId) -> Vec<u8> {
    joined(ROOM, &[user.as_str()])
}

/// What a user says of itself.
pub fn profile(user: &UserId) -> Vec<u8> {
    joined(PROFILE, &[user.as_str()])
}

/// The accounts, those behind `after`.
pub fn accounts(after: Option<&UserId>) -> KeyRange {
    KeyRange::behind(vec![ACCOUNT], after.map(UserId::as_str))
}

/// Numbers behind an id.
fn numbered(prefix: u8, id: &str, numbers: &[u64]) -> Vec<u8> {
    let mut key = ended(prefix, &[id]);
    for number in numbers {
        key.extend_from_slice(&number.to_be_bytes());
    }
    key
}

/// From one such key to another, which is among them.
fn between(from: Vec<u8>, mut to: Vec<u8>) -> KeyRange {
    to.push(END);
    KeyRange { from, to }
}

/// That an entry is an edit of another.
pub fn edit(chat: &ChatId, of: u64, seq: u64) -> Vec<u8> {
    numbered(EDIT, chat.as_str(), &[of, seq])
}

/// The edits of an entry.
pub fn edits(chat: &ChatId, of: u64) -> KeyRange {
    between(edit(chat, of, 0), edit(chat, of, u64::MAX))
}

/// That an entry is pinned.
pub fn pin(chat: &ChatId, seq: u64) -> Vec<u8> {
    numbered(PIN, chat.as_str(), &[seq])
}

/// What is pinned in a chat.
pub fn pins(chat: &ChatId) -> KeyRange {
    between(pin(chat, 0), pin(chat, u64::MAX))
}

/// That an entry is in the thread of another.
pub fn thread(chat: &ChatId, of: u64, seq: u64) -> Vec<u8> {
    numbered(THREAD, chat.as_str(), &[of, seq])
}

/// The entries of a thread from one seq to another, which is among them.
pub fn in_thread(chat: &ChatId, of: u64, first: u64, last: u64) -> KeyRange {
    between(thread(chat, of, first), thread(chat, of, last))
}

/// The seq that a key ends in.
pub fn last_seq(key: &[u8]) -> Result<u64, KeyError> {
    let malformed = || KeyError::Malformed { key: key.to_vec() };
    let (_, seq) = key.split_last_chunk::<8>().ok_or_else(malformed)?;
    Ok(u64::from_be_bytes(*seq))
}

/// The id that a key ends in.
fn last_id(key: &[u8]) -> Result<&str, KeyError> {
    let malformed = || KeyError::Malformed { key: key.to_vec() };
    let rest = key.get(1..).ok_or_else(malformed)?;
    let id = rest.rsplit(|byte| *byte == END).next().unwrap_or_default();
    std::str::from_utf8(id).map_err(|_| malformed())
}

/// The user in a member's or an account's key.
pub fn last_user(key: &[u8]) -> Result<UserId, KeyError> {
    Ok(UserId::new(last_id(key)?)?)
}

/// The chat in a place's key.
pub fn last_chat(key: &[u8]) -> Result<ChatId, KeyError> {
    Ok(ChatId::new(last_id(key)?)?)
}

#[cfg(test)]
mod tests {
    use packetboat_proto::id::DeviceId;

    use super::*;

    fn chat(text: &str) -> ChatId {
        ChatId::new(text).unwrap()
    }

    fn named(text: &str) -> UserId {
        UserId::new(text).unwrap()
    }

    fn holds(range: &KeyRange, key: &[u8]) -> bool {
        range.from.as_slice() <= key && key < range.to.as_slice()
    }

    #[test]
    fn a_log_is_in_order_of_seq_and_part() {
        let crew = chat("group:crew");
        let mut before = entry(&crew, 0, 0);
        for (seq, part) in [(0, 1), (1, 0), (1, 255), (2, 0), (255, 0), (256, 0), (u64::MAX, 255)] {
            let key = entry(&crew, seq, part);
            assert!(before < key, "{seq} {part}");
            assert_eq!(seq_and_part(&key), Ok((seq, part)));
            assert!(holds(&log(&crew), &key));
            before = key;
        }
    }

    #[test]
    fn a_chat_whose_name_goes_on_is_another_range() {
        let (short, long) = (chat("group:a"), chat("group:a.b"));
        assert!(!holds(&log(&short), &entry(&long, 1, 0)));
        assert!(!holds(&log(&long), &entry(&short, u64::MAX, 255)));
        assert!(!holds(&members(&short, None), &member(&long, &named("x"))));
        assert!(!holds(&places(&named("a"), None), &place(&named("a-b"), &short)));
    }

    #[test]
    fn a_stretch_of_entries_has_its_ends_and_no_more() {
        let crew = chat("group:crew");
        let range = entries(&crew, 3, 5);
        for (seq, part, inside) in
            [(2, 255, false), (3, 0, true), (5, 0, true), (5, 255, true), (6, 0, false)]
        {
            assert_eq!(holds(&range, &entry(&crew, seq, part)), inside, "{seq} {part}");
        }
        assert!(holds(&entries(&crew, 1, u64::MAX), &entry(&crew, u64::MAX, 255)));
    }

    #[test]
    fn what_belongs_to_an_entry_is_a_range_of_its_own() {
        let crew = chat("group:crew");
        for (of, seq, inside) in
            [(6, 9, false), (7, 8, true), (7, u64::MAX, true), (8, 9, false), (0x0700, 8, false)]
        {
            assert_eq!(holds(&edits(&crew, 7), &edit(&crew, of, seq)), inside, "{of} {seq}");
            assert_eq!(last_seq(&edit(&crew, of, seq)), Ok(seq));
        }
        assert!(holds(&pins(&crew), &pin(&crew, u64::MAX)));
        assert!(!holds(&pins(&crew), &pin(&chat("group:crew.b"), 1)));
        let part = in_thread(&crew, 7, 9, 12);
        for (seq, inside) in [(8, false), (9, true), (12, true), (13, false)] {
            assert_eq!(holds(&part, &thread(&crew, 7, seq)), inside, "{seq}");
        }
        assert!(last_seq(&[1]).is_err());
    }

    #[test]
    fn a_range_behind_an_id_starts_with_the_next_one() {
        let user = named("ann");
        let range = places(&user, Some(&chat("group:b")));
        for (id, inside) in
            [("dm:ann:bob", false), ("group:b", false), ("group:b.", true), ("group:c", true)]
        {
            assert_eq!(holds(&range, &place(&user, &chat(id))), inside, "{id}");
        }
        let groups = places_in_groups(&user);
        assert!(holds(&groups, &place(&user, &chat("group:z"))));
        assert!(!holds(&groups, &place(&user, &chat("dm:ann:zoe"))));
        assert!(holds(&accounts(Some(&named("a"))), &account(&named("b"))));
        assert!(!holds(&accounts(Some(&named("b"))), &account(&named("b"))));
    }

    #[test]
    fn ids_are_found_again_in_keys() {
        let (user, crew) = (named("ann"), chat("group:crew"));
        assert_eq!(last_user(&member(&crew, &user)), Ok(user.clone()));
        assert_eq!(last_user(&account(&user)), Ok(user.clone()));
        assert_eq!(last_chat(&place(&user, &crew)), Ok(crew));
    }

    #[test]
    fn a_malformed_key_is_an_error() {
        assert!(seq_and_part(b"L").is_err());
        assert!(last_user(b"").is_err());
        assert!(last_user(b"M").is_err());
        assert!(last_user(b"Ma\0\xff").is_err());
        assert!(last_chat(b"Ca\0nothing").is_err());
    }

    #[test]
    fn kinds_of_rows_do_not_mix() {
        let (user, crew) = (named("ann"), chat("group:crew"));
        let phone = DeviceId::new("phone").unwrap();
        let keys = [
            format(),
            secret(),
            body_max(),
            entry(&crew, 1, 0),
            dedup(&crew, &user, &MessageId::from([0; 16])),
            group(&crew),
            member(&crew, &user),
            place(&user, &crew),
            super::user(&user),
            device::row(&user, &phone),
            device::gone_device(&user, &phone),
            device::cursor(&user, &phone, &crew),
            account(&user),
            invite(&crew, InviteId::from([1; 8])),
            asking(&crew, &user),
            edit(&crew, 1, 2),
            pin(&crew, 1),
            thread(&crew, 1, 2),
            room(&chat("room:lobby")),
            profile(&user),
            own::own(&user),
            own::mention(&crew, 1),
        ];
        let mut prefixes: Vec<u8> = keys.iter().skip(2).map(|key| key[0]).collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        assert_eq!(prefixes.len(), keys.len() - 2, "three rows share the first");
    }
}
