//! The packets of MQTT 3.1.1 that a client with `QoS 1` needs: written straight into what goes out,
//! read where they came. Must never copy a payload twice, nor panic at what came.

use bytes::{BufMut, BytesMut};
use thiserror::Error;

/// Bytes of what follows a head, at most: a text of the longest, and much room.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Bytes of a length at most; each holds 7 bits.
const LENGTH_BYTES_MAX: usize = 4;
/// `QoS 1`.
const AT_LEAST_ONCE: u8 = 1;
/// In CONNECT: the name and version of the protocol, and flags that are all 0, so that the session
/// is kept.
const PROTOCOL: [u8; 8] = [0, 4, b'M', b'Q', b'T', b'T', 4, 0];
/// In SUBACK: refused.
const REFUSED: u8 = 0x80;

/// Kinds and flags, the first byte of a packet.
const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const PUBACK: u8 = 0x40;
const SUBSCRIBE: u8 = 0x82;
const SUBACK: u8 = 0x90;
const PINGREQ: u8 = 0xc0;
const PINGRESP: u8 = 0xd0;
const DISCONNECT: u8 = 0xe0;

/// A packet that a broker sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    /// The connection is open, or not: code 0 is good.
    ConnAck { present: bool, code: u8 },
    /// A message; with an id, it is to be answered.
    Publish { id: Option<u16>, payload: &'a [u8] },
    /// A message was taken.
    PubAck(u16),
    /// A subscription was taken, or not.
    SubAck { id: u16, is_taken: bool },
    /// A heartbeat was answered.
    PingResp,
}

/// What came is no packet that a broker sends to such a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Malformed {
    /// A length that is too long.
    #[error("a packet of more than {BODY_BYTES_MAX} bytes came")]
    TooLong,
    /// Something of it is not as it has to be.
    #[error("a packet came that begins with {0:#04x} and makes no sense")]
    Senseless(u8),
}

/// The first packet of some bytes, and how many are its own; `None` if it is not whole.
pub(super) fn read(bytes: &[u8]) -> Result<Option<(Packet<'_>, usize)>, Malformed> {
    let Some((first, rest)) = bytes.split_first() else { return Ok(None) };
    // Told at once: the length of what is no packet may be anything.
    if !matches!(*first, CONNACK | PUBACK | SUBACK | PINGRESP) && first & 0xf0 != PUBLISH {
        return Err(Malformed::Senseless(*first));
    }
    let Some((length, length_bytes)) = length(rest)? else { return Ok(None) };
    let Some(body) = rest[length_bytes..].get(..length) else { return Ok(None) };
    let packet = packet(*first, body).ok_or(Malformed::Senseless(*first))?;
    Ok(Some((packet, 1 + length_bytes + length)))
}

/// How long a body is, and how many bytes said so.
fn length(bytes: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    let mut length = 0;
    for (byte, at) in bytes.iter().zip(0..LENGTH_BYTES_MAX) {
        length |= usize::from(byte & 0x7f) << (7 * at);
        if length > BODY_BYTES_MAX {
            return Err(Malformed::TooLong);
        }
        if byte & 0x80 == 0 {
            return Ok(Some((length, at + 1)));
        }
    }
    if bytes.len() < LENGTH_BYTES_MAX { Ok(None) } else { Err(Malformed::TooLong) }
}

fn packet(first: u8, body: &[u8]) -> Option<Packet<'_>> {
    Some(match (first, body) {
        (CONNACK, [flags, code]) => Packet::ConnAck { present: flags & 1 != 0, code: *code },
        (PUBACK, body) => Packet::PubAck(number(body)?),
        (SUBACK, [high, low, code]) => {
            Packet::SubAck { id: u16::from_be_bytes([*high, *low]), is_taken: *code != REFUSED }
        }
        (PINGRESP, []) => Packet::PingResp,
        (publish, body) if publish & 0xf0 == PUBLISH => {
            let (topic_bytes, rest) = body.split_first_chunk()?;
            let (_, rest) = rest.split_at_checked(u16::from_be_bytes(*topic_bytes).into())?;
            match (publish >> 1) & 0b11 {
                0 => Packet::Publish { id: None, payload: rest },
                AT_LEAST_ONCE => {
                    let (id, payload) = rest.split_first_chunk()?;
                    Packet::Publish { id: Some(u16::from_be_bytes(*id)), payload }
                }
                _ => return None,
            }
        }
        _ => return None,
    })
}

/// A body that is one number.
fn number(body: &[u8]) -> Option<u16> {
    body.try_into().ok().map(u16::from_be_bytes)
}

/// Opens a connection whose session the broker keeps.
pub(super) fn put_connect(client: &[u8], keep_alive: u16, out: &mut BytesMut) {
    put_head(CONNECT, PROTOCOL.len() + 2 + 2 + client.len(), out);
    out.put_slice(&PROTOCOL);
    out.put_u16(keep_alive);
    put_string(client, out);
}

/// Subscribes to a topic.
pub(super) fn put_subscribe(id: u16, topic: &[u8], out: &mut BytesMut) {
    put_head(SUBSCRIBE, 2 + 2 + topic.len() + 1, out);
    out.put_u16(id);
    put_string(topic, out);
    out.put_u8(AT_LEAST_ONCE);
}

/// Sends a message.
pub(super) fn put_publish(id: u16, topic: &[u8], payload: &[u8], out: &mut BytesMut) {
    put_head(PUBLISH | AT_LEAST_ONCE << 1, 2 + topic.len() + 2 + payload.len(), out);
    put_string(topic, out);
    out.put_u16(id);
    out.put_slice(payload);
}

/// Answers a message.
pub(super) fn put_puback(id: u16, out: &mut BytesMut) {
    put_head(PUBACK, 2, out);
    out.put_u16(id);
}

/// Asks for a heartbeat.
pub(super) fn put_pingreq(out: &mut BytesMut) {
    put_head(PINGREQ, 0, out);
}

/// Says goodbye.
pub(super) fn put_disconnect(out: &mut BytesMut) {
    put_head(DISCONNECT, 0, out);
}

fn put_head(first: u8, length: usize, out: &mut BytesMut) {
    debug_assert!(length <= BODY_BYTES_MAX, "nobody asks for so long a text");
    out.reserve(1 + LENGTH_BYTES_MAX + length);
    out.put_u8(first);
    let mut rest = length;
    loop {
        let low = u8::try_from(rest & 0x7f).expect("7 bits fit");
        rest >>= 7;
        if rest == 0 {
            return out.put_u8(low);
        }
        out.put_u8(low | 0x80);
    }
}

fn put_string(string: &[u8], out: &mut BytesMut) {
    out.put_u16(u16::try_from(string.len()).expect("names are short"));
    out.put_slice(string);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(put: impl FnOnce(&mut BytesMut)) -> Vec<u8> {
        let mut out = BytesMut::new();
        put(&mut out);
        out.to_vec()
    }

    #[test]
    fn packets_are_written_byte_for_byte_as_the_standard_has_them() {
        let connect = b"\x10\x0e\0\x04MQTT\x04\0\0\x3c\0\x02u7";
        assert_eq!(written(|out| put_connect(b"u7", 60, out)), connect);
        assert_eq!(written(|out| put_subscribe(10, b"a/b", out)), b"\x82\x08\0\x0a\0\x03a/b\x01");
        assert_eq!(
            written(|out| put_publish(258, b"a/b", b"hi", out)),
            b"\x32\x09\0\x03a/b\x01\x02hi"
        );
        assert_eq!(written(|out| put_puback(258, out)), b"\x40\x02\x01\x02");
        assert_eq!(written(put_pingreq), b"\xc0\0");
        assert_eq!(written(put_disconnect), b"\xe0\0");
    }

    #[test]
    fn a_length_takes_as_many_bytes_as_it_needs() {
        for (payload, head) in [
            (122, &b"\x32\x7f"[..]),
            (123, b"\x32\x80\x01"),
            (16_378, b"\x32\xff\x7f"),
            (16_379, b"\x32\x80\x80\x01"),
        ] {
            let bytes = written(|out| put_publish(1, b"t", &vec![7; payload], out));
            assert!(bytes.starts_with(head), "{payload}: {:02x?}", &bytes[..6]);
            let (packet, length) = read(&bytes).unwrap().unwrap();
            assert_eq!(length, bytes.len());
            assert_eq!(packet, Packet::Publish { id: Some(1), payload: &vec![7; payload] });
        }
    }

    /// As mosquitto forms them: an opening with a session that it had, a subscription, a message
    /// that comes again, one without an answer, and what is refused.
    const CAME: [(&[u8], Packet<'_>); 9] = [
        (b"\x20\x02\0\0", Packet::ConnAck { present: false, code: 0 }),
        (b"\x20\x02\x01\0", Packet::ConnAck { present: true, code: 0 }),
        (b"\x20\x02\0\x05", Packet::ConnAck { present: false, code: 5 }),
        (b"\x90\x03\0\x01\x01", Packet::SubAck { id: 1, is_taken: true }),
        (b"\x90\x03\0\x01\x80", Packet::SubAck { id: 1, is_taken: false }),
        (b"\x40\x02\xff\xff", Packet::PubAck(u16::MAX)),
        (b"\x3a\x09\0\x03a/b\x01\x02hi", Packet::Publish { id: Some(258), payload: b"hi" }),
        (b"\x30\x07\0\x03a/bhi", Packet::Publish { id: None, payload: b"hi" }),
        (b"\xd0\0", Packet::PingResp),
    ];

    #[test]
    fn packets_are_read_once_they_are_whole_and_not_before() {
        for (bytes, packet) in CAME {
            assert_eq!(read(bytes), Ok(Some((packet, bytes.len()))), "{bytes:02x?}");
            for end in 0..bytes.len() {
                assert_eq!(read(&bytes[..end]), Ok(None), "{bytes:02x?} up to {end}");
            }
            let more = [bytes, b"\xd0"].concat();
            assert_eq!(read(&more), Ok(Some((packet, bytes.len()))), "{bytes:02x?} and more");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for bytes in [
            &b"\x20\x01\0"[..],
            b"\x40\x03\0\x01\0",
            b"\x90\x02\0\x01",
            b"\xd0\x01\0",
            b"\x34\x06\0\x01a\0\x01x",
            b"\x32\x02\0\x05",
            b"\x32\x03\0\x01a",
            b"\x32\0",
            b"\0\0",
        ] {
            assert_eq!(read(bytes), Err(Malformed::Senseless(bytes[0])), "{bytes:02x?}");
        }
        for bytes in [&b"\x32\x80\x80\x80\x80"[..], b"\x32\xff\xff\xff\x7f", b"\x32\x81\x80\x40"] {
            assert_eq!(read(bytes), Err(Malformed::TooLong), "{bytes:02x?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            if let Ok(Some((_, length))) = read(&bytes) {
                prop_assert!(length >= 2 && length <= bytes.len());
            }
        }
    }
}
