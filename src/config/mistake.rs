//! What is wrong with a configuration, where, and what would be right. Must never end the reading:
//! mistakes are collected and told together.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

/// Where a value was given. The stronger one is the greater one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Nowhere: it is what the server has by itself.
    Default,
    /// In the file.
    File {
        /// Which one.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
    },
    /// In the environment.
    Environment {
        /// The variable.
        name: String,
    },
    /// On the command line.
    Flag {
        /// The flag, as it is typed.
        name: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("by default"),
            Self::File { path, line, column } => {
                write!(out, "{}:{line}:{column}", path.display())
            }
            Self::Environment { name } => write!(out, "environment {name}"),
            Self::Flag { name } => write!(out, "flag {name}"),
        }
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// The file cannot be read.
    #[error("the file cannot be read: {reason}")]
    Unreadable {
        /// What the system said.
        reason: String,
    },
    /// The file is not TOML here.
    #[error("{message}")]
    Syntax {
        /// What the parser said.
        message: String,
    },
    /// There is no such setting.
    #[error("there is no setting {key}{}", hint(.nearest.as_deref()))]
    UnknownKey {
        /// The name that was given.
        key: String,
        /// The nearest that there is.
        nearest: Option<String>,
    },
    /// A flag `--set` has not the form `key=value`.
    #[error("wanted key=value")]
    NoValue,
    /// The value is not of the setting's kind.
    #[error("{key} is {got}, wanted {wanted}")]
    WrongKind {
        /// The setting.
        key: &'static str,
        /// What was given.
        got: String,
        /// What would be right.
        wanted: String,
    },
    /// Anybody could be anybody, from anywhere.
    #[error(
        "auth.kind \"open\" takes anybody's word, so it is allowed on loopback only, and {address} \
         is none; set auth.kind to \"password\" or \"token\""
    )]
    OpenToAll {
        /// The address.
        address: SocketAddr,
    },
    /// There is nothing to check tokens by.
    #[error("auth.kind \"token\" needs auth.token_key, the file with the key")]
    NoTokenKey,
    /// Half a certificate.
    #[error("{given} needs {missing} as well")]
    HalfCertificate {
        /// What there is.
        given: &'static str,
        /// What there is not.
        missing: &'static str,
    },
    /// Two certificates.
    #[error("tls.dev makes a certificate, and tls.cert names another; leave one out")]
    TwoCertificates,
    /// An address for TLS, and nothing to do it with.
    #[error("listen.tls needs tls.cert and tls.key, or tls.dev")]
    NoCertificate,
    /// Nowhere to listen.
    #[error("listen.plain is empty and there is no certificate for TLS: nobody could connect")]
    NotListening,
    /// One address twice.
    #[error("listen.plain and listen.tls are both {address}")]
    SameAddress {
        /// The address.
        address: SocketAddr,
    },
    /// Two settings do not go together.
    #[error("{key} is {value}, and must be at least {least}, which is {of}")]
    TooSmall {
        /// The setting.
        key: &'static str,
        /// What it is.
        value: u64,
        /// What it must be.
        least: u64,
        /// Where that number comes from.
        of: &'static str,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|key| format!("; did you mean {key}?")).unwrap_or_default()
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{place}: {fault}")]
pub struct Mistake {
    /// Where.
    pub place: Place,
    /// What.
    pub fault: Fault,
}

/// All that is wrong, at least one, in the order of the places.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => out.write_str("there is a mistake in the configuration")?,
            count => write!(out, "there are {count} mistakes in the configuration")?,
        }
        self.0.iter().try_for_each(|mistake| write!(out, "\n  {mistake}"))
    }
}
