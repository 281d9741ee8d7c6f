//! Where it stands what is due, and when: under `X`, in order of time. Must never know what is to be
//! done then.
//!
//! | key | value |
//! |---|---|
//! | `X` time `e` chat 0 seq | nothing: then the time of that entry is over |

use packetboat_proto::id::ChatId;

use super::{END, KeyError, KeyRange};

const DUE: u8 = b'X';
const ENTRY: u8 = b'e';
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
    }
    key
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
