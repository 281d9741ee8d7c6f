//! What an app decides about its client. Must never show a credential in its debug form, nor let
//! a value through `check` that the server would close the connection for.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use packetboat_proto::id::{ChatId, DeviceId, UserId};
use packetboat_proto::limits::{
    DEVICE_NAME_BYTES_MAX, PASSWORD_BYTES_MAX, PLATFORM_BYTES_MAX, SOFTWARE_BYTES_MAX,
    START_LAST_MAX, TICKET_BYTES_MAX, TOKEN_BYTES_MAX, WINDOW_DEFAULT,
};
use packetboat_proto::packet::{Limits, Start};

use crate::error::ConfigError;

/// The most messages that an outbox may be set to hold.
const OUTBOX_HIGHEST: usize = 1 << 20;
/// The most bytes that an outbox may be set to hold.
const OUTBOX_BYTES_HIGHEST: usize = 1 << 28;
/// The most events that may be set to wait for the app.
const EVENTS_HIGHEST: usize = 1 << 20;

/// All that a client needs to know. [`Config::new`] has the defaults; the fields may be changed.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the server is: `host:port`.
    pub server: String,
    /// The user.
    pub user: UserId,
    /// The device, unique within the user. A second connection of it replaces the first.
    pub device: DeviceId,
    /// What shows that it is so.
    pub credential: Credential,
    /// A resume ticket of an earlier [`Welcome`](crate::Welcome) of this user and device, which
    /// spares the server an expensive check. When it is refused, the credential is used. After an
    /// end with `LOGGED_OUT` it is to be forgotten.
    pub ticket: Option<Bytes>,
    /// Name and version of the app, for the operator's log; at most 64 bytes.
    pub software: String,
    /// What the user calls the device, for the list of its devices; at most 64 bytes.
    pub device_name: String,
    /// What the device runs on, at most 32 bytes. A server may let one device of each platform be
    /// connected at a time.
    pub platform: String,
    /// The limits to ask for; 0 leaves one to the server. The window is never more than
    /// `events_max`.
    pub wanted: Limits,
    /// Where the device starts if the server has not seen it before; `None`: at what no device of
    /// the user has had.
    pub start: Option<Start>,
    /// How far the app came in each chat, as it has stored it: entries up to there are not handed
    /// over again.
    pub cursors: HashMap<ChatId, u64>,
    /// With TLS, or without.
    pub tls: Option<TlsConfig>,
    /// Who says that the app is done with an entry.
    pub acks: AckMode,
    /// How long to wait before the next try to connect.
    pub backoff: BackoffConfig,
    /// How long a connection may take to be made, and then a session to be opened.
    pub connect_timeout: Duration,
    /// How long a request may take, the wait for a connection included.
    pub request_timeout: Duration,
    /// After how long without an answer, on a live connection, the oldest unanswered message is
    /// sent again.
    pub resend_after: Duration,
    /// Messages that may wait for their answer; a further [`send`](crate::Client::send) waits.
    pub outbox_max: usize,
    /// Bytes of their contents, likewise. One message always fits, whatever its size: alone.
    pub outbox_bytes: usize,
    /// Entries that may wait for the app; beyond them the socket is not read.
    pub events_max: usize,
    /// Keep at most one message of a chat on the wire. Without it, sends are pipelined, and one may
    /// be overtaken by those of the same chat that were on the wire behind it: one that the server
    /// cannot store *for now* (its disk is full), and one that it refuses for good, whose refusal
    /// is lost with the connection, and that passes when it is sent again (its sender is a member
    /// of the group by then).
    pub strict_order: bool,
    /// What the jitter of the waits is drawn from; `None`: from the system. For tests that are to
    /// repeat: clients with the same seed come back at the same time.
    pub jitter_seed: Option<u64>,
}

/// What shows that a client is who it says.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nothing: for servers that ask for nothing.
    Open,
    /// A password, at most 256 bytes.
    Password(String),
    /// A token, at most 3 KiB.
    Token(String),
}

impl fmt::Debug for Credential {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Open => "Open",
            Self::Password(_) => "Password(..)",
            Self::Token(_) => "Token(..)",
        })
    }
}

/// Who says that the app is done with an entry, so that the server need not deliver it again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AckMode {
    /// An entry is done with when the app asks for the next event.
    #[default]
    Auto,
    /// The app says so, with [`Client::ack`](crate::Client::ack).
    Manual,
}

/// Full jitter: before try `n` a random wait of up to `base * 2^n`, but no more than `cap`. A time
/// that the server names is waited for whatever the cap, which then bounds what is random on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffConfig {
    /// The bound of the first wait.
    pub base: Duration,
    /// The highest bound.
    pub cap: Duration,
}

impl Default for BackoffConfig {
    fn default() -> Self {
        Self { base: Duration::from_millis(500), cap: Duration::from_secs(30) }
    }
}

/// How to know the server behind TLS 1.3.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// Whose certificates are trusted.
    pub roots: Roots,
    /// The name that the certificate must have; `None`: the host of [`Config::server`].
    pub server_name: Option<String>,
}

/// Whose certificates are trusted.
#[derive(Clone, Debug)]
pub enum Roots {
    /// Those that the operating system trusts.
    System,
    /// Those in a PEM file.
    PemFile(PathBuf),
    /// Those in PEM text.
    Pem(Bytes),
}

impl TlsConfig {
    /// Trusts whom the operating system trusts.
    pub const fn system() -> Self {
        Self { roots: Roots::System, server_name: None }
    }

    /// Trusts the certificates in a PEM file.
    pub fn pem_file(path: impl Into<PathBuf>) -> Self {
        Self { roots: Roots::PemFile(path.into()), server_name: None }
    }
}

impl Config {
    /// The defaults: no TLS, acks by taking the next event, 1,024 messages or 16 MiB in the outbox.
    pub fn new(
        server: impl Into<String>,
        user: UserId,
        device: DeviceId,
        credential: Credential,
    ) -> Self {
        Self {
            server: server.into(),
            user,
            device,
            credential,
            ticket: None,
            software: concat!("packetboat-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            device_name: String::new(),
            platform: std::env::consts::OS.to_owned(),
            wanted: Limits::default(),
            start: None,
            cursors: HashMap::new(),
            tls: None,
            acks: AckMode::Auto,
            backoff: BackoffConfig::default(),
            connect_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_secs(15),
            resend_after: Duration::from_secs(10),
            outbox_max: 1024,
            outbox_bytes: 16 << 20,
            events_max: 1024,
            strict_order: false,
            jitter_seed: None,
        }
    }

    /// Whether a client can be started with it.
    pub fn check(&self) -> Result<(), ConfigError> {
        let credential = match &self.credential {
            Credential::Open => ("the credential", 0, 0),
            Credential::Password(text) => ("the password", text.len(), PASSWORD_BYTES_MAX),
            Credential::Token(text) => ("the token", text.len(), TOKEN_BYTES_MAX),
        };
        let ticket = self.ticket.as_ref().map_or(0, Bytes::len);
        let lengths = [
            credential,
            ("the ticket", ticket, TICKET_BYTES_MAX),
            ("the software's name", self.software.len(), SOFTWARE_BYTES_MAX),
            ("the device's name", self.device_name.len(), DEVICE_NAME_BYTES_MAX),
            ("the platform", self.platform.len(), PLATFORM_BYTES_MAX),
        ];
        for (what, bytes, max) in lengths {
            if bytes > max {
                return Err(ConfigError::TooLong { what, bytes, max });
            }
        }
        let last = match self.start {
            Some(Start::Last(count)) => count as usize,
            _ => 1,
        };
        let numbers = [
            ("start.last", last, START_LAST_MAX as usize),
            ("outbox_max", self.outbox_max, OUTBOX_HIGHEST),
            ("outbox_bytes", self.outbox_bytes, OUTBOX_BYTES_HIGHEST),
            ("events_max", self.events_max, EVENTS_HIGHEST),
        ];
        for (what, value, max) in numbers {
            if value == 0 || value > max {
                return Err(ConfigError::OutOfBounds { what, value, max });
            }
        }
        if self.server.is_empty() {
            return Err(ConfigError::NoServer);
        }
        self.check_times()
    }

    fn check_times(&self) -> Result<(), ConfigError> {
        let times = [
            ("backoff.base", self.backoff.base),
            ("backoff.cap", self.backoff.cap),
            ("connect_timeout", self.connect_timeout),
            ("request_timeout", self.request_timeout),
            ("resend_after", self.resend_after),
        ];
        match times.iter().find(|(_, time)| time.as_millis() == 0) {
            Some((what, _)) => Err(ConfigError::NoTime { what }),
            None => Ok(()),
        }
    }

    /// The limits to ask for: the window no larger than what may wait for the app.
    pub(crate) fn wanted(&self) -> Limits {
        let events = u32::try_from(self.events_max).unwrap_or(u32::MAX);
        let asked = if self.wanted.window == 0 { WINDOW_DEFAULT } else { self.wanted.window };
        let window = if asked > events { events } else { self.wanted.window };
        Limits { window, ..self.wanted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let (user, device) = ("alice".parse().unwrap(), "laptop".parse().unwrap());
        Config::new("127.0.0.1:7582", user, device, Credential::Open)
    }

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(config().check(), Ok(()));
    }

    #[test]
    fn what_the_server_would_close_for_is_found_here() {
        let mut long = config();
        long.credential = Credential::Password("x".repeat(257));
        assert!(matches!(long.check(), Err(ConfigError::TooLong { .. })));
        let mut named = config();
        named.device_name = "x".repeat(65);
        assert!(matches!(named.check(), Err(ConfigError::TooLong { .. })));
        let mut last = config();
        last.start = Some(Start::Last(0));
        assert!(matches!(last.check(), Err(ConfigError::OutOfBounds { .. })));
        let mut roomy = config();
        roomy.outbox_bytes = OUTBOX_BYTES_HIGHEST + 1;
        assert!(matches!(roomy.check(), Err(ConfigError::OutOfBounds { .. })));
        let mut hasty = config();
        hasty.resend_after = Duration::ZERO;
        assert!(matches!(hasty.check(), Err(ConfigError::NoTime { .. })));
    }

    #[test]
    fn the_window_fits_what_may_wait_for_the_app() {
        let mut small = config();
        small.events_max = 8;
        assert_eq!(small.wanted().window, 8);
        assert_eq!(config().wanted().window, 0);
        small.wanted.window = 4;
        assert_eq!(small.wanted().window, 4);
    }

    #[test]
    fn a_credential_is_not_shown() {
        let mut secret = config();
        secret.credential = Credential::Password("hunter2".into());
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
