//! One frame: a head of 10 bytes, a body of one protobuf message (SPEC.md section 4). Must never
//! reserve for a body whose length it has not checked.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use crate::code::CloseCode;
use crate::limits::{HEAD_BYTES, PREFACE_BYTES};

/// The first bytes of a connection: the protocol's name and its version.
pub const PREFACE: [u8; PREFACE_BYTES] = *b"PKTBOAT\x01";

/// What the length, kind and flags take of a head, before the checksum.
const COVERED_HEAD_BYTES: usize = 6;

/// One frame, its checksum verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What the body is.
    pub kind: u8,
    /// One protobuf message.
    pub body: Bytes,
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The body would be over the limit in force.
    #[error("a body of {length} bytes is over the limit of {max}")]
    TooLarge {
        /// Bytes that the head names.
        length: u32,
        /// Bytes that it may name.
        max: u32,
    },
    /// The checksum is not that of the bytes.
    #[error("the checksum is {found:#010x}, the frame says {named:#010x}")]
    Checksum {
        /// As the head names it.
        named: u32,
        /// As the bytes have it.
        found: u32,
    },
    /// A flag is set; version 1 has none.
    #[error("flags {flags:#04x} are set, version 1 has none")]
    Flags {
        /// The flags.
        flags: u8,
    },
}

impl FrameError {
    /// The code that ends the connection.
    pub const fn code(&self) -> CloseCode {
        match self {
            Self::TooLarge { .. } => CloseCode::FrameTooLarge,
            Self::Checksum { .. } => CloseCode::BadChecksum,
            Self::Flags { .. } => CloseCode::BadFrame,
        }
    }
}

/// Why a connection does not speak this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PrefaceError {
    /// The name is right, the version is not one of ours.
    #[error("version {version} of the protocol is not spoken here, only version 1 is")]
    Version {
        /// The version asked for.
        version: u8,
    },
    /// It begins like HTTP.
    #[error("this looks like HTTP; here a connection opens with PKTBOAT and the byte 0x01")]
    Http,
    /// It begins like TLS.
    #[error("this looks like TLS; here is the plain port, the TLS port is another")]
    Tls,
    /// It begins like nothing known.
    #[error("a connection opens with PKTBOAT and the byte 0x01; byte {at} differs")]
    Unknown {
        /// The first byte that differs.
        at: usize,
    },
}

/// Checks the first bytes of a connection, however few there are yet: whether the preface is
/// whole, or the error as soon as a byte is wrong.
pub fn check_preface(bytes: &[u8]) -> Result<bool, PrefaceError> {
    let differs = bytes.iter().zip(PREFACE).position(|(byte, expected)| *byte != expected);
    match differs {
        None => Ok(bytes.len() >= PREFACE_BYTES),
        Some(at) if at == PREFACE_BYTES - 1 => Err(PrefaceError::Version { version: bytes[at] }),
        Some(_) => Err(guess(bytes)),
    }
}

fn guess(bytes: &[u8]) -> PrefaceError {
    const METHODS: [&[u8]; 7] = [b"GET ", b"POST", b"PUT ", b"HEAD", b"OPTI", b"DELE", b"PRI "];
    const TLS_HANDSHAKE: [u8; 2] = [0x16, 0x03];
    let at = bytes.iter().zip(PREFACE).position(|(byte, expected)| *byte != expected);
    if METHODS.iter().any(|method| bytes.starts_with(method)) {
        PrefaceError::Http
    } else if bytes.starts_with(&TLS_HANDSHAKE) {
        PrefaceError::Tls
    } else {
        PrefaceError::Unknown { at: at.unwrap_or(0) }
    }
}

impl Frame {
    /// Takes one frame from the front of `bytes`. `Ok(None)` needs more bytes, for which room
    /// is made, once the length is known to be allowed.
    pub fn take(bytes: &mut BytesMut, body_max: u32) -> Result<Option<Self>, FrameError> {
        let Some(length) = bytes.first_chunk::<4>().map(|length| u32::from_be_bytes(*length))
        else {
            return Ok(None);
        };
        if length > body_max {
            return Err(FrameError::TooLarge { length, max: body_max });
        }
        let whole = HEAD_BYTES + length as usize;
        if bytes.len() < whole {
            bytes.reserve(whole - bytes.len());
            return Ok(None);
        }
        let frame = bytes.split_to(whole).freeze();
        let (kind, flags) = (frame[4], frame[5]);
        let named = u32::from_be_bytes([frame[6], frame[7], frame[8], frame[9]]);
        let body = frame.slice(HEAD_BYTES..);
        let found = checksum(&frame[..COVERED_HEAD_BYTES], &body);
        if named != found {
            return Err(FrameError::Checksum { named, found });
        }
        if flags != 0 {
            return Err(FrameError::Flags { flags });
        }
        Ok(Some(Self { kind, body }))
    }

    /// The frame as bytes of their own, to be sent to many.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(HEAD_BYTES + self.body.len());
        self.put(&mut out);
        out.freeze()
    }

    /// Appends the frame to `out`.
    pub fn put(&self, out: &mut BytesMut) {
        put_with(out, self.kind, |body| body.extend_from_slice(&self.body));
    }
}

/// Appends a frame whose body `write` appends, without a copy in between.
pub fn put_with(out: &mut BytesMut, kind: u8, write: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_bytes(0, HEAD_BYTES);
    write(out);
    let length = out.len() - start - HEAD_BYTES;
    let length = u32::try_from(length).expect("a body is far smaller than 4 GiB");
    let (head, body) = out[start..].split_at_mut(HEAD_BYTES);
    head[..4].copy_from_slice(&length.to_be_bytes());
    head[4] = kind;
    let checksum = checksum(&head[..COVERED_HEAD_BYTES], body);
    head[COVERED_HEAD_BYTES..].copy_from_slice(&checksum.to_be_bytes());
}

fn checksum(head: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(body);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(kind: u8, body: &'static [u8]) -> BytesMut {
        let mut out = BytesMut::new();
        Frame { kind, body: Bytes::from_static(body) }.put(&mut out);
        out
    }

    #[test]
    fn a_ping_frame_is_the_one_of_the_spec() {
        let bytes = framed(0x04, &[0x08, 0x2a]);
        assert_eq!(bytes[..6], [0, 0, 0, 2, 4, 0]);
        let crc = crc32fast::hash(&[0, 0, 0, 2, 4, 0, 0x08, 0x2a]);
        assert_eq!(bytes[6..10], crc.to_be_bytes());
    }

    #[test]
    fn every_prefix_of_a_frame_needs_more() {
        let whole = framed(0x04, b"body");
        for cut in 0..whole.len() {
            let mut bytes = BytesMut::from(&whole[..cut]);
            assert_eq!(Frame::take(&mut bytes, 4), Ok(None));
            assert_eq!(bytes.len(), cut);
        }
    }

    #[test]
    fn a_length_over_the_limit_is_refused_with_nothing_reserved() {
        let mut bytes = BytesMut::from(&[0xff, 0xff, 0xff, 0xff][..]);
        let before = bytes.capacity();
        let error = FrameError::TooLarge { length: u32::MAX, max: 4096 };
        assert_eq!(Frame::take(&mut bytes, 4096), Err(error));
        assert_eq!(bytes.capacity(), before);
        assert!(Frame::take(&mut framed(1, b"12345"), 5).is_ok());
        assert!(Frame::take(&mut framed(1, b"12345"), 4).is_err());
    }

    #[test]
    fn a_flag_is_refused_even_with_its_checksum_right() {
        let mut bytes = BytesMut::new();
        let checksum = checksum(&[0, 0, 0, 0, 4, 1], &[]);
        bytes.extend_from_slice(&[0, 0, 0, 0, 4, 1]);
        bytes.extend_from_slice(&checksum.to_be_bytes());
        assert_eq!(Frame::take(&mut bytes, 9), Err(FrameError::Flags { flags: 1 }));
    }

    #[test]
    fn a_preface_is_known_by_its_first_wrong_byte() {
        for cut in 0..PREFACE_BYTES {
            assert_eq!(check_preface(&PREFACE[..cut]), Ok(false));
        }
        assert_eq!(check_preface(&PREFACE), Ok(true));
        assert_eq!(check_preface(b"PKTBOAT\x02"), Err(PrefaceError::Version { version: 2 }));
        assert_eq!(check_preface(b"GET / HTTP"), Err(PrefaceError::Http));
        assert_eq!(check_preface(b"\x16\x03\x01\x02"), Err(PrefaceError::Tls));
        assert_eq!(check_preface(b"PKX"), Err(PrefaceError::Unknown { at: 2 }));
        assert_eq!(check_preface(b"x"), Err(PrefaceError::Unknown { at: 0 }));
    }

    proptest! {
        #[test]
        fn a_changed_bit_never_passes(body in proptest::collection::vec(any::<u8>(), 0..64),
                                      kind in any::<u8>(), at in any::<usize>(), bit in 0..8u8) {
            let mut bytes = BytesMut::new();
            Frame { kind, body: body.clone().into() }.put(&mut bytes);
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let taken = Frame::take(&mut bytes, 64);
            prop_assert!(!matches!(taken, Ok(Some(_))), "{taken:?}");
        }

        #[test]
        fn frames_come_back_as_they_were(body in proptest::collection::vec(any::<u8>(), 0..64),
                                         kind in any::<u8>()) {
            let frame = Frame { kind, body: body.into() };
            let mut bytes = BytesMut::from(&frame.to_bytes()[..]);
            prop_assert_eq!(Frame::take(&mut bytes, 64), Ok(Some(frame)));
            prop_assert!(bytes.is_empty());
        }
    }
}
