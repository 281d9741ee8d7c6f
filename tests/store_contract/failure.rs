//! What happens when a backend fails, hangs, or has no room: nobody is told a lie. The backends
//! here are memory with a fault in it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt;
use packetboat::store::backend::{Backend, BackendError};
use packetboat::store::batch::{Batch, VALUE_BYTES_MAX};
use packetboat::store::embedded::{EmbeddedStore, Settings};
use packetboat::store::health::Failure;
use packetboat::store::key;
use packetboat::store::memory::MemoryBackend;
use packetboat::store::opening::OpenError;
use packetboat::store::{Claimed, Edge, Effect, Outcome, Start, Store, StoreError};
use packetboat_proto::code::RejectCode;

use crate::bed::{
    Bed, FjallBed, Heard, MemoryBed, Opened, SledBed, WIDE, author, chat, claim, code, device,
    draft, duplicate, stored, text_of, user,
};
use crate::faulty::Faulty;

const DM: &str = "dm:ann:bob";

#[tokio::test]
async fn a_failed_commit_stops_the_store_and_answers_nobody() {
    let faulty = Faulty::new();
    let open = Opened::over(faulty.clone(), Settings::default());
    open.say("ann", DM, &["before"]).await;
    open.effects();
    faulty.faults.fail.store(true, Ordering::SeqCst);
    let sends = (0..8).map(|_| open.append(author("ann"), vec![draft(DM, "lost")]));
    for answer in futures_util::future::join_all(sends).await {
        assert_eq!(answer, Err(StoreError::Stopped));
    }
    let Failure::Commit { detail, .. } = open.failed().await else { panic!("another reason") };
    assert!(detail.contains("no space left"), "{detail}");
    faulty.faults.fail.store(false, Ordering::SeqCst);
    let commits = faulty.faults.commits.load(Ordering::SeqCst);
    assert_eq!(
        open.append(author("ann"), vec![draft(DM, "later")]).await,
        Err(StoreError::Stopped)
    );
    let history = open.history(user("ann"), chat(DM), Edge::After(0), WIDE).await;
    assert_eq!(history, Err(StoreError::Stopped));
    open.close().await;
    assert_eq!(faulty.faults.commits.load(Ordering::SeqCst), commits, "it is not used again");
    assert_eq!(open.effects(), []);
    let open = Opened::over(faulty, Settings::default());
    assert_eq!(open.missing_texts("bob", "phone").await, ["before"]);
    assert_eq!(open.put("ann", draft(DM, "again")).await, stored(2));
}

#[tokio::test]
async fn a_panic_in_the_engine_stops_the_store() {
    let faulty = Faulty::new();
    let open = Opened::over(faulty.clone(), Settings::default());
    faulty.faults.panic.store(true, Ordering::SeqCst);
    assert_eq!(open.append(author("ann"), vec![draft(DM, "lost")]).await, Err(StoreError::Stopped));
    let Failure::Panicked { detail } = open.failed().await else { panic!("another reason") };
    assert!(detail.contains("a fault in the engine"), "{detail}");
}

#[tokio::test]
async fn an_engine_that_panics_at_its_end_takes_nothing_with_it() {
    let faulty = Faulty::new();
    let open = Opened::over(faulty.clone(), Settings::default());
    open.say("ann", DM, &["before"]).await;
    faulty.faults.panic_at_drop.store(true, Ordering::SeqCst);
    open.close().await;
    assert!(!faulty.faults.panic_at_drop.load(Ordering::SeqCst), "it panicked");
    assert_eq!(open.append(author("ann"), Vec::new()).await, Err(StoreError::Stopped));
    let told = open.failed().now_or_never();
    let Some(Failure::Close { detail }) = told else { panic!("whoever stops it is not told") };
    assert!(detail.contains("as sled's drop does"), "{detail}");
}

#[tokio::test]
async fn an_engine_that_fails_as_a_store_is_opened_is_not_dropped() {
    let faulty = Faulty::new();
    faulty.faults.fail.store(true, Ordering::SeqCst);
    // It is this clone's drop that would panic, as sled's does where a sync fails.
    faulty.faults.panic_at_drop.store(true, Ordering::SeqCst);
    let (clock, heard) = (Arc::new(|| 1_000), Heard::default());
    let opened = EmbeddedStore::open(faulty.clone(), Settings::default(), clock, heard);
    assert!(matches!(opened, Err(OpenError::Backend(_))));
    faulty.faults.panic_at_drop.store(false, Ordering::SeqCst);
}

#[tokio::test]
async fn an_engine_that_never_ends_its_first_commit_does_not_keep_a_start() {
    let faulty = Faulty::new();
    faulty.hold();
    let settings = Settings { stall_ms: 500, ..Settings::default() };
    let (clock, heard) = (Arc::new(|| 1_000), Heard::default());
    let opened = EmbeddedStore::open(faulty.clone(), settings, clock, heard);
    assert!(matches!(opened, Err(OpenError::Stalled { elapsed_ms: 500 })));
    faulty.let_go();
}

#[tokio::test]
async fn a_value_that_is_too_large_is_refused_by_every_backend() {
    let (sled, fjall) = (SledBed::default(), FjallBed::default());
    let backends: [Box<dyn Backend>; 3] =
        [Box::new(MemoryBackend::default()), Box::new(sled.backend()), Box::new(fjall.backend())];
    for backend in backends {
        let mut batch = Batch::default();
        batch.put(b"x".to_vec(), vec![0; VALUE_BYTES_MAX]);
        backend.commit(batch.clone()).unwrap();
        batch.put(b"y".to_vec(), vec![0; VALUE_BYTES_MAX + 1]);
        let error = backend.commit(batch).unwrap_err();
        assert!(matches!(error, BackendError::ValueTooLarge { bytes: 4_097 }), "{error}");
    }
}

#[tokio::test]
async fn a_stalled_commit_stops_the_store_although_its_thread_is_stuck() {
    let faulty = Faulty::new();
    let settings = Settings { stall_ms: 500, ..Settings::default() };
    let open = Opened::over(faulty.clone(), settings);
    faulty.hold();
    let mine = draft(DM, "stuck");
    let answer = open.append(author("ann"), vec![mine.clone()]).await;
    assert_eq!(answer, Err(StoreError::Stopped));
    let failure = open.failed().await;
    let Failure::Stalled { elapsed_ms, operations, commands, .. } = failure else {
        panic!("another reason: {failure}")
    };
    assert!(elapsed_ms >= 500 && operations > 0 && commands == 1, "{failure}");
    assert_eq!(open.append(author("ann"), vec![mine]).await, Err(StoreError::Stopped));
    open.close().await;
    faulty.let_go();
    while Arc::strong_count(&open.heard.0) > 1 {
        // The committer's thread has the other one until it ends.
        tokio::task::yield_now().await;
    }
    assert_eq!(open.effects(), [], "what ends after it was given up is not told");
}

#[tokio::test]
async fn waiting_for_room_longer_than_a_commit_may_take_is_no_stall() {
    let faulty = Faulty::new();
    let settings = Settings { stall_ms: 500, ..Settings::default() };
    let open = Opened::over(faulty.clone(), settings);
    faulty.faults.room_ms.store(2_000, Ordering::SeqCst);
    let answer = open.append(author("ann"), vec![draft(DM, "late")]).await;
    assert!(matches!(answer.as_deref(), Ok([Outcome::Stored { seq: 1, .. }])), "{answer:?}");
}

#[tokio::test]
async fn many_slow_commands_at_once_are_no_stall() {
    let faulty = Faulty::new();
    let settings = Settings { stall_ms: 1_000, ..Settings::default() };
    let open = Opened::over(faulty.clone(), settings);
    open.claim("ann", "phone", Start::Everything).await;
    faulty.faults.scan_ms.store(50, Ordering::SeqCst);
    // Each scans the user's groups and writes nothing, so that one batch would hold all of them.
    let claims = (0..50).map(|_| open.store.claim(claim("ann", "phone", Start::Everything)));
    for claimed in futures_util::future::join_all(claims).await {
        assert_eq!(claimed, Ok(Claimed { new_device: false, has_chats: false, number: 1 }));
    }
    open.close().await;
}

#[tokio::test]
async fn a_claim_that_nobody_waits_for_any_more_costs_nothing() {
    let faulty = Faulty::new();
    let open = Opened::over(faulty.clone(), Settings::default());
    faulty.faults.reads_held.store(true, Ordering::SeqCst);
    let (store, reads) = (open.store.clone(), faulty.faults.reads.load(Ordering::SeqCst));
    let first = draft(DM, "first");
    let first = tokio::spawn(async move { store.append(author("ann"), vec![first]).await });
    faulty.reads_beyond(reads).await;
    let claim = claim("bob", "phone", Start::Everything);
    assert_eq!(open.store.claim(claim).now_or_never(), None, "it is queued, and given up");
    faulty.faults.reads_held.store(false, Ordering::SeqCst);
    assert_eq!(first.await.unwrap().unwrap(), [stored(1)]);
    open.say("ann", DM, &["second"]).await;
    assert!(!open.effects().iter().any(|effect| matches!(effect, Effect::Claimed { .. })));
    assert!(open.claim("bob", "phone", Start::Everything).await, "the device is new");
    open.close().await;
}

#[tokio::test]
async fn what_is_not_durable_is_not_shown() {
    let faulty = Faulty::new();
    let open = Opened::over(faulty.clone(), Settings::default());
    open.say("ann", DM, &["durable"]).await;
    open.claim("bob", "phone", Start::Everything).await;
    open.effects();
    faulty.hold();
    let (store, twice) = (open.store.clone(), draft(DM, "on its way"));
    let again = twice.clone();
    let first = tokio::spawn(async move { store.append(author("ann"), vec![twice]).await });
    faulty.commit_waits().await;
    let store = open.store.clone();
    let second = tokio::spawn(async move { store.append(author("ann"), vec![again]).await });
    for _ in 0..3 {
        assert_eq!(open.missing_texts("bob", "phone").await, ["durable"]);
        let page = open.history(user("bob"), chat(DM), Edge::Before(0), WIDE).await.unwrap();
        assert_eq!(page.items.len(), 1);
        let view = open.chat(user("bob"), device("phone"), chat(DM)).await.unwrap();
        assert_eq!((view.head, view.unread), (1, 1));
    }
    assert!(!first.is_finished() && !second.is_finished());
    assert_eq!(open.effects(), []);
    faulty.let_go();
    assert_eq!(first.await.unwrap().unwrap(), [stored(2)]);
    assert_eq!(second.await.unwrap().unwrap(), [duplicate(2)]);
    assert_eq!(open.missing_texts("bob", "phone").await, ["durable", "on its way"]);
    open.close().await;
}

#[tokio::test]
async fn a_full_disk_refuses_what_is_new_and_nothing_else() {
    let faulty = Faulty::new();
    faulty.faults.free.store(1_000_000, Ordering::SeqCst);
    let reserve = |disk_reserve_bytes| Settings { disk_reserve_bytes, ..Settings::default() };
    let open = Opened::over(faulty.clone(), reserve(1_000_000));
    let mine = draft(DM, "in time");
    assert_eq!(open.put("ann", mine.clone()).await, stored(1));
    open.close().await;
    let open = Opened::over(faulty, reserve(1_000_001));
    assert_eq!(code(&open.put("ann", draft(DM, "too late")).await), Some(RejectCode::StoreFull));
    assert_eq!(open.put("ann", mine).await, duplicate(1));
    assert!(open.claim("bob", "phone", Start::Everything).await);
    assert_eq!(open.missing_texts("bob", "phone").await, ["in time"]);
    open.moved("bob", "phone", DM, 1, 1).await;
    assert_eq!(open.missing_texts("bob", "phone").await, Vec::<String>::new());
    open.close().await;
}

#[tokio::test]
async fn a_closed_store_finishes_what_was_queued_and_then_stops() {
    let bed = MemoryBed::default();
    let open = bed.open();
    let sends: Vec<_> = (0..50)
        .map(|number| {
            let store = open.store.clone();
            let text = number.to_string();
            tokio::spawn(async move { store.append(author("ann"), vec![draft(DM, &text)]).await })
        })
        .collect();
    tokio::task::yield_now().await;
    open.close().await;
    let mut accepted = 0;
    for send in sends {
        match send.await.unwrap() {
            Ok(outcomes) => accepted += outcomes.len(),
            Err(error) => assert_eq!(error, StoreError::Stopped),
        }
    }
    assert_eq!(open.append(author("ann"), Vec::new()).await, Err(StoreError::Stopped));
    let again = bed.open();
    assert_eq!(again.missing_texts("bob", "phone").await.len(), accepted);
    open.close().await;
    again.close().await;
}

fn opened(backend: impl Backend) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(backend, Settings::default(), Arc::new(|| 1), Heard::default())
}

async fn newer_format_is_refused(bed: impl Bed) {
    bed.open().close().await;
    let mut batch = Batch::default();
    batch.put(key::format(), 7_u64.to_be_bytes().to_vec());
    bed.backend().commit(batch).unwrap();
    let Err(error) = opened(bed.backend()) else { panic!("it was opened") };
    assert!(matches!(error, OpenError::NewerFormat { found: 7, known: 1 }), "{error}");
    let said = error.to_string();
    assert!(said.contains("format 7") && said.contains("up to 1"), "{said}");
}

#[tokio::test]
async fn a_newer_format_is_refused_by_name() {
    newer_format_is_refused(MemoryBed::default()).await;
    newer_format_is_refused(SledBed::default()).await;
    newer_format_is_refused(FjallBed::default()).await;
}

#[tokio::test]
async fn rows_of_something_else_are_left_alone() {
    let backend = MemoryBackend::default();
    let mut batch = Batch::default();
    batch.put(b"theirs".to_vec(), b"precious".to_vec());
    backend.commit(batch).unwrap();
    let Err(error) = opened(backend.clone()) else { panic!("it was opened") };
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    assert_eq!(backend.get(b"theirs").unwrap().as_deref(), Some(&b"precious"[..]));
}

#[tokio::test]
async fn a_damaged_row_is_an_error_and_no_panic() {
    let bed = MemoryBed::default();
    let open = bed.open();
    open.say("ann", DM, &["1", "2", "3"]).await;
    let mut batch = Batch::default();
    batch.remove(key::entry(&chat(DM), 2, 0));
    bed.0.commit(batch).unwrap();
    let history = open.history(user("ann"), chat(DM), Edge::After(0), WIDE).await;
    let Err(StoreError::Unreadable { detail }) = history else { panic!("{history:?}") };
    assert!(detail.contains("no entry 2"), "{detail}");
    let page = open.history(user("ann"), chat(DM), Edge::After(2), WIDE).await.unwrap();
    assert_eq!(text_of(&page.items[0].body), "3");
    let mut batch = Batch::default();
    batch.put(key::place(&user("bob"), &chat(DM)), vec![0xff; 9]);
    bed.0.commit(batch).unwrap();
    let lagging = open.lagging(user("bob"), device("phone"), None, 9).await;
    assert!(matches!(lagging, Err(StoreError::Unreadable { .. })), "{lagging:?}");
    open.close().await;
}
