//! Opens stores for the tests, and says things in them in few words. Must never assert anything
//! that a test does not name.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use packetboat::store::agenda::Agenda;
use packetboat::store::backend::Backend;
use packetboat::store::embedded::{EmbeddedStore, Settings};
use packetboat::store::fjall::FjallBackend;
use packetboat::store::key::SAID;
use packetboat::store::memory::MemoryBackend;
use packetboat::store::packed::{PackedBackend, PackedSettings};
use packetboat::store::sled::SledBackend;
use packetboat::store::{
    Author, Claim, CursorMove, Draft, Effect, Outcome, Outlet, PageLimit, Start, Store, StoreError,
    Stretch,
};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{
    Alteration, Change, Content, Context, Erasure, GroupChange, RoomChange,
};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, DeviceId, MessageId, SessionId, UserId};
use tempfile::TempDir;

/// No limit that a test would meet.
pub(crate) const WIDE: PageLimit = PageLimit { items: 100_000, bytes: usize::MAX };
/// A cache that is small, so that tests read from the disk.
pub(crate) const CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// So few that rows are packed all the time.
pub(crate) const FRESH_BYTES: usize = 2_000;

/// Where a store can be opened again and again.
pub(crate) trait Bed {
    type Backend: Backend;

    fn backend(&self) -> Self::Backend;

    fn open_with(&self, settings: Settings) -> Opened {
        Opened::over(self.backend(), settings)
    }

    /// Takes from a backend whose power can be cut what it has not on its disk; it is dead then.
    fn cut_power(&self) {}

    fn open(&self) -> Opened {
        self.open_with(Settings::default())
    }
}

#[derive(Default)]
pub(crate) struct MemoryBed(pub(crate) MemoryBackend);

impl Bed for MemoryBed {
    type Backend = MemoryBackend;

    fn backend(&self) -> MemoryBackend {
        self.0.clone()
    }
}

pub(crate) struct SledBed(pub(crate) TempDir);

impl Default for SledBed {
    fn default() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl SledBed {
    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.0.path().join("data")
    }
}

impl Bed for SledBed {
    type Backend = PackedBackend<SledBackend>;

    fn backend(&self) -> PackedBackend<SledBackend> {
        let engine = SledBackend::open(&self.path(), CACHE_BYTES).unwrap();
        let settings = PackedSettings {
            fresh_bytes: FRESH_BYTES,
            erase_after: Duration::ZERO,
            apart: SAID,
            ..PackedSettings::default()
        };
        PackedBackend::open(engine, &self.path(), settings).unwrap()
    }
}

pub(crate) struct FjallBed(pub(crate) TempDir);

impl Default for FjallBed {
    fn default() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl FjallBed {
    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.0.path().join("data")
    }
}

impl Bed for FjallBed {
    type Backend = FjallBackend;

    fn backend(&self) -> FjallBackend {
        FjallBackend::open(&self.path(), CACHE_BYTES).unwrap()
    }
}

/// Collects effects.
#[derive(Clone, Default)]
pub(crate) struct Heard(pub(crate) Arc<Mutex<Vec<Effect>>>);

impl Outlet for Heard {
    fn release(&mut self, effects: Vec<Effect>) {
        self.0.lock().unwrap().extend(effects);
    }
}

/// A store under test, with its clock and what it released.
pub(crate) struct Opened {
    pub(crate) store: EmbeddedStore,
    pub(crate) heard: Heard,
    pub(crate) clock: Arc<AtomicU64>,
}

impl Deref for Opened {
    type Target = EmbeddedStore;

    fn deref(&self) -> &EmbeddedStore {
        &self.store
    }
}

impl Opened {
    /// Has the store do all that is due, step by step; how much that was.
    pub(crate) async fn do_all_due(&self) -> usize {
        let mut all = 0;
        loop {
            match self.do_due().await.unwrap() {
                0 => return all,
                done => all += done,
            }
        }
    }

    pub(crate) fn over(backend: impl Backend, settings: Settings) -> Self {
        let (heard, clock) = (Heard::default(), Arc::new(AtomicU64::new(1_000)));
        let time = Arc::clone(&clock);
        let clock_fn = Arc::new(move || time.load(Ordering::SeqCst));
        let store = EmbeddedStore::open(backend, settings, clock_fn, heard.clone()).unwrap();
        Self { store, heard, clock }
    }

    /// What was released since the last time.
    pub(crate) fn effects(&self) -> Vec<Effect> {
        std::mem::take(&mut *self.heard.0.lock().unwrap())
    }

    pub(crate) async fn send(&self, sender: &str, drafts: Vec<Draft>) -> Vec<Outcome> {
        self.store.append(author(sender), drafts).await.unwrap()
    }

    /// Sends one draft.
    pub(crate) async fn put(&self, sender: &str, draft: Draft) -> Outcome {
        self.send(sender, vec![draft]).await.remove(0)
    }

    /// Sends texts that must be stored.
    pub(crate) async fn say(&self, sender: &str, to: &str, texts: &[&str]) {
        let drafts = texts.iter().map(|text| draft(to, text)).collect();
        for outcome in self.send(sender, drafts).await {
            assert!(matches!(outcome, Outcome::Stored { .. }), "{outcome:?}");
        }
    }

    /// Changes a chat; the outcome is the caller's to judge.
    pub(crate) async fn change(
        &self,
        sender: &str,
        to: &str,
        change: impl Into<Change>,
    ) -> Outcome {
        self.put(sender, change_draft(to, change)).await
    }

    /// Changes a chat, which must succeed.
    pub(crate) async fn must(&self, sender: &str, to: &str, change: impl Into<Change>) {
        let outcome = self.change(sender, to, change).await;
        assert!(matches!(outcome, Outcome::Stored { .. }), "{outcome:?}");
    }

    pub(crate) async fn crew(&self, owner: &str, members: &[&str]) {
        self.must(owner, "group:crew", created(members)).await;
    }

    pub(crate) async fn claim(&self, name: &str, on: &str, start: Start) -> bool {
        Store::claim(&self.store, claim(name, on, start)).await.unwrap().new_device
    }

    pub(crate) async fn moved(
        &self,
        name: &str,
        on: &str,
        chat_id: &str,
        delivered: u64,
        read: u64,
    ) {
        let moves = vec![CursorMove { chat: chat(chat_id), delivered, read }];
        self.store.advance(user(name), device(on), moves).await.unwrap();
    }

    /// Everything that a device lags behind, as texts, by way of `lagging` and `stretches`.
    pub(crate) async fn missing(&self, name: &str, on: &str) -> Vec<(String, u64, String)> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let lagging = self.store.lagging(user(name), device(on), after, 3).await.unwrap();
            for lag in lagging.lags {
                let stretch = Stretch { chat: lag.chat, after: lag.delivered, upto: lag.head };
                let reads = self.store.stretches(user(name), vec![stretch], WIDE).await.unwrap();
                let [read] = reads.try_into().unwrap();
                assert_eq!(read.reached, lag.head);
                assert_eq!(read.entries.last().map(|entry| entry.seq), Some(lag.head));
                for logged in read.entries {
                    found.push((read.chat.to_string(), logged.seq, text_of(&logged.body)));
                }
            }
            match lagging.next {
                Some(next) => after = Some(next),
                None => return found,
            }
        }
    }

    /// The same without the chat and the seq.
    pub(crate) async fn missing_texts(&self, name: &str, on: &str) -> Vec<String> {
        self.missing(name, on).await.into_iter().map(|(_, _, text)| text).collect()
    }
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub(crate) fn users(names: &[&str]) -> Vec<UserId> {
    names.iter().map(|name| user(name)).collect()
}

pub(crate) fn device(name: &str) -> DeviceId {
    DeviceId::new(name).unwrap()
}

pub(crate) fn chat(id: &str) -> ChatId {
    ChatId::new(id).unwrap()
}

pub(crate) fn claim(name: &str, on: &str, start: Start) -> Claim {
    Claim::new(user(name), device(on), session(name), start)
}

pub(crate) fn session(name: &str) -> SessionId {
    let mut bytes = [0; 16];
    let length = name.len().min(16);
    bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
    SessionId::from(bytes)
}

pub(crate) fn author(name: &str) -> Author {
    Author { user: user(name), session: session(name) }
}

/// An id that no other call gave.
pub(crate) fn fresh_id() -> MessageId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    MessageId::from(bytes)
}

/// An id from a number below 2^63.
pub(crate) fn numbered_id(number: u64) -> MessageId {
    let mut bytes = [0xff; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    MessageId::from(bytes)
}

pub(crate) fn draft(to: &str, text: &str) -> Draft {
    content_draft(to, Content::text(text), Context::default())
}

/// A content in a context.
pub(crate) fn content_draft(to: &str, content: Content, context: Context) -> Draft {
    let bytes = content.encode_in(&context);
    Draft::new(chat(to), fresh_id(), bytes, (content, context))
}

pub(crate) fn with_id(draft: Draft, number: u64) -> Draft {
    Draft { id: numbered_id(number), ..draft }
}

pub(crate) fn change_draft(to: &str, change: impl Into<Change>) -> Draft {
    let content = match change.into() {
        Change::Group(change) => Content::Group(change),
        Change::Room(change) => Content::Room(change),
    };
    content_draft(to, content, Context::default())
}

pub(crate) fn created(members: &[&str]) -> GroupChange {
    GroupChange::Created { name: "Crew".into(), members: users(members) }
}

pub(crate) fn stored(seq: u64) -> Outcome {
    Outcome::Stored { seq, at_ms: 1_000 }
}

pub(crate) fn duplicate(seq: u64) -> Outcome {
    Outcome::Duplicate { seq, at_ms: 1_000 }
}

/// The code of a refused draft.
pub(crate) fn code(outcome: &Outcome) -> Option<RejectCode> {
    match outcome {
        Outcome::Refused(refusal) => Some(refusal.code),
        _ => None,
    }
}

/// What is said to people of why a draft is refused.
pub(crate) fn reason(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Refused(refusal) => &refusal.reason,
        other => panic!("not refused: {other:?}"),
    }
}

/// The code of a refused question.
pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> RejectCode {
    match answer {
        Err(StoreError::Refused(refusal)) => refusal.code,
        other => panic!("not refused: {other:?}"),
    }
}

/// A text, or the kind of change.
pub(crate) fn text_of(body: &Bytes) -> String {
    let entry = Entry::decode(body.clone()).unwrap();
    match Content::decode(&entry.content, usize::MAX).unwrap() {
        Content::Text(text) => text,
        Content::Group(GroupChange::Created { .. }) => "+group".into(),
        Content::Group(GroupChange::Added(_)) => "+user".into(),
        Content::Group(GroupChange::Removed(_)) => "-user".into(),
        Content::Group(GroupChange::Left { .. }) => "-self".into(),
        Content::Group(GroupChange::Renamed(_)) => "name".into(),
        Content::Group(GroupChange::Described { .. }) => "about".into(),
        Content::Group(GroupChange::RulesSet(_)) => "rules".into(),
        Content::Group(GroupChange::RolesGiven { .. }) => "roles".into(),
        Content::Group(GroupChange::OwnerChanged(_)) => "owner".into(),
        Content::Group(GroupChange::Muted { .. }) | Content::Room(RoomChange::Muted { .. }) => {
            "mute".into()
        }
        Content::Group(GroupChange::Dissolved) => "end".into(),
        Content::Group(GroupChange::Joined(_)) => "+self".into(),
        Content::Data { body, .. } => format!("{} bytes", body.len()),
        Content::Entry(Alteration::Edited { seq, .. }) => format!("edit {seq}"),
        Content::Entry(Alteration::Recalled { seq }) => format!("recall {seq}"),
        Content::Entry(Alteration::Reacted { seq, .. }) => format!("react {seq}"),
        Content::Entry(Alteration::Pinned { seq, .. }) => format!("pin {seq}"),
        Content::Erased(Erasure::Recalled { by }) => format!("erased by {by}"),
        Content::Erased(Erasure::Expired { of }) => format!("expired {of}"),
        Content::Room(RoomChange::Opened { .. }) => "+room".into(),
        Content::Room(RoomChange::Set { .. }) => "settings".into(),
        Content::Room(RoomChange::Moderators { .. }) => "moderators".into(),
        Content::File(sent) => sent.name,
    }
}
