//! The same commands against the store itself and against a running server. Must never read from
//! a terminal.

use std::convert::Infallible;
use std::sync::Arc;

use super::*;
use crate::auth::account_book::AccountBook;
use crate::auth::password::Passwords;
use crate::auth::{AuthError, Authenticator};
use crate::control::USERS_PER_ANSWER_MAX;
use crate::store::{Account, StoreError};
use packetboat_proto::id::DeviceId;
use packetboat_proto::packet::Credential;

/// The store as one process opens it after another: the accounts stay.
#[derive(Clone, Default)]
struct Shared(Arc<AccountBook>);

impl Accounts for Shared {
    async fn account(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        self.0.account(user).await
    }

    async fn set_account(&self, user: UserId, hash: String, new: bool) -> Result<(), StoreError> {
        self.0.set_account(user, hash, new).await
    }

    async fn remove_account(&self, user: UserId) -> Result<(), StoreError> {
        self.0.remove_account(user).await
    }

    async fn accounts(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        self.0.accounts(after, limit).await
    }

    fn secret(&self) -> [u8; 32] {
        self.0.secret()
    }
}

struct Bench {
    folder: tempfile::TempDir,
    accounts: Shared,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), accounts: Shared::default() }
    }

    fn data(&self) -> &Path {
        self.folder.path()
    }

    async fn run(&self, action: UserAction, typed: &[&str]) -> Result<String, UserError> {
        let mut out = Vec::new();
        let mut typed = typed.iter();
        let mut prompt =
            |_| typed.next().map(ToString::to_string).ok_or(io::ErrorKind::UnexpectedEof.into());
        let open = async || Ok::<_, Infallible>(self.accounts.clone());
        run_with(&action, self.data(), open, &mut prompt, &mut out).await?;
        Ok(String::from_utf8(out).unwrap())
    }

    async fn takes(&self, name: &str, password: &str) -> bool {
        let passwords = Passwords::new(Arc::clone(&self.accounts.0), 1).unwrap();
        let (user, device) = (UserId::new(name).unwrap(), DeviceId::new("d").unwrap());
        let credential = Credential::Password(password.to_owned());
        match passwords.check(&user, &device, &credential).await {
            Ok(_) => true,
            Err(AuthError::BadPassword) => false,
            Err(error) => panic!("{error}"),
        }
    }
}

fn named(name: &str) -> NewPassword {
    NewPassword { name: UserId::new(name).unwrap(), password_file: None }
}

fn from_file(name: &str, path: &Path) -> NewPassword {
    NewPassword { password_file: Some(path.to_owned()), ..named(name) }
}

fn is_refused(verdict: Result<String, UserError>, word: &str) -> bool {
    matches!(verdict, Err(UserError::Refused { reason }) if reason.contains(word))
}

async fn goes_through_a_life(bench: &Bench) {
    let add = || UserAction::Add(named("ann"));
    let passwd = || UserAction::Passwd(named("ann"));
    let remove = || UserAction::Remove { name: UserId::new("ann").unwrap() };
    assert!(is_refused(bench.run(passwd(), &["x", "x"]).await, "no such user"));
    assert_eq!(bench.run(add(), &["one", "one"]).await.unwrap(), "ann may come\n");
    assert!(bench.takes("ann", "one").await);
    assert!(is_refused(bench.run(add(), &["two", "two"]).await, "already"));
    bench.run(passwd(), &["two", "two"]).await.unwrap();
    assert!(bench.takes("ann", "two").await && !bench.takes("ann", "one").await);
    assert_eq!(bench.run(UserAction::List, &[]).await.unwrap(), "ann\n");
    bench.run(remove(), &[]).await.unwrap();
    assert!(!bench.takes("ann", "two").await);
    assert!(is_refused(bench.run(remove(), &[]).await, "no such user"));
    assert_eq!(bench.run(UserAction::List, &[]).await.unwrap(), "");
}

#[tokio::test]
async fn accounts_are_kept_in_the_store_where_no_server_runs() {
    goes_through_a_life(&Bench::new()).await;
}

#[cfg(unix)]
#[tokio::test]
async fn accounts_are_kept_by_the_server_where_one_runs() {
    let bench = Bench::new();
    let socket = socket::ControlSocket::bind(&bench.data().join(SOCKET_FILE)).unwrap();
    let (accounts, stats) = (Arc::new(bench.accounts.clone()), Arc::new(Vec::new));
    let server = tokio::spawn(socket.serve(accounts, stats, std::future::pending()));
    goes_through_a_life(&bench).await;
    let open = async || -> Result<Shared, &str> { panic!("the store is locked by the server") };
    run_with(&UserAction::List, bench.data(), open, &mut |_| panic!(), &mut Vec::new())
        .await
        .unwrap();
    server.abort();
}

#[tokio::test]
async fn passwords_that_differ_or_are_none_change_nothing() {
    let bench = Bench::new();
    let add = || UserAction::Add(named("ann"));
    assert!(matches!(bench.run(add(), &["one", "two"]).await, Err(UserError::Differ)));
    let empty = bench.run(add(), &["", ""]).await;
    assert!(matches!(empty, Err(UserError::Password(PasswordError::Length { bytes: 0 }))));
    assert!(matches!(bench.run(add(), &["x"]).await, Err(UserError::Unreadable { .. })));
    assert_eq!(bench.run(UserAction::List, &[]).await.unwrap(), "");
}

#[tokio::test]
async fn a_password_is_the_first_line_of_a_file() {
    let bench = Bench::new();
    let path = bench.data().join("password");
    let long = "x".repeat(PASSWORD_BYTES_MAX);
    for (name, text, password) in [
        ("a", "secret\n".to_owned(), "secret"),
        ("b", "secret".to_owned(), "secret"),
        ("c", " se cret \r\nmore\n".to_owned(), " se cret "),
        ("d", format!("{long}\r\n"), long.as_str()),
    ] {
        std::fs::write(&path, text).unwrap();
        bench.run(UserAction::Add(from_file(name, &path)), &[]).await.unwrap();
        assert!(bench.takes(name, password).await, "{name}");
    }
    for text in [vec![b'x'; PASSWORD_BYTES_MAX + 1], vec![], vec![0xff, b'\n']] {
        std::fs::write(&path, text).unwrap();
        assert!(bench.run(UserAction::Add(from_file("e", &path)), &[]).await.is_err());
    }
    let gone = bench.run(UserAction::Add(from_file("e", &bench.data().join("gone"))), &[]).await;
    assert!(matches!(gone, Err(UserError::Unreadable { .. })));
}

#[tokio::test]
async fn all_users_are_listed_however_many() {
    let bench = Bench::new();
    let count = 2 * USERS_PER_ANSWER_MAX;
    for number in 0..count {
        let user = UserId::new(&format!("u{number:05}")).unwrap();
        bench.accounts.set_account(user, String::new(), true).await.unwrap();
    }
    let listed = bench.run(UserAction::List, &[]).await.unwrap();
    assert_eq!(listed.lines().count(), count);
    assert!(listed.lines().is_sorted());
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_is_told_with_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let open = async || Err::<Shared, _>("it is locked");
    let verdict =
        run_with(&UserAction::List, folder.path(), open, &mut |_| panic!(), &mut Vec::new()).await;
    let error = verdict.unwrap_err().to_string();
    assert!(error.contains("it is locked") && error.contains(folder.path().to_str().unwrap()));
}
