//! Makes the vectors, theme by theme: each says by hand what a reader is to find. Must never ask
//! the reader what it finds.

mod body;
mod contact;
mod content;
mod device;
mod file;
mod frames;
mod id;
mod joining;
mod keys;
mod limit;
mod own;
mod packet;
mod receipt;
mod room;
mod schedule;
mod search;
mod state;

use bytes::{Bytes, BytesMut};
use packetboat_proto::code::{CloseCode, RejectCode};
use packetboat_proto::frame::Frame;
use packetboat_proto::limits::BODY_BYTES_DEFAULT;
use packetboat_proto::packet::{Kind, Packet};
use serde_json::Value;

use crate::line::Vector;
use crate::meaning::of_packet;

/// Every file, by its name, with its vectors.
pub(crate) fn files() -> Vec<(&'static str, Vec<Vector>)> {
    vec![
        ("bodies.tsv", body::vectors()),
        ("contacts.tsv", contact::vectors()),
        ("contents.tsv", content::vectors()),
        ("devices.tsv", device::vectors()),
        ("files.tsv", file::vectors()),
        ("frames.tsv", frames::vectors()),
        ("ids.tsv", id::vectors()),
        ("joining.tsv", joining::vectors()),
        ("keys.tsv", keys::vectors()),
        ("limits.tsv", limit::vectors()),
        ("own.tsv", own::vectors()),
        ("packets.tsv", packet::vectors()),
        ("receipts.tsv", receipt::vectors()),
        ("schedule.tsv", schedule::vectors()),
        ("search.tsv", search::vectors()),
        ("states.tsv", state::vectors()),
    ]
}

/// The vectors of one theme, as they are made.
#[derive(Debug, Default)]
struct Theme {
    vectors: Vec<Vector>,
}

impl Theme {
    fn add(&mut self, name: &str, reads: &str, limit: u32, verdict: &str, bytes: &[u8], why: &str) {
        self.vectors.push(Vector {
            name: name.into(),
            reads: reads.into(),
            limit,
            verdict: verdict.into(),
            bytes: bytes.into(),
            meaning: why.into(),
        });
    }

    /// A packet as it is to be written.
    fn canonical(&mut self, name: &str, packet: &Packet) {
        let meaning = of_packet(packet).to_string();
        self.add(name, "frame", BODY_BYTES_DEFAULT, "canonical", &encoded(packet), &meaning);
    }

    /// A body that means `packet`, though it is written otherwise.
    fn ok(&mut self, name: &str, body: &Message, packet: &Packet) {
        let bytes = framed(packet.kind() as u8, &body.0);
        let meaning = of_packet(packet).to_string();
        self.add(name, "frame", BODY_BYTES_DEFAULT, "ok", &bytes, &meaning);
    }

    /// A body that is bad.
    fn bad(&mut self, name: &str, kind: Kind, body: &Message, why: &str) {
        self.close(name, &framed(kind as u8, &body.0), CloseCode::BadBody, why);
    }

    /// A frame that closes the connection.
    fn close(&mut self, name: &str, bytes: &[u8], code: CloseCode, why: &str) {
        let verdict = format!("close {}", code.name());
        self.add(name, "frame", BODY_BYTES_DEFAULT, &verdict, bytes, why);
    }

    /// A frame that is skipped.
    fn skip(&mut self, name: &str, kind: u8, body: &[u8], why: &str) {
        self.add(name, "frame", BODY_BYTES_DEFAULT, "skip", &framed(kind, body), why);
    }

    /// A content, valid by any of the two verdicts that say so.
    fn content(&mut self, name: &str, verdict: &str, body: &Message, meaning: &Value) {
        self.add(name, "content", CONTENT_MAX, verdict, &body.0, &meaning.to_string());
    }

    /// A content that is refused.
    fn reject(&mut self, name: &str, body: &Message, code: RejectCode, why: &str) {
        let verdict = format!("reject {}", code.name());
        self.add(name, "content", CONTENT_MAX, &verdict, &body.0, why);
    }
}

/// The largest content of the vectors, in bytes, where none is at its own limit.
const CONTENT_MAX: u32 = 60_000;

/// A protobuf message, written field by field, rightly or not.
#[derive(Clone, Debug, Default)]
struct Message(Vec<u8>);

impl Message {
    fn new() -> Self {
        Self::default()
    }

    /// Bytes as they are.
    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn int(self, field: u32, value: u64) -> Self {
        self.raw(&varint(u64::from(field) << 3)).raw(&varint(value))
    }

    fn bytes(self, field: u32, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        let length = u64::try_from(value.len()).expect("a usize is at most 64 bits");
        self.raw(&varint(u64::from(field) << 3 | 2)).raw(&varint(length)).raw(value)
    }

    fn message(self, field: u32, value: Self) -> Self {
        self.bytes(field, value.0)
    }

    /// The same field so many times.
    fn repeated(self, field: u32, count: usize, value: impl Fn(usize) -> Vec<u8>) -> Self {
        (0..count).fold(self, |message, at| message.bytes(field, value(at)))
    }
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
    out
}

fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    Frame { kind, body: Bytes::copy_from_slice(body) }.to_bytes().to_vec()
}

fn encoded(packet: &Packet) -> Vec<u8> {
    let mut out = BytesMut::new();
    packet.put(&mut out);
    out.to_vec()
}
