//! Any body of any kind, decoded within a budget of memory: what a peer sends never unfolds into
//! more than a few times its bytes. Must never measure what another thread allocates.

use allocation_counter::measure;
use bytes::Bytes;
use packetboat_proto::content::Content;
use packetboat_proto::frame::Frame;
use packetboat_proto::limits::KIND_CRITICAL_HIGHEST;
use packetboat_proto::packet::{Kind, Packet, PacketError};

use crate::choices::Choices;

/// Bytes that may be allocated at a time for each byte on the wire.
pub const BYTES_PER_WIRE_BYTE: u64 = 4;
/// And beside these, of what a client sends: a list of short elements, all it may hold, takes more
/// in memory than on the wire, by an amount that the bound of the list bounds.
pub const CLIENT_BYTES_BESIDE: u64 = 16 * 1024;
/// The same for what a server sends: its pages hold larger elements.
pub const SERVER_BYTES_BESIDE: u64 = 160 * 1024;
/// The same for a content.
pub const CONTENT_BYTES_BESIDE: u64 = 12 * 1024;

/// Decodes the bytes behind the first, which chooses the kind.
pub fn run(data: &[u8]) {
    let mut choices = Choices::new(data);
    let known = Kind::ALL.get(choices.below(Kind::ALL.len() + 2)).copied();
    let kind = known.map_or_else(|| choices.byte(), |kind| kind as u8);
    let body = Bytes::copy_from_slice(choices.rest());
    check_packet(kind, &body);
    check_content(&body);
}

/// Decodes one body within its budget.
fn check_packet(kind: u8, body: &Bytes) {
    let frame = Frame { kind, body: body.clone() };
    let mut decoded = Ok(None);
    let peak = measure(|| decoded = Packet::decode(&frame)).bytes_max;
    let beside = match Kind::from_number(kind) {
        Some(kind) if kind.sent_by_client() => CLIENT_BYTES_BESIDE,
        _ => SERVER_BYTES_BESIDE,
    };
    let budget = BYTES_PER_WIRE_BYTE * body.len() as u64 + beside;
    assert!(peak <= budget, "{} bytes of kind {kind:#04x} took {peak} to decode", body.len());
    match (Kind::from_number(kind), decoded) {
        (Some(kind), Ok(Some(packet))) => {
            assert_eq!(packet.kind(), kind, "a packet is of its frame's kind");
        }
        (Some(kind), Ok(None)) => assert_eq!(kind, Kind::Notice, "only notices are passed over"),
        (Some(_), Err(error)) => {
            assert!(matches!(error, PacketError::Body { .. }), "{error}");
        }
        (None, decoded) => {
            let skipped = matches!(decoded, Ok(None));
            assert_eq!(skipped, kind > KIND_CRITICAL_HIGHEST, "kind {kind:#04x}: {decoded:?}");
        }
    }
}

fn check_content(body: &Bytes) {
    let mut decoded = None;
    let peak = measure(|| decoded = Content::decode(body, usize::MAX).ok()).bytes_max;
    let budget = BYTES_PER_WIRE_BYTE * body.len() as u64 + CONTENT_BYTES_BESIDE;
    assert!(peak <= budget, "a content of {} bytes took {peak} to decode", body.len());
    if let Some(content) = decoded {
        let again = Content::decode(&content.encode(), usize::MAX);
        assert_eq!(again, Ok(content), "a content comes back as it was");
        assert!(Content::decode(body, body.len() - 1).is_err(), "the limit of a content is exact");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most that a decode takes beside four times its wire bytes, over full lists of the
    /// shortest elements: what the constants above are measured by.
    #[test]
    fn a_full_list_of_the_shortest_elements_is_within_its_budget() {
        let message = |field: u8, body: &[u8]| {
            let mut out = vec![field << 3 | 2];
            let mut length = body.len();
            while length > 0x7f {
                out.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
                length >>= 7;
            }
            out.push(u8::try_from(length).unwrap());
            out.extend_from_slice(body);
            out
        };
        for element in [&b""[..], b"\x0a\x06dm:a:a", b"\x0a\x01a", b"a"] {
            for count in [1, 99, 100, 101, 129, 200, 201, 256, 257, 30_000] {
                let list = message(1, element).repeat(count);
                check_packet(Kind::Ack as u8, &list.clone().into());
                for field in 2..=7 {
                    let body: Bytes = message(field, &list).into();
                    check_packet(Kind::Request as u8, &body);
                    check_packet(Kind::Response as u8, &body);
                }
                for field in 16..=18_u8 {
                    // Field numbers from 16 on take two bytes for their keys.
                    let mut body = message(1, &list)[1..].to_vec();
                    body.splice(0..0, [field << 3 | 2 | 0x80, 1]);
                    check_content(&body.into());
                }
            }
        }
    }
}
