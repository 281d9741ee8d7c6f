//! Files as JSON. Their ids and hashes are hex.

use std::path::Path;

use packetboat_client::{FileSent, FileState, FilesPage};
use serde_json::{Value, json};

use crate::format::hex;

/// What an entry says of a file: `file`, `name`, `media_type`, `size`, `sha256`, `caption`.
pub(super) fn sent(sent: &FileSent) -> Value {
    json!({
        "kind": "file",
        "file": sent.file.to_string(),
        "name": sent.name,
        "media_type": sent.media_type,
        "size": sent.size,
        "sha256": hex(&sent.sha256),
        "caption": sent.caption,
    })
}

/// A file that was saved: `file`, `name`, `size`, `path`.
pub(crate) fn saved(sent: &FileSent, path: &Path) -> Value {
    json!({
        "type": "saved",
        "file": sent.file.to_string(),
        "name": sent.name,
        "size": sent.size,
        "path": path.display().to_string(),
    })
}

/// A file of the user's own: `file`, `media_type`, `size`, `have`, `complete`, `sha256`.
pub(crate) fn file(state: &FileState) -> Value {
    json!({
        "type": "file",
        "file": state.file.to_string(),
        "media_type": state.media_type,
        "size": state.size,
        "have": state.have,
        "complete": state.complete,
        "sha256": hex(&state.sha256),
    })
}

/// What all of the user's files count for: `used`, `quota`.
pub(crate) fn quota(page: &FilesPage) -> Value {
    json!({ "type": "quota", "used": page.used, "quota": page.quota })
}
