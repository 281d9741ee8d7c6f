//! What an operator can set, as one plain struct for each room of the server, with its defaults.
//! A room takes its own struct and no other. Must never parse, print or check: the table of
//! settings does (`config::table`), by these field names.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

// A choice that a rule is made by is that rule's own word.
pub use crate::hub::policy::{AtOnce, Wins};
pub use crate::store::rules::{Rooms, WhoWrites};

use packetboat_proto::limits::{
    BODY_BYTES_DEFAULT, HEARTBEAT_MS_DEFAULT, PORT_PLAIN, SENDS_DEFAULT, WINDOW_DEFAULT,
};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Everything, once it is read and checked. Only the wiring holds it whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Where connections are taken.
    pub listen: Listen,
    /// Where the certificate comes from.
    pub tls: TlsSettings,
    /// The bounds of a session.
    pub limits: SessionLimits,
    /// The store.
    pub store: StoreSettings,
    /// Files.
    pub files: FilesSettings,
    /// Search.
    pub search: SearchSettings,
    /// Who may come in.
    pub auth: AuthSettings,
    /// A user's devices.
    pub devices: DevicesSettings,
    /// Who may write to whom.
    pub contacts: ContactsSettings,
    /// How the server stops.
    pub drain: Drain,
    /// What it says about itself.
    pub log: Log,
}

/// Where connections are taken, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The address without TLS; `None` takes none there.
    pub plain: Option<SocketAddr>,
    /// The address with TLS. Loading fills it in when a certificate is configured, and only then.
    pub tls: Option<SocketAddr>,
    /// Connections at one time, over both addresses.
    pub connections_max: usize,
    /// Connections that the system may queue before they are accepted, for each address.
    pub backlog: u32,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            plain: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT_PLAIN)),
            tls: None,
            connections_max: 100_000,
            backlog: 1024,
        }
    }
}

/// Where the certificate comes from: two files, or made for development, or nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// A PEM file with the certificate chain.
    pub cert: Option<PathBuf>,
    /// A PEM file with its private key.
    pub key: Option<PathBuf>,
    /// Make a certificate for this machine alone, kept in the data folder.
    pub dev: bool,
}

/// The bounds of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Bytes of a frame's body.
    pub max_body: u32,
    /// Deliveries that may be unacknowledged.
    pub window: u32,
    /// Sends that may be unanswered.
    pub sends: u32,
    /// Milliseconds between heartbeats.
    pub heartbeat_ms: u32,
    /// Milliseconds from the connection to its open session, TLS included.
    pub handshake_ms: u32,
    /// Milliseconds until an unacknowledged delivery is sent again, doubled each time.
    pub retry_ms: u32,
    /// How often it is sent again before the session is closed.
    pub retries_max: u32,
    /// Pings a second.
    pub pings_per_s: u32,
    /// Pings at once, after a silence.
    pub ping_burst: u32,
    /// Sends a second.
    pub sends_per_s: u32,
    /// Requests a second.
    pub requests_per_s: u32,
    /// Signals a second.
    pub signals_per_s: u32,
    /// Bytes encoded and not yet written, above which nothing more is encoded.
    pub out_buffer_bytes: usize,
    /// Deliveries in a mailbox.
    pub mailbox_entries: usize,
    /// Bytes of the deliveries in a mailbox.
    pub mailbox_bytes: usize,
    /// Bytes of one page read from the store.
    pub page_bytes: usize,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            max_body: BODY_BYTES_DEFAULT,
            window: WINDOW_DEFAULT,
            sends: SENDS_DEFAULT,
            heartbeat_ms: HEARTBEAT_MS_DEFAULT,
            handshake_ms: 10_000,
            retry_ms: 5_000,
            retries_max: 5,
            pings_per_s: 10,
            ping_burst: 50,
            sends_per_s: 10_000,
            requests_per_s: 200,
            signals_per_s: 20,
            out_buffer_bytes: 256 * KIB,
            mailbox_entries: 256,
            mailbox_bytes: MIB,
            page_bytes: 256 * KIB,
        }
    }
}

/// The store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// The folder of all that is kept.
    pub data: PathBuf,
    /// What keeps it.
    pub backend: BackendKind,
    /// Bytes of the backend's cache.
    pub cache_bytes: u64,
    /// Bytes of rows in memory that are packed together.
    pub fresh_bytes: usize,
    /// What is done with entries for users that the server has never seen.
    pub unknown_users: UnknownUsers,
    /// Who may open rooms.
    pub rooms: Rooms,
    /// Members of a group.
    pub group_members_max: u32,
    /// Chats of a user.
    pub chats_per_user_max: u32,
    /// Devices of a user.
    pub devices_per_user_max: u32,
    /// Milliseconds in which an entry may be edited; 0: never.
    pub edit_ms: u64,
    /// Milliseconds in which its sender may recall an entry; 0: never.
    pub recall_ms: u64,
    /// Milliseconds after which the files begin to be freed of what was recalled or has expired.
    pub erase_ms: u64,
    /// Bytes that stay free on the disk: below them, new sends are rejected.
    pub disk_reserve_bytes: u64,
    /// Milliseconds that a commit may take before the process ends itself.
    pub stall_ms: u32,
    /// Bytes of the commands that may wait for the committer; each counts for 4 KiB at least.
    pub queue_bytes: usize,
    /// Chats whose ends are kept at hand.
    pub chats_cached: usize,
    /// Reads under way at one time, each on a thread.
    pub readers: usize,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            data: PathBuf::from("./data"),
            backend: BackendKind::Sled,
            cache_bytes: 128 * MIB as u64,
            fresh_bytes: 32 * MIB,
            unknown_users: UnknownUsers::Auto,
            rooms: Rooms::Anyone,
            group_members_max: 10_000,
            chats_per_user_max: 10_000,
            devices_per_user_max: 100,
            edit_ms: 48 * 60 * 60 * 1000,
            recall_ms: 48 * 60 * 60 * 1000,
            erase_ms: 60_000,
            disk_reserve_bytes: 64 * MIB as u64,
            stall_ms: 5_000,
            queue_bytes: 64 * MIB,
            chats_cached: 1_000_000,
            readers: 16,
        }
    }
}

/// Files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilesSettings {
    /// Whether files are taken and given at all.
    pub on: bool,
    /// The folder of whole files, or an `s3://` url; `None`: a folder in the data folder.
    pub store: Option<String>,
    /// Bytes of one file.
    pub size_max: u64,
    /// Bytes that the files of one user may count for.
    pub quota: u64,
    /// What media types begin with, with commas between; `None`: all are taken.
    pub types: Option<String>,
    /// Milliseconds that a file is kept that stands in no chat.
    pub unreferenced_ms: u64,
    /// Bytes of files a second, for one session; 0: no limit.
    pub bytes_per_s: u32,
}

impl Default for FilesSettings {
    fn default() -> Self {
        Self {
            on: true,
            store: None,
            size_max: 100 * MIB as u64,
            quota: 1024 * MIB as u64,
            types: None,
            unreferenced_ms: 24 * 60 * 60 * 1000,
            bytes_per_s: 16 * 1024 * 1024,
        }
    }
}

/// Search in one's own chats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SearchSettings {
    /// Whether there is an index, and searches are answered.
    pub on: bool,
}

/// What keeps a store's data in its folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendKind {
    /// sled 0.34.
    #[default]
    Sled,
    /// fjall 3.
    Fjall,
}

/// What is done with entries for users that the server has never seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownUsers {
    /// Keep where anybody may come later, reject where accounts say who there is.
    #[default]
    Auto,
    /// Keep the entries until the user comes.
    Keep,
    /// Reject the send.
    Reject,
}

impl UnknownUsers {
    /// Whether entries for unknown users are kept, under that kind of authentication.
    pub const fn keep(self, kind: AuthKind) -> bool {
        match self {
            Self::Auto => !matches!(kind, AuthKind::Password),
            Self::Keep => true,
            Self::Reject => false,
        }
    }
}

/// Who may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthSettings {
    /// The credential that is asked for.
    pub kind: AuthKind,
    /// Milliseconds that a full check is good for by a resume ticket; 0 gives no tickets.
    pub ticket_ms: u64,
    /// Password checks at one time; further ones wait.
    pub checks_at_once: usize,
    /// How tokens are signed.
    pub token_algorithm: TokenAlgorithm,
    /// The file with the key that tokens are checked by.
    pub token_key: Option<PathBuf>,
    /// The audience that a token must name.
    pub token_audience: Option<String>,
    /// Seconds that the clocks of the signer and the server may be apart.
    pub token_leeway_s: u32,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            kind: AuthKind::Open,
            ticket_ms: 24 * 60 * 60 * 1000,
            checks_at_once: 4,
            token_algorithm: TokenAlgorithm::Hs256,
            token_key: None,
            token_audience: None,
            token_leeway_s: 10,
        }
    }
}

/// The credential that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthKind {
    /// None: anybody is who they say, on loopback only.
    #[default]
    Open,
    /// The password of an account in the store.
    Password,
    /// A signed token.
    Token,
}

/// How tokens are signed. Fixed by the operator, never read from a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenAlgorithm {
    /// HMAC with SHA-256: signer and server share a secret.
    #[default]
    Hs256,
    /// Ed25519: the server has the public key only.
    EdDsa,
}

/// A user's devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevicesSettings {
    /// How many of them may be connected at a time.
    pub at_once: AtOnce,
    /// Which one stays, of those that may not.
    pub wins: Wins,
    /// Milliseconds after which one that was not seen is forgotten.
    pub forget_ms: u64,
}

impl Default for DevicesSettings {
    fn default() -> Self {
        let forget_ms = 90 * 24 * 60 * 60 * 1000;
        Self { at_once: AtOnce::Any, wins: Wins::Newest, forget_ms }
    }
}

/// Who may write to whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactsSettings {
    /// In direct chats.
    pub who_writes: WhoWrites,
    /// Who is blocked is told so.
    pub tell_blocked: bool,
}

/// How the server stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    /// Milliseconds after which clients are told to come back.
    pub retry_after_ms: u32,
    /// Milliseconds that open sessions have to finish.
    pub drain_ms: u32,
}

impl Default for Drain {
    fn default() -> Self {
        Self { retry_after_ms: 2_000, drain_ms: 5_000 }
    }
}

/// What the server says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// A level, or levels for each target, as `tracing` has them.
    pub filter: String,
    /// How lines are written.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".to_owned(), format: LogFormat::Text }
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines, one object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_users_are_kept_unless_accounts_say_who_there_is() {
        assert!(UnknownUsers::Auto.keep(AuthKind::Open));
        assert!(UnknownUsers::Auto.keep(AuthKind::Token));
        assert!(!UnknownUsers::Auto.keep(AuthKind::Password));
        assert!(UnknownUsers::Keep.keep(AuthKind::Password));
        assert!(!UnknownUsers::Reject.keep(AuthKind::Open));
    }
}
