//! A packet of every kind and of every variant of every oneof, as it is to be written.

use bytes::Bytes;
use packetboat_proto::code::{CloseCode, RejectCode};
use packetboat_proto::content::{Content, GroupRules};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, DeviceId, MessageId, SessionId, UserId};
use packetboat_proto::packet::{
    Accepted, Answer, ChatState, Credential, Cursor, CursorMoved, Edge, Hello, Limits, Member,
    Notice, Operation, Packet, Presence, Profile, Rejected, Request, Response, Role, RoomCount,
    RoomState, Send, Signal, SignalKind, Start, Verdict, Visibility, Welcome,
};

use super::Theme;
use crate::line::Vector;

pub(super) const CHAT: &str = "dm:ada:bob";
pub(super) const MESSAGE_ID: [u8; 16] = [0xa5; 16];
const AT_MS: u64 = 1_760_000_000_000;

pub(super) fn user(text: &str) -> UserId {
    UserId::new(text).expect("the vectors name users by ids")
}

pub(super) fn chat(text: &str) -> ChatId {
    ChatId::new(text).expect("the vectors name chats by ids")
}

/// The smallest `Hello`.
pub(super) fn hello() -> Hello {
    Hello {
        user: user("a"),
        device: DeviceId::new("d").expect("a device id"),
        credential: Credential::Open,
        client: String::new(),
        wanted: Limits::default(),
        start: None,
        device_name: String::new(),
        platform: String::new(),
    }
}

pub(super) fn welcome() -> Welcome {
    let limits = Limits {
        max_body: 65_536,
        window: 256,
        heartbeat_ms: 30_000,
        max_content: 64_512,
        sends: 9,
    };
    Welcome {
        session: SessionId::from([7; 16]),
        limits,
        ticket: Bytes::new(),
        ticket_expires_ms: 0,
        now_ms: AT_MS,
        server: String::new(),
        new_device: false,
    }
}

pub(super) fn entry() -> Entry {
    Entry {
        chat: chat(CHAT),
        seq: 1,
        sender: user("ada"),
        id: MessageId::from(MESSAGE_ID),
        at_ms: AT_MS,
        content: Content::text("hi").encode(),
    }
}

pub(super) fn send(content: Bytes) -> Packet {
    Packet::Send(Send { chat: chat(CHAT), id: MessageId::from(MESSAGE_ID), content })
}

pub(super) fn accepted() -> Accepted {
    let id = MessageId::from(MESSAGE_ID);
    Accepted { chat: chat(CHAT), id, seq: 7, at_ms: AT_MS, duplicate: false }
}

pub(super) fn rejected(verdict: Verdict) -> Packet {
    Packet::Rejected(Rejected { chat: chat(CHAT), id: MessageId::from(MESSAGE_ID), verdict })
}

pub(super) fn signal(kind: SignalKind) -> Signal {
    Signal { chat: chat(CHAT), kind, data: Bytes::new(), sender: None }
}

pub(super) fn request(operation: Operation) -> Packet {
    Packet::Request(Request { id: 1, operation: Some(operation) })
}

pub(super) fn response(answer: Answer) -> Packet {
    Packet::Response(Response { id: 1, answer: Ok(answer) })
}

/// A chat of which nothing is known but its id.
pub(super) fn chat_state(id: &str) -> ChatState {
    ChatState::of(chat(id))
}

pub(super) fn member(id: &str) -> Member {
    Member { user: user(id), role: None, delivered: 0, read: 0, muted_until_ms: 0 }
}

pub(super) fn presence(id: &str) -> Presence {
    Presence::hidden(user(id))
}

pub(super) fn history(edge: Edge, limit: u32) -> Packet {
    request(Operation::History { chat: chat(CHAT), edge, limit })
}

pub(super) fn vectors() -> Vec<Vector> {
    let mut theme = Theme::default();
    handshakes(&mut theme);
    verdicts(&mut theme);
    messages(&mut theme);
    hints(&mut theme);
    questions(&mut theme);
    answers(&mut theme);
    theme.vectors
}

fn handshakes(theme: &mut Theme) {
    let with = |credential| Packet::Hello(Hello { credential, ..hello() });
    theme.canonical("hello.open", &with(Credential::Open));
    theme.canonical("hello.password", &with(Credential::Password("pässword".into())));
    theme.canonical("hello.password_empty", &with(Credential::Password(String::new())));
    theme.canonical("hello.token", &with(Credential::Token("e30.e30.c2ln".into())));
    let ticket = Bytes::from_static(&[0, 0xff, 0x10]);
    theme.canonical("hello.ticket", &with(Credential::Ticket(ticket.clone())));
    let starts =
        [("everything", Start::Everything), ("last", Start::Last(100)), ("newest", Start::Newest)];
    for (name, start) in starts {
        let packet = Packet::Hello(Hello { start: Some(start), ..hello() });
        theme.canonical(&format!("hello.start_{name}"), &packet);
    }
    let wanted =
        Limits { max_body: 32_768, window: 16, heartbeat_ms: 5_000, max_content: 0, sends: 0 };
    let full = Hello { client: "example 1.0".into(), wanted, ..hello() };
    theme.canonical("hello.full", &Packet::Hello(full));

    theme.canonical("welcome.plain", &Packet::Welcome(welcome()));
    let full = Welcome {
        ticket,
        ticket_expires_ms: AT_MS + 1,
        server: "packetboat 0.1.0".into(),
        new_device: true,
        ..welcome()
    };
    theme.canonical("welcome.full", &Packet::Welcome(full));
    let still = Limits { heartbeat_ms: 0, ..welcome().limits };
    let packet = Packet::Welcome(Welcome { limits: still, ..welcome() });
    theme.canonical("welcome.limit_of_zero", &packet);
    let packet = Packet::Welcome(Welcome { limits: Limits::default(), ..welcome() });
    theme.canonical("welcome.every_limit_zero", &packet);
    for (name, token) in [("zero", 0), ("small", 42), ("largest", u64::MAX)] {
        theme.canonical(&format!("ping.{name}"), &Packet::Ping(token));
        theme.canonical(&format!("pong.{name}"), &Packet::Pong(token));
    }
}

fn verdicts(theme: &mut Theme) {
    for code in CloseCode::ALL {
        let packet = Packet::Goodbye(Verdict::close(*code, "because", 2_000));
        theme.canonical(&format!("goodbye.{}", code.name().to_lowercase()), &packet);
    }
    for code in RejectCode::ALL {
        let packet = rejected(Verdict::reject(*code, "", 2_000));
        theme.canonical(&format!("rejected.{}", code.name().to_lowercase()), &packet);
    }
    let later = Verdict {
        code: 4_000_000_000,
        reason: String::new(),
        fault: None,
        retry: None,
        retry_after_ms: 0,
    };
    theme.canonical("goodbye.later_code", &Packet::Goodbye(later.clone()));
    theme.canonical("rejected.later_code", &rejected(later.clone()));
    theme.canonical("goodbye.nothing", &Packet::Goodbye(Verdict { code: 0, ..later }));
}

fn messages(theme: &mut Theme) {
    theme.canonical("send.text", &send(Content::text("hi").encode()));
    theme.canonical("send.content_empty", &send(Bytes::new()));
    theme.canonical("send.content_not_judged", &send(Bytes::from_static(&[0xff])));
    for id in ["dm:ada:ada", "group:crew", "room:lobby"] {
        let packet = Send {
            chat: chat(id),
            id: MessageId::from(MESSAGE_ID),
            content: Content::text("hi").encode(),
        };
        let name = format!("send.to_{}", id.replace(':', "_"));
        theme.canonical(&name, &Packet::Send(packet));
    }
    theme.canonical("accepted.first", &Packet::Accepted(accepted()));
    let duplicate = Accepted { duplicate: true, ..accepted() };
    theme.canonical("accepted.duplicate", &Packet::Accepted(duplicate));
    let far = Accepted { seq: u64::MAX, at_ms: 0, ..accepted() };
    theme.canonical("accepted.largest_seq", &Packet::Accepted(far));
    theme.canonical("deliver.text", &Packet::Deliver(entry()));
    let unread = Bytes::from_static(&[0xfa, 0x07, 0x00]);
    let later = Entry { content: unread, ..entry() };
    theme.canonical("deliver.content_of_later_version", &Packet::Deliver(later));
    let empty = Entry { content: Bytes::new(), at_ms: 0, ..entry() };
    theme.canonical("deliver.content_empty", &Packet::Deliver(empty));
    theme.canonical("ack.none", &Packet::Ack(Vec::new()));
    let cursor = |id, delivered, read| Cursor { chat: chat(id), delivered, read };
    theme.canonical("ack.one", &Packet::Ack(vec![cursor(CHAT, 7, 0)]));
    let many = vec![cursor(CHAT, 7, 7), cursor("group:crew", 0, 3), cursor("dm:ada:ada", 0, 0)];
    theme.canonical("ack.many", &Packet::Ack(many));
}

fn hints(theme: &mut Theme) {
    theme.canonical("signal.typing", &Packet::Signal(signal(SignalKind::Typing)));
    theme.canonical("signal.stopped", &Packet::Signal(signal(SignalKind::Stopped)));
    let custom = Signal {
        data: Bytes::from_static(&[0, 1, 2]),
        sender: Some(user("bob")),
        ..signal(SignalKind::Custom)
    };
    theme.canonical("signal.custom", &Packet::Signal(custom));
    let seen = Presence { online: true, away: true, status: "at sea".into(), ..presence("bob") };
    theme.canonical("notice.presence", &Packet::Notice(Notice::Presence(seen)));
    let gone = Presence { last_seen_ms: AT_MS, ..presence("bob") };
    theme.canonical("notice.presence_gone", &Packet::Notice(Notice::Presence(gone)));
    for (name, listeners) in [("room_count", 5_000), ("room_count_zero", 0)] {
        let count = RoomCount { room: chat("room:lobby"), listeners };
        theme.canonical(&format!("notice.{name}"), &Packet::Notice(Notice::RoomCount(count)));
    }
    theme.canonical("notice.missed", &Packet::Notice(Notice::Missed));
    for (name, delivered, read) in [("cursor", 9, 8), ("cursor_zero", 0, 0)] {
        let moved = CursorMoved { chat: chat(CHAT), user: user("bob"), delivered, read };
        let packet = Packet::Notice(Notice::Cursor(moved));
        theme.canonical(&format!("notice.{name}"), &packet);
    }
}

fn questions(theme: &mut Theme) {
    theme.canonical("request.history_after", &history(Edge::After(7), 50));
    theme.canonical("request.history_after_zero", &history(Edge::After(0), 0));
    theme.canonical("request.history_before", &history(Edge::Before(7), 200));
    theme.canonical("request.history_before_zero", &history(Edge::Before(0), 0));
    theme.canonical("request.history_large_limit", &history(Edge::Before(0), u32::MAX));
    theme.canonical("request.chats", &request(Operation::Chats { after: None, limit: 0 }));
    let after = Some(chat(CHAT));
    theme.canonical("request.chats_after", &request(Operation::Chats { after, limit: 9 }));
    theme.canonical("request.chat", &request(Operation::Chat { chat: chat(CHAT) }));
    let members =
        |after, limit| request(Operation::Members { chat: chat("group:g"), after, limit });
    theme.canonical("request.members", &members(None, 0));
    theme.canonical("request.members_after", &members(Some(user("bob")), 9));
    let presence = |users| request(Operation::Presence { users });
    theme.canonical("request.presence", &presence(vec![user("bob"), user("eve")]));
    theme.canonical("request.presence_none", &presence(Vec::new()));
    theme.canonical("request.pins", &request(Operation::Pins { chat: chat(CHAT) }));
    for (name, seq, after, limit) in [("", 3, 0, 0), ("_after", 3, 7, 9)] {
        let thread = Operation::Thread { chat: chat(CHAT), seq, after, limit };
        theme.canonical(&format!("request.thread{name}"), &request(thread));
    }
    live_questions(theme);
    let unknown = Request { id: u64::MAX, operation: None };
    theme.canonical("request.no_operation", &Packet::Request(unknown));
}

fn live_questions(theme: &mut Theme) {
    let room = || chat("room:lobby");
    theme.canonical("request.room_join", &request(Operation::RoomJoin { room: room() }));
    theme.canonical("request.room_leave", &request(Operation::RoomLeave { room: room() }));
    theme.canonical("request.room", &request(Operation::Room { room: room() }));
    let watch = Operation::Watch { add: vec![user("bob")], remove: vec![user("eve")] };
    theme.canonical("request.watch", &request(watch));
    for (name, away) in [("set_presence", true), ("set_presence_back", false)] {
        theme.canonical(&format!("request.{name}"), &request(Operation::SetPresence { away }));
    }
    let visibilities = [
        ("everyone", Some(Visibility::Everyone)),
        ("contacts", Some(Visibility::Contacts)),
        ("nobody", Some(Visibility::Nobody)),
        ("unspecified", None),
    ];
    for (name, visible_to) in visibilities {
        let profile = Profile { status: "at sea".into(), visible_to };
        let packet = request(Operation::SetProfile(profile));
        theme.canonical(&format!("request.set_profile.{name}"), &packet);
    }
}

fn live_answers(theme: &mut Theme) {
    let state = RoomState {
        room: chat("room:lobby"),
        name: "Lobby ⚓".into(),
        topic: "All".into(),
        listeners: 5_000,
        head: 900,
        first: 801,
        keep: 100,
        slow_ms: 500,
        role: Some(Role::Admin),
        muted_until_ms: AT_MS,
    };
    theme.canonical("response.room_join", &response(Answer::RoomJoin(state.clone())));
    theme.canonical("response.room", &response(Answer::Room(state)));
    theme.canonical("response.room_leave", &response(Answer::RoomLeave));
    theme.canonical("response.watch", &response(Answer::Watch(vec![presence("bob")])));
    theme.canonical("response.set_presence", &response(Answer::SetPresence));
    theme.canonical("response.set_profile", &response(Answer::SetProfile));
}

fn answers(theme: &mut Theme) {
    live_answers(theme);
    let refused = Verdict::reject(RejectCode::NoSuchChat, "there is no such chat", 0);
    let refused = Response { id: 0, answer: Err(refused) };
    theme.canonical("response.refused", &Packet::Response(refused));
    let entries = vec![entry().encode(), Entry { seq: 2, ..entry() }.encode()];
    theme.canonical("response.history", &response(Answer::History { entries, more: true }));
    let none = Answer::History { entries: Vec::new(), more: false };
    theme.canonical("response.history_empty", &response(none));
    let entries = vec![entry().encode(), Entry { seq: 9, ..entry() }.encode()];
    theme.canonical("response.thread", &response(Answer::Thread { entries, more: true }));
    theme.canonical("response.pins", &response(Answer::Pins(vec![3, 300])));
    theme.canonical("response.pins_none", &response(Answer::Pins(Vec::new())));
    let group = ChatState {
        head: 9,
        delivered: 8,
        read: 7,
        unread: 2,
        name: "Crew ⚓".into(),
        members: 3,
        role: Some(Role::Owner),
        last_at_ms: AT_MS,
        topic: "Sails".into(),
        avatar: "pictures/7".into(),
        rules: GroupRules { history_for_all: true, ..GroupRules::default() },
        ..chat_state("group:crew")
    };
    let role = Some(Role::Member);
    let direct = ChatState { peer_delivered: 5, peer_read: 4, role, ..chat_state(CHAT) };
    let chats = vec![direct, group.clone()];
    theme.canonical("response.chats", &response(Answer::Chats { chats, more: true }));
    let none = Answer::Chats { chats: Vec::new(), more: false };
    theme.canonical("response.chats_empty", &response(none));
    theme.canonical("response.chat", &response(Answer::Chat(group.into())));
    theme.canonical("response.chat_left", &response(Answer::Chat(chat_state("group:crew").into())));
    let owner = Member { role: Some(Role::Owner), delivered: 3, read: 2, ..member("ada") };
    let mute = Member { role, muted_until_ms: AT_MS, ..member("bob") };
    let admin = Member { role: Some(Role::Admin), ..member("cid") };
    let members = vec![owner, mute, admin];
    theme.canonical("response.members", &response(Answer::Members { members, more: false }));
    let seen = Presence { last_seen_ms: AT_MS, ..presence("bob") };
    let users = vec![Presence { online: true, ..presence("ada") }, seen];
    theme.canonical("response.presence", &response(Answer::Presence(users)));
}
