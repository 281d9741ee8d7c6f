//! The two halves of a commit: what gathers behind a batch, when it is applied, who is told.

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures_util::FutureExt;
use packetboat::store::embedded::{EmbeddedStore, Settings};
use packetboat::store::health::Failure;
use packetboat::store::memory::MemoryBackend;
use packetboat::store::{Effect, Outlet, Store, StoreError};
use tokio::time::timeout;

use crate::bed::{Opened, author, change_draft, created, draft, duplicate, stored};
use crate::faulty::Faulty;

const DM: &str = "dm:ann:bob";
/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_next_batch_gathers_while_one_is_synced_and_is_applied_behind_it() {
    let faulty = Faulty::new();
    let open = Opened::over(faulty.clone(), Settings::default());
    open.say("ann", DM, &["one"]).await;
    open.effects().await;
    let before = faulty.faults.commits.load(Ordering::SeqCst);
    faulty.hold();
    let (first, second) = (draft(DM, "two"), draft(DM, "three"));
    let mut synced = pin!(open.append(author("ann"), vec![first]));
    assert!(synced.as_mut().now_or_never().is_none());
    faulty.commit_waits().await;
    let reads = faulty.faults.reads.load(Ordering::SeqCst);
    let mut behind = pin!(open.append(author("bob"), vec![second.clone(), second]));
    assert!(behind.as_mut().now_or_never().is_none());
    faulty.reads_beyond(reads).await;
    // Bob's was looked up, so it was gathered, and nobody is told of either.
    assert_eq!(faulty.faults.commits.load(Ordering::SeqCst), before + 1);
    assert!(synced.as_mut().now_or_never().is_none() && behind.as_mut().now_or_never().is_none());
    assert_eq!(open.effects_yet(), []);
    faulty.let_go();
    assert_eq!(synced.await, Ok(vec![stored(2)]));
    assert_eq!(behind.await, Ok(vec![stored(3), duplicate(3)]));
    assert_eq!(faulty.faults.commits.load(Ordering::SeqCst), before + 2);
    assert_eq!(open.missing_texts("bob", "phone").await, ["one", "two", "three"]);
}

#[tokio::test]
async fn a_batch_that_gathered_behind_one_that_fails_is_answered_by_nobody() {
    let faulty = Faulty::new();
    let open = Opened::over(faulty.clone(), Settings::default());
    open.say("ann", DM, &["one"]).await;
    open.effects().await;
    faulty.hold();
    faulty.faults.fail_sync.store(true, Ordering::SeqCst);
    let mut synced = pin!(open.append(author("ann"), vec![draft(DM, "two")]));
    assert!(synced.as_mut().now_or_never().is_none());
    faulty.commit_waits().await;
    let reads = faulty.faults.reads.load(Ordering::SeqCst);
    let mut behind = pin!(open.append(author("bob"), vec![draft(DM, "three")]));
    assert!(behind.as_mut().now_or_never().is_none());
    faulty.reads_beyond(reads).await;
    let commits = faulty.faults.commits.load(Ordering::SeqCst);
    faulty.let_go();
    assert_eq!((synced.await, behind.await), (Err(StoreError::Stopped), Err(StoreError::Stopped)));
    let Failure::Commit { .. } = open.failed().await else { panic!("another reason") };
    open.close().await;
    // A close does not wait for threads that may be stuck; the flusher ends with the writer, and
    // then only this test has what was heard.
    while Arc::strong_count(&open.heard.0) > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(faulty.faults.commits.load(Ordering::SeqCst), commits, "nothing is applied behind");
    assert_eq!(open.effects().await, []);
}

#[tokio::test]
async fn what_comes_while_one_is_synced_waits_for_no_sync_more_than_the_next() {
    let faulty = Faulty::new();
    let open = Opened::over(faulty.clone(), Settings::default());
    open.say("ann", DM, &["one"]).await;
    let before = faulty.faults.commits.load(Ordering::SeqCst);
    faulty.hold();
    let mut synced = pin!(open.append(author("ann"), vec![draft(DM, "two")]));
    assert!(synced.as_mut().now_or_never().is_none());
    faulty.commit_waits().await;
    let mut behind = Vec::new();
    for number in 0..20 {
        let reads = faulty.faults.reads.load(Ordering::SeqCst);
        let other = draft(&format!("dm:ann:u{number}"), "hi");
        let mut answer = Box::pin(open.append(author("ann"), vec![other, draft(DM, "more")]));
        assert!(answer.as_mut().now_or_never().is_none());
        behind.push(answer);
        // The first is gathered for sure; the others may come while the writer waits.
        if number == 0 {
            faulty.reads_beyond(reads).await;
        }
    }
    faulty.let_go();
    assert_eq!(synced.await, Ok(vec![stored(2)]));
    for (answer, seq) in behind.into_iter().zip(3..) {
        assert_eq!(answer.await, Ok(vec![stored(1), stored(seq)]));
    }
    assert_eq!(faulty.faults.commits.load(Ordering::SeqCst), before + 2);
}

/// Takes its time to tell.
struct Slow(Duration);

impl Outlet for Slow {
    fn release(&mut self, _: Vec<Effect>) {
        std::thread::sleep(self.0);
    }
}

#[tokio::test]
async fn telling_many_takes_long_and_is_no_stall() {
    let settings = Settings { stall_ms: 500, ..Settings::default() };
    let (clock, slow) = (Arc::new(|| 1_000), Slow(Duration::from_millis(700)));
    let store = EmbeddedStore::open(Faulty::new(), settings, clock, slow).unwrap();
    let first = store.append(author("ann"), vec![draft(DM, "one")]);
    let second = store.append(author("bob"), vec![draft(DM, "two")]);
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_ok() && second.is_ok(), "{first:?}, {second:?}");
    let third = store.append(author("bob"), vec![draft(DM, "three")]).await;
    assert_eq!(third, Ok(vec![stored(3)]));
    assert!(store.failed().now_or_never().is_none());
}

/// Says when it is to tell something, and waits until it is let.
struct Held(mpsc::Sender<()>, mpsc::Receiver<()>);

impl Outlet for Held {
    fn release(&mut self, _: Vec<Effect>) {
        // Nobody is there any more when the test has failed.
        let _ = self.0.send(());
        let _ = self.1.recv();
    }
}

#[tokio::test]
async fn an_answer_waits_for_what_changes_who_hears_and_for_nothing_else() {
    let ((tells, told), (go_on, held)) = (mpsc::channel(), mpsc::channel());
    let (memory, clock) = (MemoryBackend::default(), Arc::new(|| 1_000));
    let held = Held(tells, held);
    let store = EmbeddedStore::open(memory, Settings::default(), clock, held).unwrap();
    let said = store.append(author("ann"), vec![draft(DM, "one")]);
    let said = timeout(PATIENCE, said).await.expect("nothing is told yet");
    assert_eq!(said, Ok(vec![stored(1)]));
    let group = change_draft("group:crew", created(&["bob"]));
    let mut made = pin!(store.append(author("ann"), vec![group]));
    assert!(made.as_mut().now_or_never().is_none());
    go_on.send(()).unwrap();
    for _ in 0..2 {
        told.recv_timeout(PATIENCE).unwrap();
    }
    assert!(made.as_mut().now_or_never().is_none(), "they do not hear of it yet");
    go_on.send(()).unwrap();
    let made = timeout(PATIENCE, made).await.expect("now they do");
    assert_eq!(made, Ok(vec![stored(1)]));
}
