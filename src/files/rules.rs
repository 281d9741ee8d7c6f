//! What may be uploaded, and which bytes of an upload come next. Pure: knows no disk and no store.
//! Must never let bytes in that were not announced.

use packetboat_proto::code::RejectCode;
use packetboat_proto::limits::{BODY_OVERHEAD_BYTES, FILE_CHUNK_BYTES_MAX};
use packetboat_proto::packet::FileBegin;

use crate::store::Refusal;

/// What the operator has set for files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRules {
    /// Bytes of one file.
    pub size_max: u64,
    /// Bytes that the files of one user may count for.
    pub quota: u64,
    /// What media types begin with; none: all are taken.
    pub types: Vec<String>,
    /// How long a file is kept that stands in no chat, in milliseconds.
    pub unreferenced_ms: u64,
    /// Bytes of a file in one packet.
    pub chunk_max: usize,
}

/// Bytes of a file in one packet, when bodies have up to `body_max`.
pub fn chunk_max(body_max: u32) -> usize {
    FILE_CHUNK_BYTES_MAX.min((body_max - BODY_OVERHEAD_BYTES) as usize)
}

/// The media types of a setting: with commas between.
pub fn types_of(text: &str) -> Vec<String> {
    let types = text.split(',').map(|part| part.trim().to_ascii_lowercase());
    types.filter(|part| !part.is_empty()).collect()
}

/// A refusal.
pub(super) fn refusal(code: RejectCode, reason: impl Into<String>) -> Refusal {
    Refusal::new(code, reason)
}

impl FileRules {
    /// Whether a file may be uploaded.
    pub fn check(&self, begin: &FileBegin) -> Result<(), Refusal> {
        if begin.size > self.size_max {
            let reason = format!("a file has at most {} bytes here", self.size_max);
            return Err(refusal(RejectCode::TooLarge, reason));
        }
        let media_type = begin.media_type.to_ascii_lowercase();
        let taken = self.types.iter().any(|prefix| media_type.starts_with(prefix));
        if !taken && !self.types.is_empty() {
            let reason = format!("files of the type {media_type} are not taken here");
            return Err(refusal(RejectCode::NotAllowed, reason));
        }
        Ok(())
    }

    /// How many bytes to read, when so many are asked for from there.
    pub fn length(&self, asked: u32, offset: u64, size: u64) -> usize {
        let asked = if asked == 0 { self.chunk_max } else { asked as usize };
        let left = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX);
        asked.min(self.chunk_max).min(left)
    }
}

/// How many of the bytes that came are there already; the others follow them. `have` of `size`
/// bytes are there, and `length` more came for `offset`.
pub fn known(have: u64, size: u64, offset: u64, length: usize) -> Result<usize, Refusal> {
    let end = offset.checked_add(length as u64).filter(|end| *end <= size);
    let Some(end) = end else {
        let reason = format!("the file was announced with {size} bytes");
        return Err(refusal(RejectCode::Invalid, reason));
    };
    if offset > have {
        let reason = format!("the server has {have} bytes: there would be a gap");
        return Err(refusal(RejectCode::Invalid, reason));
    }
    let known = if end <= have { length as u64 } else { have - offset };
    Ok(usize::try_from(known).expect("no more than came"))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use packetboat_proto::id::FileId;
    use packetboat_proto::limits::BODY_BYTES_LOWEST;
    use proptest::prelude::*;

    use super::*;

    fn rules(types: &str) -> FileRules {
        let types = types_of(types);
        FileRules { size_max: 100, quota: 0, types, unreferenced_ms: 0, chunk_max: 10 }
    }

    fn begin(size: u64, media_type: &str) -> FileBegin {
        FileBegin {
            file: FileId::from([0; 16]),
            size,
            media_type: media_type.to_owned(),
            sha256: [0; 32],
            thumbnail: Bytes::new(),
        }
    }

    #[test]
    fn a_file_is_taken_up_to_its_size_and_of_the_types_that_are() {
        let some = rules("image/, Audio/ogg");
        let code = |size, media_type| some.check(&begin(size, media_type)).err().map(|no| no.code);
        assert_eq!(code(100, "image/png"), None);
        assert_eq!(code(100, "AUDIO/OGG; codecs=opus"), None);
        assert_eq!(code(101, "image/png"), Some(RejectCode::TooLarge));
        assert_eq!(code(1, "text/plain"), Some(RejectCode::NotAllowed));
        assert_eq!(rules("").check(&begin(1, "text/plain")), Ok(()));
    }

    #[test]
    fn a_chunk_fits_every_body() {
        assert_eq!(chunk_max(BODY_BYTES_LOWEST), 15 * 1024);
        assert_eq!(chunk_max(64 * 1024), 32 * 1024);
        let rules = rules("");
        assert_eq!((rules.length(0, 0, 100), rules.length(4, 0, 100)), (10, 4));
        assert_eq!((rules.length(0, 95, 100), rules.length(9, 100, 100)), (5, 0));
        assert_eq!(rules.length(u32::MAX, u64::MAX, 100), 0);
    }

    proptest! {
        #[test]
        fn bytes_come_without_gaps_and_never_more_than_announced(
            size in 1..50u64, puts in proptest::collection::vec((0..60u64, 0..20usize), 0..60),
        ) {
            let whole: Vec<u8> = (0..=255).cycle().take(size.try_into().unwrap()).collect();
            let mut got: Vec<u8> = Vec::new();
            for (offset, length) in puts {
                let have = got.len() as u64;
                let Ok(known) = known(have, size, offset, length) else {
                    prop_assert!(offset > have || offset + length as u64 > size);
                    continue;
                };
                let from = usize::try_from(offset).unwrap();
                got.extend_from_slice(&whole[from..from + length][known..]);
                prop_assert_eq!(&got[..], &whole[..got.len()]);
            }
        }
    }
}
