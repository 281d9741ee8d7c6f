//! The rows that every store begins with: its format, its secret, the largest body. Must never
//! change a row of a format that it does not know, nor wait for ever for an engine.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::backend::{Backend, BackendError};
use super::batch::Batch;
use super::in_time::{InTimeError, in_time};
use super::key;
use super::record::{as_number, number};
use super::rules::RulesError;

/// Bytes of the store's secret.
pub(crate) const SECRET_BYTES: usize = 32;

/// Why a store does not open.
#[derive(Debug, Error)]
pub enum OpenError {
    /// A setting is out of its bounds.
    #[error(transparent)]
    Settings(#[from] RulesError),
    /// The backend failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// Its first commit does not end.
    #[error(
        "the first commit has not come to its end for {elapsed_ms} ms: the disk may have failed"
    )]
    Stalled {
        /// How long it was waited for.
        elapsed_ms: u64,
    },
    /// A later version of Packetboat wrote it.
    #[error("the data has format {found}, this version of Packetboat reads formats up to {known}")]
    NewerFormat {
        /// What the data has.
        found: u64,
        /// The newest that can be read.
        known: u64,
    },
    /// There is something in it that is not a store.
    #[error("the data is not Packetboat's, or its first rows are damaged: {detail}")]
    Foreign {
        /// What is wrong.
        detail: &'static str,
    },
    /// The system gave no random bytes for the secret.
    #[error("no random bytes: {detail}")]
    Random {
        /// What the system said.
        detail: String,
    },
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(std::io::Error),
}

/// What a store begins with.
pub(crate) struct FirstRows {
    pub(crate) secret: [u8; SECRET_BYTES],
    /// The largest body that it was ever opened for.
    pub(crate) body_max: u32,
}

/// Checks the first rows, or makes them, within a time.
pub(crate) fn prepare(
    backend: &Arc<dyn Backend>,
    body_max: u32,
    patience: Duration,
) -> Result<FirstRows, OpenError> {
    let worker = Arc::clone(backend);
    let prepared = in_time(patience, move || {
        let secret = secret(worker.as_ref())?;
        Ok(FirstRows { secret, body_max: raise_body_max(worker.as_ref(), body_max)? })
    });
    let prepared = prepared.unwrap_or_else(|error| {
        Err(match error {
            InTimeError::Stalled { elapsed_ms } => OpenError::Stalled { elapsed_ms },
            InTimeError::Panicked => {
                let detail = "it panicked at the first rows".to_owned();
                OpenError::Backend(BackendError::Engine { detail })
            }
            InTimeError::Thread(error) => OpenError::Thread(error),
        })
    });
    if let Err(OpenError::Backend(_) | OpenError::Stalled { .. }) = &prepared {
        // Its state is unknown: dropping it may panic, or wait for ever. The process ends.
        std::mem::forget(Arc::clone(backend));
    }
    prepared
}

/// Checks the format, and makes the first rows of an empty backend; gives the secret.
fn secret(backend: &dyn Backend) -> Result<[u8; SECRET_BYTES], OpenError> {
    let secret = backend.get(&key::secret())?;
    let Some(format) = backend.get(&key::format())? else {
        if secret.is_some() || backend.last_key(&[], &[u8::MAX])?.is_some() {
            return Err(OpenError::Foreign { detail: "there are rows, but no format" });
        }
        return found(backend);
    };
    let unreadable = OpenError::Foreign { detail: "the format is no number" };
    match as_number(&format).map_err(|_| unreadable)? {
        key::FORMAT => {}
        0 => {
            return Err(OpenError::Foreign { detail: "there is no format 0" });
        }
        found => {
            return Err(OpenError::NewerFormat { found, known: key::FORMAT });
        }
    }
    let secret = secret.and_then(|secret| secret.try_into().ok());
    secret.ok_or(OpenError::Foreign { detail: "the secret is missing, or not of its size" })
}

fn found(backend: &dyn Backend) -> Result<[u8; SECRET_BYTES], OpenError> {
    let mut secret = [0; SECRET_BYTES];
    getrandom::fill(&mut secret)
        .map_err(|error| OpenError::Random { detail: error.to_string() })?;
    let mut batch = Batch::default();
    batch.put(key::format(), number(key::FORMAT));
    batch.put(key::secret(), secret.to_vec());
    backend.commit(batch)?;
    Ok(secret)
}

/// Notes the largest body so far, and gives it.
fn raise_body_max(backend: &dyn Backend, asked: u32) -> Result<u32, OpenError> {
    let damaged = OpenError::Foreign { detail: "the largest body is no number" };
    let known = match backend.get(&key::body_max())? {
        Some(value) => as_number(&value).ok().and_then(|bytes| u32::try_from(bytes).ok()),
        None => Some(0),
    };
    let known = known.ok_or(damaged)?;
    if asked > known {
        let mut batch = Batch::default();
        batch.put(key::body_max(), number(asked.into()));
        backend.commit(batch)?;
    }
    Ok(asked.max(known))
}
