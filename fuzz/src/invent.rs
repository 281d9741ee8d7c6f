//! Packets made from choices: every kind, every variant, within the limits of the protocol. Must
//! never make one that a peer would have to refuse.

mod contact;
mod device;
mod file;
mod joining;
mod keys;
mod live;
mod own;
mod receipt;
mod schedule;
mod search;

use std::collections::BTreeSet;

use bytes::Bytes;
use packetboat_proto::code::{CloseCode, Fault, RejectCode, Retry};
use packetboat_proto::content::{Alteration, Body, Content, GroupChange, GroupRules, RoomChange};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{SessionId, UserId};
use packetboat_proto::limits::{
    ACK_CURSORS_MAX, DEVICE_NAME_BYTES_MAX, GROUP_AVATAR_BYTES_MAX, GROUP_NAME_BYTES_MAX,
    GROUP_TOPIC_BYTES_MAX, MEMBERS_PER_CHANGE_MAX, PASSWORD_BYTES_MAX, PINS_MAX,
    PLATFORM_BYTES_MAX, PRESENCE_USERS_MAX, REACTION_BYTES_MAX, REASON_BYTES_MAX, SIGNAL_BYTES_MAX,
    SOFTWARE_BYTES_MAX, START_LAST_MAX, TICKET_BYTES_MAX, TOKEN_BYTES_MAX,
};
use packetboat_proto::packet::{
    Accepted, Answer, ChatState, Credential, Cursor, CursorMoved, Edge, Hello, Kind, Limits,
    Member, Notice, Operation, Packet, Rejected, Request, Response, Role, Send, Signal, SignalKind,
    Start, Verdict, Welcome,
};

use crate::choices::Choices;

/// Elements of a list, unless the choices name the most that there may be.
const FEW: usize = 3;

/// A packet of any kind.
pub fn packet(choices: &mut Choices<'_>) -> Packet {
    match choices.one_of(Kind::ALL) {
        Kind::Hello => Packet::Hello(hello(choices)),
        Kind::Welcome => Packet::Welcome(welcome(choices)),
        Kind::Goodbye => Packet::Goodbye(verdict(choices)),
        Kind::Ping => Packet::Ping(choices.number()),
        Kind::Pong => Packet::Pong(choices.number()),
        Kind::Send => {
            let (chat, id) = (choices.chat(), choices.message_id());
            Packet::Send(Send { chat, id, content: owned(choices.some_bytes(400)) })
        }
        Kind::Accepted => Packet::Accepted(Accepted {
            chat: choices.chat(),
            id: choices.message_id(),
            seq: choices.number().max(1),
            at_ms: choices.number(),
            duplicate: choices.flag(),
        }),
        Kind::Rejected => {
            let (chat, id) = (choices.chat(), choices.message_id());
            Packet::Rejected(Rejected { chat, id, verdict: verdict(choices) })
        }
        Kind::Deliver => Packet::Deliver(entry(choices)),
        Kind::Ack => {
            let count = count(choices, ACK_CURSORS_MAX);
            Packet::Ack((0..count).map(|_| cursor(choices)).collect())
        }
        Kind::Signal => Packet::Signal(signal(choices)),
        Kind::Notice => Packet::Notice(notice(choices)),
        Kind::Request => Packet::Request(request(choices)),
        Kind::Response => {
            let id = choices.number();
            let answer = if choices.flag() { Ok(answer(choices)) } else { Err(verdict(choices)) };
            Packet::Response(Response { id, answer })
        }
    }
}

/// What became of others.
pub fn notice(choices: &mut Choices<'_>) -> Notice {
    match choices.byte() % 9 {
        0 => Notice::Missed,
        1 => Notice::Join(joining::news(choices)),
        2 => Notice::Own(choices.number()),
        3 => Notice::Receipts(choices.chat()),
        4 => Notice::Keys(keys::news(choices)),
        5 => {
            let (chat, id) = (choices.chat(), choices.message_id());
            Notice::ScheduleFailed(Rejected { chat, id, verdict: verdict(choices) })
        }
        6 => Notice::Presence(live::presence(choices)),
        7 => Notice::RoomCount(live::listeners(choices)),
        _ => Notice::Cursor(CursorMoved {
            chat: choices.chat(),
            user: choices.user(),
            delivered: choices.number(),
            read: choices.number(),
        }),
    }
}

fn owned(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

/// How many elements a list has: a few, or all it may.
fn count(choices: &mut Choices<'_>, max: usize) -> usize {
    if choices.once_in(8) { max } else { choices.below(FEW + 1) }
}

/// A greeting, which may want anything.
pub fn hello(choices: &mut Choices<'_>) -> Hello {
    let credential = match choices.byte() % 4 {
        0 => Credential::Open,
        1 => Credential::Password(choices.text(PASSWORD_BYTES_MAX)),
        2 => Credential::Token(choices.text(TOKEN_BYTES_MAX)),
        _ => Credential::Ticket(owned(choices.some_bytes(TICKET_BYTES_MAX))),
    };
    let start = match choices.byte() % 4 {
        0 => None,
        1 => Some(Start::Everything),
        2 => Some(Start::Newest),
        _ => Some(Start::Last(1 + choices.number_32() % START_LAST_MAX)),
    };
    Hello {
        user: choices.user(),
        device: choices.device(),
        credential,
        client: choices.text(SOFTWARE_BYTES_MAX),
        wanted: limits(choices),
        start,
        device_name: choices.text(DEVICE_NAME_BYTES_MAX),
        platform: choices.text(PLATFORM_BYTES_MAX),
    }
}

fn limits(choices: &mut Choices<'_>) -> Limits {
    Limits {
        max_body: choices.number_32(),
        window: choices.number_32(),
        heartbeat_ms: choices.number_32(),
        max_content: choices.number_32(),
        sends: choices.number_32(),
    }
}

fn welcome(choices: &mut Choices<'_>) -> Welcome {
    Welcome {
        session: SessionId::from(choices.sixteen()),
        limits: limits(choices),
        ticket: owned(choices.some_bytes(TICKET_BYTES_MAX)),
        ticket_expires_ms: choices.number(),
        now_ms: choices.number(),
        server: choices.text(SOFTWARE_BYTES_MAX),
        new_device: choices.flag(),
    }
}

fn verdict(choices: &mut Choices<'_>) -> Verdict {
    let faults = [None, Some(Fault::Peer), Some(Fault::Server), Some(Fault::Policy)];
    let retries = [None, Some(Retry::Never), Some(Retry::AtOnce), Some(Retry::Later)];
    match choices.byte() % 3 {
        0 => Verdict::close(CloseCode::Internal, &choices.text(300), choices.number_32()),
        1 => Verdict::reject(RejectCode::Unavailable, &choices.text(300), choices.number_32()),
        _ => Verdict {
            code: choices.number_32(),
            reason: choices.text(REASON_BYTES_MAX),
            fault: choices.one_of(&faults),
            retry: choices.one_of(&retries),
            retry_after_ms: choices.number_32(),
        },
    }
}

fn entry(choices: &mut Choices<'_>) -> Entry {
    Entry {
        chat: choices.chat(),
        seq: choices.number().max(1),
        sender: choices.user(),
        id: choices.message_id(),
        at_ms: choices.number(),
        content: owned(choices.some_bytes(400)),
    }
}

fn cursor(choices: &mut Choices<'_>) -> Cursor {
    Cursor { chat: choices.chat(), delivered: choices.number(), read: choices.number() }
}

fn signal(choices: &mut Choices<'_>) -> Signal {
    let kinds = [SignalKind::Typing, SignalKind::Stopped, SignalKind::Custom];
    Signal {
        chat: choices.chat(),
        kind: choices.one_of(&kinds),
        data: owned(choices.some_bytes(SIGNAL_BYTES_MAX)),
        sender: choices.flag().then(|| choices.user()),
    }
}

/// A question, which may be one that nobody knows.
pub fn request(choices: &mut Choices<'_>) -> Request {
    let id = choices.number();
    let limit = choices.number_32();
    let operation = match choices.byte() % 18 {
        9 => Some(file::operation(choices, limit)),
        0 => None,
        6 => Some(Operation::Pins { chat: choices.chat() }),
        7 => {
            let (chat, seq, after) = (choices.chat(), choices.number(), choices.number());
            Some(Operation::Thread { chat, seq, after, limit })
        }
        1 => Some(Operation::Chat { chat: choices.chat() }),
        2 => Some(Operation::History {
            chat: choices.chat(),
            edge: if choices.flag() {
                Edge::After(choices.number())
            } else {
                Edge::Before(choices.number())
            },
            limit,
        }),
        3 => {
            let after = choices.flag().then(|| choices.chat());
            Some(Operation::Chats { after, limit })
        }
        4 => {
            let (chat, after) = (choices.chat(), choices.flag().then(|| choices.user()));
            Some(Operation::Members { chat, after, limit })
        }
        5 => Some(Operation::Joining(joining::question(choices))),
        8 => Some(Operation::Receipts(receipt::question(choices))),
        10 => Some(Operation::Own(own::question(choices))),
        11 => Some(Operation::Recent(own::recent(choices))),
        12 => Some(Operation::Keys(keys::question(choices))),
        13 => Some(Operation::Scheduling(schedule::question(choices))),
        14 => Some(Operation::Device(device::question(choices))),
        15 => Some(Operation::Contact(contact::question(choices))),
        16 => Some(Operation::Search(search::question(choices, limit))),
        _ => Some(live::question(choices)),
    };
    Request { id, operation }
}

/// An answer.
pub fn answer(choices: &mut Choices<'_>) -> Answer {
    let more = choices.flag();
    let kind = choices.byte() % 17;
    let count = count(choices, PRESENCE_USERS_MAX);
    match kind {
        5 => Answer::Pins((0..count.min(PINS_MAX)).map(|_| seq(choices)).collect()),
        6 => {
            Answer::Thread { entries: (0..count).map(|_| entry(choices).encode()).collect(), more }
        }
        0 => Answer::Chat(chat_state(choices).into()),
        1 => {
            Answer::History { entries: (0..count).map(|_| entry(choices).encode()).collect(), more }
        }
        2 => Answer::Chats { chats: (0..count).map(|_| chat_state(choices)).collect(), more },
        4 => Answer::Joining(joining::answer(choices)),
        9 => Answer::Receipts(receipt::answer(choices)),
        12 => Answer::Keys(keys::answer(choices)),
        13 => Answer::Scheduled(schedule::answer(choices)),
        14 => Answer::Device(device::answer(choices, count)),
        15 => Answer::Contact(contact::answer(choices)),
        16 => Answer::Search(search::answer(choices, count)),
        8 => file::answer(choices, count),
        11 => Answer::Own(own::answer(choices, count)),
        10 => Answer::Recent { chats: (0..count).map(|_| chat_state(choices)).collect(), more },
        3 => Answer::Members { members: (0..count).map(|_| member(choices)).collect(), more },
        _ => live::answer(choices, count),
    }
}

fn role(choices: &mut Choices<'_>) -> Option<Role> {
    choices.one_of(&[None, Some(Role::Member), Some(Role::Admin), Some(Role::Owner)])
}

fn chat_state(choices: &mut Choices<'_>) -> ChatState {
    ChatState {
        chat: choices.chat(),
        head: choices.number(),
        delivered: choices.number(),
        read: choices.number(),
        unread: choices.number(),
        name: choices.text(GROUP_NAME_BYTES_MAX),
        members: choices.number_32(),
        role: role(choices),
        peer_delivered: choices.number(),
        peer_read: choices.number(),
        last_at_ms: choices.number(),
        topic: choices.text(GROUP_TOPIC_BYTES_MAX),
        avatar: choices.text(GROUP_AVATAR_BYTES_MAX),
        rules: rules(choices),
        muted_until_ms: choices.number(),
        join_requests: choices.number_32(),
        marks: own::marks(choices),
        mentions: choices.number(),
        last: choices.flag().then(|| Box::new(entry(choices))),
    }
}

fn member(choices: &mut Choices<'_>) -> Member {
    Member {
        user: choices.user(),
        role: role(choices),
        delivered: choices.number(),
        read: choices.number(),
        muted_until_ms: choices.number(),
    }
}

/// Rules of a group.
pub fn rules(choices: &mut Choices<'_>) -> GroupRules {
    GroupRules {
        members_add: choices.once_in(2),
        only_admins_write: choices.once_in(2),
        history_for_all: choices.once_in(2),
        join_rule: joining::rule(choices),
    }
}

/// A content of any kind that a client sends.
pub fn content(choices: &mut Choices<'_>) -> Content {
    match choices.byte() % 20 {
        13 => {
            let new = Body::Text(format!("{}.", choices.text(300)));
            Content::Entry(Alteration::Edited { seq: seq(choices), new })
        }
        14 => Content::Entry(Alteration::Recalled { seq: seq(choices) }),
        15 => {
            let reaction = printable(choices, REACTION_BYTES_MAX);
            let reaction = if reaction.is_empty() { "+1".to_owned() } else { reaction };
            let taken_back = choices.flag();
            Content::Entry(Alteration::Reacted { seq: seq(choices), reaction, taken_back })
        }
        16 => Content::Entry(Alteration::Pinned { seq: seq(choices), unpinned: choices.flag() }),
        17 => file::content(choices),
        18 => Content::Group(GroupChange::Dissolved),
        0 => Content::Text(format!("{}.", choices.text(300))),
        1 => {
            let media_type = choices.one_of(&["text/plain", "~", "image/png"]).to_owned();
            let body = [&[choices.byte()], choices.some_bytes(300)].concat().into();
            Content::Data { media_type, body }
        }
        2 => {
            let members = users(choices, 0);
            Content::Group(GroupChange::Created { name: name(choices), members })
        }
        3 => Content::Group(GroupChange::Added(users(choices, 1))),
        4 => Content::Group(GroupChange::Removed(users(choices, 1))),
        5 => {
            let new_owner = choices.flag().then(|| choices.user());
            Content::Group(GroupChange::Left { new_owner })
        }
        6 => Content::Group(GroupChange::Renamed(name(choices))),
        7 => {
            let topic = printable(choices, GROUP_TOPIC_BYTES_MAX);
            let avatar = choices.flag().then(|| printable(choices, GROUP_AVATAR_BYTES_MAX));
            Content::Group(GroupChange::Described { topic: Some(topic), avatar })
        }
        8 => Content::Group(GroupChange::RulesSet(rules(choices))),
        9 => {
            let role = choices.one_of(&[Role::Member, Role::Admin]);
            Content::Group(GroupChange::RolesGiven { users: users(choices, 1), role })
        }
        10 => Content::Group(GroupChange::OwnerChanged(choices.user())),
        11 => {
            let until_ms = choices.number();
            Content::Group(GroupChange::Muted { users: users(choices, 1), until_ms })
        }
        12 => Content::Group(GroupChange::Joined(joining::proof(choices))),
        _ => Content::Room(room_change(choices)),
    }
}

fn room_change(choices: &mut Choices<'_>) -> RoomChange {
    let keep = 1 + u32::from(choices.byte());
    match choices.byte() % 4 {
        0 => RoomChange::Opened {
            name: name(choices),
            topic: printable(choices, GROUP_NAME_BYTES_MAX),
            keep,
            slow_ms: u32::from(choices.byte()),
        },
        1 => RoomChange::Set {
            keep: Some(keep),
            slow_ms: choices.flag().then_some(0),
            name: choices.flag().then(|| name(choices)),
            topic: choices.flag().then(String::new),
        },
        2 => RoomChange::Moderators { users: users(choices, 1), taken_back: choices.flag() },
        _ => RoomChange::Muted { users: users(choices, 1), until_ms: choices.number() },
    }
}

fn seq(choices: &mut Choices<'_>) -> u64 {
    choices.number().max(1)
}

fn name(choices: &mut Choices<'_>) -> String {
    let text = printable(choices, GROUP_NAME_BYTES_MAX);
    if text.is_empty() { "Crew".to_owned() } else { text }
}

fn printable(choices: &mut Choices<'_>, bytes_max: usize) -> String {
    choices.text(bytes_max).replace(char::is_control, "")
}

/// Users, each once, at least so many.
fn users(choices: &mut Choices<'_>, least: usize) -> Vec<UserId> {
    let count = count(choices, MEMBERS_PER_CHANGE_MAX).max(least);
    let users: BTreeSet<UserId> = (0..count).map(|_| choices.user()).collect();
    users.into_iter().collect()
}
