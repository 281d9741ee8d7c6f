//! What is said of files, made from choices. Must never be more than a peer may say.

use bytes::Bytes;
use packetboat_proto::content::{Content, FileHash, FileSent};
use packetboat_proto::id::FileId;
use packetboat_proto::limits::{
    FILE_CAPTION_BYTES_MAX, FILE_CHUNK_BYTES_MAX, FILE_HASH_BYTES, FILE_NAME_BYTES_MAX,
    FILE_THUMBNAIL_BYTES_MAX,
};
use packetboat_proto::packet::{
    Answer, FileBegin, FileChunk, FileGet, FilePart, FilePut, FileState, FilesPage, Operation,
};

use super::{owned, printable};
use crate::choices::Choices;

fn id(choices: &mut Choices<'_>) -> FileId {
    FileId::from(choices.sixteen())
}

fn hash(choices: &mut Choices<'_>) -> FileHash {
    let mut hash = [0; FILE_HASH_BYTES];
    let taken = choices.bytes(FILE_HASH_BYTES);
    hash[..taken.len()].copy_from_slice(taken);
    hash
}

fn media_type(choices: &mut Choices<'_>) -> String {
    choices.one_of(&["image/png", "audio/ogg", "~"]).to_owned()
}

pub(super) fn operation(choices: &mut Choices<'_>, limit: u32) -> Operation {
    let file = id(choices);
    match choices.byte() % 5 {
        0 => Operation::FileBegin(FileBegin {
            file,
            size: choices.number().max(1),
            media_type: media_type(choices),
            sha256: hash(choices),
            thumbnail: owned(choices.some_bytes(FILE_THUMBNAIL_BYTES_MAX)),
        }),
        1 => {
            let bytes = owned(choices.some_bytes(FILE_CHUNK_BYTES_MAX));
            Operation::FilePut(FilePut { file, offset: choices.number(), bytes })
        }
        2 => Operation::FileGet(FileGet {
            file,
            chat: choices.flag().then(|| choices.chat()),
            offset: choices.number(),
            length: choices.number_32(),
            part: choices.one_of(&[FilePart::Whole, FilePart::Thumbnail]),
        }),
        3 => Operation::FileState { file, chat: choices.flag().then(|| choices.chat()) },
        _ => Operation::Files { after: choices.flag().then_some(file), limit },
    }
}

fn state(choices: &mut Choices<'_>) -> FileState {
    let size = choices.number().max(1);
    FileState {
        file: id(choices),
        size,
        have: choices.number().min(size),
        complete: choices.flag(),
        media_type: media_type(choices),
        sha256: hash(choices),
        thumbnail_bytes: choices.number_32(),
    }
}

pub(super) fn answer(choices: &mut Choices<'_>, count: usize) -> Answer {
    match choices.byte() % 5 {
        0 => Answer::FileBegin(state(choices)),
        1 => Answer::FilePut(state(choices)),
        2 => {
            let bytes: Bytes = owned(choices.some_bytes(FILE_CHUNK_BYTES_MAX));
            let (offset, size) = (choices.number(), choices.number());
            Answer::FileGet(FileChunk { file: id(choices), offset, bytes, size })
        }
        3 => Answer::FileState(state(choices)),
        _ => Answer::Files(FilesPage {
            files: (0..count).map(|_| state(choices)).collect(),
            more: choices.flag(),
            used: choices.number(),
            quota: choices.number(),
        }),
    }
}

pub(super) fn content(choices: &mut Choices<'_>) -> Content {
    let name = printable(choices, FILE_NAME_BYTES_MAX).replace(['/', '\\'], "");
    let plain = !name.is_empty() && name != "." && name != "..";
    Content::File(FileSent {
        file: id(choices),
        name: if plain { name } else { "a.png".to_owned() },
        media_type: media_type(choices),
        size: choices.number().max(1),
        sha256: hash(choices),
        caption: choices.text(FILE_CAPTION_BYTES_MAX),
        from: choices.flag().then(|| choices.chat()),
    })
}
