//! JSON objects, one for each thing: their fields' names are kept, scripts rely on them. Each has
//! a `type`; ids are texts, times are milliseconds of Unix time, bytes are hex.

mod file;
mod object;

use std::time::Duration;

use packetboat_client::proto::code::RejectCode;
use packetboat_client::{
    Accepted, ChatId, ChatState, Content, Entry, Erasure, GroupCard, GroupChange, GroupRules,
    Invitation, InviteLink, JoinRequest, JoinRule, JoinState, JoinWay, Member, MessageId, Presence,
    Role, UserId, Verdict,
};
use serde_json::{Value, json};

mod change;
pub(crate) mod contact;
pub(crate) mod device;
pub(crate) mod done;
pub(crate) mod hint;
pub(crate) mod keys;
pub(crate) mod own;
pub(crate) mod receipt;
pub(crate) mod room;
pub(crate) mod schedule;

use super::{content, hex};

pub(crate) use self::file::{file, quota, saved, thumbnail};
pub(crate) use self::object::Object;

/// An entry: `chat`, `seq`, `sender`, `id`, `at_ms`, and by its `kind`: `text` with `text`; `data`
/// with `media_type` and `hex`; `group_created` with `name` and `members`; `members_added` and
/// `members_removed` with `users`; `member_left` with `new_owner`; `group_renamed` with `name`;
/// `unknown` with `hex`. A text, data or file has `reply_to`, `thread`, `forwarded` (`chat`, `seq`,
/// `sender`, or null), `mentions` and `mentions_all`, as far as they say anything. What changes
/// another entry has its seq in `of`: `edited` with what it says now, `recalled`, `reacted` with
/// `reaction` and `taken_back`, `pinned` with `unpinned`; `erased` has the recall's seq in `by`,
/// `expired` that of the entry whose time is over in `of`. What expires has `expires_ms`.
pub(crate) fn entry(entry: &Entry) -> Object {
    let mut object = Object::new(
        "entry",
        json!({
            "chat": entry.chat.as_str(),
            "seq": entry.seq,
            "sender": entry.sender.as_str(),
            "id": entry.id.to_string(),
            "at_ms": entry.at_ms,
        }),
    );
    let said = match content(entry) {
        Ok(Content::Group(change)) => group_change(change),
        Ok(Content::Entry(alteration)) => change::alteration(&alteration),
        Ok(Content::Erased(Erasure::Recalled { by })) => json!({ "kind": "erased", "by": by }),
        Ok(Content::Erased(Erasure::Expired { of })) => json!({ "kind": "expired", "of": of }),
        Ok(Content::Room(change)) => room::change(change),
        Ok(said) => change::message(said, &super::context(entry)),
        Err(bytes) => json!({ "kind": "unknown", "hex": hex(&bytes) }),
    };
    if let Some(expires_ms) = super::context(entry).expires_ms(entry.at_ms) {
        object.extend(json!({ "expires_ms": expires_ms }));
    }
    object.extend(said);
    object
}

fn group_change(change: GroupChange) -> Value {
    match change {
        GroupChange::Created { name, members } => {
            json!({ "kind": "group_created", "name": name, "members": texts(&members) })
        }
        GroupChange::Added(users) => json!({ "kind": "members_added", "users": texts(&users) }),
        GroupChange::Removed(users) => {
            json!({ "kind": "members_removed", "users": texts(&users) })
        }
        GroupChange::Left { new_owner } => {
            json!({ "kind": "member_left", "new_owner": new_owner.map(|user| user.to_string()) })
        }
        GroupChange::Renamed(name) => json!({ "kind": "group_renamed", "name": name }),
        GroupChange::Described { topic, avatar } => {
            json!({ "kind": "group_described", "topic": topic, "avatar": avatar })
        }
        GroupChange::RulesSet(set) => json!({ "kind": "rules_set", "rules": rules(set) }),
        GroupChange::RolesGiven { users, role: given } => {
            json!({ "kind": "roles_given", "users": texts(&users), "role": role(Some(given)) })
        }
        GroupChange::OwnerChanged(user) => {
            json!({ "kind": "owner_changed", "user": user.as_str() })
        }
        GroupChange::Muted { users, until_ms } => {
            json!({ "kind": "members_muted", "users": texts(&users), "until_ms": until_ms })
        }
        GroupChange::Dissolved => json!({ "kind": "group_dissolved" }),
        GroupChange::Joined(by) => {
            json!({ "kind": "member_joined", "invite": by.map(|by| by.invite.to_string()) })
        }
    }
}

fn rules(rules: GroupRules) -> Value {
    json!({
        "members_add": rules.members_add,
        "only_admins_write": rules.only_admins_write,
        "history_for_all": rules.history_for_all,
        "join_rule": match rules.join_rule {
            JoinRule::Invited => "invited",
            JoinRule::Ask => "ask",
            JoinRule::Anyone => "anyone",
        },
    })
}

fn texts(users: &[UserId]) -> Vec<&str> {
    users.iter().map(UserId::as_str).collect()
}

/// A message that is stored: `chat`, `id`, `seq`, `at_ms`, `duplicate`, and the `line` of stdin
/// that it was.
pub(crate) fn accepted(accepted: &Accepted, line: Option<u64>) -> Object {
    with_line(
        Object::new(
            "accepted",
            json!({
                "chat": accepted.chat.as_str(),
                "id": accepted.id.to_string(),
                "seq": accepted.seq,
                "at_ms": accepted.at_ms,
                "duplicate": accepted.duplicate,
            }),
        ),
        line,
    )
}

/// A message that is refused: `chat`, `id`, `code`, `reason` and `line`.
pub(crate) fn rejected(
    chat: &ChatId,
    id: MessageId,
    verdict: &Verdict,
    line: Option<u64>,
) -> Object {
    with_line(
        Object::new(
            "rejected",
            json!({
                "chat": chat.as_str(),
                "id": id.to_string(),
                "code": code(verdict),
                "reason": verdict.reason,
            }),
        ),
        line,
    )
}

/// A verdict's code, by its name where it is known.
fn code(verdict: &Verdict) -> String {
    verdict.reject_code().map_or_else(|| verdict.code.to_string(), RejectCode::name)
}

fn with_line(mut object: Object, line: Option<u64>) -> Object {
    if let Some(line) = line {
        object.extend(json!({ "line": line }));
    }
    object
}

/// A chat: `chat`, `name`, `unread`, `mentions` (not read either), `head` (the last seq),
/// `delivered` (to this device), `read`, `last_at_ms`, `marks` and, if it was
/// asked for, the `last` entry; of a group `members`, `role` (`owner`, `admin`, `member`, or null
/// once out), `topic`, `avatar`, `rules`, `join_requests` and `muted_until_ms` (0: not mute); of a
/// direct chat `peer_delivered` and `peer_read`.
pub(crate) fn chat(state: &ChatState) -> Object {
    Object::new(
        "chat",
        json!({
            "chat": state.chat.as_str(),
            "name": state.name,
            "unread": state.unread,
            "head": state.head,
            "delivered": state.delivered,
            "read": state.read,
            "last_at_ms": state.last_at_ms,
            "members": state.members,
            "role": role(state.role),
            "topic": state.topic,
            "avatar": state.avatar,
            "rules": rules(state.rules),
            "muted_until_ms": state.muted_until_ms,
            "join_requests": state.join_requests,
            "peer_delivered": state.peer_delivered,
            "peer_read": state.peer_read,
            "marks": own::marks(state.marks),
            "mentions": state.mentions,
            "last": state.last.as_deref().map(entry).map(Value::from),
        }),
    )
}

/// A member: `chat`, `user`, `role`, `delivered`, `read`, `muted_until_ms` (0: not mute).
pub(crate) fn member(chat: &ChatId, member: &Member) -> Object {
    Object::new(
        "member",
        json!({
            "chat": chat.as_str(),
            "user": member.user.as_str(),
            "role": role(member.role),
            "delivered": member.delivered,
            "read": member.read,
            "muted_until_ms": member.muted_until_ms,
        }),
    )
}

/// An invitation: `group`, `invite` (its id), `link`, `expires_ms` (0: never), `uses` (0: any
/// number), `asks`, `made_by`.
pub(crate) fn invitation(group: &ChatId, invitation: &Invitation) -> Object {
    let link = InviteLink { group: group.clone(), key: Some(invitation.key) };
    Object::new(
        "invitation",
        json!({
            "group": group.as_str(),
            "invite": invitation.key.id.to_string(),
            "link": link.to_string(),
            "expires_ms": invitation.expires_ms,
            "uses": invitation.uses,
            "asks": invitation.asks,
            "made_by": invitation.made_by.as_ref().map(UserId::as_str),
        }),
    )
}

/// What there is to see of a group: `group`, `name`, `topic`, `avatar`, `members`, `way` (`member`,
/// `join`, `ask`, or null).
pub(crate) fn card(card: &GroupCard) -> Object {
    Object::new(
        "card",
        json!({
            "group": card.chat.as_str(),
            "name": card.name,
            "topic": card.topic,
            "avatar": card.avatar,
            "members": card.members,
            "way": card.way.map(|way| match way {
                JoinWay::Member => "member",
                JoinWay::Join => "join",
                JoinWay::Ask => "ask",
            }),
        }),
    )
}

/// Somebody who asks to come in: `group`, `user`, `at_ms`.
pub(crate) fn join_request(group: &ChatId, request: &JoinRequest) -> Object {
    Object::new(
        "join_request",
        json!({
            "group": group.as_str(),
            "user": request.user.as_str(),
            "at_ms": request.at_ms,
        }),
    )
}

/// How a wish to come in stands: `group`, `state` (`waiting`, `refused`, `member`).
pub(crate) fn join_state(group: &ChatId, state: JoinState) -> Object {
    let state = match state {
        JoinState::Waiting => "waiting",
        JoinState::Refused => "refused",
        JoinState::Member => "member",
    };
    Object::new("join_state", json!({ "group": group.as_str(), "state": state }))
}

const fn role(role: Option<Role>) -> Option<&'static str> {
    match role {
        Some(Role::Owner) => Some("owner"),
        Some(Role::Admin) => Some("admin"),
        Some(Role::Member) => Some("member"),
        None => None,
    }
}

/// What is pinned: `chat`, `seq`.
pub(crate) fn pin(chat: &ChatId, seq: u64) -> Object {
    Object::new("pin", json!({ "chat": chat.as_str(), "seq": seq }))
}

/// Who is online: `user`, `online`, `away`, `status`, `last_seen_ms` (null: never, or not known).
pub(crate) fn presence(presence: &Presence) -> Object {
    let last_seen = (presence.last_seen_ms > 0).then_some(presence.last_seen_ms);
    Object::new(
        "presence",
        json!({
            "user": presence.user.as_str(),
            "online": presence.online,
            "away": presence.away,
            "status": presence.status,
            "last_seen_ms": last_seen,
        }),
    )
}

/// A ping's answer: `n` from 1 on, and the `ms` it took, or null if there was none.
pub(crate) fn pong(n: u32, took: Option<Duration>) -> Object {
    Object::new("pong", json!({ "n": n, "ms": took.map(|took| took.as_secs_f64() * 1e3) }))
}

#[cfg(test)]
mod tests {
    use super::super::tests::entry as make;
    use super::*;
    use bytes::Bytes;
    use packetboat_client::Context;

    fn said(content: &Content) -> Value {
        let mut object = Value::from(entry(&make("group:crew", 3, "alice", content)));
        let object = object.as_object_mut().unwrap();
        for field in ["type", "chat", "seq", "sender", "id", "at_ms"] {
            assert!(object.remove(field).is_some(), "{field}");
        }
        Value::Object(object.clone())
    }

    #[test]
    fn an_entry_has_its_fields() {
        let object = entry(&make("dm:a:b", 7, "a", &Content::text("hi \"there\"\n")));
        let expected = json!({
            "type": "entry", "chat": "dm:a:b", "seq": 7, "sender": "a",
            "id": "abababababababababababababababab", "at_ms": 1_795_251_907_000_u64,
            "kind": "text", "text": "hi \"there\"\n",
        });
        assert_eq!(Value::from(object), expected);
    }

    #[test]
    fn every_kind_of_content_has_its_shape() {
        let bob = || vec!["bob".parse().unwrap()];
        let group = |change| said(&Content::Group(change));
        let data = Content::Data { media_type: "image/png".into(), body: Bytes::from("\u{1}z") };
        let hexed = json!({ "kind": "data", "media_type": "image/png", "hex": "017a" });
        assert_eq!(said(&data), hexed);
        let created = GroupChange::Created { name: "Crew".into(), members: bob() };
        let shape = json!({ "kind": "group_created", "name": "Crew", "members": ["bob"] });
        assert_eq!(group(created), shape);
        let added = json!({ "kind": "members_added", "users": ["bob"] });
        assert_eq!(group(GroupChange::Added(bob())), added);
        let removed = json!({ "kind": "members_removed", "users": ["bob"] });
        assert_eq!(group(GroupChange::Removed(bob())), removed);
        let left = json!({ "kind": "member_left", "new_owner": null });
        assert_eq!(group(GroupChange::Left { new_owner: None }), left);
        let renamed = json!({ "kind": "group_renamed", "name": "Old" });
        assert_eq!(group(GroupChange::Renamed("Old".into())), renamed);
    }

    #[test]
    fn what_expires_says_when_and_what_has_expired_that() {
        let context = Context { expires_after_ms: 60_000, ..Context::default() };
        let content = Content::text("hi").encode_in(&context);
        let made = make("dm:a:b", 7, "a", &Content::text("hi"));
        let expiring = Entry { content, ..made };
        assert_eq!(entry(&expiring)["expires_ms"], expiring.at_ms + 60_000);
        let left = said(&Content::Erased(Erasure::Expired { of: 3 }));
        assert_eq!(left, json!({ "kind": "expired", "of": 3 }));
    }

    #[test]
    fn what_is_not_known_is_told_all_the_same() {
        let mut unknown = make("dm:a:b", 7, "a", &Content::text("x"));
        unknown.content = Bytes::from_static(&[0xfa, 0x07, 0x00]);
        assert_eq!(entry(&unknown)["kind"], "unknown");
        assert_eq!(entry(&unknown)["hex"], "fa0700");
    }

    #[test]
    fn an_outcome_names_its_line() {
        let verdict = Verdict::reject(RejectCode::NoSuchChat, "no", 0);
        let (chat, id) = ("dm:a:b".parse().unwrap(), MessageId::from([1; 16]));
        let object = rejected(&chat, id, &verdict, Some(3));
        assert_eq!((&object["code"], &object["line"]), (&json!("NO_SUCH_CHAT"), &json!(3)));
        let accepted = Accepted { chat, id, seq: 4, at_ms: 5, duplicate: true };
        let object = super::accepted(&accepted, None);
        assert_eq!((&object["seq"], &object["duplicate"]), (&json!(4), &json!(true)));
        assert!(Value::from(object).get("line").is_none());
    }

    /// The types of all objects that are made in these sources.
    fn types(source: &str) -> Vec<&str> {
        let made = source.split("#[cfg(test)]").next().unwrap_or_default();
        let made = made.split("Object::new(").skip(1);
        made.filter_map(|fields| fields.trim_start().strip_prefix('"')?.split('"').next()).collect()
    }

    #[test]
    fn every_type_of_line_is_in_the_table_of_the_docs_once() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/format/json");
        let mut sources = vec![include_str!("json.rs").to_owned()];
        for file in std::fs::read_dir(folder).unwrap() {
            sources.push(std::fs::read_to_string(file.unwrap().path()).unwrap());
        }
        let made: Vec<&str> = sources.iter().flat_map(|source| types(source)).collect();
        let different: std::collections::HashSet<&str> = made.iter().copied().collect();
        assert_eq!(different.len(), made.len(), "each type is made in one place: {made:?}");
        assert!(made.len() > 30, "{made:?}");
        let docs = include_str!("../../../docs/CLI.md");
        let (_, docs) = docs.split_once("## JSON").unwrap();
        let rows = docs.lines().filter_map(|line| line.strip_prefix("| `"));
        let first = rows.filter_map(|row| row.split(" | ").next()).skip(1);
        let listed: Vec<&str> = first.flat_map(|cell| cell.split(", ")).collect();
        let listed: Vec<&str> = listed.iter().map(|name| name.trim_matches('`')).collect();
        for name in &made {
            assert!(listed.contains(name), "docs/CLI.md does not list {name}");
        }
        for name in &listed {
            assert!(made.contains(name), "docs/CLI.md lists {name}, which no line is");
        }
    }

    #[test]
    fn the_rest_has_its_fields() {
        let (user, chat) = ("a".parse::<UserId>().unwrap(), "group:c".parse::<ChatId>().unwrap());
        let seen = Presence::hidden(user.clone());
        assert_eq!(presence(&seen)["last_seen_ms"], Value::Null);
        let one =
            Member { user, role: Some(Role::Owner), delivered: 2, read: 1, muted_until_ms: 0 };
        assert_eq!(member(&chat, &one)["role"], "owner");
        assert_eq!(pong(1, Some(Duration::from_micros(1500)))["ms"], 1.5);
        assert_eq!(pong(2, None)["ms"], Value::Null);
    }
}
