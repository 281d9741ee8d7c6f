//! The operator's socket: a Unix socket in the data folder that only its owner can open. One line
//! of JSON asks, one line answers. Must never be bound by who has not the store locked.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::complaint::Complaint;
use crate::control::{Question, Reply, TakeStats, reply_to};
use crate::store::Accounts;

/// The socket's name in the data folder.
pub const SOCKET_FILE: &str = "control.sock";
/// Bytes of a line, its end included.
pub const LINE_BYTES_MAX: usize = 64 * 1024;
/// Questions at one time; further ones wait to be accepted.
pub const QUESTIONS_MAX: usize = 8;
/// How long one question and its answer may take.
pub const QUESTION_TIME_MAX: Duration = Duration::from_secs(10);

const BACKLOG: u32 = 16;
/// After a failed accept, such as for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the socket is of no use.
#[derive(Debug, Error)]
pub enum ControlError {
    /// Another server answers there.
    #[error("another server answers at {}", path.display())]
    Taken {
        /// The socket.
        path: PathBuf,
    },
    /// Something else has its name.
    #[error("{} is there and is no socket; move it away", path.display())]
    NotASocket {
        /// What is there.
        path: PathBuf,
    },
    /// The system refused.
    #[error("the control socket {} failed: {source}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There was no answer in time.
    #[error("the server did not answer at {} in {QUESTION_TIME_MAX:?}", path.display())]
    Silent {
        /// The socket.
        path: PathBuf,
    },
    /// The answer is none.
    #[error("the server's answer at {} is not understood: {detail}", path.display())]
    Garbled {
        /// The socket.
        path: PathBuf,
        /// What the parser said.
        detail: String,
    },
}

/// The socket, before it is served.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
    inode: u64,
}

impl ControlSocket {
    /// Takes the place at `path`: only for who has the store locked. A socket that nobody answers
    /// at any more is replaced. Needs a tokio runtime.
    pub fn bind(path: &Path) -> Result<Self, ControlError> {
        let failed = |source| ControlError::Io { path: path.to_owned(), source };
        remove_stale(path)?;
        let socket = UnixSocket::new_stream().map_err(failed)?;
        socket.bind(path).map_err(failed)?;
        // Nobody can connect before `listen`, so the mode is in force for everybody.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        let inode = fs::symlink_metadata(path).map_err(failed)?.ino();
        let listener = socket.listen(BACKLOG).map_err(failed)?;
        Ok(Self { listener, path: path.to_owned(), inode })
    }

    /// Answers until `shutdown` resolves; what is being answered then is finished.
    pub async fn serve<A: Accounts>(
        self,
        accounts: Arc<A>,
        stats: TakeStats,
        shutdown: impl Future<Output = ()>,
    ) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut questions = JoinSet::new();
        let mut complaint = Complaint::default();
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(_) = questions.join_next() => {}
                accepted = self.listener.accept(), if questions.len() < QUESTIONS_MAX => {
                    match accepted {
                        Ok((stream, _)) => {
                            let (accounts, stats) = (Arc::clone(&accounts), Arc::clone(&stats));
                            questions.spawn(answer_one(stream, accounts, stats));
                        }
                        Err(error) => {
                            if let Some(unsaid) = complaint.due(Instant::now()) {
                                let what = "the control socket does not accept";
                                tracing::warn!(%error, unsaid, "{what}");
                            }
                            sleep(ACCEPT_PAUSE).await;
                        }
                    }
                }
            }
        }
        while questions.join_next().await.is_some() {}
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|there| there.ino() == self.inode);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, path = %self.path.display(), "a socket file stays behind");
        }
    }
}

fn remove_stale(path: &Path) -> Result<(), ControlError> {
    let failed = |source| ControlError::Io { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(there) if !there.file_type().is_socket() => {
            return Err(ControlError::NotASocket { path: path.to_owned() });
        }
        Ok(_) => {}
    }
    match StdUnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
        Ok(_) => Err(ControlError::Taken { path: path.to_owned() }),
    }
}

async fn answer_one<A: Accounts>(mut stream: UnixStream, accounts: Arc<A>, stats: TakeStats) {
    let work = async {
        let reply = match read_line(&mut stream).await {
            Ok(question) => reply_to(question, accounts.as_ref(), Some(&stats)).await,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Reply::Refused { reason: error.to_string() }
            }
            Err(error) => return Err(error),
        };
        write_line(&mut stream, &reply).await
    };
    match timeout(QUESTION_TIME_MAX, work).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a question at the control socket broke off"),
        Err(_) => tracing::debug!("a question at the control socket took too long"),
    }
}

/// Whether a server answers at `path`.
pub async fn is_served(path: &Path) -> Result<bool, ControlError> {
    match UnixStream::connect(path).await {
        Ok(_) => Ok(true),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(false),
            _ => Err(ControlError::Io { path: path.to_owned(), source: error }),
        },
    }
}

/// Asks the server at `path`.
pub async fn ask(path: &Path, question: &Question) -> Result<Reply, ControlError> {
    let failed = |source| ControlError::Io { path: path.to_owned(), source };
    let mut stream = UnixStream::connect(path).await.map_err(failed)?;
    let exchange = async {
        write_line(&mut stream, question).await?;
        read_line(&mut stream).await
    };
    match timeout(QUESTION_TIME_MAX, exchange).await {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
            Err(ControlError::Garbled { path: path.to_owned(), detail: error.to_string() })
        }
        Ok(Err(error)) => Err(failed(error)),
        Err(_) => Err(ControlError::Silent { path: path.to_owned() }),
    }
}

async fn write_line(stream: &mut UnixStream, line: &impl Serialize) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    stream.write_all(&bytes).await
}

async fn read_line<T: DeserializeOwned>(stream: &mut UnixStream) -> io::Result<T> {
    let invalid = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
    let mut line = Vec::new();
    let mut bounded = BufReader::new(stream).take(LINE_BYTES_MAX as u64);
    bounded.read_until(b'\n', &mut line).await?;
    if line.last() != Some(&b'\n') {
        return Err(match line.len() {
            LINE_BYTES_MAX => invalid(format!("a line has more than {LINE_BYTES_MAX} bytes")),
            _ => io::ErrorKind::UnexpectedEof.into(),
        });
    }
    serde_json::from_slice(&line).map_err(|error| invalid(format!("not understood: {error}")))
}

#[cfg(test)]
mod tests;
