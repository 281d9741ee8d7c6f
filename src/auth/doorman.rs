//! Lets a user in: by a credential, which the authenticator checks, or by a ticket that one got
//! before. Must never ask the authenticator twice for one connection, nor read a clock.
//!
//! A ticket that was shown is given back as it is, not prolonged: a check is good for one ticket's
//! life, and a stolen ticket for no longer.

use std::sync::Arc;

use packetboat_proto::id::{DeviceId, UserId};
use packetboat_proto::packet::Credential;
use thiserror::Error;

use crate::auth::open::Open;
use crate::auth::password::{PasswordError, Passwords};
use crate::auth::ticket::{Bearer, Standing, Ticket, TicketOffice};
use crate::auth::token::{KeyError, Tokens};
use crate::auth::{AuthError, Authenticator, Vouched};
use crate::config::settings::{AuthKind, AuthSettings};
use crate::store::Accounts;

/// Why there is nobody at the door.
#[derive(Debug, Error)]
pub enum DoormanError {
    /// The key of the tokens.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The hashing of passwords.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Tokens are to be checked, and no key is named.
    #[error("auth.token_key is not set")]
    NoTokenKey,
}

/// By what a user may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// A credential that was checked.
    Vouched(Vouched),
    /// A ticket, if the device is still the one of that number.
    Ticket {
        /// It.
        ticket: Ticket,
        /// The number.
        device: u64,
    },
}

impl Admitted {
    /// The number that the device must have still.
    pub const fn device(&self) -> Option<u64> {
        match self {
            Self::Vouched(_) => None,
            Self::Ticket { device, .. } => Some(*device),
        }
    }
}

/// Checks whoever comes.
pub struct Doorman {
    authenticator: Box<dyn Authenticator>,
    tickets: Option<TicketOffice>,
}

impl Doorman {
    /// With an authenticator of one's own. Tickets live `ticket_ms` and are signed by `secret`;
    /// 0 gives none, and takes none.
    pub fn new(authenticator: Box<dyn Authenticator>, secret: &[u8; 32], ticket_ms: u64) -> Self {
        let name = authenticator.name();
        let tickets = (ticket_ms > 0).then(|| TicketOffice::new(secret, name, ticket_ms));
        Self { authenticator, tickets }
    }

    /// With the built-in authenticator that the settings name. Reads the key of tokens, and takes
    /// as long as a password check: call it before serving.
    pub fn from_settings<A: Accounts>(
        settings: &AuthSettings,
        accounts: &Arc<A>,
    ) -> Result<Self, DoormanError> {
        let authenticator: Box<dyn Authenticator> = match settings.kind {
            AuthKind::Open => Box::new(Open),
            AuthKind::Password => {
                Box::new(Passwords::new(Arc::clone(accounts), settings.checks_at_once)?)
            }
            AuthKind::Token => Box::new(tokens(settings)?),
        };
        Ok(Self::new(authenticator, &accounts.secret(), settings.ticket_ms))
    }

    /// Finds what is wrong with the files that the settings name, without a store.
    pub fn check(settings: &AuthSettings) -> Result<(), DoormanError> {
        match settings.kind {
            AuthKind::Open | AuthKind::Password => Ok(()),
            AuthKind::Token => tokens(settings).map(drop),
        }
    }

    /// Whether `user` may come in with `credential`, at `now_ms` of Unix time.
    pub async fn admit(
        &self,
        user: &UserId,
        device: &DeviceId,
        credential: &Credential,
        now_ms: u64,
    ) -> Result<Admitted, AuthError> {
        let bearer = Bearer { user, device };
        if let Credential::Ticket(bytes) = credential {
            let tickets = self.tickets.as_ref().ok_or(AuthError::BadTicket)?;
            let note = tickets.check(bearer, bytes, now_ms).ok_or(AuthError::BadTicket)?;
            if self.authenticator.generation(user).await? != Some(note.standing.generation) {
                return Err(AuthError::BadTicket);
            }
            let ticket = Ticket { bytes: bytes.clone(), expires_ms: note.expires_ms };
            return Ok(Admitted::Ticket { ticket, device: note.standing.device });
        }
        Ok(Admitted::Vouched(self.authenticator.check(user, device, credential).await?))
    }

    /// The ticket for the next time of one who was let in, on a device of that number; `None` where
    /// the operator gives none.
    pub fn ticket(
        &self,
        bearer: Bearer<'_>,
        admitted: Admitted,
        number: u64,
        now_ms: u64,
    ) -> Option<Ticket> {
        let Vouched { generation, until_ms } = match admitted {
            Admitted::Ticket { ticket, .. } => return Some(ticket),
            Admitted::Vouched(vouched) => vouched,
        };
        let standing = Standing { generation, device: number };
        let ticket = self.tickets.as_ref()?.issue(bearer, standing, until_ms, now_ms);
        // A token within its leeway has ended by the clock: its ticket would never be good.
        Some(ticket).filter(|ticket| ticket.expires_ms > now_ms)
    }
}

fn tokens(settings: &AuthSettings) -> Result<Tokens, DoormanError> {
    let path = settings.token_key.as_deref().ok_or(DoormanError::NoTokenKey)?;
    let audience = settings.token_audience.as_deref();
    Ok(Tokens::from_file(settings.token_algorithm, path, audience, settings.token_leeway_s)?)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::auth::account_book::AccountBook;
    use crate::auth::password::{Cost, hash};
    use crate::auth::{Answer, Secret, Vouched};

    const NOW: u64 = 1_700_000_000_000;
    const NUMBER: u64 = 6;
    const CHEAP: Cost = Cost { memory_kib: 8, passes: 1 };

    struct Names {
        user: UserId,
        device: DeviceId,
    }

    fn ann() -> Names {
        Names { user: UserId::new("ann").unwrap(), device: DeviceId::new("phone").unwrap() }
    }

    async fn admit(
        doorman: &Doorman,
        credential: &Credential,
        now_ms: u64,
    ) -> Result<Option<Ticket>, AuthError> {
        let Names { user, device } = ann();
        let admitted = doorman.admit(&user, &device, credential, now_ms).await?;
        let bearer = Bearer { user: &user, device: &device };
        Ok(doorman.ticket(bearer, admitted, NUMBER, now_ms))
    }

    fn settings(kind: AuthKind) -> AuthSettings {
        AuthSettings { kind, ticket_ms: 1_000, ..AuthSettings::default() }
    }

    async fn set_password(book: &AccountBook, text: &str, new: bool) {
        let hashed = hash(&Secret::new(text), CHEAP).unwrap();
        book.set_account(ann().user, hashed, new).await.unwrap();
    }

    #[tokio::test]
    async fn a_ticket_spares_the_check_and_is_given_back_as_it_is() {
        let book = Arc::new(AccountBook::default());
        let doorman = Doorman::from_settings(&settings(AuthKind::Open), &book).unwrap();
        let ticket = admit(&doorman, &Credential::Open, NOW).await.unwrap().unwrap();
        assert_eq!(ticket.expires_ms, NOW + 1_000);
        let Names { user, device } = ann();
        let shown = Credential::Ticket(ticket.bytes.clone());
        let admitted = doorman.admit(&user, &device, &shown, NOW).await.unwrap();
        assert_eq!(admitted.device(), Some(NUMBER), "the device must be the same still");
        let shown = Credential::Ticket(ticket.bytes.clone());
        assert_eq!(admit(&doorman, &shown, NOW + 999).await, Ok(Some(ticket)));
        assert_eq!(admit(&doorman, &shown, NOW + 1_000).await, Err(AuthError::BadTicket));
    }

    #[tokio::test]
    async fn a_new_password_or_none_ends_the_tickets() {
        let book = Arc::new(AccountBook::default());
        set_password(&book, "one", true).await;
        let doorman = Doorman::from_settings(&settings(AuthKind::Password), &book).unwrap();
        let by_password = |text| Credential::Password(String::from(text));
        let first = admit(&doorman, &by_password("one"), NOW).await.unwrap().unwrap();
        let first = Credential::Ticket(first.bytes);
        assert!(admit(&doorman, &first, NOW).await.is_ok());

        set_password(&book, "two", false).await;
        assert_eq!(admit(&doorman, &first, NOW).await, Err(AuthError::BadTicket));
        let second = admit(&doorman, &by_password("two"), NOW).await.unwrap().unwrap();
        let second = Credential::Ticket(second.bytes);
        assert!(admit(&doorman, &second, NOW).await.is_ok());

        book.remove_account(ann().user).await.unwrap();
        assert_eq!(admit(&doorman, &second, NOW).await, Err(AuthError::BadTicket));
        set_password(&book, "two", true).await;
        assert_eq!(admit(&doorman, &second, NOW).await, Err(AuthError::BadTicket));
    }

    #[tokio::test]
    async fn an_open_ticket_is_not_good_once_passwords_are_asked_for() {
        let book = Arc::new(AccountBook::default());
        set_password(&book, "one", true).await;
        let open = Doorman::from_settings(&settings(AuthKind::Open), &book).unwrap();
        let ticket = admit(&open, &Credential::Open, NOW).await.unwrap().unwrap();
        let shown = Credential::Ticket(ticket.bytes);
        let password = Doorman::from_settings(&settings(AuthKind::Password), &book).unwrap();
        assert_eq!(admit(&password, &shown, NOW).await, Err(AuthError::BadTicket));
    }

    #[tokio::test]
    async fn without_tickets_none_is_given_and_none_is_taken() {
        let book = Arc::new(AccountBook::default());
        let with = Doorman::from_settings(&settings(AuthKind::Open), &book).unwrap();
        let ticket = admit(&with, &Credential::Open, NOW).await.unwrap().unwrap();
        let none = AuthSettings { ticket_ms: 0, ..settings(AuthKind::Open) };
        let without = Doorman::from_settings(&none, &book).unwrap();
        assert_eq!(admit(&without, &Credential::Open, NOW).await, Ok(None));
        let shown = Credential::Ticket(ticket.bytes);
        assert_eq!(admit(&without, &shown, NOW).await, Err(AuthError::BadTicket));
    }

    #[tokio::test]
    async fn a_store_that_does_not_answer_is_not_a_bad_ticket() {
        let book = Arc::new(AccountBook::default());
        set_password(&book, "one", true).await;
        let doorman = Doorman::from_settings(&settings(AuthKind::Password), &book).unwrap();
        let credential = Credential::Password("one".to_owned());
        let ticket = admit(&doorman, &credential, NOW).await.unwrap().unwrap();
        book.stop();
        let verdict = admit(&doorman, &Credential::Ticket(ticket.bytes), NOW).await;
        assert!(matches!(verdict, Err(AuthError::Store(_))), "{verdict:?}");
    }

    #[tokio::test]
    async fn an_authenticator_of_ones_own_decides() {
        struct Gate;
        impl Authenticator for Gate {
            fn name(&self) -> &'static str {
                "gate"
            }
            fn check<'a>(
                &'a self,
                user: &'a UserId,
                _device: &'a DeviceId,
                _credential: &'a Credential,
            ) -> Answer<'a, Vouched> {
                Box::pin(async move {
                    match user.as_str() {
                        "ann" => Ok(Vouched { generation: 9, until_ms: Some(NOW + 5) }),
                        _ => Err(AuthError::Refused { reason: "no".to_owned() }),
                    }
                })
            }
            fn generation<'a>(&'a self, _user: &'a UserId) -> Answer<'a, Option<u64>> {
                Box::pin(async { Ok(Some(9)) })
            }
        }
        let doorman = Doorman::new(Box::new(Gate), &[1; 32], 1_000);
        let ticket = admit(&doorman, &Credential::Open, NOW).await.unwrap().unwrap();
        assert_eq!(ticket.expires_ms, NOW + 5);
        assert_eq!(admit(&doorman, &Credential::Open, NOW + 5).await, Ok(None));
        let bob = UserId::new("bob").unwrap();
        let verdict = doorman.admit(&bob, &ann().device, &Credential::Open, NOW).await;
        assert_eq!(verdict, Err(AuthError::Refused { reason: "no".to_owned() }));
        let garbage = Credential::Ticket(Bytes::from_static(b"garbage"));
        assert_eq!(admit(&doorman, &garbage, NOW).await, Err(AuthError::BadTicket));
    }

    #[test]
    fn tokens_without_a_key_are_refused_at_the_start() {
        let book = Arc::new(AccountBook::default());
        let error = Doorman::from_settings(&settings(AuthKind::Token), &book).err().unwrap();
        assert!(matches!(error, DoormanError::NoTokenKey));
        let checked = Doorman::check(&settings(AuthKind::Token));
        assert!(matches!(checked, Err(DoormanError::NoTokenKey)));
        assert!(Doorman::check(&settings(AuthKind::Password)).is_ok());
    }
}
