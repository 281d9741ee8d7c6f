//! The operator's socket: while the server runs it has the store locked, so what changes accounts
//! asks the server instead, through a Unix socket that only its owner can open. One line of JSON
//! asks, one line answers. Must never carry a password: hashes are made by who asks.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use packetboat_proto::id::UserId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::auth::password::check_hash;
use crate::store::{Accounts, StoreError};

/// The socket's name in the data folder.
pub const SOCKET_FILE: &str = "control.sock";
/// Bytes of a line, its end included.
pub const LINE_BYTES_MAX: usize = 64 * 1024;
/// Questions at one time; further ones wait to be accepted.
pub const QUESTIONS_MAX: usize = 8;
/// How long one question and its answer may take.
pub const QUESTION_TIME_MAX: Duration = Duration::from_secs(10);
/// Users in one answer: they fit a line with room to spare.
pub const USERS_PER_ANSWER_MAX: usize = 500;

const BACKLOG: u32 = 16;
/// After a failed accept, such as for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    /// Make an account (`new`), or give one another password.
    SetAccount {
        /// Whose.
        user: String,
        /// The Argon2id hash in PHC form.
        hash: String,
        /// There must be none yet, or else one.
        new: bool,
    },
    /// Remove an account.
    RemoveAccount {
        /// Whose.
        user: String,
    },
    /// Name users with an account.
    Accounts {
        /// Those after this one.
        after: Option<String>,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Reply {
    /// It is done, and durable.
    Done,
    /// These, in order.
    Users {
        /// The users.
        users: Vec<String>,
        /// There may be more after the last.
        more: bool,
    },
    /// It is not done.
    Refused {
        /// A sentence for a person.
        reason: String,
    },
}

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
    pub async fn serve<A: Accounts>(self, accounts: Arc<A>, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut questions = JoinSet::new();
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(_) = questions.join_next() => {}
                accepted = self.listener.accept(), if questions.len() < QUESTIONS_MAX => {
                    match accepted {
                        Ok((stream, _)) => {
                            questions.spawn(answer_one(stream, Arc::clone(&accounts)));
                        }
                        Err(error) => {
                            tracing::warn!(%error, "the control socket does not accept");
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

/// Binds `path` and answers there until `shutdown` resolves.
pub async fn serve<A: Accounts>(
    path: &Path,
    accounts: Arc<A>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ControlError> {
    ControlSocket::bind(path)?.serve(accounts, shutdown).await;
    Ok(())
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

async fn answer_one<A: Accounts>(mut stream: UnixStream, accounts: Arc<A>) {
    let work = async {
        let reply = match read_line(&mut stream).await {
            Ok(question) => reply_to(question, accounts.as_ref()).await,
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

async fn reply_to<A: Accounts>(question: Question, accounts: &A) -> Reply {
    carry_out(question, accounts).await.unwrap_or_else(|reason| Reply::Refused { reason })
}

async fn carry_out<A: Accounts>(question: Question, accounts: &A) -> Result<Reply, String> {
    let user_id = |text: &str| UserId::new(text).map_err(|error| error.to_string());
    let unless = |error: StoreError| error.to_string();
    match question {
        Question::SetAccount { user, hash, new } => {
            let user = user_id(&user)?;
            check_hash(&hash).map_err(|error| error.to_string())?;
            accounts.set_account(user.clone(), hash, new).await.map_err(unless)?;
            tracing::info!(%user, new, "an account has a new password");
            Ok(Reply::Done)
        }
        Question::RemoveAccount { user } => {
            let user = user_id(&user)?;
            accounts.remove_account(user.clone()).await.map_err(unless)?;
            tracing::info!(%user, "an account was removed");
            Ok(Reply::Done)
        }
        Question::Accounts { after } => {
            let after = after.as_deref().map(user_id).transpose()?;
            let users = accounts.accounts(after, USERS_PER_ANSWER_MAX).await.map_err(unless)?;
            let more = users.len() == USERS_PER_ANSWER_MAX;
            Ok(Reply::Users { users: users.iter().map(ToString::to_string).collect(), more })
        }
    }
}

/// Asks the server at `path`; `None` if there is none.
pub async fn ask(path: &Path, question: &Question) -> Result<Option<Reply>, ControlError> {
    let failed = |source| ControlError::Io { path: path.to_owned(), source };
    let mut stream = match UnixStream::connect(path).await {
        Ok(stream) => stream,
        Err(error) => {
            return match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(None),
                _ => Err(failed(error)),
            };
        }
    };
    let exchange = async {
        write_line(&mut stream, question).await?;
        read_line(&mut stream).await
    };
    match timeout(QUESTION_TIME_MAX, exchange).await {
        Ok(Ok(reply)) => Ok(Some(reply)),
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
