//! Where it stands what is due, and when: under `X`, in order of time; and under `H` the messages
//! that are to be sent then. Must never know what a value holds.
//!
//! | key | value |
//! |---|---|
//! | `X` time `e` chat 0 seq | nothing: then the time of that entry is over |
//! | `X` time `s` user 0 chat 0 id | nothing: then that message is to be sent |
//! | `H` `h` user 0 chat 0 id | when a message is to be sent, and why it could not be |
//! | `H` `c` user 0 chat 0 id part | a part of its content |

use packetboat_proto::id::{ChatId, MessageId, UserId};
use packetboat_proto::limits::MESSAGE_ID_BYTES;
use packetboat_proto::packet::ScheduledName;

use super::{END, KeyError, KeyRange};

const DUE: u8 = b'X';
const ENTRY: u8 = b'e';
const SEND: u8 = b's';
const SCHEDULED: u8 = b'H';
const HEAD: u8 = b'h';
const CONTENT: u8 = b'c';
/// Bytes of a time.
const TIME_BYTES: usize = 8;

/// What is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// The time of an entry is over.
    Expiry {
        /// Of which chat.
        chat: ChatId,
        /// Its place.
        seq: u64,
    },
    /// A message is to be sent.
    Send {
        /// Whose.
        user: UserId,
        /// Which.
        name: ScheduledName,
    },
}

/// That something is due then.
pub fn at(at_ms: u64, due: &Due) -> Vec<u8> {
    let mut key = vec![DUE];
    key.extend_from_slice(&at_ms.to_be_bytes());
    match due {
        Due::Expiry { chat, seq } => {
            key.push(ENTRY);
            key.extend_from_slice(chat.as_str().as_bytes());
            key.push(END);
            key.extend_from_slice(&seq.to_be_bytes());
        }
        Due::Send { user, name } => {
            key.push(SEND);
            put_name(&mut key, user, name);
        }
    }
    key
}

fn put_name(key: &mut Vec<u8>, user: &UserId, name: &ScheduledName) {
    key.extend_from_slice(user.as_str().as_bytes());
    key.push(END);
    key.extend_from_slice(name.chat.as_str().as_bytes());
    key.push(END);
    key.extend_from_slice(name.id.as_bytes());
}

/// When a message is to be sent, and why it could not be.
pub fn scheduled(user: &UserId, name: &ScheduledName) -> Vec<u8> {
    let mut key = vec![SCHEDULED, HEAD];
    put_name(&mut key, user, name);
    key
}

/// Those of a user, behind `after`.
pub fn all_scheduled(user: &UserId, after: Option<&ScheduledName>) -> KeyRange {
    let mut prefix = vec![SCHEDULED, HEAD];
    prefix.extend_from_slice(user.as_str().as_bytes());
    prefix.push(END);
    let mut range = KeyRange::behind(prefix, None);
    if let Some(after) = after {
        range.from = scheduled(user, after);
        range.from.push(END);
    }
    range
}

/// A part of the content of one.
pub fn content(user: &UserId, name: &ScheduledName, part: u8) -> Vec<u8> {
    let mut key = vec![SCHEDULED, CONTENT];
    put_name(&mut key, user, name);
    key.push(part);
    key
}

/// Whose a message is that is to be sent, and its name, from the key of its row.
pub fn read_scheduled(key: &[u8]) -> Result<(UserId, ScheduledName), KeyError> {
    key.get(2..)
        .and_then(name_in)
        .transpose()?
        .ok_or_else(|| KeyError::Malformed { key: key.to_vec() })
}

/// A user, a chat and an id; `None`: they are not there.
fn name_in(bytes: &[u8]) -> Option<Result<(UserId, ScheduledName), KeyError>> {
    let (texts, id) = bytes.split_last_chunk::<MESSAGE_ID_BYTES>()?;
    let texts = std::str::from_utf8(texts.strip_suffix(&[END])?).ok()?;
    let (user, chat) = texts.split_once(char::from(END))?;
    let read = || {
        let name = ScheduledName { chat: ChatId::new(chat)?, id: MessageId::from(*id) };
        Ok((UserId::new(user)?, name))
    };
    Some(read())
}

/// All that is due then, or was before.
pub fn upto(now_ms: u64) -> KeyRange {
    let mut to = vec![DUE];
    to.extend_from_slice(&now_ms.to_be_bytes());
    // Behind every kind.
    to.push(u8::MAX);
    KeyRange { from: vec![DUE], to }
}

/// What such a key says.
pub fn read(key: &[u8]) -> Result<Due, KeyError> {
    let malformed = || KeyError::Malformed { key: key.to_vec() };
    let (kind, what) =
        key.get(1 + TIME_BYTES..).and_then(<[u8]>::split_first).ok_or_else(malformed)?;
    match *kind {
        ENTRY => {
            let (chat, seq) = what.split_last_chunk::<8>().ok_or_else(malformed)?;
            let chat = chat.strip_suffix(&[END]).ok_or_else(malformed)?;
            let chat = std::str::from_utf8(chat).map_err(|_| malformed())?;
            Ok(Due::Expiry { chat: ChatId::new(chat)?, seq: u64::from_be_bytes(*seq) })
        }
        SEND => {
            let (user, name) = name_in(what).transpose()?.ok_or_else(malformed)?;
            Ok(Due::Send { user, name })
        }
        _ => Err(malformed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expiry(seq: u64) -> Due {
        Due::Expiry { chat: ChatId::new("group:crew").unwrap(), seq }
    }

    #[test]
    fn what_is_due_comes_in_order_of_time() {
        let range = upto(256);
        for (at_ms, inside) in [(0, true), (255, true), (256, true), (257, false), (1 << 40, false)]
        {
            for seq in [1, 256, u64::MAX] {
                let key = at(at_ms, &expiry(seq));
                assert_eq!(range.from <= key && key < range.to, inside, "{at_ms} {seq}");
                assert_eq!(read(&key), Ok(expiry(seq)));
            }
        }
        assert!(at(255, &expiry(u64::MAX)) < at(256, &expiry(1)));
    }

    fn name(chat: &str, id: u8) -> ScheduledName {
        ScheduledName { chat: ChatId::new(chat).unwrap(), id: MessageId::from([id; 16]) }
    }

    #[test]
    fn a_message_is_named_whole_whatever_its_id() {
        let user = UserId::new("ann").unwrap();
        for id in [0, 7, 255] {
            let name = name("group:crew", id);
            let due = Due::Send { user: user.clone(), name: name.clone() };
            assert_eq!(read(&at(9, &due)), Ok(due));
            assert_eq!(read_scheduled(&scheduled(&user, &name)), Ok((user.clone(), name)));
        }
        assert!(read_scheduled(b"Hhann").is_err());
    }

    #[test]
    fn a_users_messages_are_one_range() {
        let (ann, anna) = (UserId::new("ann").unwrap(), UserId::new("anna").unwrap());
        let holds = |range: &KeyRange, key: &Vec<u8>| range.from <= *key && *key < range.to;
        let (first, next) = (name("dm:ann:bob", 255), name("group:crew", 0));
        assert!(holds(&all_scheduled(&ann, None), &scheduled(&ann, &first)));
        assert!(!holds(&all_scheduled(&ann, None), &scheduled(&anna, &first)));
        assert!(!holds(&all_scheduled(&ann, None), &content(&ann, &first, 0)));
        let behind = all_scheduled(&ann, Some(&first));
        assert!(!holds(&behind, &scheduled(&ann, &first)));
        assert!(holds(&behind, &scheduled(&ann, &next)));
    }

    #[test]
    fn what_is_no_such_key_is_malformed() {
        let key = at(7, &expiry(3));
        for cut in 0..key.len() {
            assert!(read(&key[..cut]).is_err(), "{cut}");
        }
        let mut other = key;
        other[9] = b'?';
        assert!(read(&other).is_err());
    }
}
