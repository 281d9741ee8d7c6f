//! Why a server does not start. Must never hold a credential.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use crate::auth::doorman::DoormanError;
#[cfg(unix)]
use crate::control::socket::ControlError;
use crate::files::opening::FilesError;
use crate::store::backend::BackendError;
use crate::store::opening::OpenError;
use crate::tls::TlsError;

/// Why the server does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The store's engine does not open.
    #[error("the store in {} does not open: {source}", data.display())]
    Backend {
        /// Its folder.
        data: PathBuf,
        /// What the engine said.
        source: BackendError,
    },
    /// The store does not open.
    #[error("the store in {} does not open: {source}", data.display())]
    Store {
        /// Its folder.
        data: PathBuf,
        /// What it said.
        source: OpenError,
    },
    /// Files cannot be kept.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// An address cannot be listened on.
    #[error("{address} cannot be listened on: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody could be let in.
    #[error(transparent)]
    Doorman(#[from] DoormanError),
    /// The certificate is of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The operator's socket cannot be bound.
    #[cfg(unix)]
    #[error(transparent)]
    Control(#[from] ControlError),
}
