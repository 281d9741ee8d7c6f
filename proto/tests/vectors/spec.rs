//! SPEC.md against the code and the schema: its tables, its example, its ids. Must never be
//! satisfied by a text that merely mentions a name.

use std::collections::{BTreeMap, HashSet};

use packetboat_proto::code::{CloseCode, Fault, RejectCode, Retry};
use packetboat_proto::limits;
use serde_json::Value;

use crate::line::unhex;
use crate::read::read;

const SPEC: &str = include_str!("../../SPEC.md");
const SCHEMA: &str = include_str!("../../packetboat/v1/packetboat.proto");
const LIMITS: &str = include_str!("../../src/limits.rs");

macro_rules! named {
    ($($name:ident)*) => { vec![$((stringify!($name), u64::from_named(limits::$name)),)*] };
}

/// A limit of any integer type as a number.
trait FromNamed<T> {
    fn from_named(value: T) -> Self;
}

impl FromNamed<u8> for u64 {
    fn from_named(value: u8) -> Self {
        value.into()
    }
}

impl FromNamed<u16> for u64 {
    fn from_named(value: u16) -> Self {
        value.into()
    }
}

impl FromNamed<u32> for u64 {
    fn from_named(value: u32) -> Self {
        value.into()
    }
}

impl FromNamed<u64> for u64 {
    fn from_named(value: u64) -> Self {
        value
    }
}

impl FromNamed<usize> for u64 {
    fn from_named(value: usize) -> Self {
        Self::try_from(value).expect("a limit is a small number")
    }
}

/// Every limit of the crate, by its name.
pub(crate) fn limits() -> Vec<(&'static str, u64)> {
    named! {
        PORT_PLAIN PORT_TLS HEAD_BYTES PREFACE_BYTES HANDSHAKE_BODY_BYTES_MAX BODY_BYTES_DEFAULT
        BODY_BYTES_LOWEST BODY_BYTES_HIGHEST BODY_OVERHEAD_BYTES KIND_CRITICAL_HIGHEST
        USER_ID_BYTES_MAX DEVICE_ID_BYTES_MAX CHAT_NAME_BYTES_MAX CHAT_ID_BYTES_MAX
        MESSAGE_ID_BYTES SESSION_ID_BYTES SOFTWARE_BYTES_MAX DEVICE_NAME_BYTES_MAX
        PLATFORM_BYTES_MAX ADDRESS_BYTES_MAX CONTACT_NAME_BYTES_MAX
        PASSWORD_BYTES_MAX TOKEN_BYTES_MAX
        TICKET_BYTES_MAX REASON_BYTES_MAX START_LAST_MAX WINDOW_DEFAULT WINDOW_HIGHEST
        SENDS_DEFAULT SENDS_HIGHEST HEARTBEAT_MS_DEFAULT HEARTBEAT_MS_LOWEST HEARTBEAT_MS_HIGHEST
        MEDIA_TYPE_BYTES_MAX EDIT_BYTES_MAX EDITS_MAX REACTION_BYTES_MAX MENTIONS_MAX
        EXPIRES_MS_LOWEST EXPIRES_MS_HIGHEST SCHEDULED_MAX
        SCHEDULED_BYTES_MAX SCHEDULED_AHEAD_MS_MAX PINS_MAX
        GROUP_NAME_BYTES_MAX GROUP_TOPIC_BYTES_MAX GROUP_AVATAR_BYTES_MAX
        MEMBERS_PER_CHANGE_MAX INVITE_ID_BYTES INVITE_SECRET_BYTES JOIN_PROOF_BYTES INVITES_MAX
        GROUP_MEMBERS_MAX
        ROOM_KEEP_DEFAULT ROOM_KEEP_MAX ROOM_SLOW_MS_MAX ROOMS_PER_SESSION_MAX
        ACK_CURSORS_MAX SIGNAL_BYTES_MAX PAGE_ITEMS_MAX PAGE_ITEMS_DEFAULT PRESENCE_USERS_MAX
        WATCHED_MAX STATUS_BYTES_MAX DRAFT_BYTES_MAX HIDDEN_RANGES_MAX PAGE_RANGES_MAX
        HIDE_RANGES_MAX LAST_BYTES_MAX
        SEARCH_WORDS_BYTES_MAX REQUESTS_MAX RECEIPT_RANGES_MAX RECEIPTS_WATCHED_MAX
        KEY_IDENTITY_BYTES_MAX KEY_PROOF_BYTES_MAX PREKEY_BYTES_MAX ONE_TIME_KEY_BYTES_MAX
        ONE_TIME_KEYS_PER_PUBLISH_MAX ONE_TIME_KEYS_MAX CLAIM_ID_BYTES KEYS_WATCHED_MAX
        FILE_ID_BYTES FILE_HASH_BYTES FILE_CHUNK_BYTES_MAX FILE_THUMBNAIL_BYTES_MAX
        FILE_NAME_BYTES_MAX FILE_CAPTION_BYTES_MAX FILE_REQUESTS_MAX
    }
}

/// The text of a section, from its heading to the next of the same or a higher rank.
fn section(heading: &str) -> &'static str {
    let start = SPEC.find(heading).unwrap_or_else(|| panic!("{heading} is not in SPEC.md"));
    let rank = heading.split(' ').next().expect("a heading begins with its rank");
    let text = &SPEC[start + heading.len()..];
    let ends = (2..=rank.len()).filter_map(|rank| text.find(&format!("\n{} ", "#".repeat(rank))));
    &text[..ends.min().unwrap_or(text.len())]
}

/// The cells of a table's row, if the line is one.
fn cells(line: &str) -> Option<Vec<&str>> {
    let row = line.strip_prefix("| ")?.strip_suffix('|')?;
    Some(row.split('|').map(str::trim).collect())
}

fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines().filter_map(cells).collect()
}

fn check_codes(heading: &str, codes: &[(u32, String, Fault, Retry)]) {
    let rows: Vec<_> = rows(section(heading)).split_off(1);
    assert_eq!(rows.len(), codes.len(), "{heading}");
    for (row, (number, name, fault, retry)) in rows.iter().zip(codes) {
        let fault = format!("{fault:?}").to_uppercase();
        let retry = match retry {
            Retry::Never => "NEVER",
            Retry::AtOnce => "AT_ONCE",
            Retry::Later => "LATER",
        };
        assert_eq!(row[..4], [&*number.to_string(), &**name, &*fault, retry]);
    }
}

#[test]
fn every_code_stands_in_its_table() {
    let close = CloseCode::ALL.iter().map(|c| (c.number(), c.name(), c.fault(), c.retry()));
    check_codes("### 8.1 Close codes", &close.collect::<Vec<_>>());
    let reject = RejectCode::ALL.iter().map(|c| (c.number(), c.name(), c.fault(), c.retry()));
    check_codes("### 8.2 Reject codes", &reject.collect::<Vec<_>>());
}

#[test]
fn every_limit_stands_in_its_table() {
    let declared =
        LIMITS.lines().filter_map(|line| line.strip_prefix("pub const ")?.split(':').next());
    let limits = limits();
    assert_eq!(
        declared.collect::<Vec<_>>(),
        limits.iter().map(|(name, _)| *name).collect::<Vec<_>>()
    );
    let rows = rows(section("## 9. Limits")).split_off(1);
    let stated: Vec<_> = rows.iter().map(|row| (row[0], row[1].to_owned())).collect();
    let expected: Vec<_> = limits.iter().map(|(name, value)| (*name, value.to_string())).collect();
    assert_eq!(stated, expected);
}

/// The fields of every message: number, name, type.
type Fields = BTreeMap<String, Vec<(u32, String, String)>>;

fn fields_of_schema() -> Fields {
    let (mut fields, mut message) = (Fields::new(), None::<String>);
    for line in SCHEMA.lines().map(|line| line.split("//").next().unwrap_or_default().trim()) {
        let words: Vec<&str> = line.split([' ', ';', '{', '}']).filter(|w| !w.is_empty()).collect();
        match words[..] {
            ["message", name, ref field @ ..] => {
                message = Some(name.to_owned());
                let all = fields.entry(name.to_owned()).or_default();
                all.extend(field_of(field));
            }
            ["enum", _] => message = None,
            ref field => {
                if let Some(name) = &message {
                    fields.entry(name.clone()).or_default().extend(field_of(field));
                }
            }
        }
    }
    fields
}

fn field_of(words: &[&str]) -> Option<(u32, String, String)> {
    let (kind, name, number) = match words {
        [rule @ ("repeated" | "optional"), kind, name, "=", number] => {
            (format!("{rule} {kind}"), name, number)
        }
        [kind, name, "=", number] => ((*kind).to_owned(), name, number),
        _ => return None,
    };
    Some((number.parse().ok()?, (*name).to_owned(), kind))
}

fn fields_of_spec() -> Fields {
    let (mut fields, mut messages) = (Fields::new(), Vec::new());
    for line in SPEC.lines() {
        if line.starts_with('#') {
            messages.clear();
        } else if line.starts_with("**") {
            messages = line.split("**").skip(1).step_by(2).map(str::to_owned).collect();
        } else if let Some([number, name, kind, ..]) = cells(line).as_deref() {
            let Ok(number) = number.parse() else { continue };
            for message in &messages {
                let field = (number, (*name).to_owned(), (*kind).to_owned());
                fields.entry(message.clone()).or_default().push(field);
            }
        }
    }
    fields
}

#[test]
fn every_field_of_the_schema_stands_in_its_table() {
    let (mut schema, spec) = (fields_of_schema(), fields_of_spec());
    assert_eq!(schema.remove("Unit"), Some(Vec::new()), "Unit needs no table");
    assert_eq!(schema, spec);
}

#[test]
fn every_block_of_the_example_says_what_the_json_below_it_says() {
    let example = section("## 13. A worked example");
    let blocks: Vec<&str> = example.split("```hex\n").skip(1).collect();
    for block in &blocks {
        let (dump, rest) = block.split_once("```\n```json\n").expect("JSON follows the hex");
        let json = rest.split_once("\n```").expect("the JSON ends").0;
        let digits = dump.lines().map(|line| line.split('#').next().unwrap_or_default());
        let digits: String = digits.collect::<String>().split_whitespace().collect();
        let bytes = unhex(&digits).expect("the block is hex");
        let opens = bytes.starts_with(b"PKTBOAT");
        let found = read(if opens { "stream" } else { "frame" }, 65_536, &bytes);
        let meaning = found.meaning.unwrap_or_else(|| panic!("{}: {json}", found.verdict));
        let said: Value = serde_json::from_str(json).expect("the block is JSON");
        assert_eq!(if opens { meaning[0].clone() } else { meaning }, said);
        assert_eq!(found.again, bytes, "the example is canonical: {json}");
    }
    assert_eq!(blocks.len(), 9);
}

#[test]
fn no_sentence_has_the_id_of_another() {
    let mut ids = HashSet::new();
    for line in SPEC.lines().filter(|line| line.starts_with("- [")) {
        let id = line[3..].split(']').next().unwrap_or_default();
        assert!(ids.insert(id), "{id} stands twice");
    }
    assert!(ids.len() >= 100, "{} ids", ids.len());
}
