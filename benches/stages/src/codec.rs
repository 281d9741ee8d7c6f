//! Bytes to frames to packets, and back. Must never take a packet for decoded that is not the one
//! that was encoded.

use bytes::BytesMut;
use criterion::{BenchmarkId, Criterion};
use packetboat_proto::codec::FrameCodec;
use packetboat_proto::frame::Frame;
use packetboat_proto::limits::BODY_BYTES_DEFAULT;
use packetboat_proto::packet::{Accepted, Cursor, Packet, Send};
use tokio_util::codec::Decoder;

use crate::round::{Stage, measure as measure_stage};
use crate::scene;

/// Frames in one read: about 16 KiB, as the server reads at most.
const FRAMES_OF_A_READ: usize = 60;
/// Inputs that are timed together.
const AT_ONCE: u64 = 64;

/// Measures frames, and packets.
pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codec");
    for count in [1, FRAMES_OF_A_READ] {
        let id = BenchmarkId::new("decode_frames", count);
        measure_stage(&mut group, id, count as u64, || DecodeFrames(Wire::of(count)));
        let id = BenchmarkId::new("encode_frames", count);
        measure_stage(&mut group, id, count as u64, || EncodeFrames(Wire::of(count)));
    }
    for packet in packets() {
        let name = packet.kind().name();
        let id = BenchmarkId::new("decode_packet", name);
        measure_stage(&mut group, id, 1, || DecodePacket(packet.clone()));
        let id = BenchmarkId::new("encode_packet", name);
        measure_stage(&mut group, id, 1, || EncodePacket(packet.clone()));
    }
}

/// Those of one message.
fn packets() -> [Packet; 4] {
    let (chat, id) = (scene::direct(0), scene::message_id(1));
    let cursor = Cursor { chat: chat.clone(), delivered: 1_000, read: 0 };
    let send = Send { chat: chat.clone(), id, content: scene::content() };
    let accepted = Accepted { chat, id, seq: 1_000, at_ms: scene::NOW_MS, duplicate: false };
    [
        Packet::Send(send),
        Packet::Accepted(accepted),
        Packet::Deliver(scene::entry(0, 1_000)),
        Packet::Ack(vec![cursor]),
    ]
}

fn bytes_of(packet: &Packet) -> BytesMut {
    let mut bytes = BytesMut::new();
    packet.put(&mut bytes);
    bytes
}

fn frame_of(packet: &Packet) -> Frame {
    let frame = Frame::take(&mut bytes_of(packet), BODY_BYTES_DEFAULT);
    frame.expect("it is a frame").expect("it is a whole one")
}

/// Sends, one behind the other.
struct Wire {
    frames: Vec<Frame>,
    bytes: BytesMut,
}

impl Wire {
    fn of(count: usize) -> Self {
        let frames: Vec<Frame> = (0..count as u64)
            .map(|number| {
                let (chat, id) = (scene::direct(0), scene::message_id(number));
                frame_of(&Packet::Send(Send { chat, id, content: scene::content() }))
            })
            .collect();
        let mut bytes = BytesMut::new();
        for frame in &frames {
            bytes.extend_from_slice(&frame.to_bytes());
        }
        Self { frames, bytes }
    }
}

struct DecodeFrames(Wire);

impl Stage for DecodeFrames {
    type Input = (FrameCodec, BytesMut, Vec<Frame>);
    type Output = ();

    fn at_once(&self) -> u64 {
        AT_ONCE
    }

    fn prepare(&mut self) -> Self::Input {
        let mut codec = FrameCodec::client();
        codec.set_body_max(BODY_BYTES_DEFAULT);
        (codec, BytesMut::from(&self.0.bytes[..]), Vec::with_capacity(self.0.frames.len()))
    }

    fn work(&mut self, (codec, bytes, frames): &mut Self::Input) {
        while let Some(frame) = codec.decode(bytes).expect("these are frames") {
            frames.push(frame);
        }
    }

    fn check(&mut self, (_, bytes, frames): Self::Input, (): ()) {
        assert!(bytes.is_empty() && frames == self.0.frames, "all frames are found");
    }
}

struct EncodeFrames(Wire);

impl Stage for EncodeFrames {
    type Input = BytesMut;
    type Output = ();

    fn at_once(&self) -> u64 {
        AT_ONCE
    }

    fn prepare(&mut self) -> BytesMut {
        BytesMut::with_capacity(self.0.bytes.len())
    }

    fn work(&mut self, out: &mut BytesMut) {
        for frame in &self.0.frames {
            frame.put(out);
        }
    }

    fn check(&mut self, out: BytesMut, (): ()) {
        assert_eq!(out, self.0.bytes, "all frames are there");
    }
}

struct DecodePacket(Packet);

impl Stage for DecodePacket {
    type Input = Frame;
    type Output = Option<Packet>;

    fn at_once(&self) -> u64 {
        AT_ONCE
    }

    fn prepare(&mut self) -> Frame {
        frame_of(&self.0)
    }

    fn work(&mut self, frame: &mut Frame) -> Option<Packet> {
        Packet::decode(frame).expect("it is a packet")
    }

    fn check(&mut self, _: Frame, packet: Option<Packet>) {
        assert_eq!(packet.as_ref(), Some(&self.0), "it is the packet that was encoded");
    }
}

struct EncodePacket(Packet);

impl Stage for EncodePacket {
    type Input = BytesMut;
    type Output = ();

    fn at_once(&self) -> u64 {
        AT_ONCE
    }

    fn prepare(&mut self) -> BytesMut {
        BytesMut::with_capacity(1_024)
    }

    fn work(&mut self, out: &mut BytesMut) {
        self.0.put(out);
    }

    fn check(&mut self, mut out: BytesMut, (): ()) {
        let frame = Frame::take(&mut out, BODY_BYTES_DEFAULT).expect("it is a frame");
        let packet = Packet::decode(&frame.expect("it is a whole one")).expect("it is a packet");
        assert!(out.is_empty() && packet.as_ref() == Some(&self.0), "it comes back as it was");
    }
}
