//! The connection against the proto crate: what it writes is read there, what is written there it
//! reads. Must never need a server.

use super::*;
use crate::stamp::{Letter, Stamp};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::SessionId;
use packetboat_proto::packet::{Accepted, Welcome};

const SALT: u64 = 7;
const NAME: Name = Name { channel: 3, number: 9 };

fn open(user: u32) -> PacketboatWire {
    let mut wire = PacketboatWire::new(SALT, Login::of(user));
    let limits =
        Limits { max_body: 65_536, window: 8, heartbeat_ms: 1_000, max_content: 60_000, sends: 64 };
    let welcome = Welcome {
        session: SessionId::from([1; 16]),
        limits,
        ticket: Bytes::from_static(b"ticket"),
        ticket_expires_ms: 1,
        now_ms: 1,
        server: String::new(),
        new_device: true,
    };
    assert_eq!(events(&mut wire, &[Packet::Welcome(welcome)]).0, ["Ready"]);
    wire
}

fn events(wire: &mut PacketboatWire, packets: &[Packet]) -> (Vec<String>, BytesMut) {
    let (mut bytes, mut out, mut seen) = (BytesMut::new(), BytesMut::new(), Vec::new());
    for packet in packets {
        packet.put(&mut bytes);
    }
    let taken = wire.read(&bytes, &mut out, &mut |event| seen.push(format!("{event:?}")));
    assert_eq!(taken, Ok(bytes.len()));
    (seen, out)
}

fn packets(out: &mut BytesMut) -> Vec<Packet> {
    let mut found = Vec::new();
    while let Some(frame) = Frame::take(out, 65_536).unwrap() {
        found.push(Packet::decode(&frame).unwrap().unwrap());
    }
    found
}

fn sent(wire: &mut PacketboatWire, to: To) -> Send {
    let mut out = BytesMut::new();
    let mut letter = Letter::new(100);
    wire.send(to, NAME, 1_000_000, letter.write(Stamp { name: NAME, at: 5 }), &mut out);
    match packets(&mut out).pop() {
        Some(Packet::Send(send)) => send,
        other => panic!("no send but {other:?}"),
    }
}

fn entry(send: Send, seq: u64, sender: u32) -> Packet {
    let sender = Names::new(SALT, sender).me();
    Packet::Deliver(Entry {
        chat: send.chat,
        seq,
        sender,
        id: send.id,
        at_ms: 3,
        content: send.content,
    })
}

#[test]
fn a_message_is_written_as_the_proto_crate_reads_it_and_read_as_it_writes_it() {
    let (mut sender, mut receiver) = (open(1), open(2));
    let send = sent(&mut sender, To::User(2));
    assert_eq!(send.chat, Names::new(SALT, 2).chat(To::User(1)));
    let accepted =
        Accepted { chat: send.chat.clone(), id: send.id, seq: 4, at_ms: 1, duplicate: true };
    let (seen, _) = events(&mut sender, &[Packet::Accepted(accepted)]);
    assert_eq!(seen, [format!("{:?}", Event::Accepted { name: NAME, seq: Some(4), again: true })]);

    let mut bytes = BytesMut::new();
    entry(send, 4, 1).put(&mut bytes);
    let (mut out, mut count) = (BytesMut::new(), 0);
    let read = receiver.read(&bytes, &mut out, &mut |event| {
        let Event::Delivered { name, seq, text } = event else { panic!("{event:?}") };
        let stamp = Letter::new(100).read(text);
        assert_eq!((name, seq, stamp), (Some(NAME), Some(4), Some(Stamp { name: NAME, at: 5 })));
        count += 1;
    });
    assert_eq!((read, count), (Ok(bytes.len()), 1));
}

#[test]
fn deliveries_are_acknowledged_at_a_quarter_of_the_window_or_by_the_tick() {
    let (mut sender, mut receiver) = (open(1), open(2));
    let entries: Vec<_> =
        (1..=3).map(|seq| entry(sent(&mut sender, To::User(2)), seq, 1)).collect();
    let (_, mut out) = events(&mut receiver, &entries);
    let cursor = |delivered| {
        vec![Cursor { chat: Names::new(SALT, 2).chat(To::User(1)), delivered, read: 0 }]
    };
    assert_eq!(packets(&mut out), [Packet::Ack(cursor(2))]);
    receiver.tick(&mut out);
    receiver.tick(&mut out);
    assert_eq!(packets(&mut out), [Packet::Ack(cursor(3))]);
}

#[test]
fn what_a_session_sent_itself_is_acknowledged_and_not_told() {
    let mut sender = open(1);
    let send = sent(&mut sender, To::User(2));
    let (seen, mut out) = events(&mut sender, &[entry(send, 1, 1)]);
    assert_eq!(seen, Vec::<String>::new());
    sender.tick(&mut out);
    let cursor = Cursor { chat: Names::new(SALT, 1).chat(To::User(2)), delivered: 1, read: 0 };
    assert_eq!(packets(&mut out), [Packet::Ack(vec![cursor])]);
}

#[test]
fn a_frame_that_is_changed_or_of_others_is_an_error_and_a_part_of_one_waits() {
    let (mut sender, mut receiver, mut other) = (open(1), open(2), open(3));
    let mut bytes = BytesMut::new();
    entry(sent(&mut sender, To::User(2)), 1, 1).put(&mut bytes);
    let read = |wire: &mut PacketboatWire, bytes: &[u8]| {
        wire.read(bytes, &mut BytesMut::new(), &mut |_| {})
    };
    assert_eq!(read(&mut receiver, &bytes[..bytes.len() - 1]), Ok(0));
    assert!(read(&mut other, &bytes).is_err());
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    assert!(read(&mut receiver, &bytes).is_err());
}

#[test]
fn the_second_connection_comes_with_the_ticket_of_the_first() {
    let mut wire = open(1);
    wire.again();
    let mut out = BytesMut::new();
    wire.greet(&mut out);
    let hello = packets(&mut out.split_off(PREFACE.len())).pop();
    let Some(Packet::Hello(hello)) = hello else { panic!("no hello") };
    assert_eq!(hello.credential, Credential::Ticket(Bytes::from_static(b"ticket")));
}

#[test]
fn a_large_group_is_made_by_several_changes() {
    let mut out = BytesMut::new();
    let members: Vec<u32> = (2..252).collect();
    assert_eq!(open(1).gather(0, &members, &mut out), 3);
    let named = packets(&mut out).into_iter().map(|packet| {
        let Packet::Send(send) = packet else { panic!("{packet:?}") };
        match Content::decode(&send.content, 60_000) {
            Ok(Content::Group(
                GroupChange::Created { members, .. } | GroupChange::Added(members),
            )) => members.len(),
            other => panic!("{other:?}"),
        }
    });
    assert_eq!(named.collect::<Vec<_>>(), [100, 100, 50]);
}

#[test]
fn the_address_is_in_the_first_line_of_the_greeting() {
    let line = "Packetboat listens on 127.0.0.1:43211 without TLS.\n";
    assert_eq!(greeted(line), Some("127.0.0.1:43211".parse().unwrap()));
    assert_eq!(greeted("Packetboat listens on 10.0.0.1:1 without TLS.\n"), None);
    assert_eq!(greeted(""), None);
}
