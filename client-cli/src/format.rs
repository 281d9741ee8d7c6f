//! What the server tells, in the words of this command: for people in `text`, for programs in
//! `json`. Must never decide what is shown.

pub(crate) mod json;
pub(crate) mod text;

use std::fmt::Write;

use bytes::Bytes;
use packetboat_client::{Content, Context, Entry};

/// What an entry says, as far as this version can tell.
pub(crate) fn content(entry: &Entry) -> Result<Content, Bytes> {
    Content::decode(&entry.content, usize::MAX).map_err(|_| entry.content.clone())
}

/// What an entry belongs to; nothing, as far as this version cannot tell.
pub(crate) fn context(entry: &Entry) -> Context {
    Content::decode_whole(&entry.content, usize::MAX)
        .map(|(_, context)| context)
        .unwrap_or_default()
}

/// Bytes as hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a String takes all that is written");
    }
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use packetboat_client::MessageId;

    /// An entry for tests.
    pub(crate) fn entry(chat: &str, seq: u64, sender: &str, content: &Content) -> Entry {
        Entry {
            chat: chat.parse().unwrap(),
            seq,
            sender: sender.parse().unwrap(),
            id: MessageId::from([0xab; 16]),
            at_ms: 1_795_251_900_000 + seq * 1000,
            content: content.encode(),
        }
    }

    #[test]
    fn what_is_not_known_is_kept_as_bytes() {
        let mut entry = entry("dm:a:b", 1, "a", &Content::text("hi"));
        assert_eq!(content(&entry), Ok(Content::text("hi")));
        entry.content = Bytes::from_static(&[0xfa, 0x07, 0x00]);
        assert_eq!(content(&entry), Err(entry.content.clone()));
    }
}
