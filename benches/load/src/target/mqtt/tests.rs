//! The connection against bytes as the standard has them, in every way in which they may be cut.

use super::*;

const SALT: u64 = 0xab;
/// The user's own topic, with its length.
const TOPIC: &[u8] = b"\0\x17user/00000000000000ab-7";

#[derive(Debug, PartialEq)]
enum Came {
    Ready,
    Accepted(Name),
    Delivered(Vec<u8>),
    Done,
    Pong,
}

fn came(event: Event<'_>) -> Came {
    match event {
        Event::Ready => Came::Ready,
        Event::Accepted { name, seq: None, again: false } => Came::Accepted(name),
        Event::Delivered { name: None, seq: None, text } => Came::Delivered(text.to_vec()),
        Event::Done => Came::Done,
        Event::Pong => Came::Pong,
        other => panic!("{other:?}"),
    }
}

/// Reads what comes in two parts, and says what it was, and what is answered.
fn read_cut(wire: &mut MqttWire, bytes: &[u8], cut: usize) -> (Vec<Came>, Vec<u8>) {
    let (mut out, mut all) = (BytesMut::new(), Vec::new());
    let mut sink = |event: Event<'_>| all.push(came(event));
    let taken = wire.read(&bytes[..cut], &mut out, &mut sink).unwrap();
    let rest = wire.read(&bytes[taken..], &mut out, &mut sink).unwrap();
    assert_eq!(taken + rest, bytes.len());
    (all, out.to_vec())
}

fn read_all(wire: &mut MqttWire, bytes: &[u8]) -> (Vec<Came>, Vec<u8>) {
    read_cut(wire, bytes, bytes.len())
}

fn wire() -> MqttWire {
    MqttWire::new(SALT, Login::of(7))
}

fn subscribed() -> MqttWire {
    let mut wire = wire();
    read_all(&mut wire, b"\x20\x02\0\0\x90\x03\0\x01\x01");
    wire
}

fn name(number: u64) -> Name {
    Name { channel: 3, number }
}

fn send(wire: &mut MqttWire, number: u64) -> Vec<u8> {
    let mut out = BytesMut::new();
    wire.send(To::User(7), name(number), 0, b"hi", &mut out);
    out.to_vec()
}

#[test]
fn a_connection_is_opened_with_a_session_that_is_kept() {
    let greeted = |heartbeat_ms| {
        let mut out = BytesMut::new();
        MqttWire::new(SALT, Login { user: 7, heartbeat_ms }).greet(&mut out);
        out.to_vec()
    };
    let client = b"\0\x1200000000000000ab-7";
    let head = b"\x10\x1e\0\x04MQTT\x04\0";
    assert_eq!(greeted(0), [&head[..], &[0xff, 0xff], client].concat());
    assert_eq!(greeted(4_000), [&head[..], &[0, 16], client].concat());
    assert_eq!(greeted(u32::MAX), [&head[..], &[0xff, 0xff], client].concat());
}

#[test]
fn a_new_session_is_ready_once_it_is_subscribed_and_a_kept_one_at_once() {
    let mut wire = wire();
    let (all, out) = read_all(&mut wire, b"\x20\x02\0\0");
    assert_eq!(all, []);
    assert_eq!(out, [b"\x82\x1c\0\x01", TOPIC, b"\x01"].concat());
    assert_eq!(read_all(&mut wire, b"\x90\x03\0\x01\x01").0, [Came::Ready]);
    wire.again();
    assert_eq!(read_all(&mut wire, b"\x20\x02\x01\0"), (vec![Came::Ready], vec![]));
}

#[test]
fn messages_are_sent_accepted_delivered_and_answered_however_the_bytes_are_cut() {
    let mut bytes = b"\x40\x02\0\x02\x32\x1d".to_vec();
    bytes.extend_from_slice(TOPIC);
    bytes.extend_from_slice(b"\x01\x02hi\x40\x02\0\x01\xd0\0");
    for cut in 0..=bytes.len() {
        let mut wire = subscribed();
        let sent = [send(&mut wire, 0), send(&mut wire, 1)].concat();
        let publish = [b"\x32\x1d", TOPIC].concat();
        assert_eq!(sent, [&publish, &b"\0\x01hi"[..], &publish, b"\0\x02hi"].concat());
        let (all, out) = read_cut(&mut wire, &bytes, cut);
        let text = Came::Delivered(b"hi".to_vec());
        let expected = [Came::Accepted(name(1)), text, Came::Accepted(name(0)), Came::Pong];
        assert_eq!((&all[..], &out[..]), (&expected[..], &b"\x40\x02\x01\x02"[..]));
    }
}

#[test]
fn a_group_is_a_topic_that_is_subscribed_to() {
    let (mut wire, mut out) = (subscribed(), BytesMut::new());
    assert_eq!(wire.join(2, &mut out), 1);
    assert_eq!(&out[..], b"\x82\x1d\0\x01\0\x18group/00000000000000ab-2\x01");
    assert_eq!(read_all(&mut wire, b"\x90\x03\0\x01\x01").0, [Came::Done]);
}

#[test]
fn no_id_is_used_while_it_waits_and_each_is_used_again() {
    let mut wire = subscribed();
    for number in 0..u64::from(IDS) {
        let sent = send(&mut wire, number);
        assert!(!sent.is_empty());
    }
    // 9 was sent with the id 10.
    assert_eq!(read_all(&mut wire, b"\x40\x02\0\x0a").0, [Came::Accepted(name(9))]);
    assert!(send(&mut wire, 99).ends_with(b"\0\x0ahi"));
    assert_eq!(read_all(&mut wire, b"\x40\x02\0\x0a").0, [Came::Accepted(name(99))]);
    send(&mut wire, 100);
    assert_eq!(send(&mut wire, 101), b"", "there is no id left");
    let error = wire.read(b"\xd0\0", &mut BytesMut::new(), &mut |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "65535 sends wait for their PUBACK");
}

#[test]
fn what_was_not_asked_for_and_what_is_refused_is_an_error() {
    for (bytes, says) in [
        (&b"\x40\x02\0\x01"[..], "a PUBACK came for the packet id 1"),
        (b"\x40\x02\0\0", "a PUBACK came for the packet id 0"),
        (b"\x40\x02\x77\x77", "a PUBACK came for the packet id 30583"),
        (b"\x90\x03\0\x01\x01", "a SUBACK came for the packet id 1"),
        (b"\x90\x03\0\x01\x80", "refused the subscription 1"),
        (b"\x20\x02\0\x05", "refused the connection: code 5"),
        (b"\x30\xff\xff\xff\xff", "more than"),
        (b"HTTP/1.1", "makes no sense"),
    ] {
        let error = subscribed().read(bytes, &mut BytesMut::new(), &mut |_| {}).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
    let mut wire = subscribed();
    wire.join(2, &mut BytesMut::new());
    let error = wire.read(b"\x40\x02\0\x01", &mut BytesMut::new(), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("a PUBACK came for the packet id 1"), "{error}");
}
