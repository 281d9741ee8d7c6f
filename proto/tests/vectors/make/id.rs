//! Ids, valid and not.

use serde_json::json;

use super::Theme;
use crate::line::{Vector, hex};

pub(super) fn vectors() -> Vec<Vector> {
    let mut theme = Theme::default();
    for reads in ["user", "device"] {
        names(&mut theme, reads);
    }
    chats(&mut theme);
    message_ids(&mut theme);
    theme.vectors
}

fn good(theme: &mut Theme, name: &str, reads: &str, text: &str) {
    theme.add(name, reads, 0, "canonical", text.as_bytes(), &json!(text).to_string());
}

fn bad(theme: &mut Theme, name: &str, reads: &str, bytes: &[u8], why: &str) {
    theme.add(name, reads, 0, "bad", bytes, why);
}

fn names(theme: &mut Theme, reads: &str) {
    let named = |what: &str| format!("id.{reads}.{what}");
    good(theme, &named("one_byte"), reads, "a");
    good(theme, &named("alphabet"), reads, "azAZ09._-");
    good(theme, &named("dots"), reads, "..");
    bad(theme, &named("empty"), reads, b"", "it is empty");
    let faults: [(&str, &[u8]); 8] = [
        ("space", b"a b"),
        ("colon", b"a:b"),
        ("slash", b"a/b"),
        ("at_sign", b"a@b"),
        ("nul", b"a\0"),
        ("line_feed", b"a\n"),
        ("accent", "é".as_bytes()),
        ("not_utf_8", &[0x61, 0xff]),
    ];
    for (what, bytes) in faults {
        bad(theme, &named(what), reads, bytes, "a character outside a-z A-Z 0-9 . _ -");
    }
    let limit = |end: &str| format!("limit.{reads}_id_bytes_max.{end}");
    good(theme, &limit("at"), reads, &"a".repeat(64));
    bad(theme, &limit("over"), reads, "a".repeat(65).as_bytes(), "65 bytes, at most 64");
}

fn chats(theme: &mut Theme) {
    let valid = [
        ("direct", "dm:ada:bob"),
        ("note", "dm:ada:ada"),
        ("bytewise_order", "dm:Zoe:ada"),
        ("shorter_first", "dm:a:a."),
        ("group", "group:crew.1"),
        ("room", "room:lobby"),
    ];
    for (what, text) in valid {
        good(theme, &format!("id.chat.{what}"), "chat", text);
    }
    let faults = [
        ("empty", "", "no prefix"),
        ("no_colon", "dm", "no prefix"),
        ("unknown_prefix", "note:ada", "no known prefix"),
        ("prefix_in_capitals", "Group:crew", "no known prefix"),
        ("leading_space", " dm:ada:bob", "no known prefix"),
        ("direct_of_none", "dm:", "no two users"),
        ("direct_of_one", "dm:ada", "no two users"),
        ("direct_first_empty", "dm::bob", "a user id is empty"),
        ("direct_second_empty", "dm:ada:", "a user id is empty"),
        ("direct_of_three", "dm:ada:bob:eve", "a colon in a user id"),
        ("direct_wrong_order", "dm:bob:ada", "the higher user first"),
        ("direct_order_of_case", "dm:ada:Zoe", "the higher user first"),
        ("group_empty", "group:", "no id"),
        ("group_colon", "group:a:b", "a colon in the id"),
        ("room_empty", "room:", "no name"),
        ("room_space", "room:the lobby", "a space in the name"),
    ];
    for (what, text, why) in faults {
        bad(theme, &format!("id.chat.{what}"), "chat", text.as_bytes(), why);
    }
    bad(theme, "id.chat.not_utf_8", "chat", b"group:\xff", "not UTF-8");
    for prefix in ["group", "room"] {
        let limit = |end: &str| format!("limit.chat_name_bytes_max.{prefix}.{end}");
        good(theme, &limit("at"), "chat", &format!("{prefix}:{}", "n".repeat(64)));
        let over = format!("{prefix}:{}", "n".repeat(65));
        bad(theme, &limit("over"), "chat", over.as_bytes(), "65 bytes of its own, at most 64");
    }
    let (low, high) = ("a".repeat(64), "b".repeat(64));
    good(theme, "limit.chat_id_bytes_max.at", "chat", &format!("dm:{low}:{high}"));
    let over = format!("dm:{low}:{high}b");
    bad(theme, "limit.chat_id_bytes_max.over", "chat", over.as_bytes(), "133 bytes, at most 132");
}

fn message_ids(theme: &mut Theme) {
    for (what, byte) in [("id.message.zeros", 0), ("id.message.ones", 0xff)] {
        let bytes = [byte; 16];
        theme.add(what, "message_id", 0, "canonical", &bytes, &json!(hex(&bytes)).to_string());
    }
    bad(theme, "id.message.empty", "message_id", b"", "no bytes, 16 are needed");
    let text = b"0192f3a4-b5c6-7d8e-8f90-a1b2c3d4e5f6";
    bad(theme, "id.message.as_text", "message_id", text, "36 bytes, 16 are needed");
    let at = [0xa5; 16];
    let meaning = json!(hex(&at)).to_string();
    theme.add("limit.message_id_bytes.at", "message_id", 0, "canonical", &at, &meaning);
    let under = "15 bytes, 16 are needed";
    bad(theme, "limit.message_id_bytes.under", "message_id", &[0xa5; 15], under);
    bad(theme, "limit.message_id_bytes.over", "message_id", &[0xa5; 17], "17 bytes, 16 are needed");
}
