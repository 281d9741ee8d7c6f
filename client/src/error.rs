//! Why a client, a send or a request fails. Must never hold a credential.

use packetboat_proto::id::MessageId;
use packetboat_proto::packet::Verdict;
use thiserror::Error;

use crate::event::Ending;

/// Why a client cannot be started.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No server is named.
    #[error("no server is named")]
    NoServer,
    /// A text is longer than the protocol allows.
    #[error("{what} has {bytes} bytes, at most {max} are allowed")]
    TooLong {
        /// Which.
        what: &'static str,
        /// The bytes that it has.
        bytes: usize,
        /// The bytes that it may have.
        max: usize,
    },
    /// A number is zero or too high.
    #[error("{what} is {value}, it must be 1 to {max}")]
    OutOfBounds {
        /// Which.
        what: &'static str,
        /// Its value.
        value: usize,
        /// The highest that it may be.
        max: usize,
    },
    /// A time is less than a millisecond.
    #[error("{what} must be at least a millisecond")]
    NoTime {
        /// Which.
        what: &'static str,
    },
    /// The server's name is none that a certificate could have.
    #[error("{name:?} is no name that a certificate could have")]
    ServerName {
        /// The name.
        name: String,
    },
    /// The trusted certificates cannot be had.
    #[error("the trusted certificates: {detail}")]
    Roots {
        /// What is wrong with them.
        detail: String,
    },
}

/// Why a send ended without being accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// The server refuses it, for good.
    #[error("refused: {}", verdict.reason)]
    Rejected {
        /// The message.
        id: MessageId,
        /// Why.
        verdict: Verdict,
    },
    /// The client ended. The message may have been stored; sent again with the same id it is
    /// stored once.
    #[error("the client ended before the server answered: {ending}")]
    Closed {
        /// The message.
        id: MessageId,
        /// Why the client ended.
        ending: Ending,
    },
    /// A message of that chat and id is still in the outbox.
    #[error("message {id} is waiting for its answer already")]
    Pending {
        /// The message.
        id: MessageId,
    },
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// The server refuses it.
    #[error("refused: {}", .0.reason)]
    Refused(Verdict),
    /// There was no connection in time. It is safe to ask again.
    #[error("there was no connection")]
    Disconnected,
    /// There was no answer in time. It is safe to ask again.
    #[error("there was no answer in time")]
    Timeout,
    /// The client ended.
    #[error("the client ended: {0}")]
    Closed(Ending),
    /// The server answered something else.
    #[error("the server answered something else than was asked")]
    Unexpected,
    /// More users or ranges are named than one request may.
    #[error("{count} are named, at most {max} may be")]
    TooMany {
        /// How many are named.
        count: usize,
        /// How many may be.
        max: usize,
    },
    /// A text has too many bytes.
    #[error("the text has {bytes} bytes, at most {max} are allowed")]
    TooLong {
        /// The bytes that it has.
        bytes: usize,
        /// The bytes that it may have.
        max: usize,
    },
}

/// Why a signal is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SignalError {
    /// It has too many bytes.
    #[error("the signal has {bytes} bytes, at most {max} are allowed")]
    TooLong {
        /// The bytes that it has.
        bytes: usize,
        /// The bytes that it may have.
        max: usize,
    },
}
