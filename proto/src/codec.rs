//! Frames out of and into a stream of bytes, for both sides (SPEC.md section 4), as a tokio-util
//! codec. Must never hold bytes of its own.

use std::io;

use bytes::{Buf, BytesMut};
use thiserror::Error;
use tokio_util::codec::{Decoder, Encoder};

use crate::code::CloseCode;
use crate::frame::{Frame, FrameError, PrefaceError, check_preface};
use crate::limits::{HANDSHAKE_BODY_BYTES_MAX, PREFACE_BYTES};
use crate::packet::Packet;

/// Frames of one connection, in one direction or both.
#[derive(Clone, Copy, Debug)]
pub struct FrameCodec {
    body_max: u32,
    preface_due: bool,
}

/// Why a stream ends.
#[derive(Debug, Error)]
pub enum CodecError {
    /// It does not open with the preface.
    #[error(transparent)]
    Preface(#[from] PrefaceError),
    /// What comes next is no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The stream itself failed.
    #[error(transparent)]
    Stream(#[from] io::Error),
}

impl CodecError {
    /// The code to end the connection with; `None` when it is gone already.
    pub const fn code(&self) -> Option<CloseCode> {
        match self {
            Self::Preface(_) => Some(CloseCode::BadPreface),
            Self::Frame(error) => Some(error.code()),
            Self::Stream(_) => None,
        }
    }
}

impl FrameCodec {
    /// Reads what a client sends: the preface first.
    pub const fn server() -> Self {
        Self { body_max: HANDSHAKE_BODY_BYTES_MAX, preface_due: true }
    }

    /// Reads what a server sends.
    pub const fn client() -> Self {
        Self { body_max: HANDSHAKE_BODY_BYTES_MAX, preface_due: false }
    }

    /// Sets the largest body, in bytes, for every frame not decoded yet.
    pub const fn set_body_max(&mut self, bytes: u32) {
        self.body_max = bytes;
    }
}

impl Decoder for FrameCodec {
    type Item = Frame;
    type Error = CodecError;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        if self.preface_due {
            if !check_preface(bytes)? {
                return Ok(None);
            }
            bytes.advance(PREFACE_BYTES);
            self.preface_due = false;
        }
        Ok(Frame::take(bytes, self.body_max)?)
    }
}

impl Encoder<&Packet> for FrameCodec {
    type Error = CodecError;

    fn encode(&mut self, packet: &Packet, out: &mut BytesMut) -> Result<(), CodecError> {
        packet.put(out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PREFACE;
    use proptest::prelude::*;

    #[test]
    fn the_limit_of_the_handshake_holds_until_it_is_raised() {
        let big = Frame { kind: 0x80, body: vec![0; 5000].into() };
        let mut bytes = BytesMut::from(&big.to_bytes()[..]);
        let mut codec = FrameCodec::client();
        let error = codec.decode(&mut bytes).unwrap_err();
        assert_eq!(error.code(), Some(CloseCode::FrameTooLarge));
        codec.set_body_max(5000);
        assert_eq!(codec.decode(&mut bytes).unwrap(), Some(big));
    }

    #[test]
    fn a_client_without_preface_is_turned_away() {
        let mut bytes = BytesMut::from(&b"GET / HTTP/1.1\r\n"[..]);
        let error = FrameCodec::server().decode(&mut bytes).unwrap_err();
        assert_eq!(error.code(), Some(CloseCode::BadPreface));
    }

    proptest! {
        #[test]
        fn frames_are_the_same_however_the_stream_is_cut(
            bodies in
                proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..6),
            cuts in proptest::collection::vec(1..30usize, 1..40),
        ) {
            let frames: Vec<Frame> =
                bodies.into_iter().map(|body| Frame { kind: 0x90, body: body.into() }).collect();
            let mut stream = BytesMut::from(&PREFACE[..]);
            for frame in &frames {
                frame.put(&mut stream);
            }

            let (mut codec, mut held, mut found) = (FrameCodec::server(), BytesMut::new(), vec![]);
            let mut cuts = cuts.into_iter().cycle();
            while !stream.is_empty() {
                let cut = cuts.next().expect("cycles").min(stream.len());
                held.extend_from_slice(&stream.split_to(cut));
                while let Some(frame) = codec.decode(&mut held).unwrap() {
                    found.push(frame);
                }
            }
            prop_assert_eq!(found, frames);
        }
    }
}
