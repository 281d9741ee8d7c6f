//! Files: what is asked and told of them, and the entry that has one.

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::id::FileId;
use packetboat_proto::packet::{
    Answer, FileBegin, FileChunk, FileGet, FilePart, FilePut, FileState, FilesPage, Kind,
    Operation, Packet,
};
use serde_json::json;

use super::packet::{CHAT, chat, request, response};
use super::{Message, Theme};
use crate::line::{Vector, hex};

const FILE: [u8; 16] = [0x5a; 16];
const HASH: [u8; 32] = [0x11; 32];
const TYPE: &str = "image/png";

const BEGIN: u32 = 50;
const PUT: u32 = 52;
const GET: u32 = 54;
const STATE: u32 = 56;
const FILES: u32 = 58;
const SENT: u32 = 40;

pub(super) fn vectors() -> Vec<Vector> {
    let mut theme = Theme::default();
    questions(&mut theme);
    answers(&mut theme);
    bodies(&mut theme);
    contents(&mut theme);
    refused(&mut theme);
    limits(&mut theme);
    theme.vectors
}

fn file() -> FileId {
    FileId::from(FILE)
}

fn begin() -> FileBegin {
    let media_type = TYPE.to_owned();
    FileBegin { file: file(), size: 70_000, media_type, sha256: HASH, thumbnail: Bytes::new() }
}

fn get() -> FileGet {
    FileGet { file: file(), chat: None, offset: 0, length: 0, part: FilePart::Whole }
}

fn state() -> FileState {
    FileState {
        file: file(),
        size: 70_000,
        have: 0,
        complete: false,
        media_type: TYPE.to_owned(),
        sha256: HASH,
        thumbnail_bytes: 0,
    }
}

fn questions(theme: &mut Theme) {
    let mut add = |name: &str, operation| {
        theme.canonical(&format!("request.{name}"), &request(operation));
    };
    add("file_begin", Operation::FileBegin(begin()));
    let thumbnail = Bytes::from_static(b"\x89PNG");
    add("file_begin_thumbnail", Operation::FileBegin(FileBegin { thumbnail, ..begin() }));
    let put = |offset, bytes| FilePut { file: file(), offset, bytes };
    add("file_put", Operation::FilePut(put(32_768, Bytes::from_static(b"some bytes"))));
    add("file_put_nothing", Operation::FilePut(put(0, Bytes::new())));
    add("file_get", Operation::FileGet(get()));
    let of = Some(chat(CHAT));
    let part = FilePart::Thumbnail;
    let asked = FileGet { chat: of.clone(), offset: 9, length: 99, part, ..get() };
    add("file_get_thumbnail", Operation::FileGet(asked));
    add("file_state", Operation::FileState { file: file(), chat: of });
    add("file_state_own", Operation::FileState { file: file(), chat: None });
    add("files", Operation::Files { after: None, limit: 0 });
    add("files_after", Operation::Files { after: Some(file()), limit: 9 });
}

fn answers(theme: &mut Theme) {
    let mut add = |name: &str, answer| {
        theme.canonical(&format!("response.{name}"), &response(answer));
    };
    add("file_begin", Answer::FileBegin(state()));
    add("file_put", Answer::FilePut(FileState { have: 32_768, ..state() }));
    let whole = FileState { have: 70_000, complete: true, thumbnail_bytes: 4, ..state() };
    add("file_state", Answer::FileState(whole.clone()));
    let chunk = |offset, bytes| FileChunk { file: file(), offset, bytes, size: 70_000 };
    add("file_get", Answer::FileGet(chunk(9, Bytes::from_static(b"some bytes"))));
    add("file_get_end", Answer::FileGet(chunk(70_000, Bytes::new())));
    let files = vec![state(), whole];
    let page = FilesPage { files, more: true, used: 140_004, quota: 1 << 30 };
    add("files", Answer::Files(page));
    let none = FilesPage { files: Vec::new(), more: false, used: 0, quota: 1 << 30 };
    add("files_empty", Answer::Files(none));
}

fn begin_body() -> Message {
    Message::new().bytes(1, FILE).int(2, 70_000).bytes(3, TYPE).bytes(4, HASH)
}

fn state_body() -> Message {
    Message::new().bytes(1, FILE).int(2, 9).bytes(5, TYPE).bytes(6, HASH)
}

fn bodies(theme: &mut Theme) {
    let mut asked = |name: &str, field: u32, message: Message, why: &str| {
        let body = Message::new().int(1, 1).message(field, message);
        theme.bad(&format!("file.request.{name}"), Kind::Request, &body, why);
    };
    let empty = || Message::new().bytes(1, FILE);
    asked("begin_without_size", BEGIN, empty().bytes(3, TYPE).bytes(4, HASH), "size is not 0");
    asked("begin_without_type", BEGIN, empty().int(2, 1).bytes(4, HASH), "there is no media type");
    asked("begin_type", BEGIN, begin_body().bytes(3, "é"), "a media type is printable ASCII");
    asked("get_chat", GET, empty().bytes(2, "x"), "that is no chat id");
    asked("state_without_file", STATE, Message::new(), "there is no file id");
    asked("files_after", FILES, empty().bytes(1, "short"), "that is no file id");
    let mut told = |name: &str, field: u32, message: Message, why: &str| {
        let body = Message::new().int(1, 1).message(field, message);
        theme.bad(&format!("file.response.{name}"), Kind::Response, &body, why);
    };
    told("have_more_than_size", BEGIN + 1, state_body().int(3, 10), "there are 9 bytes");
    told("chunk_without_file", GET + 1, Message::new(), "there is no file id");
    told("page", FILES + 1, Message::new().message(1, Message::new()), "that is no file");
    let part = Message::new().int(1, 1).message(GET, empty().int(5, 7));
    theme.ok("file.unknown_part", &part, &request(Operation::FileGet(get())));
}

fn sent() -> Message {
    let named = Message::new().bytes(1, FILE).bytes(2, "a b.png");
    named.bytes(3, TYPE).int(4, 70_000).bytes(5, HASH)
}

fn of(message: Message) -> Message {
    Message::new().message(SENT, message)
}

fn contents(theme: &mut Theme) {
    let meaning = |caption: &str, from: &str| {
        json!({ "file_sent": {
            "file": hex(&FILE), "name": "a b.png", "media_type": TYPE, "size": 70_000,
            "sha256": hex(&HASH), "caption": caption, "from": from,
        } })
    };
    theme.content("content.file_sent", "canonical", &of(sent()), &meaning("", ""));
    let all = sent().bytes(6, "Ahoy ⚓\n").bytes(7, "group:crew");
    theme.content(
        "content.file_sent_captioned",
        "canonical",
        &of(all),
        &meaning("Ahoy ⚓\n", "group:crew"),
    );
}

fn refused(theme: &mut Theme) {
    let mut reject = |name: &str, message: Message, code, why: &str| {
        theme.reject(&format!("content.file_sent.{name}"), &of(message), code, why);
    };
    let invalid = RejectCode::Invalid;
    reject("empty", Message::new(), RejectCode::Empty, "a file has bytes");
    reject("size", sent().int(4, 0), RejectCode::Empty, "a file has bytes");
    for (name, text) in [("path", "a/b"), ("backslash", "a\\b"), ("parent", ".."), ("none", "")] {
        reject(&format!("name.{name}"), sent().bytes(2, text), invalid, "a name is no path");
    }
    reject("name.control", sent().bytes(2, "a\tb"), invalid, "a control character");
    reject("media_type", sent().bytes(3, ""), invalid, "there is no media type");
    reject("from", sent().bytes(7, "x"), invalid, "that is no chat id");
}

fn limits(theme: &mut Theme) {
    let asked = |field: u32, message: Message| Message::new().int(1, 1).message(field, message);
    let mut bad = |name: &str, body: &Message, why: &str| {
        theme.bad(&format!("limit.{name}"), Kind::Request, body, why);
    };
    let (over, under) = ("one over the limit", "one under it");
    let id = |bytes: usize| asked(STATE, Message::new().bytes(1, vec![0x5a; bytes]));
    bad("file_id_bytes.request.over", &id(17), over);
    bad("file_id_bytes.request.under", &id(15), under);
    let hash = |bytes: usize| asked(BEGIN, begin_body().bytes(4, vec![0x11; bytes]));
    bad("file_hash_bytes.request.over", &hash(33), over);
    bad("file_hash_bytes.request.under", &hash(31), under);
    let small = |bytes: usize| asked(BEGIN, begin_body().bytes(5, vec![1; bytes]));
    bad("file_thumbnail_bytes_max.over", &small(16_385), over);
    let chunk = |bytes: usize| Message::new().bytes(1, FILE).bytes(3, vec![1; bytes]);
    bad("file_chunk_bytes_max.request.over", &asked(PUT, chunk(32_769)), over);
    let body = asked(GET + 1, chunk(32_769));
    theme.bad("limit.file_chunk_bytes_max.response.over", Kind::Response, &body, over);

    let mut good = |name: &str, packet: &Packet| theme.canonical(&format!("limit.{name}"), packet);
    let state = || request(Operation::FileState { file: file(), chat: None });
    good("file_id_bytes.request.at", &state());
    good("file_hash_bytes.request.at", &request(Operation::FileBegin(begin())));
    let thumbnail = Bytes::from(vec![1; 16_384]);
    let full = FileBegin { thumbnail, ..begin() };
    good("file_thumbnail_bytes_max.at", &request(Operation::FileBegin(full)));
    let bytes = Bytes::from(vec![1; 32_768]);
    let put = FilePut { file: file(), offset: 0, bytes: bytes.clone() };
    good("file_chunk_bytes_max.request.at", &request(Operation::FilePut(put)));
    let chunk = FileChunk { file: file(), offset: 0, bytes, size: 70_000 };
    good("file_chunk_bytes_max.response.at", &response(Answer::FileGet(chunk)));

    let meaning = |name: &str, caption: &str| {
        json!({ "file_sent": {
            "file": hex(&FILE), "name": name, "media_type": TYPE, "size": 70_000,
            "sha256": hex(&HASH), "caption": caption, "from": "",
        } })
    };
    let mut text = |limit: &str, field: u32, at: usize| {
        let said = |bytes: usize| "n".repeat(bytes);
        let (name, caption) =
            if field == 2 { (said(at), String::new()) } else { ("a b.png".into(), said(at)) };
        let body = of(sent().bytes(field, said(at)));
        theme.content(&format!("limit.{limit}.at"), "ok", &body, &meaning(&name, &caption));
        let body = of(sent().bytes(field, said(at + 1)));
        theme.reject(&format!("limit.{limit}.over"), &body, RejectCode::Invalid, over);
    };
    text("file_name_bytes_max", 2, 255);
    text("file_caption_bytes_max", 6, 4_096);
}
