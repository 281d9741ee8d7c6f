//! Hints as JSON: typing and the like, and what became of others. Must never say more than the
//! server has told.

use packetboat_client::{CursorMoved, JoinNews, JoinState, KeysNews, Notice, Rejected, Signal};
use packetboat_client::{RoomCount, SignalKind, UserId};
use serde_json::json;

use super::{Object, code, hex, presence};

/// Typing and the like: `chat`, `sender`, `kind` (`typing`, `stopped`, `custom`), `hex`.
pub(crate) fn signal(signal: &Signal) -> Object {
    let kind = match signal.kind {
        SignalKind::Typing => "typing",
        SignalKind::Stopped => "stopped",
        SignalKind::Custom => "custom",
    };
    let fields = json!({
        "chat": signal.chat.as_str(),
        "sender": signal.sender.as_ref().map(UserId::as_str),
        "kind": kind,
        "hex": hex(&signal.data),
    });
    Object::new("signal", fields)
}

/// What became of others, by its `type`: `cursor` with `chat`, `user`, `delivered` and `read`;
/// `presence` as `presence` prints it; `room_count` with `room` and `listeners`; `join_news` with
/// `group`, `user` and `state`; `own_changed` with `revision`; `receipts_moved` with `chat`;
/// `keys_news` with `user`, `device`, `identity` and, of one's own that run low, `left`;
/// `schedule_failed` with `chat`, `id`, `code` and `reason`; `missed`: there was more.
pub(crate) fn notice(notice: &Notice) -> Object {
    match notice {
        Notice::Cursor(moved) => cursor(moved),
        Notice::Presence(told) => presence(told),
        Notice::RoomCount(RoomCount { room, listeners }) => {
            Object::new("room_count", json!({ "room": room.as_str(), "listeners": listeners }))
        }
        Notice::Missed => Object::new("missed", json!({})),
        Notice::Join(news) => join(news),
        Notice::Own(revision) => Object::new("own_changed", json!({ "revision": revision })),
        Notice::Receipts(chat) => Object::new("receipts_moved", json!({ "chat": chat.as_str() })),
        Notice::Keys(news) => keys(news),
        Notice::ScheduleFailed(rejected) => failed(rejected),
    }
}

fn cursor(moved: &CursorMoved) -> Object {
    let CursorMoved { chat, user, delivered, read } = moved;
    let (chat, user) = (chat.as_str(), user.as_str());
    let fields = json!({ "chat": chat, "user": user, "delivered": delivered, "read": read });
    Object::new("cursor", fields)
}

fn join(news: &JoinNews) -> Object {
    let state = news.state.map(|state| match state {
        JoinState::Waiting => "waiting",
        JoinState::Refused => "refused",
        JoinState::Member => "member",
    });
    let (group, user) = (news.chat.as_str(), news.user.as_str());
    Object::new("join_news", json!({ "group": group, "user": user, "state": state }))
}

fn keys(news: &KeysNews) -> Object {
    let fields = json!({
        "user": news.user.as_str(),
        "device": news.device.device.as_str(),
        "identity": hex(&news.device.identity),
        "left": news.device.state.map(|state| state.left),
    });
    Object::new("keys_news", fields)
}

fn failed(rejected: &Rejected) -> Object {
    let fields = json!({
        "chat": rejected.chat.as_str(),
        "id": rejected.id.to_string(),
        "code": code(&rejected.verdict),
        "reason": rejected.verdict.reason,
    });
    Object::new("schedule_failed", fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use packetboat_client::{ChatId, Presence};
    use serde_json::Value;

    #[test]
    fn hints_are_told_apart_by_their_type() {
        let chat: ChatId = "dm:a:b".parse().unwrap();
        let user: UserId = "a".parse().unwrap();
        let moved = CursorMoved { chat: chat.clone(), user: user.clone(), delivered: 3, read: 2 };
        let notices = [
            (Notice::Cursor(moved), "cursor"),
            (Notice::Presence(Presence::hidden(user)), "presence"),
            (Notice::Missed, "missed"),
            (Notice::Own(7), "own_changed"),
            (Notice::Receipts(chat.clone()), "receipts_moved"),
        ];
        for (told, kind) in notices {
            assert_eq!(notice(&told)["type"], kind);
        }
        let data = "\u{1}".into();
        let typing = Signal { chat, kind: SignalKind::Typing, data, sender: None };
        let expected = json!({
            "type": "signal", "chat": "dm:a:b", "sender": null, "kind": "typing", "hex": "01",
        });
        assert_eq!(Value::from(signal(&typing)), expected);
    }
}
