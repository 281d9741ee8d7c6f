//! What a recall leaves in the place of a content. Must never take a content that says something
//! for one that does not.

use bytes::Bytes;
use packetboat_proto::content::Content;

/// Bytes of the longest content that says that there is none: two keys, a length, a number.
const ERASED_BYTES_MAX: usize = 13;

/// The seq of the entry that recalled what stood here, if it was recalled.
pub(crate) fn erased_by(content: &Bytes) -> Option<u64> {
    if content.len() > ERASED_BYTES_MAX {
        return None;
    }
    match Content::decode(content, ERASED_BYTES_MAX) {
        Ok(Content::Erased { by }) => Some(by),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_recall_leaves_is_told_from_what_was_said() {
        for by in [1, 300, u64::MAX] {
            assert_eq!(erased_by(&Content::Erased { by }.encode()), Some(by));
        }
        assert_eq!(erased_by(&Content::text("hi").encode()), None);
        assert_eq!(erased_by(&Content::text("x".repeat(99)).encode()), None);
        assert_eq!(erased_by(&Bytes::new()), None);
    }
}
