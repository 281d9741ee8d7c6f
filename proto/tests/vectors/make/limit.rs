//! Every limit of a packet's fields: at it, and beyond it.

use bytes::Bytes;
use packetboat_proto::entry::Entry;
use packetboat_proto::packet::{
    Answer, ChatState, Credential, Cursor, Hello, Kind, Operation, Packet, Signal, SignalKind,
    Start, Verdict, Welcome,
};

use super::packet::{
    CHAT, MESSAGE_ID, chat, chat_state, entry, hello, member, presence, rejected, request,
    response, signal, user, welcome,
};
use super::{Message, Theme};
use crate::line::Vector;

pub(super) fn vectors() -> Vec<Vector> {
    let mut theme = Theme::default();
    handshake(&mut theme);
    ids(&mut theme);
    reasons(&mut theme);
    lists(&mut theme);
    pages(&mut theme);
    super::room::limits(&mut theme);
    theme.vectors
}

fn hello_body(credential: Message) -> Message {
    Message::new().bytes(1, "a").bytes(2, "d").message(3, credential)
}

fn open() -> Message {
    Message::new().message(1, Message::new())
}

fn over(theme: &mut Theme, name: &str, kind: Kind, body: &Message) {
    theme.bad(&format!("limit.{name}.over"), kind, body, "one over the limit");
}

fn handshake(theme: &mut Theme) {
    let credentials = [
        ("password", Credential::Password("p".repeat(256)), 2, 257),
        ("token", Credential::Token("t".repeat(3072)), 3, 3073),
        ("ticket", Credential::Ticket(vec![b'k'; 512].into()), 4, 513),
    ];
    for (name, credential, field, bytes) in credentials {
        let packet = Packet::Hello(Hello { credential, ..hello() });
        let name = format!("{name}_bytes_max.hello");
        theme.canonical(&format!("limit.{name}.at"), &packet);
        let body = hello_body(Message::new().bytes(field, "c".repeat(bytes)));
        over(theme, &name, Kind::Hello, &body);
    }
    let client = Packet::Hello(Hello { client: "c".repeat(64), ..hello() });
    theme.canonical("limit.software_bytes_max.hello.at", &client);
    let body = hello_body(open()).bytes(4, "c".repeat(65));
    over(theme, "software_bytes_max.hello", Kind::Hello, &body);
    let last = |count: u32| Message::new().int(2, count.into());
    for count in [1, 10_000] {
        let packet = Packet::Hello(Hello { start: Some(Start::Last(count)), ..hello() });
        let name = if count == 1 { "lowest" } else { "at" };
        theme.canonical(&format!("limit.start_last_max.{name}"), &packet);
    }
    let body = hello_body(open()).message(6, last(10_001));
    over(theme, "start_last_max", Kind::Hello, &body);
    let body = hello_body(open()).message(6, last(0));
    theme.bad("limit.start_last_max.under", Kind::Hello, &body, "at least 1");

    let server = Packet::Welcome(Welcome { server: "s".repeat(64), ..welcome() });
    theme.canonical("limit.software_bytes_max.welcome.at", &server);
    let ticket = Packet::Welcome(Welcome { ticket: vec![1; 512].into(), ..welcome() });
    theme.canonical("limit.ticket_bytes_max.welcome.at", &ticket);
    let welcomed =
        |session: &[u8]| Message::new().bytes(1, session).message(2, Message::new().int(1, 65_536));
    let body = welcomed(&[7; 16]).bytes(6, "s".repeat(65));
    over(theme, "software_bytes_max.welcome", Kind::Welcome, &body);
    let body = welcomed(&[7; 16]).bytes(3, [1; 513]);
    over(theme, "ticket_bytes_max.welcome", Kind::Welcome, &body);
    theme.canonical("limit.session_id_bytes.at", &Packet::Welcome(welcome()));
    over(theme, "session_id_bytes", Kind::Welcome, &welcomed(&[7; 17]));
    let name = "limit.session_id_bytes.under";
    theme.bad(name, Kind::Welcome, &welcomed(&[7; 15]), "15 bytes, 16 are needed");
}

fn ids(theme: &mut Theme) {
    let long = "u".repeat(64);
    let packet = Packet::Hello(Hello { user: user(&long), ..hello() });
    theme.canonical("limit.user_id_bytes_max.hello.at", &packet);
    let body = Message::new().bytes(1, "u".repeat(65)).bytes(2, "d").message(3, open());
    over(theme, "user_id_bytes_max.hello", Kind::Hello, &body);
    let device = long.parse().expect("64 bytes are a device id");
    let packet = Packet::Hello(Hello { device, ..hello() });
    theme.canonical("limit.device_id_bytes_max.hello.at", &packet);
    let body = Message::new().bytes(1, "a").bytes(2, "d".repeat(65)).message(3, open());
    over(theme, "device_id_bytes_max.hello", Kind::Hello, &body);

    let longest = format!("dm:{long}:{}", "v".repeat(64));
    let packet = Packet::Deliver(Entry { chat: chat(&longest), ..entry() });
    theme.canonical("limit.chat_id_bytes_max.deliver.at", &packet);
    let sent = |chat: &str, id: &[u8]| Message::new().bytes(1, chat).bytes(2, id);
    let body = sent(&format!("{longest}v"), &MESSAGE_ID);
    over(theme, "chat_id_bytes_max.send", Kind::Send, &body);
    let body = sent(&format!("group:{}", "g".repeat(65)), &MESSAGE_ID);
    over(theme, "chat_name_bytes_max.send", Kind::Send, &body);
    for (end, bytes) in [("over", 17), ("under", 15)] {
        let name = format!("limit.message_id_bytes.send.{end}");
        let id = vec![0xa5; bytes];
        theme.bad(&name, Kind::Send, &sent(CHAT, &id), "16 bytes are needed");
        let name = format!("limit.message_id_bytes.deliver.{end}");
        let body = Message::new().bytes(1, CHAT).int(2, 1).bytes(3, "ada").bytes(4, &id);
        theme.bad(&name, Kind::Deliver, &body, "16 bytes are needed");
    }
}

fn reasons(theme: &mut Theme) {
    let verdict = |reason: String| Verdict {
        code: 50,
        reason,
        fault: None,
        retry: None,
        retry_after_ms: u32::MAX,
    };
    let long = || verdict("é".repeat(128));
    theme.canonical("limit.reason_bytes_max.goodbye.at", &Packet::Goodbye(long()));
    theme.canonical("limit.reason_bytes_max.rejected.at", &rejected(long()));
    let body = Message::new().int(1, 50).bytes(2, "é".repeat(128) + "r");
    over(theme, "reason_bytes_max.goodbye", Kind::Goodbye, &body);
    let sent = Message::new().bytes(1, CHAT).bytes(2, MESSAGE_ID);
    over(theme, "reason_bytes_max.rejected", Kind::Rejected, &sent.message(3, body.clone()));
    over(theme, "reason_bytes_max.response", Kind::Response, &Message::new().message(2, body));
    let body = Message::new().int(1, 50).bytes(2, "é".repeat(129));
    let name = "limit.reason_bytes_max.goodbye.counts_bytes";
    theme.bad(name, Kind::Goodbye, &body, "129 characters, but 258 bytes");
}

fn lists(theme: &mut Theme) {
    let cursor = |at| Cursor { chat: chat("dm:a:a"), delivered: at, read: 0 };
    let packet = Packet::Ack((1..=256).map(cursor).collect());
    theme.canonical("limit.ack_cursors_max.at", &packet);
    let body = Message::new().repeated(1, 257, |_| b"\x0a\x06dm:a:a".to_vec());
    over(theme, "ack_cursors_max", Kind::Ack, &body);
    let body = Message::new().repeated(1, 257, |_| Vec::new());
    over(theme, "ack_cursors_max.empty", Kind::Ack, &body);
    let body = Message::new().repeated(1, 256, |_| Vec::new());
    let why = "their number is allowed, but an empty cursor has no chat";
    theme.bad("limit.ack_cursors_max.empty.at", Kind::Ack, &body, why);

    let data = Bytes::from(vec![0xdd; 256]);
    let packet = Packet::Signal(Signal { data, ..signal(SignalKind::Custom) });
    theme.canonical("limit.signal_bytes_max.at", &packet);
    let body = Message::new().bytes(1, CHAT).int(2, 3).bytes(3, [0xdd; 257]);
    over(theme, "signal_bytes_max", Kind::Signal, &body);

    let users = (0..100).map(|at| user(&format!("u{at}"))).collect();
    theme.canonical("limit.presence_users_max.request.at", &request(Operation::Presence { users }));
    let asked = |count| Message::new().repeated(1, count, |at| format!("u{at}").into_bytes());
    let body = Message::new().int(1, 1).message(6, asked(101));
    over(theme, "presence_users_max.request", Kind::Request, &body);
    let apart = Message::new().message(6, asked(60)).message(6, asked(41));
    over(theme, "presence_users_max.request_apart", Kind::Request, &apart);
    let overridden = apart.message(4, Message::new().bytes(1, CHAT));
    over(theme, "presence_users_max.request_overridden", Kind::Request, &overridden);
    let chats = Message::new().message(6, asked(60)).message(3, Message::new());
    let around = chats.message(6, asked(60));
    over(theme, "presence_users_max.request_around_another", Kind::Request, &around);
    let users = (0..100).map(|at| presence(&format!("u{at}"))).collect();
    theme.canonical("limit.presence_users_max.response.at", &response(Answer::Presence(users)));
    let users = Message::new().repeated(1, 101, |_| b"\x0a\x01u".to_vec());
    over(theme, "presence_users_max.response", Kind::Response, &Message::new().message(7, users));
}

fn pages(theme: &mut Theme) {
    let entry = |seq| {
        let content = Bytes::new();
        Entry { seq, content, at_ms: 0, chat: chat("dm:a:a"), ..entry() }.encode()
    };
    let entries: Vec<Bytes> = (1..=201).map(entry).collect();
    let page = Message::new().repeated(1, 201, |at| entries[at].to_vec());
    over(theme, "page_items_max.history", Kind::Response, &Message::new().message(3, page));
    let packet = response(Answer::History { entries: entries[..200].to_vec(), more: true });
    theme.canonical("limit.page_items_max.history.at", &packet);

    let page = Message::new().repeated(1, 201, |at| entries[at].to_vec());
    over(theme, "page_items_max.thread", Kind::Response, &Message::new().message(19, page));
    let packet = response(Answer::Thread { entries: entries[..200].to_vec(), more: true });
    theme.canonical("limit.page_items_max.thread.at", &packet);
    theme.canonical("limit.pins_max.at", &response(Answer::Pins((1..=50).collect())));
    let pins = Message::new().repeated(1, 51, |_| b"\x08\x01".to_vec());
    over(theme, "pins_max", Kind::Response, &Message::new().message(17, pins));
    let nothing = Message::new().message(17, Message::new().message(1, Message::new()));
    theme.bad("limit.pins_max.no_seq", Kind::Response, &nothing, "at least 1");

    let chats = (100..300).map(|at| chat_state(&format!("group:{at}"))).collect();
    let packet = response(Answer::Chats { chats, more: true });
    theme.canonical("limit.page_items_max.chats.at", &packet);
    let members = (100..300).map(|at| member(&format!("u{at}"))).collect();
    let packet = response(Answer::Members { members, more: true });
    theme.canonical("limit.page_items_max.members.at", &packet);
    for (name, field, item) in [("chats", 4, "dm:a:a"), ("members", 6, "u")] {
        let item = Message::new().bytes(1, item).0;
        let page = Message::new().repeated(1, 201, |_| item.clone());
        let body = Message::new().message(field, page);
        over(theme, &format!("page_items_max.{name}"), Kind::Response, &body);
    }

    let named = ChatState { name: "n".repeat(128), ..chat_state("group:g") };
    theme.canonical(
        "limit.group_name_bytes_max.chat_state.at",
        &response(Answer::Chat(named.into())),
    );
    let state = Message::new().bytes(1, "group:g").bytes(6, "n".repeat(129));
    let body = Message::new().message(5, state);
    over(theme, "group_name_bytes_max.chat_state", Kind::Response, &body);
}
