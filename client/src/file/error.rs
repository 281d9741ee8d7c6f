//! Why a file is not uploaded or saved. Must never hold its bytes.

use std::path::PathBuf;

use thiserror::Error;

use crate::error::RequestError;

/// Why a file is not uploaded or saved.
#[derive(Debug, Error)]
pub enum FileError {
    /// The server did not do it.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A local file cannot be read or written.
    #[error("{0}")]
    Local(#[from] std::io::Error),
    /// What is read is not what was announced: it has changed meanwhile.
    #[error("the file has changed while it was uploaded")]
    Changed,
    /// What was saved is not what was sent.
    #[error("the bytes that came are not those that were sent")]
    Hash,
    /// There is something of that name already.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// A path has no name that a file could be sent by.
    #[error("{} has no name that a file can have", .0.display())]
    Name(PathBuf),
    /// There is nothing in it.
    #[error("{} is empty", .0.display())]
    Empty(PathBuf),
}
