//! The two halves of a commit: what gathers behind a batch, when it is applied, who is told.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use packetboat::store::embedded::{EmbeddedStore, Settings};
use packetboat::store::health::Failure;
use packetboat::store::{Effect, Outlet, Store, StoreError};

use crate::bed::{Opened, author, draft, duplicate, stored};
use crate::faulty::Faulty;

const DM: &str = "dm:ann:bob";

#[tokio::test]
async fn the_next_batch_gathers_while_one_is_synced_and_is_applied_behind_it() {
    let faulty = Faulty::new();
    let open = Opened::over(faulty.clone(), Settings::default());
    open.say("ann", DM, &["one"]).await;
    open.effects();
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
    assert_eq!(open.effects(), []);
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
    open.effects();
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
    assert_eq!(open.effects(), []);
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
