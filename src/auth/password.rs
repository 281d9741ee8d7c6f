//! Accounts with passwords: Argon2id hashes in the store. Must never say, nor show by the time it
//! takes, whether the user or the password was wrong.

use std::sync::Arc;

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordVerifier, Version};
use packetboat_proto::id::{DeviceId, UserId};
use packetboat_proto::limits::PASSWORD_BYTES_MAX;
use packetboat_proto::packet::Credential;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::auth::{Answer, AuthError, Authenticator, Secret, Vouched, kind_of};
use crate::store::{Account, Accounts};

/// Bytes of a hash in PHC form.
pub const HASH_BYTES_MAX: usize = 256;

/// What one check may cost at most, whoever made the hash.
const MEMORY_KIB_MAX: u32 = 256 * 1024;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 4;

/// Why something is no password for an account, or no hash of one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// It is empty, or has more bytes than the protocol carries.
    #[error("a password has 1 to {PASSWORD_BYTES_MAX} bytes, this one has {bytes}")]
    Length {
        /// The bytes that it has.
        bytes: usize,
    },
    /// The hash cannot be made.
    #[error("the password cannot be hashed: {0}")]
    Hash(argon2::password_hash::Error),
    /// It is no Argon2id hash in PHC form, or one that costs too much to check.
    #[error("not an Argon2id hash that this server takes")]
    NotAHash,
}

/// What a new hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for Cost {
    /// What OWASP advises for one lane: 19 MiB, twice over.
    fn default() -> Self {
        Self { memory_kib: Params::DEFAULT_M_COST, passes: Params::DEFAULT_T_COST }
    }
}

/// Hashes a password for an account. Takes its time: not for an asynchronous task.
pub fn hash(password: &Secret, cost: Cost) -> Result<String, PasswordError> {
    let bytes = password.expose().len();
    if !(1..=PASSWORD_BYTES_MAX).contains(&bytes) {
        return Err(PasswordError::Length { bytes });
    }
    let params = Params::new(cost.memory_kib, cost.passes, Params::DEFAULT_P_COST, None);
    let params = params.map_err(|error| PasswordError::Hash(error.into()))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(password.expose().as_bytes()).map_err(PasswordError::Hash)?;
    Ok(hash.to_string())
}

/// Checks that `text` is a hash which [`Passwords`] can check passwords by.
pub fn check_hash(text: &str) -> Result<(), PasswordError> {
    parse_hash(text).map(drop)
}

fn parse_hash(text: &str) -> Result<PasswordHash, PasswordError> {
    if text.len() > HASH_BYTES_MAX {
        return Err(PasswordError::NotAHash);
    }
    let hash = PasswordHash::new(text).map_err(|_| PasswordError::NotAHash)?;
    let params = Params::try_from(&hash).map_err(|_| PasswordError::NotAHash)?;
    let whole = hash.salt.is_some() && hash.hash.is_some();
    let fits = params.m_cost() <= MEMORY_KIB_MAX
        && params.t_cost() <= PASSES_MAX
        && params.p_cost() <= LANES_MAX;
    let ours = hash.algorithm == argon2::ARGON2ID_IDENT;
    (whole && fits && ours).then_some(hash).ok_or(PasswordError::NotAHash)
}

/// Checks passwords against the accounts of the store.
pub struct Passwords<A> {
    accounts: Arc<A>,
    /// One permit for each check at one time; the rest wait in order.
    permits: Arc<Semaphore>,
    /// Checked in place of the account's where there is none.
    decoy: Arc<str>,
}

impl<A: Accounts> Passwords<A> {
    /// At most `checks_at_once` of them at one time. Takes as long as a check.
    pub fn new(accounts: Arc<A>, checks_at_once: usize) -> Result<Self, PasswordError> {
        Self::with_cost(accounts, checks_at_once, Cost::default())
    }

    fn with_cost(
        accounts: Arc<A>,
        checks_at_once: usize,
        cost: Cost,
    ) -> Result<Self, PasswordError> {
        let decoy = hash(&Secret::new("nobody's"), cost)?.into();
        Ok(Self { accounts, permits: Arc::new(Semaphore::new(checks_at_once)), decoy })
    }

    async fn verify(&self, user: &UserId, password: &str) -> Result<Vouched, AuthError> {
        let failed = |detail: String| AuthError::Failed { detail };
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|closed| failed(closed.to_string()))?;
        let account = self.accounts.account(user.clone()).await?;
        let (hash, generation): (Arc<str>, _) = match account {
            Some(Account { hash, generation }) => (hash.into(), Some(generation)),
            None => (Arc::clone(&self.decoy), None),
        };
        let password = password.to_owned();
        let matches = spawn_blocking(move || {
            // Held by the work itself: who no longer waits for it does not make room for more.
            let _permit = permit;
            let hash = parse_hash(&hash)?;
            let verdict = Argon2::default().verify_password(password.as_bytes(), &hash);
            Ok::<_, PasswordError>(verdict.is_ok())
        });
        let matches = matches.await.map_err(|error| failed(error.to_string()))?;
        let matches = matches.map_err(|error| failed(format!("the account of {user}: {error}")))?;
        match generation {
            Some(generation) if matches => Ok(Vouched { generation, until_ms: None }),
            _ => Err(AuthError::BadPassword),
        }
    }
}

impl<A: Accounts> Authenticator for Passwords<A> {
    fn name(&self) -> &'static str {
        "password"
    }

    fn check<'a>(
        &'a self,
        user: &'a UserId,
        _device: &'a DeviceId,
        credential: &'a Credential,
    ) -> Answer<'a, Vouched> {
        Box::pin(async move {
            match credential {
                Credential::Password(password) if password.len() <= PASSWORD_BYTES_MAX => {
                    self.verify(user, password).await
                }
                Credential::Password(_) => Err(AuthError::BadPassword),
                other => Err(AuthError::WrongKind { got: kind_of(other), wanted: "password" }),
            }
        })
    }

    /// That of the account: a new password, or none any more, ends the tickets.
    fn generation<'a>(&'a self, user: &'a UserId) -> Answer<'a, Option<u64>> {
        Box::pin(async move {
            let account = self.accounts.account(user.clone()).await?;
            Ok(account.map(|account| account.generation))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::account_book::AccountBook;
    use crate::store::StoreError;

    const CHEAP: Cost = Cost { memory_kib: 8, passes: 1 };

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    fn password(text: &str) -> Credential {
        Credential::Password(text.to_owned())
    }

    async fn with_ann() -> (Arc<AccountBook>, Passwords<AccountBook>) {
        let book = Arc::new(AccountBook::default());
        let hashed = hash(&Secret::new("right"), CHEAP).unwrap();
        book.set_account(user("ann"), hashed, true).await.unwrap();
        let passwords = Passwords::with_cost(Arc::clone(&book), 1, CHEAP).unwrap();
        (book, passwords)
    }

    async fn check(
        passwords: &Passwords<AccountBook>,
        name: &str,
        credential: Credential,
    ) -> Result<Vouched, AuthError> {
        passwords.check(&user(name), &DeviceId::new("d").unwrap(), &credential).await
    }

    #[tokio::test]
    async fn the_right_password_is_taken_and_no_other() {
        let (_, passwords) = with_ann().await;
        let vouched = Vouched { generation: 1, until_ms: None };
        assert_eq!(check(&passwords, "ann", password("right")).await, Ok(vouched));
        for (name, text) in [("ann", "wrong"), ("ann", ""), ("bob", "right"), ("bob", "nobody's")] {
            let verdict = check(&passwords, name, password(text)).await;
            assert_eq!(verdict, Err(AuthError::BadPassword), "{name} {text}");
        }
        let long = password(&"x".repeat(PASSWORD_BYTES_MAX + 1));
        assert_eq!(check(&passwords, "ann", long).await, Err(AuthError::BadPassword));
    }

    #[tokio::test]
    async fn another_kind_of_credential_is_told_apart() {
        let (_, passwords) = with_ann().await;
        let wrong = AuthError::WrongKind { got: "open", wanted: "password" };
        assert_eq!(check(&passwords, "ann", Credential::Open).await, Err(wrong));
    }

    #[tokio::test]
    async fn the_generation_is_the_accounts() {
        let (book, passwords) = with_ann().await;
        assert_eq!(passwords.generation(&user("ann")).await, Ok(Some(1)));
        book.set_account(user("ann"), hash(&Secret::new("new"), CHEAP).unwrap(), false)
            .await
            .unwrap();
        assert_eq!(passwords.generation(&user("ann")).await, Ok(Some(2)));
        book.remove_account(user("ann")).await.unwrap();
        assert_eq!(passwords.generation(&user("ann")).await, Ok(None));
    }

    #[tokio::test]
    async fn a_store_that_does_not_answer_is_nobodys_fault() {
        let (book, passwords) = with_ann().await;
        book.stop();
        let stopped = AuthError::Store(StoreError::Stopped);
        assert_eq!(check(&passwords, "ann", password("right")).await, Err(stopped.clone()));
        assert_eq!(passwords.generation(&user("ann")).await, Err(stopped));
        let restarted = check(&passwords, "ann", password("right"));
        assert!(restarted.await.is_err(), "the permit was given back, or this would wait");
    }

    #[tokio::test]
    async fn a_hash_that_is_none_is_nobodys_fault() {
        let (book, passwords) = with_ann().await;
        book.set_account(user("ann"), "rubbish".to_owned(), false).await.unwrap();
        let verdict = check(&passwords, "ann", password("right")).await;
        assert!(matches!(verdict, Err(AuthError::Failed { .. })), "{verdict:?}");
    }

    #[tokio::test]
    async fn checks_beyond_the_bound_wait_and_all_are_answered() {
        let (_, passwords) = with_ann().await;
        let checks = (0..20).map(|_| check(&passwords, "ann", password("right")));
        let verdicts = futures_util::future::join_all(checks).await;
        assert!(verdicts.iter().all(Result::is_ok));
        assert_eq!(passwords.permits.available_permits(), 1);
    }

    #[test]
    fn a_hash_is_argon2id_of_a_bounded_cost() {
        let made = hash(&Secret::new("x"), Cost::default()).unwrap();
        assert!(made.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{made}");
        assert_eq!(check_hash(&made), Ok(()));
        for bad in [
            String::new(),
            "hunter2".to_owned(),
            made.replace("argon2id", "argon2i"),
            made.replace("m=19456", "m=4000000"),
            made.replace("t=2", "t=1000"),
            made[..made.rfind('$').unwrap()].to_owned(),
            "$".repeat(HASH_BYTES_MAX + 1),
        ] {
            assert_eq!(check_hash(&bad), Err(PasswordError::NotAHash), "{bad}");
        }
    }

    #[test]
    fn a_password_has_bytes_and_not_too_many() {
        let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
        for text in ["", long.as_str()] {
            let error = PasswordError::Length { bytes: text.len() };
            assert_eq!(hash(&Secret::new(text), CHEAP), Err(error));
        }
    }
}
