//! Frames and bodies byte by byte, right and wrong: what the codec of `packetboat-proto` would
//! never write. Must never be used to read.

use packetboat_proto::frame::PREFACE;

/// Bytes that the checksum covers of a head.
const COVERED: usize = 6;

/// A frame of any kind, with its checksum right.
pub fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    flagged(kind, 0, body)
}

/// A frame with flags, with its checksum right.
pub fn flagged(kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("a body of a check is short");
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend([kind, flags]);
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes[..COVERED]);
    crc.update(body);
    bytes.extend(crc.finalize().to_be_bytes());
    bytes.extend(body);
    bytes
}

/// A frame whose checksum is wrong in one bit.
pub fn damaged(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = frame(kind, body);
    bytes[COVERED] ^= 1;
    bytes
}

/// The preface, and bytes behind it.
pub fn opened(bytes: &[u8]) -> Vec<u8> {
    [&PREFACE[..], bytes].concat()
}

/// A varint, as short as can be.
pub fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
    bytes
}

/// A field of wire type 0.
pub fn number(field: u32, value: u64) -> Vec<u8> {
    [varint(u64::from(field) << 3), varint(value)].concat()
}

/// A field of wire type 2.
pub fn bytes(field: u32, value: &[u8]) -> Vec<u8> {
    [varint(u64::from(field) << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

/// A field of wire type 1.
pub fn fixed64(field: u32, value: u64) -> Vec<u8> {
    [varint(u64::from(field) << 3 | 1), value.to_le_bytes().to_vec()].concat()
}

/// A field of wire type 5.
pub fn fixed32(field: u32, value: u32) -> Vec<u8> {
    [varint(u64::from(field) << 3 | 5), value.to_le_bytes().to_vec()].concat()
}

/// An empty group: wire types 3 and 4.
pub fn group(field: u32) -> Vec<u8> {
    [varint(u64::from(field) << 3 | 3), varint(u64::from(field) << 3 | 4)].concat()
}

/// Fields that no version knows yet, one of each wire type.
pub fn unknown_fields() -> Vec<u8> {
    [number(999, u64::MAX), fixed64(1_000, 7), bytes(1_001, b"later"), fixed32(536_870_911, 9)]
        .concat()
}

/// Whether there is a group among the outer fields of a body.
pub fn has_group(mut body: &[u8]) -> bool {
    fn take(body: &mut &[u8]) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = body.split_first()?;
            *body = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
    while let Some(key) = take(&mut body) {
        let passed = match key & 7 {
            0 => take(&mut body).map(|_| 0),
            1 => Some(8),
            2 => take(&mut body),
            3 | 4 => return true,
            5 => Some(4),
            _ => None,
        };
        let Some(rest) = passed.and_then(|n| body.get(usize::try_from(n).ok()?..)) else {
            return false;
        };
        body = rest;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BytesMut;
    use packetboat_proto::frame::{Frame, FrameError};

    #[test]
    fn what_is_to_be_right_is_and_what_is_to_be_wrong_is() {
        let mut right = BytesMut::from(&frame(4, &number(1, 300))[..]);
        let read = Frame::take(&mut right, 100).unwrap().unwrap();
        assert_eq!((read.kind, &read.body[..]), (4, &[8, 0xac, 2][..]));
        let mut wrong = BytesMut::from(&damaged(4, &[])[..]);
        assert!(matches!(Frame::take(&mut wrong, 100), Err(FrameError::Checksum { .. })));
        let mut flags = BytesMut::from(&flagged(4, 2, &[])[..]);
        assert!(matches!(Frame::take(&mut flags, 100), Err(FrameError::Flags { flags: 2 })));
    }

    #[test]
    fn a_group_is_found_behind_other_fields() {
        let others = [number(1, u64::MAX), bytes(2, b"abc"), fixed64(3, 1), fixed32(4, 1)].concat();
        assert!(!has_group(&others) && !has_group(&[]));
        assert!(has_group(&[others, group(9)].concat()));
        assert!(!has_group(&bytes(2, &group(9))), "bytes are no fields");
    }
}
