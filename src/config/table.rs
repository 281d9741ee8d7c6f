//! Every setting, once: its key, what it is for, the values that it takes, and its field. The
//! defaults are those of the fields. What reads, checks and prints settings goes by this table
//! and must never know one besides it.

use packetboat_proto::limits::{
    BODY_BYTES_HIGHEST, BODY_BYTES_LOWEST, GROUP_MEMBERS_MAX, HEARTBEAT_MS_HIGHEST,
    HEARTBEAT_MS_LOWEST, SENDS_HIGHEST, WINDOW_HIGHEST,
};

use crate::config::settings::Config;
use crate::config::shape::{
    AT_ONCE, AUTH_KINDS, BACKENDS, Field, LOG_FORMATS, ROOMS, Shape, TOKEN_ALGORITHMS,
    UNKNOWN_USERS, Value, WHO_WRITES, WINS,
};

const MINUTE_MS: u64 = 60 * 1000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;
const TIB: u64 = 1024 * GIB;

/// A setting.
pub struct Setting {
    /// Its name: the section, a dot, the name within it.
    pub key: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// The values that it takes.
    pub shape: Shape,
    get: fn(&Config) -> Value,
    set: fn(&mut Config, Value),
}

impl Setting {
    /// The value that it has.
    pub fn get(&self, config: &Config) -> Value {
        (self.get)(config)
    }

    /// Gives it a value, which its shape has parsed.
    pub fn set(&self, config: &mut Config, value: Value) {
        (self.set)(config, value);
    }

    /// The section of its key.
    pub fn section(&self) -> &'static str {
        self.key.split_once('.').map_or(self.key, |(section, _)| section)
    }

    /// Its key without the section.
    pub fn name(&self) -> &'static str {
        self.key.split_once('.').map_or(self.key, |(_, name)| name)
    }

    /// Its name in the environment.
    pub fn variable(&self) -> String {
        format!("{ENVIRONMENT_PREFIX}{}", self.key.replace('.', "_").to_uppercase())
    }
}

/// What every name of a setting in the environment starts with.
pub const ENVIRONMENT_PREFIX: &str = "PACKETBOAT_";

/// The setting of that key.
pub fn find(key: &str) -> Option<&'static Setting> {
    TABLE.iter().find(|setting| setting.key == key)
}

/// The sections, in order, and what each is about.
pub const SECTIONS: &[(&str, &str)] = &[
    ("listen", "Where connections are taken, and how many."),
    ("tls", "The certificate of the TLS address: two files, or one made for development."),
    ("limits", "The bounds of one session."),
    ("store", "What is kept, and where."),
    ("files", "What is uploaded: how much, of what kind, and where it is kept."),
    ("search", "Words in one's own chats: an index beside the messages."),
    ("auth", "Who may come in."),
    ("devices", "A user's devices: how many at a time, and for how long they are known."),
    ("contacts", "Who may write to whom."),
    ("drain", "How the server stops."),
    ("log", "What the server says about itself, on standard error."),
];

macro_rules! settings {
    ($($section:ident . $name:ident: $shape:expr, $doc:literal;)*) => {
        /// The settings, section by section.
        pub static TABLE: &[Setting] = &[$(
            Setting {
                key: concat!(stringify!($section), ".", stringify!($name)),
                doc: $doc,
                shape: $shape,
                get: |config| Field::to_value(&config.$section.$name),
                set: |config, value| config.$section.$name = Field::from_value(value),
            },
        )*];
    };
}

const fn count(low: u64, high: u64) -> Shape {
    Shape::Count { low, high }
}

settings! {
    listen.plain: Shape::AddressOrNothing,
        "The address without TLS. Empty: none, which is advised once there is TLS.";
    listen.tls: Shape::AddressOrNothing,
        "The address with TLS. Empty: port 7583 beside listen.plain, once there is a certificate.";
    listen.connections_max: count(1, 10_000_000),
        "Connections at one time, each a descriptor; more are told that the server is full.";
    listen.backlog: count(1, 65_535),
        "Connections that the system may queue before they are accepted.";

    tls.cert: Shape::PathOrNothing,
        "A PEM file with the certificate chain, the server's own first.";
    tls.key: Shape::PathOrNothing,
        "A PEM file with the private key of the certificate.";
    tls.dev: Shape::Flag,
        "Make a certificate for localhost, and keep it in the data folder. For development only.";

    limits.max_body: count(BODY_BYTES_LOWEST as u64, BODY_BYTES_HIGHEST as u64),
        "Bytes of the largest frame body, both ways.";
    limits.window: count(1, WINDOW_HIGHEST as u64),
        "Deliveries that a session may have unacknowledged.";
    limits.sends: count(1, SENDS_HIGHEST as u64),
        "Sends that a session may have unanswered.";
    limits.heartbeat_ms: count(HEARTBEAT_MS_LOWEST as u64, HEARTBEAT_MS_HIGHEST as u64),
        "Milliseconds between heartbeats. Silent for one and a half, a session is closed.";
    limits.handshake_ms: count(100, 10 * MINUTE_MS),
        "Milliseconds from a connection to its open session, TLS included.";
    limits.retry_ms: count(10, 10 * MINUTE_MS),
        "Milliseconds until an unacknowledged delivery is sent again, doubled each time.";
    limits.retries_max: count(0, 10),
        "How often a delivery is sent again before the session is closed.";
    limits.pings_per_s: count(1, 1_000_000), "Pings of a session, a second.";
    limits.ping_burst: count(1, 1_000_000), "Pings of a session at once, after a silence.";
    limits.sends_per_s: count(1, 1_000_000), "Sends of a session, a second.";
    limits.requests_per_s: count(1, 1_000_000), "Requests of a session, a second.";
    limits.signals_per_s: count(1, 1_000_000), "Signals of a session, a second.";
    limits.out_buffer_bytes: count(16 * KIB, 64 * MIB),
        "Bytes of a session that are encoded and not yet written.";
    limits.mailbox_entries: count(1, 65_536),
        "Deliveries that wait for a session in memory; it reads what is over from the log.";
    limits.mailbox_bytes: count(16 * KIB, GIB),
        "Bytes of the deliveries that wait for a session in memory.";
    limits.page_bytes: count(16 * KIB, 64 * MIB), "Bytes of one page read from the store.";

    store.data: Shape::Path, "The folder of all that is kept.";
    store.backend: Shape::Choice(BACKENDS),
        "What keeps it on the disk. A folder stays with the one that it was begun with.";
    store.cache_bytes: count(MIB, TIB), "Bytes that the store keeps in memory to read faster.";
    store.fresh_bytes: count(16 * KIB, GIB),
        "Bytes of new rows in memory that are packed together; four times that with many chats.";
    store.unknown_users: Shape::Choice(UNKNOWN_USERS),
        "Entries for users that never came: keep or reject. auto: reject with passwords only.";
    store.rooms: Shape::Choice(ROOMS), "Who may open rooms: anyone or nobody.";
    store.group_members_max: count(2, GROUP_MEMBERS_MAX as u64), "Members of a group.";
    store.chats_per_user_max: count(1, 100_000), "Chats of a user, those left included.";
    store.devices_per_user_max: count(1, 10_000), "Devices of a user.";
    store.edit_ms: count(0, 36_500 * DAY_MS),
        "Milliseconds in which its sender may edit a message; 0: never.";
    store.recall_ms: count(0, 36_500 * DAY_MS),
        "Milliseconds in which its sender may recall a message; 0: never. Admins always may.";
    store.erase_ms: count(0, DAY_MS),
        "Milliseconds after which the files begin to be freed of what was recalled or has expired.";
    store.disk_reserve_bytes: count(0, TIB),
        "Bytes that stay free on the disk; below them new sends are rejected for a while.";
    store.stall_ms: count(100, 10 * MINUTE_MS),
        "Milliseconds that one commit may take before the server ends itself.";
    store.queue_bytes: count(MIB, GIB),
        "Bytes of the commands that may wait for the store; each counts for 4 KiB at least.";
    store.chats_cached: count(1, 100_000_000),
        "Chats whose ends are kept in memory, about 250 bytes each; up to twice as many may be.";
    store.readers: count(1, 512), "Reads of the store at one time, each on a thread.";

    files.on: Shape::Flag, "Take files, and give them.";
    files.store: Shape::TextOrNothing,
        "A folder, or s3://bucket/prefix. Empty: the folder files in the data folder.";
    files.size_max: count(1, TIB), "Bytes of one file.";
    files.quota: count(1, 1024 * TIB),
        "Bytes of all files of a user; each counts for 4 KiB at least.";
    files.types: Shape::TextOrNothing,
        "What media types begin with, such as image/, audio/ with commas between. Empty: all.";
    files.unreferenced_ms: count(100, 365 * DAY_MS),
        "Milliseconds that a file is kept that stands in no chat, and an upload that stands still.";
    files.bytes_per_s: count(0, 4 * GIB - 1),
        "Bytes of files a second, for one session; 0: no limit.";

    search.on: Shape::Flag,
        "Keep an index and answer searches, in a server built with the cargo feature search.";

    auth.kind: Shape::Choice(AUTH_KINDS),
        "open: anybody is who they say, on loopback only. password: accounts. token: JWT.";
    auth.ticket_ms: count(0, 30 * DAY_MS),
        "Milliseconds that a check is good for by a resume ticket; 0 gives no tickets.";
    auth.checks_at_once: count(1, 64),
        "Password checks at one time, each 19 MiB of memory; further ones wait.";
    auth.token_algorithm: Shape::Choice(TOKEN_ALGORITHMS),
        "HS256: the key file is the shared secret, byte by byte. EdDSA: a PEM public key.";
    auth.token_key: Shape::PathOrNothing, "The file with the key that tokens are checked by.";
    auth.token_audience: Shape::TextOrNothing,
        "The aud that a token must name. Empty: a token that names one is refused.";
    auth.token_leeway_s: count(0, 300),
        "Seconds that the clocks of the token's signer and this server may be apart.";

    devices.at_once: Shape::Choice(AT_ONCE),
        "Devices of a user that may be connected at a time: any, one-per-platform, or one.";
    devices.wins: Shape::Choice(WINS),
        "Which one stays: newest closes the others, oldest refuses the one that comes.";
    devices.forget_ms: count(60 * MINUTE_MS, 3650 * DAY_MS),
        "Milliseconds after which a device that was not seen is forgotten, and its cursors.";

    contacts.who_writes: Shape::Choice(WHO_WRITES),
        "Who may write to whom in direct chats: anyone, contacts, or contacts-or-groups.";
    contacts.tell_blocked: Shape::Flag,
        "Tell who is blocked so. Else it is answered as if there were no such user.";

    drain.retry_after_ms: count(0, 10 * MINUTE_MS),
        "Milliseconds after which clients are told to come back.";
    drain.drain_ms: count(0, 10 * MINUTE_MS), "Milliseconds that open sessions have to finish.";

    log.filter: Shape::Filter,
        "A level (off, error, warn, info, debug, trace), or target=level with commas between.";
    log.format: Shape::Choice(LOG_FORMATS), "text or json.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::shape::Form;

    #[test]
    fn every_setting_takes_its_bounds_and_gives_them_back() {
        for setting in TABLE {
            let texts: Vec<String> = match setting.shape {
                Shape::Count { low, high } => vec![low.to_string(), high.to_string()],
                Shape::Flag => vec!["true".into(), "false".into()],
                Shape::Choice(words) => words.iter().map(ToString::to_string).collect(),
                Shape::AddressOrNothing => vec!["[::1]:9".into(), String::new()],
                Shape::Path => vec!["/tmp/x".into()],
                Shape::PathOrNothing | Shape::TextOrNothing => vec!["x".into(), String::new()],
                Shape::Filter => vec!["debug".into()],
            };
            for text in texts {
                let value = setting.shape.parse(Form::Loose, &text).unwrap();
                let mut config = Config::default();
                setting.set(&mut config, value.clone());
                assert_eq!(setting.get(&config), value, "{} = {text}", setting.key);
            }
        }
    }

    #[test]
    fn every_default_is_within_its_bounds() {
        for setting in TABLE {
            let text = match setting.get(&Config::default()) {
                Value::Count(count) => count.to_string(),
                Value::Flag(flag) => flag.to_string(),
                Value::Text(text) => text,
            };
            assert!(setting.shape.parse(Form::Loose, &text).is_ok(), "{} = {text}", setting.key);
        }
    }

    #[test]
    fn every_name_is_one_of_a_kind_and_every_section_is_told() {
        let mut variables: Vec<_> = TABLE.iter().map(Setting::variable).collect();
        variables.sort();
        variables.dedup();
        assert_eq!(variables.len(), TABLE.len());
        let mut sections: Vec<_> = TABLE.iter().map(Setting::section).collect();
        sections.dedup();
        let told: Vec<_> = SECTIONS.iter().map(|(name, _)| *name).collect();
        assert_eq!(sections, told);
    }
}
