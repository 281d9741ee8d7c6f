//! Why a run gives no result at all. Must never be about what the server did with a message: that
//! is a fault of the result (`check`).

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use packetboat_proto::code::CloseCode;
use packetboat_proto::frame::FrameError;
use packetboat_proto::packet::{PacketError, Verdict};
use thiserror::Error;

/// Why a run gives no result.
#[derive(Debug, Error)]
pub enum LoadError {
    /// There is no connection.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// Where to.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A connection failed.
    #[error("a connection failed: {0}")]
    Stream(#[from] io::Error),
    /// What came is no frame.
    #[error("the server sent what is no frame: {0}")]
    Frame(#[from] FrameError),
    /// What came is no packet.
    #[error("the server sent what is no packet: {0}")]
    Packet(#[from] PacketError),
    /// What came is not the body of its kind.
    #[error("the server sent a body that is none: {0}")]
    Body(#[from] prost::DecodeError),
    /// The server ended a connection, and said why.
    #[error("the server said goodbye: {} ({}) {}", .0.code, name(.0), .0.reason)]
    Goodbye(Box<Verdict>),
    /// The server ended a connection without a word.
    #[error("the server closed a connection without a goodbye")]
    Gone,
    /// Something else than a welcome came first.
    #[error("the server answered a hello with kind {kind:#04x}")]
    NoWelcome {
        /// The kind.
        kind: u8,
    },
    /// Something did not happen in time.
    #[error("{what} took longer than {secs} s")]
    Late {
        /// What was awaited.
        what: &'static str,
        /// How long.
        secs: u64,
    },
    /// The server allows fewer unanswered sends.
    #[error("a window of {window} is more than the {allowed} unanswered sends of the server")]
    Window {
        /// As asked for.
        window: u32,
        /// As allowed.
        allowed: u32,
    },
    /// This process may not have so many connections.
    #[error("{wanted} descriptors are needed, this process may have {allowed} (ulimit -n)")]
    Descriptors {
        /// So many are needed.
        wanted: u64,
        /// So many may be.
        allowed: u64,
    },
    /// The work looks at the server's process, which is not known.
    #[error("this work needs --server-pid, or --spawn")]
    NoPid,
    /// The server could not be started.
    #[error("cannot start {}: {source}", path.display())]
    Spawn {
        /// Its program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The server did not say where it listens on this machine.
    #[error("the server began with {line:?} and not with the address where it listens")]
    NoAddress {
        /// What it said first.
        line: String,
    },
    /// The system does not tell about a process.
    #[error("cannot read {path}: {source}")]
    Proc {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It was told to stop.
    #[error("stopped by a signal")]
    Stopped,
}

fn name(verdict: &Verdict) -> String {
    verdict.close_code().map_or_else(|| "unknown".to_owned(), CloseCode::name)
}
