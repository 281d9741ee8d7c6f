//! What is said of files, as JSON. Must never leave out a field.

use packetboat_proto::content::FileSent;
use packetboat_proto::packet::{
    FileBegin, FileChunk, FileGet, FilePart, FilePut, FileState, FilesPage,
};
use serde_json::{Value, json};

use super::{list, text};
use crate::line::hex;

pub(super) fn of_sent(sent: &FileSent) -> Value {
    json!({ "file_sent": {
        "file": sent.file.to_string(),
        "name": sent.name,
        "media_type": sent.media_type,
        "size": sent.size,
        "sha256": hex(&sent.sha256),
        "caption": sent.caption,
        "from": text(sent.from.as_ref()),
    } })
}

pub(super) fn of_begin(begin: &FileBegin) -> Value {
    json!({
        "file": begin.file.to_string(),
        "size": begin.size,
        "media_type": begin.media_type,
        "sha256": hex(&begin.sha256),
        "thumbnail": hex(&begin.thumbnail),
    })
}

pub(super) fn of_put(put: &FilePut) -> Value {
    json!({ "file": put.file.to_string(), "offset": put.offset, "bytes": hex(&put.bytes) })
}

pub(super) fn of_get(get: &FileGet) -> Value {
    json!({
        "file": get.file.to_string(),
        "chat": text(get.chat.as_ref()),
        "offset": get.offset,
        "length": get.length,
        "part": match get.part {
            FilePart::Whole => "WHOLE",
            FilePart::Thumbnail => "THUMBNAIL",
        },
    })
}

pub(super) fn of_state(state: &FileState) -> Value {
    json!({
        "file": state.file.to_string(),
        "size": state.size,
        "have": state.have,
        "complete": state.complete,
        "media_type": state.media_type,
        "sha256": hex(&state.sha256),
        "thumbnail_bytes": state.thumbnail_bytes,
    })
}

pub(super) fn of_chunk(chunk: &FileChunk) -> Value {
    json!({
        "file": chunk.file.to_string(),
        "offset": chunk.offset,
        "bytes": hex(&chunk.bytes),
        "size": chunk.size,
    })
}

pub(super) fn of_page(page: &FilesPage) -> Value {
    json!({
        "files": list(&page.files, of_state),
        "more": page.more,
        "used": page.used,
        "quota": page.quota,
    })
}
