//! Why a command fails, and what it exits with. Must never hold a credential.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use packetboat_client::{ConfigError, Ending, FileError, Lost, RequestError, SendError, Verdict};
use packetboat_proto::code::CloseCode;
use thiserror::Error;

/// Why a command fails.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The command line, or what the environment adds to it, makes no sense.
    #[error("{0}")]
    Usage(String),
    /// Nobody reads the output any more: not a failure of the command.
    #[error("nobody reads the output")]
    Unread,
    /// The output cannot be written.
    #[error("the output cannot be written: {0}")]
    Output(io::Error),
    /// The input cannot be read.
    #[error("the input cannot be read: {0}")]
    Input(io::Error),
    /// The terminal does not do what is asked of it.
    #[error("the terminal: {0}")]
    Terminal(io::Error),
    /// The runtime cannot be started.
    #[error("the runtime cannot be started: {0}")]
    Runtime(io::Error),
    /// The password is not to be had.
    #[error("the password file {}: {error}", path.display())]
    PasswordFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The client cannot be started.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The first connection could not be made.
    #[error("{server}: {why}")]
    NoConnection {
        /// The server.
        server: String,
        /// Why.
        why: Lost,
    },
    /// The server does not want this session.
    #[error("{}", ended(.0))]
    Ended(Ending),
    /// The server refuses what was asked.
    #[error("refused: {}", reason(.0))]
    Refused(Verdict),
    /// A question has no answer.
    #[error(transparent)]
    Request(RequestError),
    /// A file is not uploaded or saved.
    #[error(transparent)]
    File(FileError),
    /// Time is up.
    #[error("not done within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// Time is up, and the server has said what is in the way.
    #[error("not done within {} s: {}", limit.as_secs_f64(), reason(verdict))]
    PutOff {
        /// The time.
        limit: Duration,
        /// What is in the way.
        verdict: Verdict,
    },
    /// Some of many failed; each has been named already.
    #[error("{failed} of {total} not sent")]
    Some {
        /// How many.
        failed: u64,
        /// Of how many.
        total: u64,
    },
    /// It was told to stop before it was done.
    #[error("interrupted")]
    Interrupted,
}

impl Failure {
    /// What the process exits with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Unread => ExitCode::SUCCESS,
            Self::Usage(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }

    /// What is written about it to stderr.
    pub(crate) fn message(&self) -> Option<String> {
        match self {
            Self::Unread => None,
            failure => Some(failure.to_string()),
        }
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Refused(verdict) => Self::Refused(verdict),
            RequestError::Closed(ending) => Self::Ended(ending),
            error => Self::Request(error),
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Request(error) => error.into(),
            error => Self::File(error),
        }
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Rejected { verdict, .. } => Self::Refused(verdict),
            SendError::Closed { ending, .. } => Self::Ended(ending),
            SendError::Pending { .. } => Self::Usage(error.to_string()),
        }
    }
}

/// The verdict's code by name, with its sentence.
pub(crate) fn reason(verdict: &Verdict) -> String {
    let name = match verdict.reject_code() {
        Some(code) => code.name(),
        None => format!("code {}", verdict.code),
    };
    if verdict.reason.is_empty() { name } else { format!("{name}: {}", verdict.reason) }
}

/// Whether a newer session of the same device took this one's place.
pub(crate) fn is_replaced(ending: &Ending) -> bool {
    matches!(ending, Ending::Refused(verdict)
        if verdict.close_code() == Some(CloseCode::Replaced))
}

/// Whether the server lets no more devices of the user be connected at a time.
fn is_one_too_many(ending: &Ending) -> bool {
    matches!(ending, Ending::Refused(verdict) if matches!(
        verdict.close_code(),
        Some(CloseCode::Displaced | CloseCode::AnotherDevice)
    ))
}

fn ended(ending: &Ending) -> String {
    if is_replaced(ending) {
        return "another session of the same user and device took this one's place \
                (--device names another device)"
            .to_owned();
    }
    if is_one_too_many(ending) {
        return format!("{ending} (commands connect, too: `--help` says more at --device)");
    }
    ending.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use packetboat_proto::code::RejectCode;

    #[test]
    fn a_refusal_is_named_and_explained() {
        let verdict = Verdict::reject(RejectCode::NoSuchChat, "not yours", 0);
        assert_eq!(Failure::Refused(verdict).to_string(), "refused: NO_SUCH_CHAT: not yours");
    }

    #[test]
    fn what_was_in_the_way_is_told_when_time_is_up() {
        let verdict = Verdict::reject(RejectCode::StoreFull, "1% free", 0);
        let failure = Failure::PutOff { limit: Duration::from_secs(3), verdict };
        assert_eq!(failure.to_string(), "not done within 3 s: STORE_FULL: 1% free");
        assert_eq!(failure.exit_code(), ExitCode::FAILURE);
    }

    #[test]
    fn a_replaced_session_is_told_what_to_do() {
        let verdict = Verdict::close(CloseCode::Replaced, "", 0);
        let failure = Failure::Ended(Ending::Refused(verdict));
        assert!(failure.to_string().contains("--device"));
    }

    #[test]
    fn a_session_that_is_one_too_many_is_told_that_commands_count() {
        for code in [CloseCode::Displaced, CloseCode::AnotherDevice] {
            let verdict = Verdict::close(code, "no more may be here", 0);
            let text = Failure::Ended(Ending::Refused(verdict)).to_string();
            assert!(text.contains("no more may be here") && text.contains("--device"), "{text}");
        }
    }

    #[test]
    fn output_that_nobody_reads_is_no_failure() {
        assert_eq!(Failure::Unread.exit_code(), ExitCode::SUCCESS);
        assert_eq!(Failure::Unread.message(), None);
        assert_eq!(Failure::Usage("x".into()).exit_code(), ExitCode::from(2));
    }
}
