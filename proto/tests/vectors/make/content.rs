//! Contents, valid and with the code that refuses them.

use packetboat_proto::code::RejectCode;
use serde_json::{Value, json};

use super::{Message, Theme};
use crate::line::Vector;

const TEXT: u32 = 1;
const DATA: u32 = 2;
const EDITED: u32 = 3;
const RECALLED: u32 = 4;
const REACTED: u32 = 5;
const PINNED: u32 = 6;
const ERASED: u32 = 7;
const CONTEXT: u32 = 8;
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
const JOINED: u32 = 27;

pub(super) fn vectors() -> Vec<Vector> {
    let mut theme = Theme::default();
    valid(&mut theme);
    valid_rules(&mut theme);
    alterations(&mut theme);
    contexts(&mut theme);
    invalid_references(&mut theme);
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
    let rules = |adds: bool, mute: bool, history: bool, join: &str| {
        let rules = json!({
            "members_add": adds, "only_admins_write": mute, "history_for_all": history,
            "join_rule": join,
        });
        json!({ "rules_set": { "rules": rules } })
    };
    let none = Message::new().message(1, Message::new());
    add("rules_set_to_none", &of(RULES_SET, none), rules(false, false, false, "INVITED"));
    let all = Message::new().message(1, Message::new().int(1, 1).int(2, 1).int(3, 1).int(4, 2));
    add("rules_set_to_all", &of(RULES_SET, all), rules(true, true, true, "ANYONE"));
    let ask = Message::new().message(1, Message::new().int(4, 1));
    add("rules_set_to_ask", &of(RULES_SET, ask), rules(false, false, false, "ASK"));
    let joined = of(JOINED, Message::new());
    add("member_joined", &joined, json!({ "member_joined": { "by": null } }));
    let proof = Message::new().bytes(1, [1; 8]).bytes(2, [9; 32]);
    let by = json!({ "invite": "01".repeat(8), "proof": "09".repeat(32) });
    let joined = of(JOINED, Message::new().message(1, proof));
    add("member_joined_by_link", &joined, json!({ "member_joined": { "by": by } }));
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

fn alterations(theme: &mut Theme) {
    let mut add = |name: &str, body: &Message, meaning: Value| {
        theme.content(&format!("content.{name}"), "canonical", body, &meaning);
    };
    let edited = Message::new().int(1, 3).message(2, Message::new().bytes(1, "hello"));
    let meaning = json!({ "edited": { "seq": 3, "new": { "text": { "body": "hello" } } } });
    add("edited", &of(EDITED, edited), meaning);
    let new = Message::new().bytes(1, "a/b").bytes(2, [7]);
    let new_meaning = json!({ "data": { "media_type": "a/b", "body": "07" } });
    let meaning = json!({ "edited": { "seq": u64::MAX, "new": new_meaning } });
    add("edited_data", &of(EDITED, Message::new().int(1, u64::MAX).message(3, new)), meaning);
    let meaning = json!({ "recalled": { "seq": 3 } });
    add("recalled", &of(RECALLED, Message::new().int(1, 3)), meaning);
    for taken_back in [false, true] {
        let reacted = Message::new().int(1, 3).bytes(2, "⚓");
        let reacted = if taken_back { reacted.int(3, 1) } else { reacted };
        let meaning = json!({ "seq": 3, "reaction": "⚓", "taken_back": taken_back });
        let name = if taken_back { "reaction_taken_back" } else { "reacted" };
        add(name, &of(REACTED, reacted), json!({ "reacted": meaning }));
        let pinned = Message::new().int(1, 3);
        let pinned = if taken_back { pinned.int(2, 1) } else { pinned };
        let name = if taken_back { "unpinned" } else { "pinned" };
        let meaning = json!({ "pinned": { "seq": 3, "unpinned": taken_back } });
        add(name, &of(PINNED, pinned), meaning);
    }
}

/// A text in a context.
fn within(context: Message) -> Message {
    text("hi").message(CONTEXT, context)
}

fn origin(chat: &str, seq: u64, sender: &str) -> Message {
    Message::new().bytes(1, chat).int(2, seq).bytes(3, sender)
}

fn contexts(theme: &mut Theme) {
    let said_in = |reply_to: u64, thread: u64, forwarded: Value, mentions: Value, all: bool| {
        json!({
            "text": { "body": "hi" },
            "context": {
                "reply_to": reply_to, "thread": thread, "forwarded": forwarded,
                "mentions": mentions, "mentions_all": all, "expires_after_ms": 0,
            },
        })
    };
    let mut add = |name: &str, verdict: &str, body: &Message, meaning: Value| {
        theme.content(&format!("content.{name}"), verdict, body, &meaning);
    };
    let meaning = said_in(3, 0, Value::Null, json!([]), false);
    add("reply", "canonical", &within(Message::new().int(1, 3)), meaning);
    let meaning = said_in(0, 2, Value::Null, json!([]), false);
    add("in_thread", "canonical", &within(Message::new().int(2, 2)), meaning);
    let told = json!({ "chat": "group:crew", "seq": 7, "sender": "bob" });
    let whole = Message::new().int(1, 3).int(2, 2).message(3, origin("group:crew", 7, "bob"));
    let whole = whole.bytes(4, "eve").bytes(4, "ada").int(5, 1);
    let meaning = said_in(3, 2, told, json!(["eve", "ada"]), true);
    add("context", "canonical", &within(whole), meaning);
    let untold = json!({ "chat": "", "seq": 0, "sender": "" });
    let forwarded = within(Message::new().message(3, Message::new()));
    let meaning = said_in(0, 0, untold, json!([]), false);
    add("forwarded_from_somewhere", "canonical", &forwarded, meaning);
    add("context_of_nothing", "ok", &within(Message::new()), said("hi"));
    for (name, after_ms) in [("lowest", 1_000), ("highest", 31_622_400_000_u64)] {
        let mut meaning = said_in(0, 0, Value::Null, json!([]), false);
        meaning["context"]["expires_after_ms"] = json!(after_ms);
        let body = within(Message::new().int(6, after_ms));
        theme.content(&format!("limit.expires_ms_{name}.at"), "canonical", &body, &meaning);
    }
    for (name, after_ms) in [("lowest", 999), ("highest", 31_622_400_001_u64)] {
        let body = within(Message::new().int(6, after_ms));
        let why = "one beyond the limit";
        theme.reject(&format!("limit.expires_ms_{name}.over"), &body, RejectCode::Invalid, why);
    }
}

fn invalid_references(theme: &mut Theme) {
    let mut reject = |name: &str, body: &Message, why: &str| {
        theme.reject(&format!("content.{name}"), body, RejectCode::Invalid, why);
    };
    reject("erased", &of(ERASED, Message::new().int(1, 9)), "only the server says that");
    reject("expired", &of(ERASED, Message::new().int(2, 9)), "only the server says that");
    reject("recalled_nothing", &of(RECALLED, Message::new()), "no entry is named");
    reject("pinned_nothing", &of(PINNED, Message::new().int(2, 1)), "no entry is named");
    let edited = Message::new().message(2, Message::new().bytes(1, "x"));
    reject("edited_nothing", &of(EDITED, edited), "no entry is named");
    reject("reacted_empty", &of(REACTED, Message::new().int(1, 3)), "no reaction");
    let control = Message::new().int(1, 3).bytes(2, "a\tb");
    reject("reacted_control", &of(REACTED, control), "a control character");
    let beside = of(RECALLED, Message::new().int(1, 3)).message(CONTEXT, Message::new());
    reject("context_beside_a_recall", &beside, "only a text or data has a context");
    for (name, origin) in [
        ("without_chat", Message::new().int(2, 7).bytes(3, "bob")),
        ("without_seq", Message::new().bytes(1, "group:crew").bytes(3, "bob")),
        ("without_sender", Message::new().bytes(1, "group:crew").int(2, 7)),
        ("of_no_chat", origin("crew", 7, "bob")),
    ] {
        let body = within(Message::new().message(3, origin));
        reject(&format!("origin_{name}"), &body, "an origin is told whole or not at all");
    }
    let twice = within(Message::new().bytes(4, "bob").bytes(4, "bob"));
    reject("mentions_twice", &twice, "a user is named twice");
    let nobody = within(Message::new().bytes(4, "a b"));
    reject("mentions_no_user", &nobody, "no user id");
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
        "join_rule": "INVITED",
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
    reject("later_kind", &Message::new().bytes(100, "later"));
    reject("edit_without_text", &of(EDITED, Message::new().int(1, 3)));
    reject("context_alone", &of(CONTEXT, Message::new().int(1, 3)));
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
    let later = Message::new().message(1, Message::new().int(4, 3));
    reject("rules_set_to_later_rule", &of(RULES_SET, later), "there is no such rule");
    for (invite, proof) in [(0_usize, 0_usize), (7, 32), (8, 0), (8, 31)] {
        let by = Message::new().bytes(1, vec![1; invite]).bytes(2, vec![9; proof]);
        let joined = of(JOINED, Message::new().message(1, by));
        reject(&format!("joined_by_{invite}_and_{proof}"), &joined, "bytes of another number");
    }
    let topic = of(DESCRIBED, Message::new().bytes(1, "a\nb"));
    reject("described_topic_control", &topic, "a control character");
    let avatar = of(DESCRIBED, Message::new().bytes(2, "a\x7f"));
    reject("described_avatar_control", &avatar, "a control character");
    reject("renamed_empty", &of(RENAMED, Message::new()), "no name");
    reject("renamed_nul", &of(RENAMED, Message::new().bytes(1, "a\0")), "a control character");
}

fn limits_of_edits(theme: &mut Theme) {
    // The kind and its length, the seq, the text's key and length, its body's key and length.
    let around = 3 + 2 + 3 + 3;
    let edited =
        |text: &str| of(EDITED, Message::new().int(1, 3).message(2, Message::new().bytes(1, text)));
    let (at, over) = ("x".repeat(16_384 - around), "x".repeat(16_385 - around));
    assert_eq!(edited(&at).0.len(), 16_384, "the sum above is right");
    let meaning = json!({ "edited": { "seq": 3, "new": { "text": { "body": at } } } });
    theme.content("limit.edit_bytes_max.at", "canonical", &edited(&at), &meaning);
    let why = "16,385 bytes, at most 16,384";
    theme.reject("limit.edit_bytes_max.over", &edited(&over), RejectCode::TooLarge, why);
}

fn limits_of_references(theme: &mut Theme) {
    let mut pair = |name: &str, make: &dyn Fn(usize) -> (Message, Value), max: usize| {
        let (at, meaning) = make(max);
        theme.content(&format!("limit.{name}.at"), "canonical", &at, &meaning);
        let why = format!("{}, at most {max}", max + 1);
        theme.reject(&format!("limit.{name}.over"), &make(max + 1).0, RejectCode::Invalid, &why);
    };
    let reacted = |bytes: usize| {
        let reaction = "é".repeat(bytes / 2) + &"r".repeat(bytes % 2);
        let meaning = json!({ "reacted": { "seq": 3, "reaction": reaction, "taken_back": false } });
        (of(REACTED, Message::new().int(1, 3).bytes(2, &reaction)), meaning)
    };
    pair("reaction_bytes_max", &reacted, 64);
    let mentioned = |count: usize| {
        let names: Vec<String> = (0..count).map(|at| format!("u{at}")).collect();
        let context = names.iter().fold(Message::new(), |context, name| context.bytes(4, name));
        let meaning = json!({
            "text": { "body": "hi" },
            "context": {
                "reply_to": 0, "thread": 0, "forwarded": null,
                "mentions": names, "mentions_all": false, "expires_after_ms": 0,
            },
        });
        (within(context), meaning)
    };
    pair("mentions_max", &mentioned, 50);
}

fn limits(theme: &mut Theme) {
    limits_of_edits(theme);
    limits_of_references(theme);
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
