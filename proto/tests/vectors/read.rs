//! Reads the bytes of a vector with the crate, and says what it found. Must never look at the
//! verdict that the vector names.

use bytes::{Bytes, BytesMut};
use packetboat_proto::code::CloseCode;
use packetboat_proto::codec::FrameCodec;
use packetboat_proto::content::Content;
use packetboat_proto::frame::PREFACE;
use packetboat_proto::id::{ChatId, DeviceId, MessageId, UserId};
use packetboat_proto::packet::{Kind, Packet};
use serde_json::{Value, json};
use tokio_util::codec::Decoder;

use crate::meaning::{of_content, of_packet};

/// What a reader says of some bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    /// As in the vectors, but for `canonical` and `ok`, which are both `valid`.
    pub(crate) verdict: String,
    /// What the bytes mean, if they are valid.
    pub(crate) meaning: Option<Value>,
    /// The meaning encoded again, if there is one.
    pub(crate) again: Vec<u8>,
}

impl Found {
    fn valid(meaning: Value, again: Vec<u8>) -> Self {
        Self { verdict: "valid".into(), meaning: Some(meaning), again }
    }

    fn no(verdict: impl Into<String>) -> Self {
        Self { verdict: verdict.into(), meaning: None, again: Vec::new() }
    }

    fn close(code: CloseCode) -> Self {
        Self::no(format!("close {}", code.name()))
    }
}

/// Reads `bytes` as what the column `reads` says they are.
pub(crate) fn read(reads: &str, limit: u32, bytes: &[u8]) -> Found {
    match reads {
        "stream" => read_stream(limit, bytes),
        "frame" => read_frame(limit, bytes),
        "content" => read_content(limit, bytes),
        "message_id" => match MessageId::new(bytes) {
            Ok(id) => Found::valid(json!(id.to_string()), id.as_bytes().to_vec()),
            Err(_) => Found::no("bad"),
        },
        "user" => read_id(bytes, |text| UserId::new(text).is_ok()),
        "device" => read_id(bytes, |text| DeviceId::new(text).is_ok()),
        "chat" => read_id(bytes, |text| ChatId::new(text).is_ok()),
        state => read_in_state(state, limit, bytes),
    }
}

fn read_id(bytes: &[u8], is_id: impl Fn(&str) -> bool) -> Found {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_id(text) => Found::valid(json!(text), bytes.to_vec()),
        _ => Found::no("bad"),
    }
}

fn read_content(limit: u32, bytes: &[u8]) -> Found {
    match Content::decode_sent(&Bytes::copy_from_slice(bytes), limit as usize) {
        Ok((content, context)) => {
            let again = content.encode_in(&context).to_vec();
            Found::valid(of_content(&content, &context), again)
        }
        Err(error) => Found::no(format!("reject {}", error.code().name())),
    }
}

/// The packets of some bytes, `None` for a skipped one; or the verdict that is none of them.
fn packets(mut codec: FrameCodec, limit: u32, bytes: &[u8]) -> Result<Vec<Option<Packet>>, Found> {
    codec.set_body_max(limit);
    let (mut bytes, mut packets) = (BytesMut::from(bytes), Vec::new());
    loop {
        match codec.decode(&mut bytes) {
            Ok(Some(frame)) => match Packet::decode(&frame) {
                Ok(packet) => packets.push(packet),
                Err(error) => return Err(Found::close(error.code())),
            },
            Ok(None) if bytes.is_empty() && !packets.is_empty() => return Ok(packets),
            Ok(None) => return Err(Found::no("more")),
            Err(error) => {
                let code = error.code().expect("bytes in memory do not fail like a socket");
                return Err(Found::close(code));
            }
        }
    }
}

fn read_stream(limit: u32, bytes: &[u8]) -> Found {
    let packets = match packets(FrameCodec::server(), limit, bytes) {
        Ok(packets) => packets,
        Err(found) => return found,
    };
    let mut again = BytesMut::from(&PREFACE[..]);
    packets.iter().flatten().for_each(|packet| packet.put(&mut again));
    let meaning = packets.iter().flatten().map(of_packet).collect();
    Found::valid(Value::Array(meaning), again.to_vec())
}

fn read_frame(limit: u32, bytes: &[u8]) -> Found {
    match packets(FrameCodec::client(), limit, bytes).as_deref() {
        Ok([Some(packet)]) => Found::valid(of_packet(packet), encoded(packet)),
        Ok([None]) => Found::no("skip"),
        Ok(_) => Found::no("more than one frame"),
        Err(found) => found.clone(),
    }
}

fn read_in_state(state: &str, limit: u32, bytes: &[u8]) -> Found {
    let packets = packets(FrameCodec::client(), limit, bytes);
    let packet = match packets.as_deref() {
        Ok([Some(packet)]) => packet,
        Ok([None]) => return Found::no("skip"),
        Ok(_) => return Found::no("more than one frame"),
        Err(found) => return found.clone(),
    };
    let found = Found::valid(of_packet(packet), encoded(packet));
    if is_allowed(state, packet) {
        return found;
    }
    Found { verdict: Found::close(CloseCode::WrongState).verdict, ..found }
}

fn is_allowed(state: &str, packet: &Packet) -> bool {
    let kind = packet.kind();
    match state {
        "server.await_hello" => matches!(kind, Kind::Hello | Kind::Goodbye),
        "server.open" => packet.sent_by_client() && kind != Kind::Hello,
        "client.hello_sent" => matches!(kind, Kind::Welcome | Kind::Goodbye),
        "client.open" => packet.sent_by_server() && kind != Kind::Welcome,
        _ => panic!("{state} is no state"),
    }
}

fn encoded(packet: &Packet) -> Vec<u8> {
    let mut out = BytesMut::new();
    packet.put(&mut out);
    out.to_vec()
}
