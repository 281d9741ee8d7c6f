//! Packets come back as they were, and what is out of bounds is refused with its code.

use super::*;
use crate::code::{Fault, RejectCode, Retry};
use crate::content::GroupRules;
use crate::id::{ChatId, DeviceId, IdError, MessageId, SessionId, UserId};
use crate::unfold::UnfoldError;

fn user(text: &str) -> UserId {
    UserId::new(text).unwrap()
}

fn chat(text: &str) -> ChatId {
    ChatId::new(text).unwrap()
}

fn frame_of(packet: &Packet) -> Frame {
    let mut bytes = BytesMut::new();
    packet.put(&mut bytes);
    Frame::take(&mut bytes, u32::MAX).unwrap().unwrap()
}

fn decode(kind: Kind, body: impl Message) -> Result<Option<Packet>, PacketError> {
    Packet::decode(&Frame { kind: kind as u8, body: body.encode_to_vec().into() })
}

fn fault(kind: Kind, body: impl Message) -> BodyError {
    match decode(kind, body) {
        Err(PacketError::Body { fault, .. }) => fault,
        other => panic!("expected a fault in the body, found {other:?}"),
    }
}

fn hello() -> Hello {
    Hello {
        user: user("ada"),
        device: DeviceId::new("phone").unwrap(),
        credential: Credential::Open,
        client: "test 1".into(),
        wanted: Limits { window: 5, ..Limits::default() },
        start: Some(Start::Last(3)),
        device_name: String::new(),
        platform: String::new(),
    }
}

fn entry() -> Entry {
    Entry {
        chat: chat("dm:ada:bob"),
        seq: 1,
        sender: user("ada"),
        id: MessageId::from([1; 16]),
        at_ms: 5,
        content: Bytes::from_static(b"x"),
    }
}

fn state() -> ChatState {
    ChatState {
        chat: chat("group:crew"),
        head: 9,
        delivered: 8,
        read: 7,
        unread: 2,
        name: "Crew".into(),
        members: 3,
        role: Some(Role::Owner),
        peer_delivered: 0,
        peer_read: 0,
        last_at_ms: 4,
        topic: "Sails".into(),
        avatar: "avatar/7".into(),
        rules: GroupRules { only_admins_write: true, ..GroupRules::default() },
        muted_until_ms: 5,
        join_requests: 6,
        marks: Marks { quiet_until_ms: 7, pinned: 8, archived: true, unread: true },
        mentions: 9,
        last: Some(Box::new(entry())),
    }
}

fn handshakes() -> Vec<Packet> {
    vec![
        Packet::Hello(hello()),
        Packet::Hello(Hello { credential: Credential::Password("p".into()), ..hello() }),
        Packet::Hello(Hello { credential: Credential::Token("t".into()), ..hello() }),
        Packet::Hello(Hello { credential: Credential::Ticket("k".into()), start: None, ..hello() }),
        Packet::Welcome(Welcome {
            session: SessionId::from([3; 16]),
            limits: Limits { max_body: 1, window: 2, heartbeat_ms: 3, max_content: 4, sends: 5 },
            ticket: Bytes::from_static(b"ticket"),
            ticket_expires_ms: 6,
            now_ms: 7,
            server: "packetboat".into(),
            new_device: true,
        }),
        Packet::Goodbye(Verdict::close(CloseCode::ShuttingDown, "soon back", 2000)),
        Packet::Ping(42),
        Packet::Pong(u64::MAX),
    ]
}

fn messages() -> Vec<Packet> {
    let (chat, id) = (chat("dm:a:b"), MessageId::from([7; 16]));
    let verdict = Verdict::reject(RejectCode::StoreFull, "no room", 100);
    let moved = CursorMoved { chat: chat.clone(), user: user("b"), delivered: 2, read: 1 };
    let signal = |kind| {
        let (chat, data) = (chat.clone(), Bytes::from_static(b"d"));
        Packet::Signal(Signal { chat, kind, data, sender: Some(user("a")) })
    };
    vec![
        signal(SignalKind::Typing),
        signal(SignalKind::Stopped),
        signal(SignalKind::Custom),
        Packet::Send(Send { chat: chat.clone(), id, content: Bytes::from_static(b"c") }),
        Packet::Accepted(Accepted { chat: chat.clone(), id, seq: 1, at_ms: 2, duplicate: true }),
        Packet::Rejected(Rejected { chat: chat.clone(), id, verdict }),
        Packet::Deliver(entry()),
        Packet::Ack(vec![Cursor { chat, delivered: 3, read: 0 }]),
        Packet::Notice(Notice::Missed),
        Packet::Notice(Notice::Cursor(moved)),
    ]
}

fn questions() -> Vec<Packet> {
    let operations = [
        Operation::History { chat: chat("dm:a:b"), edge: Edge::After(0), limit: 0 },
        Operation::History { chat: chat("dm:a:b"), edge: Edge::Before(7), limit: 9 },
        Operation::Chats { after: Some(chat("dm:a:b")), limit: 0 },
        Operation::Chat { chat: chat("dm:a:b") },
        Operation::Members { chat: chat("group:g"), after: None, limit: 0 },
        Operation::Presence { users: vec![user("bob"), user("eve")] },
    ];
    let ask = |operation| Packet::Request(Request { id: 2, operation: Some(operation) });
    operations.map(ask).into()
}

fn answers() -> Vec<Packet> {
    let member = Member {
        user: user("bob"),
        role: Some(Role::Admin),
        delivered: 1,
        read: 1,
        muted_until_ms: 9,
    };
    let answers = [
        Ok(Answer::History { entries: vec![entry().encode()], more: true }),
        Ok(Answer::Chats { chats: vec![state()], more: false }),
        Ok(Answer::Chat(Box::new(state()))),
        Ok(Answer::Members { members: vec![member], more: false }),
        Ok(Answer::Presence(vec![Presence {
            online: true,
            last_seen_ms: 3,
            away: true,
            status: "at sea".into(),
            ..Presence::hidden(user("bob"))
        }])),
        Err(Verdict::reject(RejectCode::NoSuchChat, "no such chat", 0)),
    ];
    answers.map(|answer| Packet::Response(Response { id: 1, answer })).into()
}

fn examples() -> Vec<Packet> {
    [handshakes(), messages(), questions(), answers()].concat()
}

#[test]
fn every_packet_comes_back_as_it_was() {
    let examples = examples();
    for kind in Kind::ALL {
        assert!(examples.iter().any(|packet| packet.kind() == *kind), "no example of {kind:?}");
    }
    for packet in examples {
        assert_eq!(Packet::decode(&frame_of(&packet)), Ok(Some(packet)));
    }
}

#[test]
fn an_unknown_kind_closes_below_0x80_and_is_skipped_from_there() {
    let of_kind = |kind| Packet::decode(&Frame { kind, body: Bytes::from_static(b"\xff") });
    for kind in [0x00, 0x06, 0x7f] {
        let error = of_kind(kind).unwrap_err();
        assert_eq!(error.code(), CloseCode::UnknownKind);
    }
    assert_eq!(of_kind(0x80), Ok(None));
    assert_eq!(of_kind(0xff), Ok(None));
}

#[test]
fn a_hello_needs_its_user_device_and_credential() {
    let whole = hello().to_wire();
    let without = schema::Hello { credential: None, ..whole.clone() };
    assert_eq!(fault(Kind::Hello, without), BodyError::Missing { field: "credential" });
    for wire in [
        schema::Hello { user: String::new(), ..whole.clone() },
        schema::Hello { device: "a b".into(), ..whole.clone() },
    ] {
        assert!(matches!(fault(Kind::Hello, wire), BodyError::Id(_)));
    }
    let wire = schema::Hello { client: "c".repeat(65), ..whole };
    let too_long = BodyError::TooLong { field: "client", bytes: 65, max: 64 };
    assert_eq!(fault(Kind::Hello, wire), too_long);
}

#[test]
fn a_credential_is_not_shown() {
    let secret = Hello { credential: Credential::Password("hunter2".into()), ..hello() };
    assert!(!format!("{secret:?}").contains("hunter2"));
}

#[test]
fn an_ack_of_more_cursors_than_allowed_is_refused_before_it_unfolds() {
    let ack = |count| schema::Ack { cursors: vec![schema::Cursor::default(); count] };
    let error = BodyError::Unfold(UnfoldError::TooMany { max: 256 });
    assert_eq!(fault(Kind::Ack, ack(257)), error);
    assert!(matches!(fault(Kind::Ack, ack(256)), BodyError::Id(_)));
}

#[test]
fn a_message_id_of_the_wrong_length_is_refused() {
    for bytes in [0, 15, 17] {
        let wire = schema::Send {
            chat: "dm:a:b".into(),
            message_id: vec![0; bytes].into(),
            content: Bytes::new(),
        };
        assert!(matches!(fault(Kind::Send, wire), BodyError::Id(IdError::Length { .. })));
    }
}

#[test]
fn an_accepted_is_encoded_as_the_schema_says() {
    for (seq, at_ms, duplicate) in [(1, 0, false), (300, 1_700_000_000_000, true)] {
        let id = MessageId::from([7; 16]);
        let accepted = Accepted { chat: chat("dm:ann:bob"), id, seq, at_ms, duplicate };
        let wire = schema::Accepted {
            chat: accepted.chat.to_string(),
            message_id: Bytes::copy_from_slice(id.as_bytes()),
            seq,
            at_ms,
            duplicate,
        };
        assert_eq!(frame_of(&Packet::Accepted(accepted)).body, wire.encode_to_vec());
    }
}

#[test]
fn a_code_of_a_later_version_still_says_what_to_do() {
    let wire = schema::Verdict { code: 999, retry: 2, fault: 9, ..Default::default() };
    let Ok(Some(Packet::Goodbye(verdict))) = decode(Kind::Goodbye, wire) else { panic!() };
    assert_eq!((verdict.close_code(), verdict.retry), (None, Some(Retry::AtOnce)));
    assert_eq!(verdict.fault, None::<Fault>);
}

#[test]
fn an_unknown_operation_is_left_to_the_server_to_refuse() {
    let wire = schema::Request { id: 3, operation: None };
    let unknown = Packet::Request(Request { id: 3, operation: None });
    assert_eq!(decode(Kind::Request, wire), Ok(Some(unknown)));
}
