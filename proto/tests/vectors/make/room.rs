//! Contents of rooms, and the limits of what is told of rooms and of presence.

use packetboat_proto::code::RejectCode;
use packetboat_proto::packet::{Answer, Kind, Operation, Presence, Profile, Visibility};
use serde_json::{Value, json};

use super::packet::{presence, request, response, user};
use super::{Message, Theme};

const OPENED: u32 = 32;
const SET: u32 = 33;
const MODERATORS: u32 = 34;
const MUTED: u32 = 35;

fn of(kind: u32, message: Message) -> Message {
    Message::new().message(kind, message)
}

fn opened_as(name: &str, topic: &str, keep: u64, slow_ms: u64) -> (Message, Value) {
    let mut body = Message::new().bytes(1, name);
    if !topic.is_empty() {
        body = body.bytes(2, topic);
    }
    for (field, number) in [(3, keep), (4, slow_ms)] {
        if number > 0 {
            body = body.int(field, number);
        }
    }
    let opened = json!({ "name": name, "topic": topic, "keep": keep, "slow_ms": slow_ms });
    (of(OPENED, body), json!({ "room_opened": opened }))
}

pub(super) fn contents(theme: &mut Theme) {
    valid(theme);
    refused(theme);
    content_limits(theme);
}

fn valid(theme: &mut Theme) {
    let mut add = |name: &str, body: &Message, meaning: Value| {
        theme.content(&format!("content.{name}"), "canonical", body, &meaning);
    };
    let (body, meaning) = opened_as("Lobby ⚓", "All", 7, 500);
    add("room_opened", &body, meaning);
    let (body, meaning) = opened_as("Lobby", "", 0, 0);
    add("room_opened_plain", &body, meaning);
    let set = json!({ "keep": 7, "slow_ms": 0, "name": "Hall", "topic": "" });
    let body = Message::new().int(1, 7).int(2, 0).bytes(3, "Hall").bytes(4, "");
    add("room_set", &of(SET, body), json!({ "room_set": set }));
    let set = json!({ "keep": null, "slow_ms": 9, "name": null, "topic": null });
    add("room_set_slow", &of(SET, Message::new().int(2, 9)), json!({ "room_set": set }));
    for (name, taken_back) in [("given", false), ("taken_back", true)] {
        let users = Message::new().bytes(1, "bob").bytes(1, "eve");
        let body = if taken_back { users.int(2, 1) } else { users };
        let change = json!({ "users": ["bob", "eve"], "taken_back": taken_back });
        let name = format!("room_moderators.{name}");
        add(&name, &of(MODERATORS, body), json!({ "room_moderators": change }));
    }
    for (name, until_ms) in [("room_muted", 1_700_000_000_000_u64), ("room_unmuted", 0)] {
        let users = Message::new().bytes(1, "bob");
        let body = if until_ms == 0 { users } else { users.int(2, until_ms) };
        let change = json!({ "users": ["bob"], "until_ms": until_ms });
        add(name, &of(MUTED, body), json!({ "room_muted": change }));
    }
}

fn refused(theme: &mut Theme) {
    let mut empty = |name: &str, body: &Message, why: &str| {
        theme.reject(&format!("content.{name}"), body, RejectCode::Empty, why);
    };
    empty("room_set_nothing", &of(SET, Message::new()), "nothing is set");
    empty("room_moderators_nobody", &of(MODERATORS, Message::new()), "nobody is named");
    empty("room_muted_nobody", &of(MUTED, Message::new().int(2, 9)), "nobody is mute");
    let mut invalid = |name: &str, body: &Message, why: &str| {
        theme.reject(&format!("content.{name}"), body, RejectCode::Invalid, why);
    };
    invalid("room_opened_nameless", &of(OPENED, Message::new()), "no name");
    invalid("room_opened_control", &opened_as("a\nb", "", 0, 0).0, "a control character");
    invalid("room_topic_control", &opened_as("a", "a\x7f", 0, 0).0, "a control character");
    invalid("room_set_nameless", &of(SET, Message::new().bytes(3, "")), "no name");
    invalid("room_set_keep_nothing", &of(SET, Message::new().int(1, 0)), "keeps nothing");
    let twice = Message::new().bytes(1, "bob").bytes(1, "bob");
    invalid("room_muted_twice", &of(MUTED, twice.clone()), "a user is named twice");
    invalid("room_moderators_twice", &of(MODERATORS, twice), "a user is named twice");
    invalid("room_muted_bad_user", &of(MUTED, Message::new().bytes(1, "b b")), "no user id");
}

fn content_limits(theme: &mut Theme) {
    let mut pair = |name: &str, make: &dyn Fn(u64) -> (Message, Value), max: u64| {
        let (at, meaning) = make(max);
        theme.content(&format!("limit.{name}.at"), "canonical", &at, &meaning);
        let why = format!("{}, at most {max}", max + 1);
        theme.reject(&format!("limit.{name}.over"), &make(max + 1).0, RejectCode::Invalid, &why);
    };
    let long = |bytes: u64| "n".repeat(usize::try_from(bytes).expect("a small number"));
    pair("room_keep_max", &|keep| opened_as("Lobby", "", keep, 0), 1_000);
    pair("room_slow_ms_max", &|slow_ms| opened_as("Lobby", "", 0, slow_ms), 3_600_000);
    pair("group_name_bytes_max.room", &|bytes| opened_as(&long(bytes), "", 0, 0), 128);
    pair("group_topic_bytes_max.room", &|bytes| opened_as("Lobby", &long(bytes), 0, 0), 512);
    for (name, kind, field) in
        [("moderators", MODERATORS, "taken_back"), ("muted", MUTED, "until_ms")]
    {
        let change = |count: u64| {
            let names: Vec<String> = (0..count).map(|at| format!("u{at}")).collect();
            let body = names.iter().fold(Message::new(), |message, name| message.bytes(1, name));
            let rest = if kind == MUTED { json!(0) } else { json!(false) };
            let change = json!({ "users": names, field: rest });
            (of(kind, body), json!({ format!("room_{name}"): change }))
        };
        pair(&format!("members_per_change_max.room_{name}"), &change, 100);
    }
}

pub(super) fn limits(theme: &mut Theme) {
    let over = |theme: &mut Theme, name: &str, kind: Kind, body: &Message| {
        theme.bad(&format!("limit.{name}.over"), kind, body, "one over the limit");
    };
    let named = |count: usize| Message::new().repeated(1, count, |at| format!("u{at}").into());
    let add = (0..100).map(|at| user(&format!("u{at}"))).collect();
    let packet = request(Operation::Watch { add, remove: Vec::new() });
    theme.canonical("limit.presence_users_max.watch.at", &packet);
    let body = Message::new().int(1, 1).message(26, named(101));
    over(theme, "presence_users_max.watch", Kind::Request, &body);
    let users = (0..100).map(|at| presence(&format!("u{at}"))).collect();
    theme.canonical("limit.presence_users_max.watched.at", &response(Answer::Watch(users)));
    let users = Message::new().repeated(1, 101, |_| b"\x0a\x01u".to_vec());
    let body = Message::new().message(27, users);
    over(theme, "presence_users_max.watched", Kind::Response, &body);
    let profile = |bytes: usize| Profile {
        status: "s".repeat(bytes),
        visible_to: Some(Visibility::Everyone),
    };
    let packet = request(Operation::SetProfile(profile(256)));
    theme.canonical("limit.status_bytes_max.set_profile.at", &packet);
    let body = Message::new().message(30, Message::new().bytes(1, "s".repeat(257)));
    over(theme, "status_bytes_max.set_profile", Kind::Request, &body);
    let said = Presence { status: "s".repeat(256), ..presence("u") };
    theme.canonical("limit.status_bytes_max.presence.at", &response(Answer::Presence(vec![said])));
    let said = Message::new().bytes(1, "u").bytes(5, "s".repeat(257));
    let body = Message::new().message(7, Message::new().message(1, said));
    over(theme, "status_bytes_max.presence", Kind::Response, &body);
}
