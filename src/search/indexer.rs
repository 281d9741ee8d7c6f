//! The one thread that feeds the index, beside the log: from hints, and from its own cursors what
//! it missed, or what came while it was off. Must never hold up anything else: whatever fails here
//! is tried again, and the server goes on.

use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ahash::HashSet;
use bytes::Bytes;
use packetboat_proto::content::Content;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::ChatId;
use tantivy::TantivyError;
use thiserror::Error;
use tokio::runtime::Handle;
use tracing::{info, warn};

use super::folder::Folder;
use super::hints::Hints;
use super::index::{Indexed, mark};
use super::open::{Open, OpenError};
use super::said::{Meaning, meaning_of, text_in};
use super::writer::Writer;
use crate::metrics::Metrics;
use crate::store::embedded::EmbeddedStore;
use crate::store::{Accounts, PageLimit, StoreError};

/// What is read of a log in one go.
pub(super) const READ: PageLimit = PageLimit { items: 512, bytes: 512 * 1024 };
/// Chats that are looked at in one go for whether they have grown.
const CHATS_PER_LOOK: usize = 64;
/// How often what has expired is removed. It is not found from the moment that its time is over.
const EXPIRE_EVERY: Duration = Duration::from_secs(10);
/// How long it waits when something failed, the first time and the longest.
const WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));
/// Failures after each other before the index is made anew.
const FAILURES_MAX: u32 = 3;
/// Free bytes of the disk below which nothing more is indexed: the logs go first.
const FREE_BYTES_MIN: u64 = 256 * 1024 * 1024;
/// Chats in a row that could not be read before it waits.
const UNREADABLE_MAX: usize = 1_000;

/// Why the index is not fed for now.
#[derive(Debug, Error)]
enum Fault {
    #[error("the index does not open: {0}")]
    Open(#[from] OpenError),
    #[error("the index: {0}")]
    Index(#[from] TantivyError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a panic: {0}")]
    Panic(String),
    #[error("a search could not read the index")]
    Suspect,
    #[error("the disk is nearly full")]
    DiskFull,
}

/// What the thread and the searches share.
pub struct Shared {
    pub(super) hints: Arc<Hints>,
    pub(super) metrics: Arc<Metrics>,
    open: RwLock<Option<Open>>,
    suspect: AtomicBool,
}

impl Shared {
    /// The index, if it is open.
    pub(super) fn open(&self) -> Option<Open> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_open(&self, open: Option<Open>) {
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = open;
    }

    /// A search found the index broken.
    pub(super) fn suspect(&self) {
        self.suspect.store(true, Ordering::Relaxed);
    }
}

/// The thread, for as long as this lives.
pub struct Indexer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Indexer {
    /// Starts it; it opens the index itself, which may take as long as it takes. What is gone from
    /// it leaves its files so long after that.
    pub fn start(
        store: EmbeddedStore,
        (data, erase_after): (&Path, Duration),
        hints: Arc<Hints>,
        metrics: Arc<Metrics>,
    ) -> io::Result<Self> {
        let shared = Shared { hints, metrics, open: RwLock::new(None), suspect: false.into() };
        let shared = Arc::new(shared);
        let feeding = Feeding {
            mark: mark(&store.secret()),
            store,
            runtime: Handle::current(),
            shared: Arc::clone(&shared),
            folder: Folder::in_data(data),
            erase_after,
        };
        let thread = std::thread::Builder::new().name("search-index".into());
        let thread = Some(thread.spawn(move || feeding.run())?);
        Ok(Self { shared, thread })
    }

    /// What the searches need of it.
    pub fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Has it commit what it has, and end; waits for that. A blocking call.
    pub fn stop(mut self) {
        self.shared.hints.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            warn!("the thread of the index panicked");
        }
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.shared.hints.stop();
    }
}

struct Feeding {
    store: EmbeddedStore,
    mark: String,
    runtime: Handle,
    shared: Arc<Shared>,
    folder: Folder,
    erase_after: Duration,
}

impl Feeding {
    fn run(self) {
        let (mut failures, mut wait) = (0, WAIT.0);
        loop {
            let commits = self.shared.metrics.search_commits.get();
            let fed = catch_unwind(AssertUnwindSafe(|| self.feed()));
            let fault = match fed {
                Ok(Ok(()) | Err(Fault::Store(StoreError::Stopped))) => break,
                Ok(Err(fault)) => fault,
                Err(panic) => Fault::Panic(said_by(&*panic)),
            };
            // What is in the index is found as long as nothing says that it is broken.
            if !matches!(fault, Fault::Store(_) | Fault::DiskFull) {
                self.shared.set_open(None);
            }
            self.shared.metrics.search_failures.one();
            let is_new = self.shared.metrics.search_commits.get() > commits;
            (failures, wait) = if is_new { (1, WAIT.0) } else { (failures + 1, wait) };
            warn!(%fault, "the index of search is not fed for now; messages go on");
            if is_to_go(&fault, failures) {
                failures = 0;
                match self.folder.remove() {
                    Ok(_) => info!("the index of search is made anew from the logs"),
                    Err(error) => warn!(%error, "the folder of the index cannot be removed"),
                }
            }
            if self.shared.hints.rest(wait) {
                break;
            }
            wait = (wait * 2).min(WAIT.1);
        }
        self.shared.set_open(None);
    }

    /// Feeds the index until it is to end.
    fn feed(&self) -> Result<(), Fault> {
        let writer = Writer::open(&self.folder, self.mark.clone(), self.erase_after)?;
        self.shared.suspect.store(false, Ordering::Relaxed);
        self.shared.set_open(Some(writer.open.clone()));
        Round {
            feeding: self,
            writer,
            grown: VecDeque::new(),
            waiting: HashSet::default(),
            // What came while it was off.
            look: Look::Behind(None),
            served: 0,
            expired: None,
            unreadable: 0,
        }
        .turn()
    }
}

/// Whether the index is to be made anew: it does not open, or it fails again and again.
fn is_to_go(fault: &Fault, failures: u32) -> bool {
    match fault {
        Fault::Open(error) => error.is_broken(),
        Fault::Suspect => true,
        Fault::Index(_) | Fault::Panic(_) => failures >= FAILURES_MAX,
        Fault::Store(_) | Fault::DiskFull => false,
    }
}

fn said_by(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// How far it is with looking at all chats.
enum Look {
    Done,
    /// At those behind this one.
    Behind(Option<ChatId>),
}

/// One life of the index, from when it was opened.
struct Round<'a> {
    feeding: &'a Feeding,
    writer: Writer,
    grown: VecDeque<ChatId>,
    waiting: HashSet<ChatId>,
    look: Look,
    served: u64,
    expired: Option<Instant>,
    unreadable: usize,
}

impl Round<'_> {
    fn turn(mut self) -> Result<(), Fault> {
        loop {
            let taken = self.feeding.shared.hints.take(self.pause(), self.served);
            if taken.stop {
                return self.commit();
            }
            if self.feeding.shared.suspect.load(Ordering::Relaxed) {
                return Err(Fault::Suspect);
            }
            taken.grown.into_iter().for_each(|chat| self.wait_for(chat));
            if taken.missed {
                self.look = Look::Behind(None);
            }
            self.step()?;
            if self.expired.is_none_or(|expired| expired.elapsed() >= EXPIRE_EVERY) {
                self.writer.expire(self.feeding.store.time_ms())?;
                self.expired = Some(Instant::now());
            }
            let is_awaited = self.is_idle() && taken.asked != self.served;
            if self.writer.time_left().is_zero() || is_awaited {
                self.commit()?;
            }
            self.erase()?;
            if self.is_idle() && !self.writer.has_changes() {
                self.served = taken.asked;
                self.feeding.shared.hints.serve(taken.asked);
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.grown.is_empty() && matches!(self.look, Look::Done)
    }

    /// How long it may wait for hints.
    fn pause(&self) -> Duration {
        let pause = match self.is_idle() {
            true if self.writer.has_changes() => self.writer.time_left(),
            true => EXPIRE_EVERY,
            false => Duration::ZERO,
        };
        pause.min(self.writer.erases_in().unwrap_or(pause))
    }

    fn commit(&mut self) -> Result<(), Fault> {
        let Feeding { runtime, store, shared, .. } = self.feeding;
        if self.writer.has_changes() {
            if runtime.block_on(store.free_bytes())?.is_some_and(|free| free < FREE_BYTES_MIN) {
                return Err(Fault::DiskFull);
            }
            self.writer.commit()?;
            shared.metrics.search_commits.one();
        }
        Ok(())
    }

    /// Goes on with having what is gone leave the files.
    fn erase(&mut self) -> Result<(), Fault> {
        let Feeding { runtime, store, .. } = self.feeding;
        let has_room = |bytes| match runtime.block_on(store.free_bytes()) {
            Ok(free) => free.is_none_or(|free| free >= FREE_BYTES_MIN.saturating_add(bytes)),
            Err(_) => false,
        };
        Ok(self.writer.erase(has_room)?)
    }

    fn wait_for(&mut self, chat: ChatId) {
        if self.waiting.insert(chat.clone()) {
            self.grown.push_back(chat);
        }
    }

    /// Reads some of a chat that has grown, or looks which ones have.
    fn step(&mut self) -> Result<(), Fault> {
        if let Some(chat) = self.grown.pop_front() {
            self.waiting.remove(&chat);
            return match self.read(&chat) {
                Ok(more) => {
                    self.unreadable = 0;
                    if more {
                        self.wait_for(chat);
                    }
                    Ok(())
                }
                // One chat that cannot be read does not keep the others from being found.
                Err(Fault::Store(error @ StoreError::Unreadable { .. })) => {
                    self.unreadable += 1;
                    warn!(%chat, %error, "a chat cannot be indexed");
                    let all = self.unreadable >= UNREADABLE_MAX;
                    if all { Err(Fault::Store(error)) } else { Ok(()) }
                }
                Err(other) => Err(other),
            };
        }
        let Look::Behind(after) = &self.look else { return Ok(()) };
        let Feeding { runtime, store, .. } = self.feeding;
        let logs = runtime.block_on(store.logs(after.clone(), CHATS_PER_LOOK))?;
        self.look = match logs.last() {
            Some((last, _)) => Look::Behind(Some(last.clone())),
            None => Look::Done,
        };
        for (chat, head) in logs {
            if self.writer.cursor(&chat)? != head {
                self.wait_for(chat);
            }
        }
        Ok(())
    }

    /// Reads some of a chat; whether there is more of it.
    fn read(&mut self, chat: &ChatId) -> Result<bool, Fault> {
        let Feeding { runtime, store, shared, .. } = self.feeding;
        let upto = self.writer.cursor(chat)?;
        let (head, page) = runtime.block_on(store.log(chat.clone(), upto, READ))?;
        if head < upto {
            // The store is an older one than the index is of.
            self.writer.forget(chat);
            return Ok(head > 0);
        }
        let Some(last) = page.items.last().map(|logged| logged.seq) else { return Ok(false) };
        for logged in &page.items {
            match meaning_of(&logged.body) {
                Meaning::Words { at_ms, text, expires_ms } => {
                    let (seq, text) = (logged.seq, &text);
                    self.writer.add(&Indexed { chat, seq, at_ms, expires_ms, text })?;
                }
                Meaning::Edits(seq) => self.renew(chat, seq)?,
                Meaning::Recalls(seq) => self.writer.remove(chat, seq),
                Meaning::Nothing => {}
            }
        }
        self.writer.moved(chat, last);
        shared.metrics.search_entries_read.add(page.items.len() as u64);
        Ok(page.more)
    }

    /// Puts what an entry says now in the place of what it said.
    fn renew(&mut self, chat: &ChatId, seq: u64) -> Result<(), Fault> {
        self.writer.remove(chat, seq);
        let Feeding { runtime, store, .. } = self.feeding;
        let Some(said) = runtime.block_on(store.said(chat.clone(), seq))? else { return Ok(()) };
        let times = times_of(&said.entry);
        if let (Some(text), Some((at_ms, expires_ms))) = (text_in(&said.newest), times) {
            self.writer.add(&Indexed { chat, seq, at_ms, expires_ms, text: &text })?;
        }
        Ok(())
    }
}

/// When an entry was stored, and when its time is over.
fn times_of(entry: &Bytes) -> Option<(u64, Option<u64>)> {
    let entry = Entry::decode(entry.clone()).ok()?;
    let (_, context) = Content::decode_whole(&entry.content, usize::MAX).ok()?;
    Some((entry.at_ms, context.expires_ms(entry.at_ms)))
}
