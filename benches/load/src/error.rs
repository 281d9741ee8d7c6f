//! Why a run gives no result at all. Must never be about what the server did with a message: that
//! is a fault of the result (`check`).

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use crate::wire::WireError;

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
    /// A connection failed, or was refused after all.
    #[error("the connection to {address} broke: {source}")]
    Broken {
        /// Where to.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Something of the system failed.
    #[error("the system failed: {0}")]
    System(#[from] io::Error),
    /// What came makes no sense, or was an end with a reason.
    #[error("on a connection: {0}")]
    Wire(#[from] WireError),
    /// The server ended a connection without a word.
    #[error("the server closed a connection without a word")]
    Gone,
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
    #[error("this work needs --server-pid, or a server that is started for it")]
    NoPid,
    /// The work ends the server.
    #[error("this work kills the server, and does so only to one that was started for it")]
    NotOurs,
    /// The work says nothing about that target.
    #[error("the work {work} says nothing about {target}: {reason}")]
    Unfit {
        /// The work.
        work: &'static str,
        /// The target.
        target: String,
        /// Why.
        reason: &'static str,
    },
    /// The server's program is not known.
    #[error("which program is {target}? Name it with {option}")]
    NoProgram {
        /// The target.
        target: &'static str,
        /// The option that names it.
        option: &'static str,
    },
    /// A peer is not installed.
    #[error("no program {program} is found for {target}: {install}, or name it with {option}")]
    NoPeer {
        /// The target.
        target: &'static str,
        /// Its program.
        program: &'static str,
        /// How one gets it.
        install: &'static str,
        /// The option that names it.
        option: &'static str,
    },
    /// The server ended while it was starting.
    #[error("the server ended while it was starting, with the words: {words}")]
    Ended {
        /// What it said at last.
        words: String,
    },
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
    /// A result could not be written.
    #[error("cannot write {}: {reason}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The server within this process does not start.
    #[error("the server does not start: {reason}")]
    Library {
        /// Why.
        reason: String,
    },
    /// It was told to stop.
    #[error("stopped by a signal")]
    Stopped,
}
