//! The relay's frames: a length, a kind, and what the kind has. Pure, for both sides. Must never
//! hold more than a relay needs.

use bytes::{BufMut, BytesMut};

/// Bytes of the length, which counts what is behind it.
const LENGTH_BYTES: usize = 4;
/// A frame of more is a mistake.
const FRAME_BYTES_MAX: usize = 1 << 20;
/// Bytes of a message id.
pub const ID_BYTES: usize = 16;
/// A receiver with this bit is a group.
pub const GROUP_BIT: u32 = 1 << 31;

/// Client: who it is.
pub const HELLO: u8 = 1;
/// Relay: the connection is open.
pub const WELCOME: u8 = 2;
/// Client: a message; relay: the same bytes to its receivers.
pub const SEND: u8 = 3;
/// Relay: a message is taken.
pub const ACCEPTED: u8 = 4;
/// Client: it belongs to a group.
pub const JOIN: u8 = 5;
/// Relay: now it does.
pub const JOINED: u8 = 6;
/// Client: are you there?
pub const PING: u8 = 7;
/// Relay: yes.
pub const PONG: u8 = 8;

/// A whole frame, its length in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// All of it.
    pub whole: &'a [u8],
    /// What it is.
    pub kind: u8,
    /// What the kind has.
    pub body: &'a [u8],
}

/// The whole frames at the front of some bytes.
#[derive(Clone, Debug)]
pub struct Frames<'a>(pub &'a [u8]);

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let length = length(self.0)?;
        let (whole, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Frame { whole, kind: whole[LENGTH_BYTES], body: &whole[LENGTH_BYTES + 1..] })
    }
}

/// Bytes of the frame that begins there, if that is known yet and makes sense.
fn length(bytes: &[u8]) -> Option<usize> {
    let length = bytes.first_chunk::<LENGTH_BYTES>().map(|length| u32::from_be_bytes(*length))?;
    let length = usize::try_from(length).ok()?;
    (1..=FRAME_BYTES_MAX).contains(&length).then_some(LENGTH_BYTES + length)
}

/// How many bytes at the front are whole frames; `None` if what follows them is none.
pub fn whole(bytes: &[u8]) -> Option<usize> {
    let mut frames = Frames(bytes);
    frames.by_ref().for_each(drop);
    let rest = frames.0;
    let makes_sense = rest.len() < LENGTH_BYTES || length(rest).is_some();
    makes_sense.then_some(bytes.len() - rest.len())
}

/// Appends a frame of these parts.
pub fn put(out: &mut BytesMut, kind: u8, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.put_u32(u32::try_from(length + 1).expect("a frame is short"));
    out.put_u8(kind);
    for part in parts {
        out.put_slice(part);
    }
}

/// The number that a body begins with, and the rest.
pub fn number(body: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = body.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*number), rest))
}

/// The receiver, the message id and the text of a send.
pub fn message(body: &[u8]) -> Option<(u32, &[u8; ID_BYTES], &[u8])> {
    let (to, rest) = number(body)?;
    let (id, text) = rest.split_first_chunk::<ID_BYTES>()?;
    Some((to, id, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_message_has_its_receiver_its_id_and_its_text() {
        let mut out = BytesMut::new();
        put(&mut out, SEND, &[&7_u32.to_be_bytes(), &[9; 16], b"text"]);
        let frame = Frames(&out).next().unwrap();
        assert_eq!((frame.whole, frame.kind), (&out[..], SEND));
        assert_eq!(message(frame.body), Some((7, &[9; 16], &b"text"[..])));
        assert_eq!(message(&frame.body[..19]), None);
    }

    #[test]
    fn a_length_of_nothing_or_of_too_much_makes_no_sense() {
        assert_eq!(whole(&[0, 0, 0, 0]), None);
        assert_eq!(whole(&[0xff; 4]), None);
        assert_eq!(whole(&[0xff; 3]), Some(0));
    }

    proptest! {
        #[test]
        fn frames_are_the_same_however_the_stream_is_cut(
            bodies in
                proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..8),
            cut in any::<proptest::sample::Index>(),
        ) {
            let mut out = BytesMut::new();
            for (body, kind) in bodies.iter().zip(0..) {
                put(&mut out, kind, &[body, &[]]);
            }
            let cut = cut.index(out.len() + 1);
            let first = whole(&out[..cut]).unwrap();
            let found = Frames(&out[..first]).chain(Frames(&out[first..]));
            let found: Vec<_> = found.map(|frame| (frame.body.to_vec(), frame.kind)).collect();
            prop_assert!(first <= cut);
            prop_assert_eq!(found, bodies.into_iter().zip(0..).collect::<Vec<_>>());
        }
    }
}
