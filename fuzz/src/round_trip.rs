//! Packets that come back as they were: any bytes that decode, and any packet that can be made.
//! Must never compare bytes where two encodings may mean the same.

use bytes::{Bytes, BytesMut};
use packetboat_proto::content::Content;
use packetboat_proto::entry::Entry;
use packetboat_proto::frame::Frame;
use packetboat_proto::limits::BODY_BYTES_HIGHEST;
use packetboat_proto::packet::{Kind, Packet};

use crate::choices::Choices;
use crate::invent;

/// Reads the bytes as a packet of a kind, and as choices of which to make one.
pub fn run(data: &[u8]) {
    let mut choices = Choices::new(data);
    let kind = choices.one_of(Kind::ALL);
    let frame = Frame { kind: kind as u8, body: Bytes::copy_from_slice(choices.rest()) };
    if let Ok(Some(packet)) = Packet::decode(&frame) {
        comes_back(&packet);
    }
    let mut choices = Choices::new(data);
    comes_back(&invent::packet(&mut choices));
    let content = invent::content(&mut choices);
    let again = Content::decode(&content.encode(), usize::MAX);
    assert_eq!(again.as_ref(), Ok(&content), "a content comes back as it was");
}

fn comes_back(packet: &Packet) {
    let mut bytes = BytesMut::new();
    packet.put(&mut bytes);
    let first = bytes.clone();
    let frame = Frame::take(&mut bytes, BODY_BYTES_HIGHEST).expect("what was put is a frame");
    let frame = frame.expect("what was put is a whole frame");
    assert!(bytes.is_empty(), "a packet is one frame");
    let again = Packet::decode(&frame).expect("what was encoded is a packet");
    assert_eq!(again.as_ref(), Some(packet), "a packet comes back as it was");
    let mut second = BytesMut::new();
    if let Some(again) = again {
        again.put(&mut second);
    }
    assert_eq!(first, second, "a packet has one encoding");
    if let Packet::Deliver(entry) = packet {
        let again = Entry::decode(entry.encode());
        assert_eq!(again.as_ref(), Ok(entry), "an entry comes back as it was");
    }
}
