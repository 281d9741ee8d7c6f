//! Questions and answers over a real socket, and what must not get through it. Must never wait
//! for longer than a question may take.

use std::future::pending;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use packetboat_proto::id::UserId;

use super::*;
use crate::auth::Secret;
use crate::auth::account_book::AccountBook;
use crate::auth::password::{Cost, hash};
use crate::control::USERS_PER_ANSWER_MAX;

struct Served {
    folder: tempfile::TempDir,
    book: Arc<AccountBook>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Served {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = ControlSocket::bind(&folder.path().join(SOCKET_FILE)).unwrap();
        let book = Arc::new(AccountBook::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let accounts = Arc::clone(&book);
        let task = tokio::spawn(async move {
            let stats: TakeStats =
                Arc::new(|| vec![("b".to_owned(), u64::MAX), ("a".to_owned(), 0)]);
            socket.serve(accounts, stats, async move { drop(stopped.await) }).await;
        });
        Self { folder, book, stop, task }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(SOCKET_FILE)
    }

    async fn ask(&self, question: Question) -> Reply {
        assert!(is_served(&self.path()).await.unwrap());
        ask(&self.path(), &question).await.unwrap()
    }

    /// Sends bytes as they are, and gives all that comes back.
    async fn send(&self, bytes: &[u8]) -> String {
        let mut stream = UnixStream::connect(self.path()).await.unwrap();
        // The server may answer and hang up before it has read all.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }
}

fn set(user: &str, new: bool) -> Question {
    let hash = hash(&Secret::new("x"), Cost { memory_kib: 8, passes: 1 }).unwrap();
    Question::SetAccount { user: user.to_owned(), hash, new }
}

fn is_refused(reply: &Reply, word: &str) -> bool {
    matches!(reply, Reply::Refused { reason } if reason.contains(word))
}

#[tokio::test]
async fn accounts_are_made_changed_listed_and_removed() {
    let served = Served::start();
    let user = || UserId::new("ann").unwrap();
    assert_eq!(served.ask(set("ann", true)).await, Reply::Done);
    assert!(is_refused(&served.ask(set("ann", true)).await, "already"));
    assert_eq!(served.ask(set("ann", false)).await, Reply::Done);
    assert_eq!(served.book.account(user()).await.unwrap().unwrap().generation, 2);
    assert_eq!(served.ask(set("bob", true)).await, Reply::Done);
    let users = |users: &[&str]| Reply::Users {
        users: users.iter().map(ToString::to_string).collect(),
        more: false,
    };
    assert_eq!(served.ask(Question::Accounts { after: None }).await, users(&["ann", "bob"]));
    let after = Some("ann".to_owned());
    assert_eq!(served.ask(Question::Accounts { after }).await, users(&["bob"]));
    let remove = || Question::RemoveAccount { user: "ann".to_owned() };
    assert_eq!(served.ask(remove()).await, Reply::Done);
    assert!(is_refused(&served.ask(remove()).await, "no such user"));
    assert!(served.book.account(user()).await.unwrap().is_none());
}

#[tokio::test]
async fn the_longest_list_fits_a_line() {
    let served = Served::start();
    for number in 0..=USERS_PER_ANSWER_MAX {
        let user = UserId::new(&format!("{number:0>64}")).unwrap();
        served.book.set_account(user, String::new(), true).await.unwrap();
    }
    let Reply::Users { users, more } = served.ask(Question::Accounts { after: None }).await else {
        panic!("no users");
    };
    assert!(more && users.len() == USERS_PER_ANSWER_MAX);
    let rest = served.ask(Question::Accounts { after: users.last().cloned() }).await;
    assert!(matches!(rest, Reply::Users { users, more: false } if users.len() == 1));
}

#[tokio::test]
async fn numbers_are_told_whole_and_in_their_order() {
    let served = Served::start();
    let stats = vec![("b".to_owned(), u64::MAX), ("a".to_owned(), 0)];
    assert_eq!(served.ask(Question::Stats).await, Reply::Stats { stats });
}

#[tokio::test]
async fn without_a_server_there_are_no_numbers() {
    let reply = reply_to(Question::Stats, &AccountBook::default(), None).await;
    assert!(is_refused(&reply, "no server runs"));
}

#[tokio::test]
async fn what_is_no_question_is_refused_and_the_next_one_answered() {
    let served = Served::start();
    let long = vec![b'x'; LINE_BYTES_MAX + 1];
    let cases: [(&[u8], &str); 5] = [
        (b"rubbish\n", "not understood"),
        (b"{\"op\":\"shutdown\"}\n", "not understood"),
        (b"{\"op\":\"remove_account\",\"user\":\"a b\"}\n", "user id"),
        (b"{\"op\":\"set_account\",\"user\":\"a\",\"hash\":\"x\",\"new\":true}\n", "Argon2id"),
        (&long, ""),
    ];
    for (bytes, word) in cases {
        let answer = served.send(bytes).await;
        assert!(!answer.contains("done") && answer.contains(word), "{answer}");
    }
    assert_eq!(served.send(b"{\"op\":\"accounts\"").await, "");
    assert_eq!(served.ask(set("ann", true)).await, Reply::Done);
}

#[tokio::test]
async fn a_store_that_stopped_is_told() {
    let served = Served::start();
    served.book.stop();
    assert!(is_refused(&served.ask(set("ann", true)).await, "stopped"));
}

#[tokio::test]
async fn only_the_owner_may_open_the_socket_and_it_goes_with_the_server() {
    let served = Served::start();
    let mode = fs::metadata(served.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let path = served.path();
    served.stop.send(()).unwrap();
    served.task.await.unwrap();
    assert!(!path.exists());
    assert!(!is_served(&path).await.unwrap());
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced_and_one_in_use_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(SOCKET_FILE);
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(!is_served(&path).await.unwrap());
    let socket = ControlSocket::bind(&path).unwrap();
    assert!(matches!(ControlSocket::bind(&path), Err(ControlError::Taken { .. })));
    drop(socket);
    assert!(!path.exists());
}

#[tokio::test]
async fn what_is_no_socket_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(SOCKET_FILE);
    fs::write(&path, "precious").unwrap();
    assert!(matches!(ControlSocket::bind(&path), Err(ControlError::NotASocket { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    let nowhere = folder.path().join("no/folder");
    assert!(matches!(ControlSocket::bind(&nowhere), Err(ControlError::Io { .. })));
}

#[tokio::test]
async fn a_socket_of_a_later_server_is_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(SOCKET_FILE);
    let old = ControlSocket::bind(&path).unwrap();
    fs::rename(&path, folder.path().join("kept")).unwrap();
    let _new = ControlSocket::bind(&path).unwrap();
    drop(old);
    assert!(path.exists());
}

#[tokio::test(start_paused = true)]
async fn who_asks_nothing_is_hung_up_on_and_holds_nobody_up() {
    let served = Served::start();
    let mut idle = Vec::new();
    for _ in 0..QUESTIONS_MAX {
        idle.push(UnixStream::connect(served.path()).await.unwrap());
    }
    for mut stream in idle {
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    }
    assert_eq!(served.ask(set("ann", true)).await, Reply::Done);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(SOCKET_FILE);
    let silent = UnixListener::bind(&path).unwrap();
    let hold = tokio::spawn(async move {
        let _held = silent.accept().await.unwrap();
        pending::<()>().await;
    });
    let verdict = ask(&path, &Question::Accounts { after: None }).await;
    assert!(matches!(verdict, Err(ControlError::Silent { .. })));
    hold.abort();
}
