//! All logs, one after the other, for who reads each of them.

use packetboat_proto::id::ChatId;

use super::key::{END, KeyError, KeyRange, LOG, LOG_TAIL_BYTES};

/// The rows of all logs, in order of chat id.
pub(crate) fn logs() -> KeyRange {
    KeyRange { from: vec![LOG], to: vec![LOG + 1] }
}

/// The chat in the key of a log's row.
pub(crate) fn chat_of_log(key: &[u8]) -> Result<ChatId, KeyError> {
    let malformed = || KeyError::Malformed { key: key.to_vec() };
    let tail = key.len().checked_sub(LOG_TAIL_BYTES).ok_or_else(malformed)?;
    let (chat, end) = (key.get(1..tail).ok_or_else(malformed)?, key[tail]);
    let chat = std::str::from_utf8(chat).map_err(|_| malformed())?;
    if end == END { Ok(ChatId::new(chat)?) } else { Err(malformed()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::key::{entry, log};

    #[test]
    fn the_chat_of_a_log_is_in_the_key_of_each_of_its_rows() {
        for name in ["dm:ann:bob", "group:crew"] {
            let chat = ChatId::new(name).unwrap();
            for (seq, part) in [(1, 0), (0x0100, 3), (u64::MAX, 255)] {
                let key = entry(&chat, seq, part);
                assert_eq!(chat_of_log(&key), Ok(chat.clone()));
                assert!(logs().from <= key && key < logs().to && key < log(&chat).to);
            }
        }
        assert!(chat_of_log(b"L").is_err() && chat_of_log(b"Ldm:a:b-12345678-").is_err());
    }
}
