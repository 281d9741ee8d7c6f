//! What the store keeps of a file. Must never hold its bytes.

use packetboat_proto::content::FileHash;
use packetboat_proto::id::{FileId, UserId};
use prost::Message;

use super::{RecordError, decoded, malformed};
use crate::store::file::StoredFile;

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileRecord {
    /// Who uploads it.
    pub(crate) owner: UserId,
    /// Its bytes.
    pub(crate) size: u64,
    /// Its media type.
    pub(crate) media_type: String,
    /// Their hash.
    pub(crate) sha256: FileHash,
    /// Bytes of its small picture.
    pub(crate) thumbnail_bytes: u32,
    /// All its bytes are kept.
    pub(crate) complete: bool,
    /// When it began, was asked to go on, or was whole.
    pub(crate) since_ms: u64,
}

#[derive(Clone, PartialEq, Message)]
struct FileRow {
    #[prost(string, tag = "1")]
    owner: String,
    #[prost(uint64, tag = "2")]
    size: u64,
    #[prost(string, tag = "3")]
    media_type: String,
    #[prost(bytes = "vec", tag = "4")]
    sha256: Vec<u8>,
    #[prost(uint32, tag = "5")]
    thumbnail_bytes: u32,
    #[prost(bool, tag = "6")]
    complete: bool,
    #[prost(uint64, tag = "7")]
    since_ms: u64,
}

impl FileRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let row = FileRow {
            owner: self.owner.to_string(),
            size: self.size,
            media_type: self.media_type.clone(),
            sha256: self.sha256.to_vec(),
            thumbnail_bytes: self.thumbnail_bytes,
            complete: self.complete,
            since_ms: self.since_ms,
        };
        row.encode_to_vec()
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, RecordError> {
        const WHAT: &str = "file";
        let row: FileRow = decoded(WHAT, value)?;
        Ok(Self {
            owner: UserId::new(&row.owner).map_err(|error| malformed(WHAT, error))?,
            size: row.size,
            media_type: row.media_type,
            sha256: row.sha256.try_into().map_err(|_| malformed(WHAT, "no hash"))?,
            thumbnail_bytes: row.thumbnail_bytes,
            complete: row.complete,
            since_ms: row.since_ms,
        })
    }

    /// In the words of the store.
    pub(crate) fn told(self, file: FileId) -> StoredFile {
        let Self { owner, size, media_type, sha256, thumbnail_bytes, complete, .. } = self;
        StoredFile { file, owner, size, media_type, sha256, thumbnail_bytes, complete }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_file_comes_back_as_it_was() {
        let record = FileRecord {
            owner: UserId::new("ann").unwrap(),
            size: 9,
            media_type: "image/png".into(),
            sha256: [3; 32],
            thumbnail_bytes: 4,
            complete: true,
            since_ms: 77,
        };
        assert_eq!(FileRecord::decode(&record.encode()), Ok(record));
        assert!(FileRecord::decode(&[]).is_err(), "a file is somebody's");
    }

    proptest! {
        #[test]
        fn garbage_is_an_error_or_a_valid_row(
            value in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            if let Ok(record) = FileRecord::decode(&value) {
                prop_assert_eq!(FileRecord::decode(&record.encode()), Ok(record));
            }
        }
    }
}
