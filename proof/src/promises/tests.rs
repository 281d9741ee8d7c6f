//! Tests of what counts as promised, and of what breaks a promise.

use packetboat_proto::content::{Alteration, Erasure};
use packetboat_proto::frame::PREFACE;
use packetboat_proto::id::DeviceId;
use packetboat_proto::packet::{Credential, Hello, Limits, Role};

use super::*;

fn user(text: &str) -> UserId {
    UserId::new(text).unwrap()
}

fn chat(text: &str) -> ChatId {
    ChatId::new(text).unwrap()
}

fn send(number: u8, text: &str) -> Send {
    let content = Content::text(text).encode();
    Send { chat: chat("dm:ada:bob"), id: MessageId::from([number; 16]), content }
}

fn entry(seq: u64, number: u8, text: &str) -> Entry {
    let Send { chat, id, content } = send(number, text);
    Entry { chat, seq, sender: user("ada"), id, at_ms: 5, content }
}

fn accepted(seq: u64, number: u8) -> Accepted {
    let Send { chat, id, .. } = send(number, "");
    Accepted { chat, id, seq, at_ms: 5, duplicate: false }
}

fn bytes_of(packets: &[Packet]) -> Bytes {
    let mut bytes = BytesMut::new();
    for packet in packets {
        packet.put(&mut bytes);
    }
    bytes.freeze()
}

fn hello() -> Packet {
    Packet::Hello(Hello {
        user: user("ada"),
        device: DeviceId::new("x").unwrap(),
        credential: Credential::Open,
        client: String::new(),
        wanted: Limits::default(),
        start: None,
        device_name: String::new(),
        platform: String::new(),
    })
}

fn had(number: u8, text: &str) -> (usize, Fact) {
    (0, Fact::Had { sender: user("ada"), send: send(number, text) })
}

fn promised(seq: u64, number: u8) -> (usize, Fact) {
    (0, Fact::Accepted { sender: user("ada"), accepted: accepted(seq, number) })
}

/// A store with this log in the one chat, and all else as it should be.
fn store(log: Vec<Entry>) -> Found {
    let head = log.len() as u64;
    let member = |name| Member {
        user: user(name),
        role: Some(Role::Member),
        delivered: 0,
        read: 0,
        muted_until_ms: 0,
    };
    let members = if log.is_empty() { Vec::new() } else { vec![member("ada"), member("bob")] };
    let role = Some(Role::Member);
    let state = ChatState { head, role, ..ChatState::of(chat("dm:ada:bob")) };
    let list = if head > 0 { vec![state] } else { Vec::new() };
    Found {
        chats: [(chat("dm:ada:bob"), FoundChat { log, members })].into(),
        lists: [(user("ada"), list)].into(),
    }
}

#[test]
fn a_promise_stands_at_the_call_that_sent_its_last_byte() {
    let came = [PREFACE.to_vec(), bytes_of(&[hello(), Packet::Send(send(1, "hi"))]).to_vec()];
    let went = bytes_of(&[Packet::Accepted(accepted(1, 1)), Packet::Deliver(entry(2, 2, "x"))]);
    let (first, rest) = (went.slice(..7), went.slice(7..));
    let calls = [
        Call::Began,
        Call::Received { connection: 4, data: came.concat().into() },
        Call::Sent { connection: 4, data: first },
        Call::RangeSynced,
        Call::Sent { connection: 4, data: rest },
        Call::Began,
    ];
    let sender = user("ada");
    let expected = [
        (1, Fact::Had { sender: sender.clone(), send: send(1, "hi") }),
        (4, Fact::Accepted { sender, accepted: accepted(1, 1) }),
        (4, Fact::Shown(entry(2, 2, "x"))),
    ];
    assert_eq!(facts(&calls).unwrap(), expected);
    assert_eq!(facts(&calls[..4]).unwrap(), expected[..1]);
}

#[test]
fn a_connection_number_is_another_connection_in_another_process() {
    let answer = Call::Sent { connection: 1, data: bytes_of(&[Packet::Accepted(accepted(1, 1))]) };
    let came = [PREFACE.to_vec(), bytes_of(&[hello()]).to_vec()].concat();
    let calls = [Call::Received { connection: 1, data: came.into() }, Call::Began, answer];
    assert!(matches!(facts(&calls), Err(OverheardError::Nobody)));
}

#[test]
fn a_store_that_keeps_everything_is_not_broken() {
    let facts = [had(1, "a"), had(2, "b"), promised(1, 1), (0, Fact::Shown(entry(1, 1, "a")))];
    let kept = store(vec![entry(1, 1, "a")]);
    assert_eq!(check(&facts, &kept), []);
    let more = store(vec![entry(1, 1, "a"), entry(2, 2, "b")]);
    assert_eq!(check(&facts, &more), [], "more than was promised may be there");
    assert_eq!(check(&facts[..2], &store(Vec::new())), []);
}

#[test]
fn what_was_promised_and_is_gone_or_changed_is_found() {
    let facts = [had(1, "a"), had(2, "b"), promised(1, 1), promised(2, 2)];
    let of = |broken: Broken| vec![broken];
    let (chat, promise) = (chat("dm:ada:bob"), "a message was accepted");
    let lost = Broken::Lost { chat: chat.clone(), seq: 2, promise, head: 1 };
    assert_eq!(check(&facts, &store(vec![entry(1, 1, "a")])), of(lost));
    let swapped = store(vec![entry(1, 2, "b"), entry(2, 1, "a")]);
    let other = |seq| Broken::Other { chat: chat.clone(), seq, promise };
    assert_eq!(check(&facts, &swapped), [other(1), other(2)]);
    let shown = [had(1, "a"), (0, Fact::Shown(Entry { at_ms: 6, ..entry(1, 1, "a") }))];
    let promise = "an entry was shown";
    let other = Broken::Other { chat: chat.clone(), seq: 1, promise };
    assert_eq!(check(&shown, &store(vec![entry(1, 1, "a")])), of(other));
}

#[test]
fn gaps_inventions_and_repetitions_are_found() {
    let facts = [had(1, "a"), had(2, "b")];
    let chat = chat("dm:ada:bob");
    let gap = Broken::Gap { chat: chat.clone(), place: 2, seq: 3 };
    let found = check(&facts, &store(vec![entry(1, 1, "a"), entry(3, 2, "b")]));
    assert_eq!(found, [gap]);
    let invented = Broken::NeverSent { chat: chat.clone(), seq: 1 };
    assert_eq!(check(&facts, &store(vec![entry(1, 1, "z")])), [invented]);
    let id = MessageId::from([1; 16]);
    let twice = Broken::Twice { chat, sender: user("ada"), id, first: 1, second: 2 };
    assert_eq!(check(&facts, &store(vec![entry(1, 1, "a"), entry(2, 1, "a")])), [twice]);
}

#[test]
fn members_lists_and_cursors_have_to_fit_the_log() {
    let facts = [had(1, "a")];
    let good = store(vec![entry(1, 1, "a")]);
    let key = chat("dm:ada:bob");
    let mut gone = good.clone();
    gone.chats.get_mut(&key).unwrap().members.pop();
    assert!(matches!(check(&facts, &gone)[..], [Broken::Members { .. }]));
    let mut beyond = good.clone();
    beyond.chats.get_mut(&key).unwrap().members[1].read = 2;
    assert!(matches!(check(&facts, &beyond)[..], [Broken::CursorBeyond { at: 2, head: 1, .. }]));
    let mut unlisted = good.clone();
    unlisted.lists.insert(user("bob"), Vec::new());
    assert!(matches!(check(&facts, &unlisted)[..], [Broken::List { .. }]));
    let told = Fact::Cursor { chat: key, user: user("bob"), delivered: 1, read: 0 };
    let found = check(&[had(1, "a"), (0, told)], &good);
    assert!(matches!(found[..], [Broken::CursorBack { told: 1, at: 0, .. }]));
}

#[test]
fn the_members_of_a_group_follow_from_its_log() {
    let crew = chat("group:crew");
    let change = |sender: &str, change| Entry {
        chat: crew.clone(),
        sender: user(sender),
        content: Content::Group(change).encode(),
        ..entry(1, 1, "")
    };
    let users = |names: &[&str]| names.iter().map(|name| user(name)).collect::<Vec<_>>();
    let log = [
        change("ada", GroupChange::Created { name: "c".into(), members: users(&["bob", "cyd"]) }),
        change("ada", GroupChange::Added(users(&["dan", "eve"]))),
        change("ada", GroupChange::Removed(users(&["bob"]))),
        change("cyd", GroupChange::Left { new_owner: None }),
    ];
    assert_eq!(members_by_log(&crew, &log), users(&["ada", "dan", "eve"]).into_iter().collect());
}

#[test]
fn what_was_recalled_says_nothing_and_nothing_else_is_erased() {
    let says = |number: u8, content: Content| {
        let send = Send { content: content.encode(), ..send(number, "") };
        (0, Fact::Had { sender: user("ada"), send })
    };
    let at = |seq: u64, number: u8, content: Content| Entry {
        content: content.encode(),
        ..entry(seq, number, "")
    };
    let recall = || Content::Entry(Alteration::Recalled { seq: 1 });
    let erased = at(1, 1, Content::Erased(Erasure::Recalled { by: 2 }));
    let shown = |entry: &Entry| (0, Fact::Shown(entry.clone()));
    let facts = [had(1, "a"), promised(1, 1), shown(&entry(1, 1, "a")), says(2, recall())];
    let done = store(vec![erased.clone(), at(2, 2, recall())]);
    assert_eq!(check(&facts, &done), []);
    let before = store(vec![entry(1, 1, "a")]);
    assert_eq!(check(&facts, &before), [], "the recall was promised to nobody");
    let wrong = Broken::Recall { chat: chat("dm:ada:bob"), seq: 1 };
    let half = store(vec![entry(1, 1, "a"), at(2, 2, recall())]);
    assert_eq!(check(&facts, &half), std::slice::from_ref(&wrong));
    assert_eq!(check(&facts, &store(vec![erased.clone()])), [wrong]);
    let other = Broken::Other { chat: chat("dm:ada:bob"), seq: 1, promise: "an entry was shown" };
    let facts = [had(1, "a"), shown(&erased)];
    assert_eq!(check(&facts, &before), [other], "what was shown as erased says something again");
}
