//! A file that stands in a chat (SPEC.md section 6): what an entry says of it. Must never hold a
//! path: who saves a file by its name writes where that name says.

use bytes::Bytes;

use crate::id::{ChatId, FileId};
use crate::limits::{
    FILE_CAPTION_BYTES_MAX, FILE_HASH_BYTES, FILE_NAME_BYTES_MAX, MEDIA_TYPE_BYTES_MAX,
};
use crate::schema;

use super::error::ContentError;

/// The SHA-256 of a file's bytes.
pub type FileHash = [u8; FILE_HASH_BYTES];

/// A file that was sent. What it says of the file is what the server knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSent {
    /// Which file.
    pub file: FileId,
    /// What people call it, 1 to 255 bytes, never a path.
    pub name: String,
    /// Its media type: a voice message is `audio/…`, a picture `image/…`.
    pub media_type: String,
    /// Its bytes.
    pub size: u64,
    /// Their hash.
    pub sha256: FileHash,
    /// Words to go with it, or nothing.
    pub caption: String,
    /// The chat from which the sender has it, when it is not the sender's own.
    pub from: Option<ChatId>,
}

impl FileSent {
    pub(super) fn from_wire(wire: schema::FileSent) -> Result<Self, ContentError> {
        let schema::FileSent { file, name, media_type, size, sha256, caption, from } = wire;
        if size == 0 {
            return Err(ContentError::Empty);
        }
        check_file_name(&name)?;
        check_media_type(&media_type)?;
        if caption.len() > FILE_CAPTION_BYTES_MAX {
            return Err(ContentError::Text { what: "a caption", max: FILE_CAPTION_BYTES_MAX });
        }
        let sha256 = FileHash::try_from(&sha256[..]).map_err(|_| ContentError::Hash)?;
        let from = if from.is_empty() { None } else { Some(ChatId::new(&from)?) };
        Ok(Self { file: FileId::new(&file)?, name, media_type, size, sha256, caption, from })
    }

    pub(super) fn into_wire(self) -> schema::FileSent {
        schema::FileSent {
            file: Bytes::copy_from_slice(self.file.as_bytes()),
            name: self.name,
            media_type: self.media_type,
            size: self.size,
            sha256: Bytes::copy_from_slice(&self.sha256),
            caption: self.caption,
            from: self.from.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

/// Checks a media type.
pub(super) fn check_media_type(media_type: &str) -> Result<(), ContentError> {
    let fits = (1..=MEDIA_TYPE_BYTES_MAX).contains(&media_type.len());
    if fits && media_type.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Ok(());
    }
    Err(ContentError::Text { what: "a media type", max: MEDIA_TYPE_BYTES_MAX })
}

/// Checks that a name is one, and no path.
pub fn check_file_name(name: &str) -> Result<(), ContentError> {
    let fits = (1..=FILE_NAME_BYTES_MAX).contains(&name.len());
    let plain = !name.contains(|letter: char| letter.is_control() || matches!(letter, '/' | '\\'));
    if fits && plain && name != "." && name != ".." {
        return Ok(());
    }
    Err(ContentError::Text { what: "a file's name, which is no path,", max: FILE_NAME_BYTES_MAX })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::RejectCode;

    fn wire(name: &str) -> schema::FileSent {
        let sent = FileSent {
            file: FileId::from([7; 16]),
            name: name.to_owned(),
            media_type: "audio/ogg".to_owned(),
            size: 9,
            sha256: [1; 32],
            caption: String::new(),
            from: None,
        };
        sent.into_wire()
    }

    #[test]
    fn a_name_is_never_a_path() {
        assert!(FileSent::from_wire(wire("a b.ogg")).is_ok());
        assert!(FileSent::from_wire(wire(&"n".repeat(255))).is_ok());
        for name in ["", ".", "..", "a/b", "/etc/passwd", "a\\b", "a\nb", &"n".repeat(256)] {
            let refused = FileSent::from_wire(wire(name)).unwrap_err();
            assert_eq!(refused.code(), RejectCode::Invalid, "{name}");
        }
    }

    #[test]
    fn a_file_has_bytes_a_hash_and_an_id() {
        let none = schema::FileSent { size: 0, ..wire("a") };
        assert_eq!(FileSent::from_wire(none), Err(ContentError::Empty));
        let short = schema::FileSent { sha256: Bytes::from_static(&[1; 31]), ..wire("a") };
        assert_eq!(FileSent::from_wire(short), Err(ContentError::Hash));
        let nameless = schema::FileSent { file: Bytes::new(), ..wire("a") };
        assert!(FileSent::from_wire(nameless).is_err());
        let caption = schema::FileSent { caption: "c".repeat(4_097), ..wire("a") };
        assert!(FileSent::from_wire(caption).is_err());
    }
}
