//! Bodies as protobuf lets them be written, and as it does not.

use bytes::Bytes;
use packetboat_proto::code::Fault;
use packetboat_proto::entry::Entry;
use packetboat_proto::packet::{
    Accepted, Answer, Credential, Edge, Hello, Kind, Limits, Operation, Packet, Request,
    SignalKind, Start, Verdict,
};

use super::packet::{
    CHAT, MESSAGE_ID, accepted, chat, chat_state, entry, hello, history, member, request, response,
    send, signal, user, welcome,
};
use super::{Message, Theme};
use crate::line::Vector;

pub(super) fn vectors() -> Vec<Vector> {
    let mut theme = Theme::default();
    unknown_fields(&mut theme);
    repeated_fields(&mut theme);
    odd_values(&mut theme);
    absent_messages(&mut theme);
    skipped_notices(&mut theme);
    broken_protobuf(&mut theme);
    wrong_wire_types(&mut theme);
    missing_fields(&mut theme);
    bad_ids(&mut theme);
    theme.vectors
}

fn ping() -> Message {
    Message::new().int(1, 42)
}

/// The smallest `Hello` without its credential.
fn nameless() -> Message {
    Message::new().bytes(1, "a").bytes(2, "d")
}

fn open() -> Message {
    Message::new().message(1, Message::new())
}

fn hello_body() -> Message {
    nameless().message(3, open())
}

fn send_body() -> Message {
    Message::new().bytes(1, CHAT).bytes(2, MESSAGE_ID)
}

fn unknown_fields(theme: &mut Theme) {
    let packet = Packet::Ping(42);
    let unknown = |key: &[u8], value: &[u8]| Message::new().raw(key).raw(value).raw(&ping().0);
    theme.ok("unknown.varint", &unknown(&[0x10], &[0x96, 0x01]), &packet);
    theme.ok("unknown.fixed64", &unknown(&[0x11], &[1; 8]), &packet);
    theme.ok("unknown.bytes", &unknown(&[0x12], &[3, 1, 2, 3]), &packet);
    theme.ok("unknown.fixed32", &unknown(&[0x15], &[1; 4]), &packet);
    theme.ok("unknown.after", &ping().bytes(15, "later"), &packet);
    theme.ok("unknown.highest_field", &ping().int(536_870_911, 1), &packet);
    let many = Message::new().repeated(99, 100, |_| Vec::new()).int(1, 42);
    theme.ok("unknown.many", &many, &packet);
    let nested = nameless().message(3, open().int(9, 9));
    theme.ok("unknown.nested", &nested.int(99, 1), &Packet::Hello(hello()));
    let unread = send_body().int(9, 9);
    theme.ok("unknown.in_send", &unread, &send(Bytes::new()));
    let later = Message(entry().encode().to_vec()).bytes(77, "later");
    theme.ok("unknown.in_deliver", &later, &Packet::Deliver(entry()));
    let page = Message::new().bytes(1, &later.0);
    let answer = Answer::History { entries: vec![entry().encode()], more: false };
    let body = Message::new().int(1, 1).message(3, page);
    theme.ok("unknown.in_entry_of_page", &body, &response(answer));
}

fn repeated_fields(theme: &mut Theme) {
    let ping = Message::new().int(1, 1).int(1, 2).int(1, 42);
    theme.ok("twice.varint_last_counts", &ping, &Packet::Ping(42));
    let body = Message::new().bytes(1, "dm:a:b").bytes(1, CHAT).bytes(2, MESSAGE_ID);
    theme.ok("twice.text_last_counts", &body, &send(Bytes::new()));
    let body = Message::new().bytes(1, "no chat").bytes(1, CHAT).bytes(2, MESSAGE_ID);
    theme.ok("twice.only_the_last_is_checked", &body, &send(Bytes::new()));

    let merged = hello_body()
        .message(5, Message::new().int(2, 5).int(1, 9_000))
        .message(5, Message::new().int(3, 700).int(2, 6));
    let wanted = Limits { max_body: 9_000, window: 6, heartbeat_ms: 700, ..Limits::default() };
    theme.ok("twice.messages_merge", &merged, &Packet::Hello(Hello { wanted, ..hello() }));

    let token = Packet::Hello(Hello { credential: Credential::Token("t".into()), ..hello() });
    let both = nameless().message(3, Message::new().bytes(2, "p").bytes(3, "t"));
    theme.ok("twice.oneof_last_counts", &both, &token);
    let apart = nameless()
        .message(3, Message::new().bytes(2, "p"))
        .message(3, Message::new().bytes(3, "t"));
    theme.ok("twice.oneof_apart_last_counts", &apart, &token);

    let body = Message::new()
        .int(1, 1)
        .message(2, Message::new().bytes(1, CHAT).int(2, 5))
        .message(2, Message::new().int(3, 7).int(4, 9));
    theme.ok("twice.oneof_message_merges", &body, &history(Edge::Before(7), 9));
    let body = Message::new()
        .int(1, 1)
        .message(4, Message::new().bytes(1, CHAT))
        .message(3, Message::new().int(2, 9));
    let chats = request(Operation::Chats { after: None, limit: 9 });
    theme.ok("twice.oneof_message_last_counts", &body, &chats);

    let body = Message::new().bytes(2, MESSAGE_ID).bytes(1, CHAT);
    theme.ok("order.fields_descending", &body, &send(Bytes::new()));
    let body = Message::new().message(3, open()).bytes(2, "d").bytes(1, "a");
    theme.ok("order.hello_descending", &body, &Packet::Hello(hello()));
}

fn odd_values(theme: &mut Theme) {
    theme.ok("value.default_written", &Message::new().int(1, 0), &Packet::Ping(0));
    let long = Message::new().raw(&[0x08, 0xaa, 0x80, 0x80, 0x00]);
    theme.ok("value.varint_longer_than_needed", &long, &Packet::Ping(42));
    let long_key = Message::new().raw(&[0x88, 0x00, 0x2a]);
    theme.ok("value.key_longer_than_needed", &long_key, &Packet::Ping(42));
    let wide = hello_body().message(5, Message::new().int(2, (1 << 32) + 5));
    let wanted = Limits { window: 5, ..Limits::default() };
    let packet = Packet::Hello(Hello { wanted, ..hello() });
    theme.ok("value.uint32_keeps_its_low_bits", &wide, &packet);
    let packet = accepted();
    let body = Message::new()
        .bytes(1, CHAT)
        .bytes(2, MESSAGE_ID)
        .int(3, packet.seq)
        .int(4, packet.at_ms)
        .int(5, 2);
    let packet = Packet::Accepted(Accepted { duplicate: true, ..packet });
    theme.ok("value.bool_of_two", &body, &packet);

    let nothing =
        Verdict { code: 1, reason: String::new(), fault: None, retry: None, retry_after_ms: 0 };
    let wide = Message::new().int(1, 1).int(3, (1 << 32) + 2).int(4, (1 << 32) + 9);
    let cut = Verdict { fault: Some(Fault::Server), ..nothing.clone() };
    theme.ok("value.enum_keeps_its_low_bits", &wide, &Packet::Goodbye(cut));
    let wide = Message::new().bytes(1, CHAT).int(2, (1 << 32) + 1);
    let typing = Packet::Signal(signal(SignalKind::Typing));
    theme.ok("value.signal_kind_keeps_its_low_bits", &wide, &typing);
    let goodbye = Packet::Goodbye(nothing);
    let body = Message::new().int(1, 1).int(3, 4).int(4, 99);
    theme.ok("value.enum_unknown", &body, &goodbye);
    let body = Message::new().int(1, 1).int(3, u64::MAX);
    theme.ok("value.enum_negative", &body, &goodbye);
    let state = Message::new().bytes(1, CHAT).int(8, 4);
    let body = Message::new().int(1, 1).message(5, state);
    theme.ok("value.role_unknown", &body, &response(Answer::Chat(chat_state(CHAT).into())));
    for (name, kind) in [("absent", None), ("unspecified", Some(0)), ("unknown", Some(4))] {
        let body = Message::new().bytes(1, CHAT);
        let body = kind.map_or(body.clone(), |kind| body.int(2, kind));
        let name = format!("value.signal_kind_{name}");
        theme.bad(&name, Kind::Signal, &body, "a signal needs one of its kinds");
    }
}

fn absent_messages(theme: &mut Theme) {
    let packet = Packet::Hello(hello());
    theme.ok("absent.wanted", &hello_body(), &packet);
    let later = hello_body().message(6, Message::new().bytes(9, "later"));
    theme.ok("absent.start_of_later_version", &later, &packet);
    let twice = hello_body()
        .message(6, Message::new().message(1, Message::new()))
        .message(6, Message::new().message(3, Message::new()));
    let packet = Packet::Hello(Hello { start: Some(Start::Newest), ..hello() });
    theme.ok("absent.start_last_counts", &twice, &packet);
    let body = Message::new().int(1, 1).message(2, Message::new().bytes(1, CHAT));
    theme.ok("absent.edge", &body, &history(Edge::Before(0), 0));
    let none = |id| Packet::Request(Request { id, operation: None });
    let body = Message::new().int(1, 3).message(19, Message::new().bytes(1, "later"));
    theme.ok("absent.operation_of_later_version", &body, &none(3));
    let body = Message::new().int(1, 0);
    theme.ok("absent.request_of_nothing", &body, &none(0));
    let body = send_body().bytes(3, "");
    theme.ok("absent.content_written_empty", &body, &send(Bytes::new()));
    let body = Message::new().bytes(1, CHAT).int(2, 1).bytes(4, "");
    theme.ok("absent.sender_written_empty", &body, &Packet::Signal(signal(SignalKind::Typing)));
}

fn skipped_notices(theme: &mut Theme) {
    let notice = Kind::Notice as u8;
    theme.skip("notice.nothing", notice, b"", "a notice of no member");
    let later = Message::new().message(15, Message::new().int(1, 1));
    theme.skip("notice.later", notice, &later.0, "a notice of a later version");
}

fn broken_protobuf(theme: &mut Theme) {
    for kind in Kind::ALL {
        let name = format!("broken.key_alone.{}", format!("{kind:?}").to_lowercase());
        theme.bad(&name, *kind, &Message::new().raw(&[0x0a]), "cut behind its first key");
    }
    let mut bad = |name: &str, bytes: &[u8], why: &str| {
        theme.bad(&format!("broken.{name}"), Kind::Ping, &Message::new().raw(bytes), why);
    };
    bad("key_cut", &[0x80], "a key without end");
    bad("varint_cut", &[0x08, 0x80], "a varint without end");
    bad("varint_of_eleven", &[&[0x08][..], &[0x80; 10], &[0]].concat(), "11 bytes of varint");
    let over = [&[0x08][..], &[0xff; 9], &[0x02]].concat();
    bad("varint_over_64_bits", &over, "a varint of more than 64 bits");
    bad("field_zero", &[0x00, 0x01], "there is no field 0");
    let over = Message::new().int(1 << 29, 1).0;
    bad("field_over_the_highest", &over, "field numbers end at 2^29 - 1");
    bad("key_of_64_bits", &[&[0xf8][..], &[0xff; 8], &[0x01, 0x01]].concat(), "no field number");
    bad("wire_type_6", &[0x7e, 0x01], "there is no wire type 6");
    bad("wire_type_7", &[0x7f, 0x01], "there is no wire type 7");
    bad("unknown_bytes_cut", &[0x12, 0x05, 0x00], "an unknown field cut short");
    bad("unknown_fixed64_cut", &[0x11, 0, 0, 0], "an unknown field cut short");
    bad("unknown_fixed32_cut", &[0x15, 0], "an unknown field cut short");
    let huge = [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    bad("length_of_64_bits", &huge, "an unknown field of 2^64 - 1 bytes");

    let body = Message::new().raw(&[0x0a, 0x0b]).raw(CHAT.as_bytes());
    theme.bad("broken.text_cut", Kind::Send, &body, "a text longer than the body");
    let body = Message::new().bytes(1, [0xff, 0xfe]).bytes(2, MESSAGE_ID);
    theme.bad("broken.not_utf_8", Kind::Send, &body, "a text that is not UTF-8");
    let body = hello_body().bytes(4, [0xc3]);
    theme.bad("broken.half_a_character", Kind::Hello, &body, "a text that is not UTF-8");
    let body = nameless().message(3, open().int(1 << 29, 1));
    theme.bad("broken.nested_field_over_the_highest", Kind::Hello, &body, "no field number");
    let body = nameless().raw(&[0x1a, 0x02, 0x12, 0x05]);
    theme.bad("broken.nested_cut", Kind::Hello, &body, "a text longer than its message");
    let body = Message::new().raw(&[0x0a, 0x02, 0x0a, 0x09]);
    theme.bad("broken.cursor_cut", Kind::Ack, &body, "a text longer than its message");
}

fn wrong_wire_types(theme: &mut Theme) {
    let mut bad = |name: &str, kind: Kind, body: &Message, why: &str| {
        theme.bad(&format!("wire_type.{name}"), kind, body, why);
    };
    let body = Message::new().bytes(1, [0x2a]);
    bad("varint_as_bytes", Kind::Ping, &body, "the token is no varint");
    let body = Message::new().raw(&[0x09]).raw(&[0; 8]);
    bad("varint_as_fixed64", Kind::Ping, &body, "the token is no varint");
    let body = Message::new().int(1, 1).bytes(2, MESSAGE_ID);
    bad("text_as_varint", Kind::Send, &body, "the chat is no text");
    let body = nameless().int(3, 1);
    bad("message_as_varint", Kind::Hello, &body, "the credential is no message");
    let body = Message::new().int(1, 1);
    bad("repeated_as_varint", Kind::Ack, &body, "a cursor is no message");
    let body = Message::new().bytes(1, CHAT).bytes(2, [1]);
    bad("enum_packed", Kind::Signal, &body, "a singular enum is not packed");
    let body = Message::new().bytes(1, CHAT).raw(&[0x15, 1, 0, 0, 0]);
    bad("enum_as_fixed32", Kind::Signal, &body, "an enum is a varint");
}

fn missing_fields(theme: &mut Theme) {
    let mut bad = |name: &str, kind: Kind, body: &Message| {
        let why = format!("{} is missing", name.replace('_', " "));
        theme.bad(&format!("missing.{name}"), kind, body, &why);
    };
    bad("user", Kind::Hello, &Message::new().bytes(2, "d").message(3, open()));
    bad("device", Kind::Hello, &Message::new().bytes(1, "a").message(3, open()));
    bad("credential", Kind::Hello, &nameless());
    bad("credential_kind", Kind::Hello, &nameless().message(3, Message::new()));
    let later = nameless().message(3, Message::new().bytes(9, "later"));
    bad("known_credential_kind", Kind::Hello, &later);
    bad("everything_of_hello", Kind::Hello, &Message::new());
    let session = welcome().session;
    bad("limits", Kind::Welcome, &Message::new().bytes(1, session.as_bytes()));
    bad("session", Kind::Welcome, &Message::new().message(2, Message::new()));
    bad("chat_of_send", Kind::Send, &Message::new().bytes(2, MESSAGE_ID));
    bad("message_id_of_send", Kind::Send, &Message::new().bytes(1, CHAT));
    bad("seq_of_accepted", Kind::Accepted, &send_body());
    bad("verdict", Kind::Rejected, &send_body());
    let numbered = Message::new().bytes(1, CHAT).int(2, 1);
    bad(
        "seq_of_deliver",
        Kind::Deliver,
        &Message::new().bytes(1, CHAT).bytes(3, "ada").bytes(4, MESSAGE_ID),
    );
    bad("sender_of_deliver", Kind::Deliver, &numbered.clone().bytes(4, MESSAGE_ID));
    bad("message_id_of_deliver", Kind::Deliver, &numbered.bytes(3, "ada"));
    bad("chat_of_cursor", Kind::Ack, &Message::new().message(1, Message::new().int(2, 1)));
    bad("chat_of_signal", Kind::Signal, &Message::new().int(2, 1));
    let moved = Message::new().message(1, Message::new().bytes(1, CHAT));
    bad("user_of_cursor_moved", Kind::Notice, &moved);
    bad("chat_of_history", Kind::Request, &Message::new().message(2, Message::new()));
    bad("chat_of_chat_request", Kind::Request, &Message::new().message(4, Message::new()));
    bad("chat_of_members", Kind::Request, &Message::new().message(5, Message::new()));
    bad("room_of_room_join", Kind::Request, &Message::new().message(20, Message::new()));
    bad("result", Kind::Response, &Message::new().int(1, 1));
    bad("chat_of_chat_state", Kind::Response, &Message::new().message(5, Message::new()));
}

fn bad_ids(theme: &mut Theme) {
    let mut bad = |name: &str, kind: Kind, body: &Message| {
        theme.bad(&format!("bad_id.{name}"), kind, body, "an id is none");
    };
    let no_chat = Message::new().bytes(1, "dm:bob:ada");
    bad(
        "hello.user",
        Kind::Hello,
        &Message::new().bytes(1, "a b").bytes(2, "d").message(3, open()),
    );
    bad("hello.device", Kind::Hello, &nameless().message(3, open()).bytes(2, "d/e"));
    bad("send.chat", Kind::Send, &no_chat.clone().bytes(2, MESSAGE_ID));
    bad("accepted.chat", Kind::Accepted, &no_chat.clone().bytes(2, MESSAGE_ID).int(3, 1));
    let verdict = Message::new().int(1, 1);
    bad("rejected.chat", Kind::Rejected, &no_chat.clone().bytes(2, MESSAGE_ID).message(3, verdict));
    let entry = |chat: &str, seq, sender: &str| {
        Message::new().bytes(1, chat).int(2, seq).bytes(3, sender).bytes(4, MESSAGE_ID)
    };
    bad("deliver.chat", Kind::Deliver, &entry("dm:bob:ada", 1, "ada"));
    bad("deliver.sender", Kind::Deliver, &entry(CHAT, 1, "a:b"));
    bad("ack.chat", Kind::Ack, &Message::new().message(1, no_chat.clone()));
    let second = Message::new().bytes(1, CHAT);
    bad(
        "ack.second_chat",
        Kind::Ack,
        &Message::new().message(1, second).message(1, no_chat.clone()),
    );
    bad("signal.chat", Kind::Signal, &no_chat.clone().int(2, 1));
    bad("signal.sender", Kind::Signal, &Message::new().bytes(1, CHAT).int(2, 1).bytes(4, "é"));
    bad("notice.chat", Kind::Notice, &Message::new().message(1, no_chat.clone().bytes(2, "bob")));
    for (name, field) in [("history", 2), ("chats", 3), ("chat", 4), ("members", 5)] {
        bad(
            &format!("request.{name}"),
            Kind::Request,
            &Message::new().message(field, no_chat.clone()),
        );
    }
    let after = Message::new().bytes(1, "group:g").bytes(2, "a b");
    bad("request.members_after", Kind::Request, &Message::new().message(5, after));
    let nobody = Message::new().bytes(1, "bob").bytes(1, "");
    let group = || Message::new().bytes(1, "group:g");
    for (name, field) in [("room_join", 20), ("room_leave", 22), ("room", 24)] {
        let name = format!("request.{name}");
        bad(&name, Kind::Request, &Message::new().message(field, group()));
    }
    bad("response.room", Kind::Response, &Message::new().message(25, group()));
    bad("notice.room_count", Kind::Notice, &Message::new().message(4, group()));
    bad("request.watch", Kind::Request, &Message::new().message(26, nobody.clone()));
    bad("request.presence", Kind::Request, &Message::new().message(6, nobody));
    let listed =
        |field, item: Message| Message::new().message(field, Message::new().message(1, item));
    bad("response.entry_chat", Kind::Response, &listed(3, entry("x", 1, "ada")));
    bad("response.entry_seq", Kind::Response, &listed(3, entry(CHAT, 0, "ada")));
    bad("response.entry_broken", Kind::Response, &listed(3, Message::new().raw(&[0xff])));
    bad("response.chats", Kind::Response, &listed(4, no_chat));
    bad("response.members", Kind::Response, &listed(6, Message::new()));
    bad("response.presence", Kind::Response, &listed(7, Message::new().bytes(1, "a b")));
    // What is valid beside them, so that the fault is known to be the id.
    let fine = Packet::Deliver(Entry { at_ms: 0, content: Bytes::new(), ..super::packet::entry() });
    theme.ok("bad_id.none_in_deliver", &entry(CHAT, 1, "ada").bytes(6, ""), &fine);
    let members = vec![member("bob")];
    let packet = response(Answer::Members { members, more: false });
    let body = listed(6, Message::new().bytes(1, "bob")).int(1, 1);
    theme.ok("bad_id.none_in_members", &body, &packet);
    let packet =
        request(Operation::Members { chat: chat("group:g"), after: Some(user("b")), limit: 0 });
    let after = Message::new().bytes(1, "group:g").bytes(2, "b").int(3, 0);
    theme.ok("bad_id.none_in_request", &Message::new().int(1, 1).message(5, after), &packet);
}
