//! Contents, valid and with the code that refuses them.

use packetboat_proto::code::RejectCode;
use serde_json::{Value, json};

use super::{Message, Theme};
use crate::line::Vector;

const TEXT: u32 = 1;
const DATA: u32 = 2;
const CREATED: u32 = 16;
const ADDED: u32 = 17;
const REMOVED: u32 = 18;
const LEFT: u32 = 19;
const RENAMED: u32 = 20;
const DESCRIBED: u32 = 21;
const RULES_SET: u32 = 22;
const ROLES_GIVEN: u32 = 23;
const OWNER_CHANGED: u32 = 24;
const MUTED: u32 = 25;
const DISSOLVED: u32 = 26;

pub(super) fn vectors() -> Vec<Vector> {
    let mut theme = Theme::default();
    valid(&mut theme);
    valid_rules(&mut theme);
    otherwise(&mut theme);
    empty(&mut theme);
    invalid(&mut theme);
    limits(&mut theme);
    super::room::contents(&mut theme);
    theme.vectors
}

fn of(kind: u32, message: Message) -> Message {
    Message::new().message(kind, message)
}

fn text(body: &str) -> Message {
    of(TEXT, Message::new().bytes(1, body))
}

fn data(media_type: &str, body: &[u8]) -> Message {
    of(DATA, Message::new().bytes(1, media_type).bytes(2, body))
}

fn users(kind: u32, names: &[&str]) -> Message {
    of(kind, names.iter().fold(Message::new(), |message, name| message.bytes(1, name)))
}

fn created(name: &str, members: &[&str]) -> Message {
    let group = Message::new().bytes(1, name);
    of(CREATED, members.iter().fold(group, |message, member| message.bytes(2, member)))
}

fn said(body: &str) -> Value {
    json!({ "text": { "body": body } })
}

fn valid(theme: &mut Theme) {
    let mut add = |name: &str, body: &Message, meaning: Value| {
        theme.content(&format!("content.{name}"), "canonical", body, &meaning);
    };
    add("text", &text("hi"), said("hi"));
    add("text_of_many_scripts", &text("é 漢 🛥\u{301}\n\0"), said("é 漢 🛥\u{301}\n\0"));
    let meaning = json!({ "data": { "media_type": "image/png", "body": "89504e47" } });
    add("data", &data("image/png", b"\x89PNG"), meaning);
    let meaning = json!({ "data": { "media_type": " ~", "body": "00" } });
    add("data_edges_of_ascii", &data(" ~", &[0]), meaning);
    let meaning = json!({ "group_created": { "name": "Crew ⚓", "members": ["bob", "eve"] } });
    add("group_created", &created("Crew ⚓", &["bob", "eve"]), meaning);
    let meaning = json!({ "group_created": { "name": "Alone", "members": [] } });
    add("group_created_alone", &created("Alone", &[]), meaning);
    let meaning = json!({ "members_added": { "users": ["bob", "ada"] } });
    add("members_added", &users(ADDED, &["bob", "ada"]), meaning);
    let meaning = json!({ "members_removed": { "users": ["bob"] } });
    add("members_removed", &users(REMOVED, &["bob"]), meaning);
    add("member_left", &of(LEFT, Message::new()), json!({ "member_left": { "new_owner": "" } }));
    let meaning = json!({ "member_left": { "new_owner": "bob" } });
    add("owner_left", &of(LEFT, Message::new().bytes(1, "bob")), meaning);
    let meaning = json!({ "group_renamed": { "name": "Crew 2" } });
    add("group_renamed", &of(RENAMED, Message::new().bytes(1, "Crew 2")), meaning);
    let meaning = json!({ "group_described": { "topic": "Sails", "avatar": null } });
    add("group_described", &of(DESCRIBED, Message::new().bytes(1, "Sails")), meaning);
    let meaning = json!({ "group_described": { "topic": "", "avatar": "pictures/7" } });
    let both = Message::new().bytes(1, "").bytes(2, "pictures/7");
    add("group_described_anew", &of(DESCRIBED, both), meaning);
    add("group_dissolved", &of(DISSOLVED, Message::new()), json!({ "group_dissolved": {} }));
}

fn valid_rules(theme: &mut Theme) {
    let mut add = |name: &str, body: &Message, meaning: Value| {
        theme.content(&format!("content.{name}"), "canonical", body, &meaning);
    };
    let rules = |adds: bool, mute: bool, history: bool| {
        let rules = json!({
            "members_add": adds, "only_admins_write": mute, "history_for_all": history,
        });
        json!({ "rules_set": { "rules": rules } })
    };
    let none = Message::new().message(1, Message::new());
    add("rules_set_to_none", &of(RULES_SET, none), rules(false, false, false));
    let all = Message::new().message(1, Message::new().int(1, 1).int(2, 1).int(3, 1));
    add("rules_set_to_all", &of(RULES_SET, all), rules(true, true, true));
    for (name, role, number) in [("admin", "ADMIN", 3), ("member", "MEMBER", 1)] {
        let meaning = json!({ "roles_given": { "users": ["bob", "eve"], "role": role } });
        let given = Message::new().bytes(1, "bob").bytes(1, "eve").int(2, number);
        add(&format!("roles_given.{name}"), &of(ROLES_GIVEN, given), meaning);
    }
    let meaning = json!({ "owner_changed": { "user": "bob" } });
    add("owner_changed", &of(OWNER_CHANGED, Message::new().bytes(1, "bob")), meaning);
    for (name, until_ms) in [("members_muted", 1_700_000_000_000_u64), ("members_unmuted", 0)] {
        let meaning = json!({ "members_muted": { "users": ["bob"], "until_ms": until_ms } });
        let users = Message::new().bytes(1, "bob");
        let muted = if until_ms == 0 { users } else { users.int(2, until_ms) };
        add(name, &of(MUTED, muted), meaning);
    }
}

fn otherwise(theme: &mut Theme) {
    let mut add = |name: &str, body: &Message, meaning: Value| {
        theme.content(&format!("content.{name}"), "ok", body, &meaning);
    };
    add("unknown_field", &text("hi").bytes(99, "later"), said("hi"));
    let nested = of(TEXT, Message::new().int(9, 9).bytes(1, "hi"));
    add("unknown_field_nested", &nested, said("hi"));
    add("last_kind_counts", &data("a/b", b"x").raw(&text("hi").0), said("hi"));
    add("same_kind_merges", &text("hi").message(TEXT, Message::new()), said("hi"));
    add("same_kind_last_counts", &text("no").raw(&text("hi").0), said("hi"));
    let merged = users(ADDED, &["a"]).raw(&users(ADDED, &["b"]).0);
    add("lists_merge", &merged, json!({ "members_added": { "users": ["a", "b"] } }));
    let rules = json!({
        "members_add": false, "only_admins_write": false, "history_for_all": false,
    });
    let meaning = json!({ "rules_set": { "rules": rules } });
    add("rules_set_to_nothing", &of(RULES_SET, Message::new()), meaning);
    let left = of(LEFT, Message::new().bytes(1, ""));
    add("new_owner_written_empty", &left, json!({ "member_left": { "new_owner": "" } }));
}

fn empty(theme: &mut Theme) {
    let mut reject = |name: &str, body: &Message, why: &str| {
        theme.reject(&format!("content.{name}"), body, RejectCode::Empty, why);
    };
    reject("nothing", &Message::new(), "no bytes");
    reject("text_empty", &of(TEXT, Message::new()), "a text without body");
    reject("data_empty", &data("a/b", b""), "data without body");
    reject("data_nothing", &of(DATA, Message::new()), "the body is judged first");
    reject("added_nobody", &of(ADDED, Message::new()), "nobody is added");
    reject("removed_nobody", &of(REMOVED, Message::new()), "nobody is removed");
    reject("described_nothing", &of(DESCRIBED, Message::new()), "neither topic nor avatar");
    let nobody = of(ROLES_GIVEN, Message::new().int(2, 3));
    reject("roles_given_to_nobody", &nobody, "nobody is given a role");
    reject("muted_nobody", &of(MUTED, Message::new().int(2, 9)), "nobody is mute");

    let mut reject = |name: &str, body: &Message| {
        let why = "a kind of a later version";
        theme.reject(&format!("content.{name}"), body, RejectCode::Unsupported, why);
    };
    reject("later_kind", &Message::new().bytes(3, "later"));
    reject("later_group_change", &Message::new().message(30, Message::new()));
    reject("later_kind_as_varint", &Message::new().int(127, 1));
}

fn invalid(theme: &mut Theme) {
    let mut reject = |name: &str, body: &Message, why: &str| {
        theme.reject(&format!("content.{name}"), body, RejectCode::Invalid, why);
    };
    reject("broken", &Message::new().raw(&[0x0a]), "cut behind its first key");
    reject("broken_nested", &of(TEXT, Message::new().raw(&[0x0a, 0x05])), "a text cut short");
    reject("not_utf_8", &of(TEXT, Message::new().bytes(1, [0xff])), "a text that is not UTF-8");
    let body = text("hi").int(1 << 29, 1);
    reject("field_over_the_highest", &body, "field numbers end at 2^29 - 1");
    reject("wire_type", &Message::new().int(TEXT, 1), "the text is no message");
    reject("plain_text", &Message::new().raw(b"hello"), "words instead of a message");
    reject("media_type_missing", &of(DATA, Message::new().bytes(2, "x")), "no media type");
    reject("media_type_control", &data("a/b\n", b"x"), "a control character");
    reject("media_type_accent", &data("é/b", b"x"), "not ASCII");
    reject("media_type_delete", &data("a/b\x7f", b"x"), "a control character");
    reject("created_without_name", &created("", &["bob"]), "no name");
    reject("created_control", &created("a\tb", &[]), "a control character");
    reject("created_c1_control", &created("a\u{85}b", &[]), "a control character");
    reject("created_twice", &created("Crew", &["bob", "eve", "bob"]), "a user is named twice");
    reject("created_bad_user", &created("Crew", &["b b"]), "a user id is none");
    reject("added_twice", &users(ADDED, &["bob", "bob"]), "a user is named twice");
    reject("added_bad_user", &users(ADDED, &["bob", ""]), "a user id is none");
    reject("removed_twice", &users(REMOVED, &["bob", "bob"]), "a user is named twice");
    reject("removed_bad_user", &users(REMOVED, &["b:b"]), "a user id is none");
    reject("left_bad_user", &of(LEFT, Message::new().bytes(1, "b b")), "a user id is none");
    let role = |number: u64| of(ROLES_GIVEN, Message::new().bytes(1, "bob").int(2, number));
    reject("roles_given.owner", &role(2), "an owner is made by a change of the owner");
    reject("roles_given.unknown", &role(4), "there is no such role");
    let none = of(ROLES_GIVEN, Message::new().bytes(1, "bob"));
    reject("roles_given.unspecified", &none, "there is no role");
    let twice = Message::new().bytes(1, "bob").bytes(1, "bob").int(2, 1);
    reject("roles_given.twice", &of(ROLES_GIVEN, twice), "a user is named twice");
    reject("owner_changed_to_nobody", &of(OWNER_CHANGED, Message::new()), "a user id is none");
    reject("muted_twice", &users(MUTED, &["bob", "bob"]), "a user is named twice");
    let topic = of(DESCRIBED, Message::new().bytes(1, "a\nb"));
    reject("described_topic_control", &topic, "a control character");
    let avatar = of(DESCRIBED, Message::new().bytes(2, "a\x7f"));
    reject("described_avatar_control", &avatar, "a control character");
    reject("renamed_empty", &of(RENAMED, Message::new()), "no name");
    reject("renamed_nul", &of(RENAMED, Message::new().bytes(1, "a\0")), "a control character");
}

fn limits(theme: &mut Theme) {
    let body = text("hi");
    let size = u32::try_from(body.0.len()).expect("a few bytes");
    let meaning = said("hi").to_string();
    theme.add("content.at_max_content", "content", size, "canonical", &body.0, &meaning);
    let why = "one byte over the largest content";
    let verdict = "reject TOO_LARGE";
    theme.add("content.over_max_content", "content", size - 1, verdict, &body.0, why);
    theme.add("content.over_and_broken", "content", 2, verdict, &[0xff; 3], why);

    let mut pair = |name: &str, make: &dyn Fn(usize) -> (Message, Value), max: usize| {
        let (at, meaning) = make(max);
        theme.content(&format!("limit.{name}.at"), "canonical", &at, &meaning);
        let why = format!("{}, at most {max}", max + 1);
        theme.reject(&format!("limit.{name}.over"), &make(max + 1).0, RejectCode::Invalid, &why);
    };
    let media_type = |bytes: usize| {
        let media_type = "m".repeat(bytes);
        let meaning = json!({ "data": { "media_type": media_type, "body": "00" } });
        (data(&media_type, &[0]), meaning)
    };
    pair("media_type_bytes_max", &media_type, 128);
    let made = |bytes: usize| {
        let name = "é".repeat(bytes / 2) + &"n".repeat(bytes % 2);
        let meaning = json!({ "group_created": { "name": name, "members": [] } });
        (created(&name, &[]), meaning)
    };
    pair("group_name_bytes_max.created", &made, 128);
    let renamed = |bytes: usize| {
        let name = "n".repeat(bytes);
        let meaning = json!({ "group_renamed": { "name": name } });
        (of(RENAMED, Message::new().bytes(1, &name)), meaning)
    };
    pair("group_name_bytes_max.renamed", &renamed, 128);
    for (name, field, max) in [("topic", 1, 512), ("avatar", 2, 256)] {
        let described = |bytes: usize| {
            let text = "t".repeat(bytes);
            let of_field = |number| (number == field).then_some(&text);
            let described = json!({ "topic": of_field(1), "avatar": of_field(2) });
            let body = of(DESCRIBED, Message::new().bytes(field, &text));
            (body, json!({ "group_described": described }))
        };
        pair(&format!("group_{name}_bytes_max"), &described, max);
    }
    let muted = |count: usize| {
        let names: Vec<String> = (0..count).map(|at| format!("u{at}")).collect();
        let listed: Vec<&str> = names.iter().map(String::as_str).collect();
        let meaning = json!({ "members_muted": { "users": names, "until_ms": 0 } });
        (users(MUTED, &listed), meaning)
    };
    pair("members_per_change_max.muted", &muted, 100);
    let given = |count: usize| {
        let names: Vec<String> = (0..count).map(|at| format!("u{at}")).collect();
        let listed = names.iter().fold(Message::new(), |message, name| message.bytes(1, name));
        let meaning = json!({ "roles_given": { "users": names, "role": "MEMBER" } });
        (of(ROLES_GIVEN, listed.int(2, 1)), meaning)
    };
    pair("members_per_change_max.roles_given", &given, 100);
    let changes = [("added", ADDED, "members_added"), ("removed", REMOVED, "members_removed")];
    for (name, kind, field) in changes {
        let change = |count: usize| {
            let names: Vec<String> = (0..count).map(|at| format!("u{at}")).collect();
            let listed: Vec<&str> = names.iter().map(String::as_str).collect();
            (users(kind, &listed), json!({ field: { "users": names } }))
        };
        pair(&format!("members_per_change_max.{name}"), &change, 100);
    }
    let made = |count: usize| {
        let names: Vec<String> = (0..count).map(|at| format!("u{at}")).collect();
        let listed: Vec<&str> = names.iter().map(String::as_str).collect();
        let meaning = json!({ "group_created": { "name": "Crew", "members": names } });
        (created("Crew", &listed), meaning)
    };
    pair("members_per_change_max.created", &made, 100);
    let names: Vec<String> = (0..60).map(|at| format!("u{at}")).collect();
    let listed: Vec<&str> = names.iter().map(String::as_str).collect();
    let half = users(ADDED, &listed);
    let both = half.clone().raw(&text("hi").0).raw(&half.0);
    let name = "limit.members_per_change_max.around_another_kind.over";
    theme.reject(name, &both, RejectCode::Invalid, "60 users, a text, and 60 users");
}
