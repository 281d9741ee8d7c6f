//! What is left in the place of a content that is gone. Must never take a content that says
//! something for one that does not.

use bytes::Bytes;
use packetboat_proto::content::{Content, Erasure};

/// Bytes of the longest content that says that there is none: two keys, a length, a number.
const ERASED_BYTES_MAX: usize = 13;

/// Why a content is gone, if it is.
pub(crate) fn erasure(content: &Bytes) -> Option<Erasure> {
    if content.len() > ERASED_BYTES_MAX {
        return None;
    }
    match Content::decode(content, ERASED_BYTES_MAX) {
        Ok(Content::Erased(erasure)) => Some(erasure),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_from_what_was_said() {
        for seq in [1, 300, u64::MAX] {
            for left in [Erasure::Recalled { by: seq }, Erasure::Expired { of: seq }] {
                assert_eq!(erasure(&Content::Erased(left).encode()), Some(left));
            }
        }
        assert_eq!(erasure(&Content::text("hi").encode()), None);
        assert_eq!(erasure(&Content::text("x".repeat(99)).encode()), None);
        assert_eq!(erasure(&Bytes::new()), None);
    }
}
