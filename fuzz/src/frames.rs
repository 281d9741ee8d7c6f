//! Frames out of a stream of any bytes: the same ones, and the same end, however it is cut; nothing
//! reserved for a length that is not allowed. Must never know what is in a body.

use bytes::BytesMut;
use packetboat_proto::code::CloseCode;
use packetboat_proto::codec::{CodecError, FrameCodec};
use packetboat_proto::frame::{Frame, PREFACE};
use packetboat_proto::limits::{HANDSHAKE_BODY_BYTES_MAX, HEAD_BYTES, PREFACE_BYTES};
use tokio_util::codec::Decoder;

use crate::choices::Choices;

/// Streams up to this long are cut in every two places.
const ALL_CUTS_BYTES: usize = 40;
/// Limits that a codec is set to on its way.
const LIMITS: [u32; 6] = [0, 1, 16, 300, HANDSHAKE_BODY_BYTES_MAX, 65_536];

/// How one side reads a stream.
#[derive(Clone, Copy, Debug)]
struct Way {
    server: bool,
    /// The limit from the start, and the one after so many frames: as a `Welcome` raises it.
    first: u32,
    then: u32,
    raised_after: usize,
}

/// What was found in a stream.
#[derive(Debug, PartialEq)]
struct Found {
    frames: Vec<Frame>,
    /// Why nothing more is read: its code, and its words if they do not hang on the cut.
    end: Option<(Option<CloseCode>, String)>,
    /// Bytes that are no whole frame yet.
    left: usize,
    /// The widest that the buffer was by what was put into it.
    widest: usize,
}

impl Way {
    const fn limit(self, frames: usize) -> u32 {
        if frames < self.raised_after { self.first } else { self.then }
    }
}

/// Checks a stream that the bytes describe.
pub fn run(data: &[u8]) {
    let mut choices = Choices::new(data);
    let way = Way {
        server: choices.flag(),
        first: choices.one_of(&LIMITS),
        then: choices.one_of(&LIMITS),
        raised_after: choices.below(4),
    };
    let stream = if choices.flag() { composed(way, &mut choices) } else { choices.rest().to_vec() };
    let whole = read(way, &stream, &[stream.len()]);
    check_bytes(way, &stream, &whole);
    let ones = vec![1; stream.len()];
    same(&whole, &read(way, &stream, &ones), "byte by byte");
    let sizes = data.iter().map(|byte| usize::from(*byte)).cycle();
    let cuts: Vec<usize> = sizes.take(stream.len().min(4_096)).map(|size| size + 1).collect();
    same(&whole, &read(way, &stream, &cuts), "in pieces");
    if stream.len() <= ALL_CUTS_BYTES {
        for first in 0..=stream.len() {
            for second in 0..=stream.len() - first {
                same(&whole, &read(way, &stream, &[first, second]), "in three pieces");
            }
        }
    }
}

/// A stream of frames with right checksums, but for what is spoilt on purpose.
fn composed(way: Way, choices: &mut Choices<'_>) -> Vec<u8> {
    let mut stream = if way.server { PREFACE.to_vec() } else { Vec::new() };
    while !choices.is_empty() {
        let kind = choices.byte();
        let body = choices.some_bytes(400).to_vec();
        let mut frame = Frame { kind, body: body.into() }.to_bytes().to_vec();
        if choices.once_in(16) {
            let at = choices.below(frame.len());
            frame[at] ^= 1 << choices.below(8);
        }
        stream.extend_from_slice(&frame);
    }
    if choices.once_in(4) {
        stream.truncate(stream.len() / 2);
    }
    stream
}

/// Reads a stream that comes in pieces of these sizes, and what is left of it at the end.
fn read(way: Way, stream: &[u8], sizes: &[usize]) -> Found {
    let mut codec = if way.server { FrameCodec::server() } else { FrameCodec::client() };
    codec.set_body_max(way.limit(0));
    let mut found = Found { frames: Vec::new(), end: None, left: 0, widest: 0 };
    let (mut held, mut rest) = (BytesMut::new(), stream);
    for size in sizes.iter().copied().chain([usize::MAX]) {
        let (piece, behind) = rest.split_at(size.min(rest.len()));
        rest = behind;
        held.extend_from_slice(piece);
        while found.end.is_none() && decode_one(way, &mut codec, &mut held, &mut found) {}
        if found.end.is_some() {
            break;
        }
        let limit = way.limit(found.frames.len()) as usize;
        let most = PREFACE_BYTES.max(HEAD_BYTES + limit);
        assert!(held.len() < most, "{} bytes are held at a limit of {limit}", held.len());
    }
    found.left = held.len();
    found
}

/// Decodes one frame; whether there may be another.
fn decode_one(way: Way, codec: &mut FrameCodec, held: &mut BytesMut, found: &mut Found) -> bool {
    let before = held.capacity();
    found.widest = found.widest.max(before);
    let limit = way.limit(found.frames.len());
    let decoded = codec.decode(held);
    // A buffer that grows may double, or be as wide again as it was, but never for a length over
    // the limit.
    let most = 2 * (HEAD_BYTES + limit as usize).max(found.widest + PREFACE_BYTES);
    assert!(held.capacity() <= most, "room for {} bytes at {limit}", held.capacity());
    match decoded {
        Ok(None) => false,
        Ok(Some(frame)) => {
            assert!(frame.body.len() <= limit as usize, "a body over the limit of {limit}");
            found.frames.push(frame);
            codec.set_body_max(way.limit(found.frames.len()));
            true
        }
        Err(error) => {
            assert!(held.capacity() <= before, "nothing is reserved for what is no frame");
            // What a wrong preface looks like is a guess by the bytes that have come so far.
            let words = match &error {
                CodecError::Preface(_) => String::new(),
                error => error.to_string(),
            };
            found.end = Some((error.code(), words));
            false
        }
    }
}

/// What was found is what is in the stream.
fn check_bytes(way: Way, stream: &[u8], found: &Found) {
    let mut again = BytesMut::new();
    let opened = !found.frames.is_empty() || stream.starts_with(&PREFACE);
    if way.server && opened {
        again.extend_from_slice(&PREFACE);
    }
    for frame in &found.frames {
        frame.put(&mut again);
    }
    assert!(stream.starts_with(&again), "the frames found are those of the stream");
    if found.end.is_none() {
        assert_eq!(again.len() + found.left, stream.len(), "not a byte is lost");
    }
}

fn same(whole: &Found, cut: &Found, how: &str) {
    assert_eq!(whole.frames, cut.frames, "the frames of a stream that comes {how}");
    assert_eq!(whole.end, cut.end, "the end of a stream that comes {how}");
    if whole.end.is_none() {
        assert_eq!(whole.left, cut.left, "what is left of a stream that comes {how}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_composed_stream_is_read_whole() {
        let way = Way { server: true, first: 65_536, then: 65_536, raised_after: 0 };
        let stream = composed(way, &mut Choices::new(&[0x04, 0, 3, 1, 2, 3, 0, 0x90, 0, 0, 0]));
        let found = read(way, &stream, &[stream.len()]);
        let kinds: Vec<u8> = found.frames.iter().map(|frame| frame.kind).collect();
        assert_eq!((kinds, found.end, found.left), (vec![0x04, 0x90], None, 0));
    }
}
