//! Who may come in: the words that an authenticator and its callers share. The built-in ones are
//! beside this file; a user of the library can bring another. Must never show a secret.

pub mod doorman;
pub mod open;
pub mod password;
pub mod ticket;
pub mod token;

#[cfg(test)]
pub(crate) mod account_book;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use packetboat_proto::code::CloseCode;
use packetboat_proto::id::{DeviceId, UserId};
use packetboat_proto::packet::Credential;
use thiserror::Error;

use crate::store::StoreError;

/// Text that is neither logged nor printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for what must have it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("(secret)")
    }
}

/// Which kind of credential it is.
pub const fn kind_of(credential: &Credential) -> &'static str {
    match credential {
        Credential::Open => "open",
        Credential::Password(_) => "password",
        Credential::Token(_) => "token",
        Credential::Ticket(_) => "ticket",
    }
}

/// What a check vouches for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vouched {
    /// What a ticket given now is bound to: see [`Authenticator::generation`].
    pub generation: u64,
    /// When the credential itself ends, in milliseconds of Unix time: a ticket ends no later.
    pub until_ms: Option<u64>,
}

/// An answer that is not there yet.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, AuthError>> + Send + 'a>>;

/// Decides whether a user is who they say.
pub trait Authenticator: Send + Sync + 'static {
    /// A name, in every ticket's signature: a ticket given under one authenticator is not good
    /// under another.
    fn name(&self) -> &'static str;

    /// Checks a credential, which is never a ticket. Must take about as long, and say the same,
    /// for a user that does not exist.
    fn check<'a>(
        &'a self,
        user: &'a UserId,
        device: &'a DeviceId,
        credential: &'a Credential,
    ) -> Answer<'a, Vouched>;

    /// The generation that the user's tickets must be of; `None`: none of them is good. It
    /// changes with whatever should end the tickets given before.
    fn generation<'a>(&'a self, user: &'a UserId) -> Answer<'a, Option<u64>>;
}

/// Why somebody may not come in. What it says can be told to the peer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AuthError {
    /// No such user, or another password.
    #[error("the user or the password is wrong")]
    BadPassword,
    /// The token is not good for this user here and now.
    #[error("the token is not accepted: {0}")]
    BadToken(TokenFault),
    /// The ticket is not good for this user and device here and now.
    #[error("the ticket is not accepted: come back with the full credential")]
    BadTicket,
    /// This server takes another kind.
    #[error("the credential is of the kind {got}, and this server takes {wanted}")]
    WrongKind {
        /// What was shown.
        got: &'static str,
        /// What would be right.
        wanted: &'static str,
    },
    /// Another authenticator says no.
    #[error("{reason}")]
    Refused {
        /// A sentence for the peer.
        reason: String,
    },
    /// The store did not answer.
    #[error("the credential cannot be checked now")]
    Store(#[from] StoreError),
    /// The check itself failed.
    #[error("the credential cannot be checked now")]
    Failed {
        /// What failed, for the operator's log.
        detail: String,
    },
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenFault {
    /// It is no JWT, or longer than it may be.
    #[error("it is no token")]
    Malformed,
    /// It names another algorithm than this server's.
    #[error("it is signed by another algorithm")]
    Algorithm,
    /// Its signature is not by the key.
    #[error("its signature is wrong")]
    Signature,
    /// It was good once.
    #[error("it has expired")]
    Expired,
    /// It will be good.
    #[error("it is not valid yet")]
    NotYet,
    /// It is for somebody else to accept.
    #[error("it is for another audience")]
    Audience,
    /// It is another user's.
    #[error("it is for another user")]
    Subject,
    /// It lacks `exp`, `sub`, or an `aud` that is asked for, or has one of another type.
    #[error("a claim is missing or malformed")]
    Claim,
}

impl AuthError {
    /// The code that the connection is closed with.
    pub const fn close_code(&self) -> CloseCode {
        match self {
            Self::BadPassword | Self::BadToken(_) | Self::Refused { .. } => {
                CloseCode::BadCredential
            }
            Self::BadTicket => CloseCode::BadTicket,
            Self::WrongKind { .. } => CloseCode::WrongCredentialKind,
            Self::Store(_) | Self::Failed { .. } => CloseCode::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_in_what_is_printed() {
        let secret = Secret::new("hush");
        assert_eq!(format!("{secret:?} {secret:#?}"), "(secret) (secret)");
        let credential = Credential::Password("hush".to_owned());
        assert!(!format!("{credential:?}").contains("hush"));
    }

    #[test]
    fn what_the_store_said_is_not_told_to_the_peer() {
        let error = AuthError::from(StoreError::Unreadable { detail: "/secret/path".to_owned() });
        assert_eq!(error.to_string(), "the credential cannot be checked now");
        assert_eq!(error.close_code(), CloseCode::Internal);
    }
}
