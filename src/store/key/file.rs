//! Where files stand: under `F`, by what is looked for; and under `Z` the entries that have them.
//! A file id has a fixed length, and any bytes. Must never know what a value holds.
//!
//! | key | value |
//! |---|---|
//! | `F` `f` file | what was announced, whose it is, whether it is whole |
//! | `F` `n` file part | a part of its small picture |
//! | `F` `u` user 0 file | nothing: an upload of the user's |
//! | `F` `q` user | what the user's files count for |
//! | `F` `x` time file | nothing: a file that stands in no chat, and since when it has not moved |
//! | `F` `d` file | nothing: its bytes are to be removed |
//! | `Z` file chat 0 seq | nothing: that entry has the file |

use packetboat_proto::id::{ChatId, FileId, UserId};
use packetboat_proto::limits::FILE_ID_BYTES;

use super::{END, KeyError, KeyRange};

const FILE: u8 = b'F';
const REFERENCE: u8 = b'Z';
const ROW: u8 = b'f';
const THUMBNAIL: u8 = b'n';
const OF_USER: u8 = b'u';
const USED: u8 = b'q';
const UNSENT: u8 = b'x';
const REMOVED: u8 = b'd';

fn made(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// The range of all keys from one that are no longer than `FILE_ID_BYTES` more than `prefix`.
fn ids(prefix: Vec<u8>, after: Option<&FileId>) -> KeyRange {
    let mut to = prefix.clone();
    // One byte more than any id.
    to.extend_from_slice(&[u8::MAX; FILE_ID_BYTES + 1]);
    let mut from = prefix;
    if let Some(after) = after {
        from.extend_from_slice(after.as_bytes());
        from.push(0);
    }
    KeyRange { from, to }
}

/// A file.
pub fn row(file: &FileId) -> Vec<u8> {
    made(&[&[FILE, ROW], file.as_bytes()])
}

/// A part of its small picture.
pub fn thumbnail(file: &FileId, part: u8) -> Vec<u8> {
    made(&[&[FILE, THUMBNAIL], file.as_bytes(), &[part]])
}

/// That a file is a user's.
pub fn of_user(user: &UserId, file: &FileId) -> Vec<u8> {
    made(&[&[FILE, OF_USER], user.as_str().as_bytes(), &[END], file.as_bytes()])
}

/// A user's files, those behind `after`.
pub fn all_of_user(user: &UserId, after: Option<&FileId>) -> KeyRange {
    ids(made(&[&[FILE, OF_USER], user.as_str().as_bytes(), &[END]]), after)
}

/// What a user's files count for.
pub fn used(user: &UserId) -> Vec<u8> {
    made(&[&[FILE, USED], user.as_str().as_bytes()])
}

/// That a file stands in no chat.
pub fn unsent(since_ms: u64, file: &FileId) -> Vec<u8> {
    made(&[&[FILE, UNSENT], &since_ms.to_be_bytes(), file.as_bytes()])
}

/// The files that stand in no chat and have not moved since that time, or longer.
pub fn all_unsent(before_ms: u64) -> KeyRange {
    let to = made(&[&[FILE, UNSENT], &before_ms.saturating_add(1).to_be_bytes()]);
    KeyRange { from: vec![FILE, UNSENT], to }
}

/// That the bytes of a file are to be removed.
pub fn removed(file: &FileId) -> Vec<u8> {
    made(&[&[FILE, REMOVED], file.as_bytes()])
}

/// All files whose bytes are to be removed.
pub fn all_removed() -> KeyRange {
    ids(vec![FILE, REMOVED], None)
}

/// That an entry has a file.
pub fn reference(file: &FileId, chat: &ChatId, seq: u64) -> Vec<u8> {
    let chat = chat.as_str().as_bytes();
    made(&[&[REFERENCE], file.as_bytes(), chat, &[END], &seq.to_be_bytes()])
}

/// The entries that have a file, of all chats behind `after`.
pub fn references(file: &FileId, after: Option<&ChatId>) -> KeyRange {
    let mut from = made(&[&[REFERENCE], file.as_bytes()]);
    let mut to = from.clone();
    // No chat id has such a byte.
    to.push(u8::MAX);
    if let Some(after) = after {
        from.extend_from_slice(after.as_str().as_bytes());
        from.push(END + 1);
    }
    KeyRange { from, to }
}

/// The entries of a chat that have a file, from one seq to another, which is among them.
pub fn references_in(file: &FileId, chat: &ChatId, first: u64, last: u64) -> KeyRange {
    let mut to = reference(file, chat, last);
    to.push(END);
    KeyRange { from: reference(file, chat, first), to }
}

/// The chat in the key of a reference.
pub fn chat_of_reference(key: &[u8]) -> Result<ChatId, KeyError> {
    let malformed = || KeyError::Malformed { key: key.to_vec() };
    let tail = key.get(1 + FILE_ID_BYTES..).ok_or_else(malformed)?;
    let chat = tail.split(|byte| *byte == END).next().unwrap_or_default();
    let chat = std::str::from_utf8(chat).map_err(|_| malformed())?;
    Ok(ChatId::new(chat)?)
}

/// The file that a key ends in.
pub fn last_file(key: &[u8]) -> Result<FileId, KeyError> {
    let id = key.last_chunk::<FILE_ID_BYTES>();
    id.map(|id| FileId::from(*id)).ok_or_else(|| KeyError::Malformed { key: key.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(range: &KeyRange, key: &[u8]) -> bool {
        range.from.as_slice() <= key && key < range.to.as_slice()
    }

    fn chat(text: &str) -> ChatId {
        ChatId::new(text).unwrap()
    }

    #[test]
    fn a_range_of_ids_holds_any_id_and_no_others() {
        let (low, high) = (FileId::from([0; 16]), FileId::from([u8::MAX; 16]));
        let (ann, anna) = (UserId::new("ann").unwrap(), UserId::new("anna").unwrap());
        let all = all_of_user(&ann, None);
        for file in [low, high] {
            assert!(holds(&all, &of_user(&ann, &file)) && !holds(&all, &of_user(&anna, &file)));
            assert!(holds(&all_removed(), &removed(&file)) && !holds(&all_removed(), &row(&file)));
            assert_eq!(last_file(&of_user(&ann, &file)), Ok(file));
        }
        let behind = all_of_user(&ann, Some(&low));
        assert!(!holds(&behind, &of_user(&ann, &low)) && holds(&behind, &of_user(&ann, &high)));
    }

    #[test]
    fn what_is_unsent_is_found_by_its_time() {
        let (file, range) = (FileId::from([u8::MAX; 16]), all_unsent(7));
        assert!(holds(&range, &unsent(7, &file)) && !holds(&range, &unsent(8, &file)));
        assert!(!holds(&range, &row(&file)));
    }

    #[test]
    fn the_references_of_a_chat_are_one_range_and_the_next_chat_is_behind() {
        let file = FileId::from([0; 16]);
        let (one, longer) = (chat("group:a"), chat("group:ab"));
        let key = reference(&file, &one, 5);
        assert_eq!(chat_of_reference(&key), Ok(one.clone()));
        let within = |first, last| holds(&references_in(&file, &one, first, last), &key);
        assert!(within(5, 5) && within(1, u64::MAX) && !within(6, 9) && !within(1, 4));
        let behind = references(&file, Some(&one));
        assert!(!holds(&behind, &key) && holds(&behind, &reference(&file, &longer, 1)));
        assert!(holds(&references(&file, None), &key));
        let other = FileId::from([1; 16]);
        assert!(!holds(&references(&other, None), &key));
    }
}
