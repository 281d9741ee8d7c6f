//! Files as JSON. Their ids and hashes are hex.

use std::path::Path;

use packetboat_client::{ChatId, FileSent, FileState, FilesPage};
use serde_json::{Value, json};

use super::object::Object;
use crate::format::hex;

/// What an entry says of a file: `file`, `name`, `media_type`, `size`, `sha256`, `caption`, and
/// in `from` the chat that its sender has it from (or null).
pub(super) fn sent(sent: &FileSent) -> Value {
    json!({
        "kind": "file",
        "file": sent.file.to_string(),
        "name": sent.name,
        "media_type": sent.media_type,
        "size": sent.size,
        "sha256": hex(&sent.sha256),
        "caption": sent.caption,
        "from": sent.from.as_ref().map(ChatId::as_str),
    })
}

/// A file that was saved: `file`, `name`, `size`, `path`.
pub(crate) fn saved(sent: &FileSent, path: &Path) -> Object {
    Object::new(
        "saved",
        json!({
            "file": sent.file.to_string(),
            "name": sent.name,
            "size": sent.size,
            "path": path.display().to_string(),
        }),
    )
}

/// A small picture that was saved: `file`, `name` (of the whole file), `size`, `path`.
pub(crate) fn thumbnail(sent: &FileSent, size: usize, path: &Path) -> Object {
    Object::new(
        "thumbnail",
        json!({
            "file": sent.file.to_string(),
            "name": sent.name,
            "size": size,
            "path": path.display().to_string(),
        }),
    )
}

/// A file of the user's own: `file`, `media_type`, `size`, `have`, `complete`, `sha256`,
/// `thumbnail_bytes` (0: there is no small picture of it).
pub(crate) fn file(state: &FileState) -> Object {
    Object::new(
        "file",
        json!({
            "file": state.file.to_string(),
            "media_type": state.media_type,
            "size": state.size,
            "have": state.have,
            "complete": state.complete,
            "sha256": hex(&state.sha256),
            "thumbnail_bytes": state.thumbnail_bytes,
        }),
    )
}

/// What all of the user's files count for: `used`, `quota`.
pub(crate) fn quota(page: &FilesPage) -> Object {
    Object::new("quota", json!({ "used": page.used, "quota": page.quota }))
}
