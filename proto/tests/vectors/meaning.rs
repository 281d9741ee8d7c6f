//! What a packet or content means, as JSON with the names of the schema (SPEC.md section 14).
//! Must never leave out a field: what has its default is said too.

mod contact;
mod device;
mod file;
mod greeting;
mod joining;
mod keys;
mod own;
mod presence;
mod receipt;
mod schedule;
mod search;

use bytes::Bytes;
use packetboat_proto::code::{Fault, Retry};
use packetboat_proto::content::{
    Alteration, Body, Content, Context, Erasure, Forwarded, GroupChange, GroupRules, RoomChange,
};
use packetboat_proto::entry::Entry;
use packetboat_proto::packet::{
    Answer, ChatState, Cursor, CursorMoved, Edge, Member, Notice, Operation, Packet, Role,
    RoomState, Signal, SignalKind, Verdict,
};
use serde_json::{Value, json};

use crate::line::hex;

/// A packet, by its name.
pub(crate) fn of_packet(packet: &Packet) -> Value {
    match packet {
        Packet::Hello(hello) => json!({ "Hello": greeting::of_hello(hello) }),
        Packet::Welcome(welcome) => json!({ "Welcome": greeting::of_welcome(welcome) }),
        Packet::Goodbye(verdict) => json!({ "Goodbye": of_verdict(verdict) }),
        Packet::Ping(token) => json!({ "Ping": { "token": token } }),
        Packet::Pong(token) => json!({ "Pong": { "token": token } }),
        Packet::Send(send) => json!({ "Send": {
            "chat": send.chat.as_str(),
            "message_id": send.id.to_string(),
            "content": hex(&send.content),
        } }),
        Packet::Accepted(accepted) => json!({ "Accepted": {
            "chat": accepted.chat.as_str(),
            "message_id": accepted.id.to_string(),
            "seq": accepted.seq,
            "at_ms": accepted.at_ms,
            "duplicate": accepted.duplicate,
        } }),
        Packet::Rejected(rejected) => json!({ "Rejected": {
            "chat": rejected.chat.as_str(),
            "message_id": rejected.id.to_string(),
            "verdict": of_verdict(&rejected.verdict),
        } }),
        Packet::Deliver(entry) => json!({ "Deliver": of_entry(entry) }),
        Packet::Ack(cursors) => json!({ "Ack": { "cursors": list(cursors, of_cursor) } }),
        Packet::Signal(signal) => json!({ "Signal": of_signal(signal) }),
        Packet::Notice(notice) => json!({ "Notice": of_notice(notice) }),
        Packet::Request(request) => json!({ "Request": {
            "id": request.id,
            "operation": request.operation.as_ref().map(of_operation),
        } }),
        Packet::Response(response) => json!({ "Response": {
            "id": response.id,
            "result": match &response.answer {
                Ok(answer) => of_answer(answer),
                Err(verdict) => json!({ "refused": of_verdict(verdict) }),
            },
        } }),
    }
}

/// A content, by its kind, with its context if that says anything.
pub(crate) fn of_content(content: &Content, context: &Context) -> Value {
    let mut said = match content {
        Content::Text(_) | Content::Data { .. } => {
            of_body(&content.clone().body().expect("a text or data has a body"))
        }
        Content::Entry(alteration) => of_alteration(alteration),
        Content::Erased(Erasure::Recalled { by }) => {
            json!({ "erased": { "by": by, "expired": 0 } })
        }
        Content::Erased(Erasure::Expired { of }) => json!({ "erased": { "by": 0, "expired": of } }),
        Content::Group(change) => of_change(change),
        Content::Room(change) => of_room_change(change),
        Content::File(sent) => file::of_sent(sent),
    };
    if *context != Context::default() {
        said["context"] = of_context(context);
    }
    said
}

fn of_body(body: &Body) -> Value {
    match body {
        Body::Text(body) => json!({ "text": { "body": body } }),
        Body::Data { media_type, body } => {
            json!({ "data": { "media_type": media_type, "body": hex(body) } })
        }
    }
}

fn of_context(context: &Context) -> Value {
    json!({
        "reply_to": context.reply_to,
        "thread": context.thread,
        "forwarded": context.forwarded.as_ref().map(|forwarded| match forwarded {
            Forwarded::Somewhere => json!({ "chat": "", "seq": 0, "sender": "" }),
            Forwarded::From(origin) => json!({
                "chat": origin.chat.as_str(),
                "seq": origin.seq,
                "sender": origin.sender.as_str(),
            }),
        }),
        "mentions": texts(&context.mentions),
        "mentions_all": context.mentions_all,
        "expires_after_ms": context.expires_after_ms,
    })
}

fn of_alteration(alteration: &Alteration) -> Value {
    match alteration {
        Alteration::Edited { seq, new } => {
            json!({ "edited": { "seq": seq, "new": of_body(new) } })
        }
        Alteration::Recalled { seq } => json!({ "recalled": { "seq": seq } }),
        Alteration::Reacted { seq, reaction, taken_back } => json!({ "reacted": {
            "seq": seq, "reaction": reaction, "taken_back": taken_back,
        } }),
        Alteration::Pinned { seq, unpinned } => {
            json!({ "pinned": { "seq": seq, "unpinned": unpinned } })
        }
    }
}

fn of_room_change(change: &RoomChange) -> Value {
    match change {
        RoomChange::Opened { name, topic, keep, slow_ms } => json!({ "room_opened": {
            "name": name,
            "topic": topic,
            "keep": keep,
            "slow_ms": slow_ms,
        } }),
        RoomChange::Set { keep, slow_ms, name, topic } => json!({ "room_set": {
            "keep": keep,
            "slow_ms": slow_ms,
            "name": name,
            "topic": topic,
        } }),
        RoomChange::Moderators { users, taken_back } => json!({ "room_moderators": {
            "users": texts(users),
            "taken_back": taken_back,
        } }),
        RoomChange::Muted { users, until_ms } => {
            json!({ "room_muted": { "users": texts(users), "until_ms": until_ms } })
        }
    }
}

fn of_change(change: &GroupChange) -> Value {
    match change {
        GroupChange::Created { name, members } => {
            json!({ "group_created": { "name": name, "members": texts(members) } })
        }
        GroupChange::Added(users) => json!({ "members_added": { "users": texts(users) } }),
        GroupChange::Removed(users) => json!({ "members_removed": { "users": texts(users) } }),
        GroupChange::Left { new_owner } => {
            json!({ "member_left": { "new_owner": text(new_owner.as_ref()) } })
        }
        GroupChange::Renamed(name) => json!({ "group_renamed": { "name": name } }),
        GroupChange::Described { topic, avatar } => {
            json!({ "group_described": { "topic": topic, "avatar": avatar } })
        }
        GroupChange::RulesSet(rules) => json!({ "rules_set": { "rules": of_rules(*rules) } }),
        GroupChange::RolesGiven { users, role } => {
            json!({ "roles_given": { "users": texts(users), "role": of_role(Some(*role)) } })
        }
        GroupChange::OwnerChanged(user) => json!({ "owner_changed": { "user": user.as_str() } }),
        GroupChange::Muted { users, until_ms } => {
            json!({ "members_muted": { "users": texts(users), "until_ms": until_ms } })
        }
        GroupChange::Dissolved => json!({ "group_dissolved": {} }),
        GroupChange::Joined(by) => {
            json!({ "member_joined": { "by": joining::of_proof(by.as_ref()) } })
        }
    }
}

fn of_rules(rules: GroupRules) -> Value {
    json!({
        "members_add": rules.members_add,
        "only_admins_write": rules.only_admins_write,
        "history_for_all": rules.history_for_all,
        "join_rule": joining::of_rule(rules.join_rule),
    })
}

fn of_verdict(verdict: &Verdict) -> Value {
    json!({
        "code": verdict.code,
        "reason": verdict.reason,
        "fault": match verdict.fault {
            None => "UNSPECIFIED",
            Some(Fault::Peer) => "PEER",
            Some(Fault::Server) => "SERVER",
            Some(Fault::Policy) => "POLICY",
        },
        "retry": match verdict.retry {
            None => "UNSPECIFIED",
            Some(Retry::Never) => "NEVER",
            Some(Retry::AtOnce) => "AT_ONCE",
            Some(Retry::Later) => "LATER",
        },
        "retry_after_ms": verdict.retry_after_ms,
    })
}

fn of_entry(entry: &Entry) -> Value {
    json!({
        "chat": entry.chat.as_str(),
        "seq": entry.seq,
        "sender": entry.sender.as_str(),
        "message_id": entry.id.to_string(),
        "at_ms": entry.at_ms,
        "content": hex(&entry.content),
    })
}

fn of_cursor(cursor: &Cursor) -> Value {
    json!({
        "chat": cursor.chat.as_str(),
        "delivered": cursor.delivered,
        "read": cursor.read,
    })
}

fn of_signal(signal: &Signal) -> Value {
    json!({
        "chat": signal.chat.as_str(),
        "kind": match signal.kind {
            SignalKind::Typing => "TYPING",
            SignalKind::Stopped => "STOPPED",
            SignalKind::Custom => "CUSTOM",
        },
        "data": hex(&signal.data),
        "sender": text(signal.sender.as_ref()),
    })
}

fn of_notice(notice: &Notice) -> Value {
    match notice {
        Notice::Missed => json!({ "missed": {} }),
        Notice::Join(news) => joining::of_news(news),
        Notice::Own(revision) => json!({ "own": { "revision": revision } }),
        Notice::Keys(news) => json!({ "keys": keys::of_news(news) }),
        Notice::Receipts(chat) => json!({ "receipts": { "chat": chat.as_str() } }),
        Notice::ScheduleFailed(rejected) => json!({ "schedule_failed": {
            "chat": rejected.chat.as_str(),
            "message_id": rejected.id.to_string(),
            "verdict": of_verdict(&rejected.verdict),
        } }),
        Notice::Presence(presence) => json!({ "presence": presence::of_presence(presence) }),
        Notice::RoomCount(count) => json!({ "room_count": {
            "room": count.room.as_str(),
            "listeners": count.listeners,
        } }),
        Notice::Cursor(CursorMoved { chat, user, delivered, read }) => json!({ "cursor": {
            "chat": chat.as_str(),
            "user": user.as_str(),
            "delivered": delivered,
            "read": read,
        } }),
    }
}

fn of_operation(operation: &Operation) -> Value {
    match operation {
        Operation::History { chat, edge, limit } => json!({ "history": {
            "chat": chat.as_str(),
            "edge": match edge {
                Edge::After(seq) => json!({ "after": seq }),
                Edge::Before(seq) => json!({ "before": seq }),
            },
            "limit": limit,
        } }),
        Operation::Chats { after, limit } => {
            json!({ "chats": { "after": text(after.as_ref()), "limit": limit } })
        }
        Operation::Chat { chat } => json!({ "chat": { "chat": chat.as_str() } }),
        Operation::Members { chat, after, limit } => json!({ "members": {
            "chat": chat.as_str(),
            "after": text(after.as_ref()),
            "limit": limit,
        } }),
        Operation::Presence { users } => json!({ "presence": { "users": texts(users) } }),
        Operation::Joining(asked) => joining::of_question(asked),
        Operation::Device(asked) => device::of_question(asked),
        Operation::Contact(asked) => contact::of_question(asked),
        Operation::Own(asked) => own::of_question(asked),
        Operation::Recent(recent) => json!({ "recent": own::of_recent(recent) }),
        Operation::Receipts(asked) => receipt::of_question(asked),
        Operation::Keys(asked) => keys::of_question(asked),
        Operation::Scheduling(asked) => schedule::of_question(asked),
        Operation::Search(asked) => search::of_question(asked),
        Operation::Pins { chat } => json!({ "pins": { "chat": chat.as_str() } }),
        Operation::Thread { chat, seq, after, limit } => json!({ "thread": {
            "chat": chat.as_str(), "seq": seq, "after": after, "limit": limit,
        } }),
        Operation::RoomJoin { room } => json!({ "room_join": { "room": room.as_str() } }),
        Operation::RoomLeave { room } => json!({ "room_leave": { "room": room.as_str() } }),
        Operation::Room { room } => json!({ "room": { "room": room.as_str() } }),
        Operation::Watch { add, remove } => {
            json!({ "watch": { "add": texts(add), "remove": texts(remove) } })
        }
        Operation::SetPresence { away } => json!({ "set_presence": { "away": away } }),
        Operation::SetProfile(profile) => json!({ "set_profile": presence::of_profile(profile) }),
        Operation::FileBegin(begin) => json!({ "file_begin": file::of_begin(begin) }),
        Operation::FilePut(put) => json!({ "file_put": file::of_put(put) }),
        Operation::FileGet(get) => json!({ "file_get": file::of_get(get) }),
        Operation::FileState { file, chat } => {
            json!({ "file_state": { "file": file.to_string(), "chat": text(chat.as_ref()) } })
        }
        Operation::Files { after, limit } => {
            json!({ "files": { "after": text(after.as_ref()), "limit": limit } })
        }
    }
}

fn of_answer(answer: &Answer) -> Value {
    match answer {
        Answer::History { entries, more } => {
            json!({ "history": { "entries": list(entries, of_encoded), "more": more } })
        }
        Answer::Thread { entries, more } => {
            json!({ "thread": { "entries": list(entries, of_encoded), "more": more } })
        }
        Answer::Pins(seqs) => {
            json!({ "pins": { "pins": list(seqs, |seq| json!({ "seq": seq })) } })
        }
        Answer::Chats { chats, more } => {
            json!({ "chats": { "chats": list(chats, of_chat), "more": more } })
        }
        Answer::Recent { chats, more } => {
            json!({ "recent": { "chats": list(chats, of_chat), "more": more } })
        }
        Answer::Own(answer) => own::of_answer(answer),
        Answer::Chat(chat) => json!({ "chat": of_chat(chat) }),
        Answer::Members { members, more } => {
            json!({ "members": { "members": list(members, of_member), "more": more } })
        }
        Answer::Presence(users) => {
            json!({ "presence": { "users": list(users, presence::of_presence) } })
        }
        Answer::Joining(joined) => joining::of_answer(joined),
        Answer::Device(answer) => device::of_answer(answer),
        Answer::Contact(answer) => contact::of_answer(*answer),
        Answer::Receipts(receipts) => receipt::of_answer(receipts),
        Answer::Keys(keys) => keys::of_answer(keys),
        Answer::Scheduled(scheduled) => schedule::of_answer(scheduled),
        Answer::Search(page) => search::of_answer(page),
        Answer::RoomJoin(state) => json!({ "room_join": of_room(state) }),
        Answer::RoomLeave => json!({ "room_leave": {} }),
        Answer::Room(state) => json!({ "room": of_room(state) }),
        Answer::Watch(users) => json!({ "watch": { "users": list(users, presence::of_presence) } }),
        Answer::SetPresence => json!({ "set_presence": {} }),
        Answer::SetProfile => json!({ "set_profile": {} }),
        Answer::FileBegin(state) => json!({ "file_begin": file::of_state(state) }),
        Answer::FilePut(state) => json!({ "file_put": file::of_state(state) }),
        Answer::FileGet(chunk) => json!({ "file_get": file::of_chunk(chunk) }),
        Answer::FileState(state) => json!({ "file_state": file::of_state(state) }),
        Answer::Files(page) => json!({ "files": file::of_page(page) }),
    }
}

fn of_encoded(entry: &Bytes) -> Value {
    of_entry(&Entry::decode(entry.clone()).expect("a decoded page holds entries"))
}

fn of_room(state: &RoomState) -> Value {
    json!({
        "room": state.room.as_str(),
        "name": state.name,
        "topic": state.topic,
        "listeners": state.listeners,
        "head": state.head,
        "first": state.first,
        "keep": state.keep,
        "slow_ms": state.slow_ms,
        "role": of_role(state.role),
        "muted_until_ms": state.muted_until_ms,
    })
}

fn of_chat(chat: &ChatState) -> Value {
    json!({
        "chat": chat.chat.as_str(),
        "head": chat.head,
        "delivered": chat.delivered,
        "read": chat.read,
        "unread": chat.unread,
        "name": chat.name,
        "members": chat.members,
        "role": of_role(chat.role),
        "peer_delivered": chat.peer_delivered,
        "peer_read": chat.peer_read,
        "last_at_ms": chat.last_at_ms,
        "topic": chat.topic,
        "avatar": chat.avatar,
        "rules": of_rules(chat.rules),
        "muted_until_ms": chat.muted_until_ms,
        "join_requests": chat.join_requests,
        "marks": own::of_marks(chat.marks),
        "mentions": chat.mentions,
        "last": chat.last.as_deref().map(of_entry),
    })
}

fn of_member(member: &Member) -> Value {
    json!({
        "user": member.user.as_str(),
        "role": of_role(member.role),
        "delivered": member.delivered,
        "read": member.read,
        "muted_until_ms": member.muted_until_ms,
    })
}

fn of_role(role: Option<Role>) -> &'static str {
    match role {
        None => "UNSPECIFIED",
        Some(Role::Member) => "MEMBER",
        Some(Role::Admin) => "ADMIN",
        Some(Role::Owner) => "OWNER",
    }
}

fn list<T>(items: &[T], of: impl Fn(&T) -> Value) -> Vec<Value> {
    items.iter().map(of).collect()
}

fn text<T: ToString>(id: Option<&T>) -> String {
    id.map(ToString::to_string).unwrap_or_default()
}

fn texts<T: ToString>(ids: &[T]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
