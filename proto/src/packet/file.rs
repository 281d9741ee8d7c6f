//! What is asked of files, and what is told of them (SPEC.md section 5.9). Must never hold more of
//! a file's bytes than one chunk.

use bytes::Bytes;

use crate::content::FileHash;
use crate::id::{ChatId, FileId};
use crate::limits::{FILE_CHUNK_BYTES_MAX, FILE_THUMBNAIL_BYTES_MAX, MEDIA_TYPE_BYTES_MAX};
use crate::schema;

use super::body::{BodyError, check_length};

/// An upload begins, or goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileBegin {
    /// The file, as its uploader names it.
    pub file: FileId,
    /// Its bytes.
    pub size: u64,
    /// Its media type.
    pub media_type: String,
    /// Their hash.
    pub sha256: FileHash,
    /// A small picture of it, or nothing.
    pub thumbnail: Bytes,
}

/// Some of the bytes of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePut {
    /// The file.
    pub file: FileId,
    /// Where the bytes begin.
    pub offset: u64,
    /// The bytes.
    pub bytes: Bytes,
}

/// Which bytes of a file are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileGet {
    /// The file.
    pub file: FileId,
    /// The chat through which the user has a right to it; `None`: an upload of the user's own.
    pub chat: Option<ChatId>,
    /// Where they begin.
    pub offset: u64,
    /// How many at most; 0: as many as fit.
    pub length: u32,
    /// Of what.
    pub part: FilePart,
}

/// A part of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FilePart {
    /// Its bytes.
    #[default]
    Whole,
    /// Its small picture.
    Thumbnail,
}

/// How a file stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileState {
    /// The file.
    pub file: FileId,
    /// Its bytes.
    pub size: u64,
    /// Bytes that the server has, from the first one on.
    pub have: u64,
    /// It is whole, checked, and may be sent.
    pub complete: bool,
    /// Its media type.
    pub media_type: String,
    /// The hash of its bytes.
    pub sha256: FileHash,
    /// Bytes of its small picture.
    pub thumbnail_bytes: u32,
}

/// Some bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChunk {
    /// The file.
    pub file: FileId,
    /// Where they begin.
    pub offset: u64,
    /// The bytes; none: the end.
    pub bytes: Bytes,
    /// Bytes of the whole part.
    pub size: u64,
}

/// A user's own files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilesPage {
    /// In order of id.
    pub files: Vec<FileState>,
    /// There are more.
    pub more: bool,
    /// Bytes that all of them count for.
    pub used: u64,
    /// Bytes that they may count for.
    pub quota: u64,
}

fn hash(bytes: &Bytes) -> Result<FileHash, BodyError> {
    let value = bytes.len() as u64;
    FileHash::try_from(&bytes[..])
        .map_err(|_| BodyError::OutOfBounds { field: "bytes of sha256", value })
}

fn id(file: &FileId) -> Bytes {
    Bytes::copy_from_slice(file.as_bytes())
}

fn media_type(text: String) -> Result<String, BodyError> {
    check_length("media_type", text.len(), MEDIA_TYPE_BYTES_MAX)?;
    if text.is_empty() || !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(BodyError::OutOfBounds { field: "media_type", value: text.len() as u64 });
    }
    Ok(text)
}

fn at_least_one(size: u64) -> Result<u64, BodyError> {
    if size == 0 { Err(BodyError::OutOfBounds { field: "size", value: 0 }) } else { Ok(size) }
}

impl FileBegin {
    pub(super) fn from_wire(wire: schema::FileBegin) -> Result<Self, BodyError> {
        check_length("thumbnail", wire.thumbnail.len(), FILE_THUMBNAIL_BYTES_MAX)?;
        Ok(Self {
            file: FileId::new(&wire.file)?,
            size: at_least_one(wire.size)?,
            media_type: media_type(wire.media_type)?,
            sha256: hash(&wire.sha256)?,
            thumbnail: wire.thumbnail,
        })
    }

    pub(super) fn to_wire(&self) -> schema::FileBegin {
        schema::FileBegin {
            file: id(&self.file),
            size: self.size,
            media_type: self.media_type.clone(),
            sha256: Bytes::copy_from_slice(&self.sha256),
            thumbnail: self.thumbnail.clone(),
        }
    }
}

impl FilePut {
    pub(super) fn from_wire(wire: schema::FilePut) -> Result<Self, BodyError> {
        check_length("bytes", wire.bytes.len(), FILE_CHUNK_BYTES_MAX)?;
        Ok(Self { file: FileId::new(&wire.file)?, offset: wire.offset, bytes: wire.bytes })
    }

    pub(super) fn to_wire(&self) -> schema::FilePut {
        schema::FilePut { file: id(&self.file), offset: self.offset, bytes: self.bytes.clone() }
    }
}

impl FileGet {
    pub(super) fn from_wire(wire: &schema::FileGet) -> Result<Self, BodyError> {
        let part = match wire.part() {
            schema::FilePart::Whole => FilePart::Whole,
            schema::FilePart::Thumbnail => FilePart::Thumbnail,
        };
        let chat = chat(&wire.chat)?;
        let (offset, length) = (wire.offset, wire.length);
        Ok(Self { file: FileId::new(&wire.file)?, chat, offset, length, part })
    }

    pub(super) fn to_wire(&self) -> schema::FileGet {
        let part = match self.part {
            FilePart::Whole => schema::FilePart::Whole,
            FilePart::Thumbnail => schema::FilePart::Thumbnail,
        };
        schema::FileGet {
            file: id(&self.file),
            chat: self.chat.as_ref().map(ToString::to_string).unwrap_or_default(),
            offset: self.offset,
            length: self.length,
            part: part.into(),
        }
    }
}

/// The chat of that text; empty is none.
fn chat(text: &str) -> Result<Option<ChatId>, BodyError> {
    if text.is_empty() { Ok(None) } else { Ok(Some(ChatId::new(text)?)) }
}

impl FileState {
    pub(super) fn from_wire(wire: schema::FileState) -> Result<Self, BodyError> {
        if wire.have > wire.size {
            return Err(BodyError::OutOfBounds { field: "have", value: wire.have });
        }
        Ok(Self {
            file: FileId::new(&wire.file)?,
            size: at_least_one(wire.size)?,
            have: wire.have,
            complete: wire.complete,
            media_type: media_type(wire.media_type)?,
            sha256: hash(&wire.sha256)?,
            thumbnail_bytes: wire.thumbnail_bytes,
        })
    }

    pub(super) fn to_wire(&self) -> schema::FileState {
        schema::FileState {
            file: id(&self.file),
            size: self.size,
            have: self.have,
            complete: self.complete,
            media_type: self.media_type.clone(),
            sha256: Bytes::copy_from_slice(&self.sha256),
            thumbnail_bytes: self.thumbnail_bytes,
        }
    }
}

impl FileChunk {
    pub(super) fn from_wire(wire: schema::FileChunk) -> Result<Self, BodyError> {
        check_length("bytes", wire.bytes.len(), FILE_CHUNK_BYTES_MAX)?;
        let schema::FileChunk { file, offset, bytes, size } = wire;
        Ok(Self { file: FileId::new(&file)?, offset, bytes, size })
    }

    pub(super) fn to_wire(&self) -> schema::FileChunk {
        let (file, bytes) = (id(&self.file), self.bytes.clone());
        schema::FileChunk { file, offset: self.offset, bytes, size: self.size }
    }
}

impl FilesPage {
    pub(super) fn from_wire(wire: schema::FilesPage) -> Result<Self, BodyError> {
        let schema::FilesPage { files, more, used, quota } = wire;
        let files = files.into_iter().map(FileState::from_wire).collect::<Result<_, _>>()?;
        Ok(Self { files, more, used, quota })
    }

    pub(super) fn to_wire(&self) -> schema::FilesPage {
        let files = self.files.iter().map(FileState::to_wire).collect();
        schema::FilesPage { files, more: self.more, used: self.used, quota: self.quota }
    }
}
