//! `packetboat user`: asks the running server, or opens the store itself where none runs. Must
//! never show a password, nor hold the store open while somebody types.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use packetboat_proto::id::UserId;
use packetboat_proto::limits::PASSWORD_BYTES_MAX;
use thiserror::Error;

use crate::auth::Secret;
use crate::auth::password::{Cost, PasswordError, hash};
use crate::cli::{NewPassword, UserAction};
#[cfg(unix)]
use crate::control::socket::{self, ControlError, SOCKET_FILE};
use crate::control::{Question, Reply, reply_to};
use crate::store::Accounts;

/// Why it is not done.
#[derive(Debug, Error)]
pub enum UserError {
    /// The store, or the server, does not do it.
    #[error("{reason}")]
    Refused {
        /// A sentence.
        reason: String,
    },
    /// The store cannot be opened.
    #[error("the store in {} cannot be opened: {reason}", data.display())]
    Open {
        /// Its folder.
        data: PathBuf,
        /// What it said.
        reason: String,
    },
    /// The running server cannot be asked.
    #[cfg(unix)]
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The password is none.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The password cannot be read.
    #[error("the password cannot be read from {place}: {source}")]
    Unreadable {
        /// Where from.
        place: String,
        /// What the system said.
        source: io::Error,
    },
    /// It was typed once like this and once like that.
    #[error("the two passwords differ; nothing was changed")]
    Differ,
    /// The answer has no meaning here.
    #[error("the server answered something else than was asked")]
    Confused,
    /// What was done cannot be shown.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// Does `action` to the accounts of the store in `data`, and writes to `out` what was done.
/// `open` opens the store, and is called only if no server answers in its folder.
pub async fn run<A, E>(
    action: &UserAction,
    data: &Path,
    open: impl AsyncFnOnce() -> Result<A, E>,
    out: &mut dyn Write,
) -> Result<(), UserError>
where
    A: Accounts,
    E: Display,
{
    run_with(action, data, open, &mut |prompt| rpassword::prompt_password(prompt), out).await
}

type Prompt<'a> = dyn FnMut(String) -> io::Result<String> + 'a;

async fn run_with<A: Accounts, E: Display>(
    action: &UserAction,
    data: &Path,
    open: impl AsyncFnOnce() -> Result<A, E>,
    prompt: &mut Prompt<'_>,
    out: &mut dyn Write,
) -> Result<(), UserError> {
    let (question, done) = match action {
        UserAction::Add(new) => (set_account(new, true, prompt)?, format!("{} may come", new.name)),
        UserAction::Passwd(new) => (
            set_account(new, false, prompt)?,
            format!("{} has another password; earlier resume tickets are void", new.name),
        ),
        UserAction::Remove { name } => (
            Question::RemoveAccount { user: name.to_string() },
            format!("{name} has no account any more; the chats stay"),
        ),
        UserAction::List => return list(&Desk::find(data, open).await?, out).await,
    };
    match Desk::find(data, open).await?.ask(question).await? {
        Reply::Done => Ok(writeln!(out, "{done}")?),
        Reply::Users { .. } | Reply::Stats { .. } | Reply::Refused { .. } => {
            Err(UserError::Confused)
        }
    }
}

async fn list<A: Accounts>(desk: &Desk<A>, out: &mut dyn Write) -> Result<(), UserError> {
    let mut after = None;
    loop {
        let Reply::Users { users, more } = desk.ask(Question::Accounts { after }).await? else {
            return Err(UserError::Confused);
        };
        users.iter().try_for_each(|user| writeln!(out, "{user}"))?;
        after = users.into_iter().next_back();
        if !more || after.is_none() {
            return Ok(());
        }
    }
}

/// Who does it.
enum Desk<A> {
    #[cfg(unix)]
    Server(PathBuf),
    Store(A),
}

impl<A: Accounts> Desk<A> {
    async fn find<E: Display>(
        data: &Path,
        open: impl AsyncFnOnce() -> Result<A, E>,
    ) -> Result<Self, UserError> {
        #[cfg(unix)]
        {
            let path = data.join(SOCKET_FILE);
            if socket::is_served(&path).await? {
                return Ok(Self::Server(path));
            }
        }
        let failed = |error: E| UserError::Open { data: data.into(), reason: error.to_string() };
        Ok(Self::Store(open().await.map_err(failed)?))
    }

    async fn ask(&self, question: Question) -> Result<Reply, UserError> {
        let reply = match self {
            #[cfg(unix)]
            Self::Server(path) => socket::ask(path, &question).await?,
            Self::Store(accounts) => reply_to(question, accounts, None).await,
        };
        match reply {
            Reply::Refused { reason } => Err(UserError::Refused { reason }),
            reply => Ok(reply),
        }
    }
}

fn set_account(
    whose: &NewPassword,
    new: bool,
    prompt: &mut Prompt<'_>,
) -> Result<Question, UserError> {
    let password = match &whose.password_file {
        None => typed_twice(&whose.name, prompt)?,
        Some(path) if path == Path::new("-") => first_line(io::stdin().lock(), "standard input")?,
        Some(path) => {
            let place = path.display().to_string();
            let unreadable = |source| UserError::Unreadable { place: place.clone(), source };
            first_line(File::open(path).map_err(unreadable)?, &place)?
        }
    };
    let hash = hash(&password, Cost::default())?;
    Ok(Question::SetAccount { user: whose.name.to_string(), hash, new })
}

fn typed_twice(name: &UserId, prompt: &mut Prompt<'_>) -> Result<Secret, UserError> {
    let mut ask = |text| {
        let typed = prompt(text).map(Secret::new);
        typed.map_err(|source| UserError::Unreadable { place: "the terminal".to_owned(), source })
    };
    let first = ask(format!("Password for {name}: "))?;
    let again = ask("The same again: ".to_owned())?;
    if first == again { Ok(first) } else { Err(UserError::Differ) }
}

/// The first line without its end, of which no more is read than a password may have.
fn first_line(source: impl Read, place: &str) -> Result<Secret, UserError> {
    const LINE_BYTES_MAX: u64 = PASSWORD_BYTES_MAX as u64 + 3;
    let mut line = String::new();
    let mut bounded = BufReader::new(source).take(LINE_BYTES_MAX);
    let unreadable = |source| UserError::Unreadable { place: place.to_owned(), source };
    bounded.read_line(&mut line).map_err(unreadable)?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok(Secret::new(line.strip_suffix('\r').unwrap_or(line)))
}

#[cfg(test)]
mod tests;
