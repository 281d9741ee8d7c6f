//! The embedded store: one node's messages in one backend. Writes go to the committer's threads,
//! reads to blocking threads. Must never call a backend on a thread of the async runtime.

mod agenda;
mod device;
mod file;
mod keys;
mod receipt;
#[cfg(feature = "search")]
mod search;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use packetboat_proto::content::JoinProof;
use packetboat_proto::id::{ChatId, DeviceId, UserId};
use packetboat_proto::limits::BODY_BYTES_DEFAULT;
use packetboat_proto::packet::{GroupCard, Invitation, JoinRequest, OwnPage};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::act::{Act, Acted};
use super::backend::Backend;
use super::committer::{Committer, Parts, Writing};
use super::crew::Crew;
#[cfg(feature = "proof")]
use super::crew::Pace;
use super::health::{Failure, Health};
use super::horizon::Horizon;
use super::job::Job;
use super::opening::{FirstRows, OpenError, SECRET_BYTES, prepare};
use super::reader::Reader;
use super::rules::{Rules, RulesError, within};
use super::tallies::Tallies;
use super::{
    Account, Accounts, Author, ChatView, Claim, Claimed, CursorMove, Draft, Edge, LagPage, Logged,
    MemberView, Outcome, Outlet, Page, PageLimit, Profile, Read, RecentChats, Relation, RoomView,
    Store, StoreError, Stretch, Thread, Visibility,
};

/// Reads that are under way at once, unless the operator sets another number.
pub const READERS_DEFAULT: usize = 16;
/// The lowest and the highest value for that.
pub const READERS_BOUNDS: (u64, u64) = (1, 512);
/// Bytes that may be queued for the committer, unless the operator sets another number.
pub const QUEUE_BYTES_DEFAULT: usize = 64 * 1024 * 1024;
/// The lowest and the highest value for that.
pub const QUEUE_BYTES_BOUNDS: (u64, u64) = (1024 * 1024, 1024 * 1024 * 1024);
/// Chats whose ends are kept at hand, unless the operator sets another number.
pub const CHATS_CACHED_DEFAULT: usize = 1_000_000;
/// The lowest and the highest value for that.
pub const CHATS_CACHED_BOUNDS: (u64, u64) = (1, 100_000_000);
/// Milliseconds that a commit may take, unless the operator sets another number.
pub const STALL_MS_DEFAULT: u64 = 5_000;
/// The lowest and the highest value for that.
pub const STALL_MS_BOUNDS: (u64, u64) = (100, 600_000);
/// Bytes of the disk that are kept free, unless the operator sets another number.
pub const DISK_RESERVE_BYTES_DEFAULT: u64 = 64 * 1024 * 1024;

/// Tells the time, in milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What the operator may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Of the ledger.
    pub rules: Rules,
    /// Milliseconds after which a commit counts as stalled, and the process is to end.
    pub stall_ms: u64,
    /// Bytes of free space below which nothing new is stored.
    pub disk_reserve_bytes: u64,
    /// Bytes that may be queued for the committer, or on their way to the disk. A command counts
    /// for 4 KiB at least, so that their number is bounded too.
    pub queue_bytes: usize,
    /// Chats whose ends are kept at hand, at least; up to twice as many are. Each takes about
    /// 250 bytes, and one that is not at hand two reads for its next entry.
    pub chats_cached: usize,
    /// Reads that are under way at once, each on a thread.
    pub readers: usize,
    /// Bytes of the largest body that entries are taken for: see [`EmbeddedStore::body_max`].
    pub body_max: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            stall_ms: STALL_MS_DEFAULT,
            disk_reserve_bytes: DISK_RESERVE_BYTES_DEFAULT,
            queue_bytes: QUEUE_BYTES_DEFAULT,
            chats_cached: CHATS_CACHED_DEFAULT,
            readers: READERS_DEFAULT,
            body_max: BODY_BYTES_DEFAULT,
        }
    }
}

impl Settings {
    /// Checks the bounds.
    pub fn check(&self) -> Result<(), RulesError> {
        let (lowest, highest) = STALL_MS_BOUNDS;
        within("stall_ms", self.stall_ms, lowest, highest)?;
        let (lowest, highest) = QUEUE_BYTES_BOUNDS;
        within("queue_bytes", self.queue_bytes as u64, lowest, highest)?;
        let (lowest, highest) = CHATS_CACHED_BOUNDS;
        within("chats_cached", self.chats_cached as u64, lowest, highest)?;
        let (lowest, highest) = READERS_BOUNDS;
        within("readers", self.readers as u64, lowest, highest)?;
        self.rules.check()
    }
}

/// A store over a backend. Clones are cheap, and are the same store.
#[derive(Clone)]
pub struct EmbeddedStore {
    shared: Arc<Shared>,
}

struct Shared {
    committer: Committer,
    health: Arc<Health>,
    horizon: Arc<Horizon>,
    /// Taken away by `close`.
    reader: RwLock<Option<Arc<Reader>>>,
    reads: Arc<Semaphore>,
    reads_waited: AtomicU64,
    readers: u32,
    tallies: Tallies,
    clock: Clock,
    crew: Crew,
    secret: [u8; SECRET_BYTES],
    body_max: u32,
}

impl EmbeddedStore {
    /// Opens a store, or makes an empty one. It is a blocking call.
    pub fn open(
        backend: impl Backend,
        settings: Settings,
        clock: Clock,
        outlet: impl Outlet,
    ) -> Result<Self, OpenError> {
        Self::open_with(backend, settings, clock, outlet, Crew::Threads)
    }

    /// The same on tasks of the current runtime, in simulated time.
    #[cfg(feature = "proof")]
    pub fn open_at(
        pace: Arc<dyn Pace>,
        backend: impl Backend,
        settings: Settings,
        clock: Clock,
        outlet: impl Outlet,
    ) -> Result<Self, OpenError> {
        Self::open_with(backend, settings, clock, outlet, Crew::Tasks(pace))
    }

    fn open_with(
        backend: impl Backend,
        settings: Settings,
        clock: Clock,
        outlet: impl Outlet,
        crew: Crew,
    ) -> Result<Self, OpenError> {
        settings.check()?;
        let backend: Arc<dyn Backend> = Arc::new(backend);
        let stall = Duration::from_millis(settings.stall_ms);
        let FirstRows { secret, body_max } = prepare(&backend, settings.body_max, stall)?;
        let (horizon, health) = (Arc::new(Horizon::default()), Arc::new(Health::default()));
        let parts = Parts {
            backend: Arc::clone(&backend),
            horizon: Arc::clone(&horizon),
            health: Arc::clone(&health),
            writing: Writing {
                rules: settings.rules,
                chats_cached: settings.chats_cached,
                clock: Arc::clone(&clock),
                stall,
                disk_reserve_bytes: settings.disk_reserve_bytes,
            },
            outlet: Box::new(outlet),
            stall,
            queue_bytes: settings.queue_bytes,
        };
        let committer = Committer::start(parts, &crew).map_err(OpenError::Thread)?;
        let reader = RwLock::new(Some(Arc::new(Reader::new(backend, Arc::clone(&horizon)))));
        let reads = Arc::new(Semaphore::new(settings.readers));
        let readers = u32::try_from(settings.readers).expect("its bounds are checked");
        let shared = Shared {
            committer,
            health,
            horizon,
            reader,
            reads,
            reads_waited: AtomicU64::new(0),
            readers,
            tallies: Tallies::default(),
            clock,
            crew,
            secret,
            body_max,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Bytes of the largest body that this store was ever opened for. What it holds may need as
    /// much to be delivered, also after an operator has set less.
    pub fn body_max(&self) -> u32 {
        self.shared.body_max
    }

    /// Resolves once the store has stopped for good, with the reason; the process is to end then.
    /// It never resolves for a store that works, nor for one that was closed well.
    pub async fn failed(&self) -> Failure {
        self.shared.health.failed().await
    }

    /// Commands, and the bytes that they count for, that are queued or on their way to the disk.
    pub fn queued(&self) -> (usize, usize) {
        self.shared.committer.queued()
    }

    /// How many writes had to wait for room in the queue, and how many reads for a thread.
    pub fn waited(&self) -> (u64, u64) {
        let reads = self.shared.reads_waited.load(Ordering::Relaxed);
        (self.shared.committer.waited(), reads)
    }

    /// Finishes what is queued, lets the reads end, and gives the backend free, so that it may be
    /// opened again. From here on the store answers `Stopped`.
    pub async fn close(&self) {
        let shared = Arc::clone(&self.shared);
        let closed = spawn_blocking(move || shared.committer.close()).await;
        closed.expect("the close of a committer does not panic");
        // All permits at once: no read is under way any more, nor will be.
        let reads = self.shared.reads.acquire_many(self.shared.readers).await;
        let reader = self.shared.reader.write().unwrap_or_else(PoisonError::into_inner).take();
        let gone = spawn_blocking(move || drop(reader)).await;
        self.shared.reads.close();
        drop(reads);
        // All that was accepted is durable: an engine that cannot end well takes nothing away. But
        // its disk has failed, and whoever stops the server is to know.
        if let Err(error) = gone {
            self.shared.health.fail(Failure::Close { detail: error.to_string() });
        }
    }

    fn now_ms(&self) -> u64 {
        (self.shared.clock)()
    }

    /// A read that may find a recall that is not durable yet; it is done again once that is.
    async fn settled<T: Send + 'static>(
        &self,
        read: impl Fn(&Reader) -> Result<Option<T>, StoreError> + Clone + Send + 'static,
    ) -> Result<T, StoreError> {
        loop {
            let cleared = self.shared.horizon.cleared();
            if let Some(found) = self.read(read.clone()).await? {
                return Ok(found);
            }
            tokio::select! {
                biased;
                () = cleared => {}
                _ = self.shared.health.failed() => return Err(StoreError::Stopped),
            }
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if self.shared.reads.available_permits() == 0 {
            self.shared.reads_waited.fetch_add(1, Ordering::Relaxed);
        }
        let permit = Arc::clone(&self.shared.reads).acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Stopped)?;
        if self.shared.health.has_failed() {
            return Err(StoreError::Stopped);
        }
        let reader = self.shared.reader.read().unwrap_or_else(PoisonError::into_inner).clone();
        let reader = reader.ok_or(StoreError::Stopped)?;
        // The permit goes along: a read whose caller has gone counts until it ends.
        let done = self.shared.crew.run(move || {
            let result = read(&reader);
            drop(reader);
            drop(permit);
            result
        });
        done.await.unwrap_or_else(|error| Err(StoreError::Unreadable { detail: error.to_string() }))
    }
}

impl Store for EmbeddedStore {
    async fn append(&self, author: Author, drafts: Vec<Draft>) -> Result<Vec<Outcome>, StoreError> {
        let outcomes = Vec::with_capacity(drafts.len());
        let job = |answer| Job::Append { author, drafts, outcomes, answer };
        self.shared.committer.ask(job).await
    }

    async fn advance(
        &self,
        user: UserId,
        device: DeviceId,
        moves: Vec<CursorMove>,
    ) -> Result<(), StoreError> {
        let job = |answer| Job::Advance { user, device, moves, done: 0, answer };
        self.shared.committer.ask(job).await
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        let claim = Box::new(claim);
        Ok(self.shared.committer.ask(|answer| Job::Claim { claim, after: None, answer }).await??)
    }

    async fn release(&self, user: UserId, device: DeviceId) -> Result<(), StoreError> {
        self.shared.committer.ask(|answer| Job::Release { user, device, answer }).await
    }

    async fn lagging(
        &self,
        user: UserId,
        device: DeviceId,
        after: Option<ChatId>,
        limit: usize,
    ) -> Result<LagPage, StoreError> {
        self.read(move |reader| reader.lagging(&user, &device, after.as_ref(), limit)).await
    }

    async fn stretches(
        &self,
        user: UserId,
        stretches: Vec<Stretch>,
        limit: PageLimit,
    ) -> Result<Vec<Read>, StoreError> {
        let now_ms = self.now_ms();
        let read = move |reader: &Reader| reader.stretches(&user, stretches.clone(), limit, now_ms);
        self.settled(read).await
    }

    async fn history(
        &self,
        user: UserId,
        chat: ChatId,
        edge: Edge,
        limit: PageLimit,
    ) -> Result<Page<Logged>, StoreError> {
        let now_ms = self.now_ms();
        self.settled(move |reader| reader.history(&user, &chat, edge, limit, now_ms)).await
    }

    async fn pins(&self, user: UserId, chat: ChatId) -> Result<Vec<u64>, StoreError> {
        self.read(move |reader| reader.pins(&user, &chat)).await
    }

    async fn thread(
        &self,
        user: UserId,
        thread: Thread,
        limit: PageLimit,
    ) -> Result<Page<Logged>, StoreError> {
        let now_ms = self.now_ms();
        self.settled(move |reader| reader.thread(&user, &thread, limit, now_ms)).await
    }

    async fn chats(
        &self,
        user: UserId,
        device: DeviceId,
        after: Option<ChatId>,
        limit: usize,
    ) -> Result<Page<ChatView>, StoreError> {
        let now_ms = self.now_ms();
        self.read(move |reader| reader.chats(&user, &device, after.as_ref(), limit, now_ms)).await
    }

    async fn recent(
        &self,
        user: UserId,
        device: DeviceId,
        asked: RecentChats,
    ) -> Result<Page<ChatView>, StoreError> {
        let now_ms = self.now_ms();
        self.read(move |reader| reader.recent(&user, &device, &asked, now_ms)).await
    }

    async fn chat(
        &self,
        user: UserId,
        device: DeviceId,
        chat: ChatId,
    ) -> Result<ChatView, StoreError> {
        let now_ms = self.now_ms();
        self.read(move |reader| reader.chat(&user, &device, chat, now_ms)).await
    }

    async fn members(
        &self,
        user: UserId,
        chat: ChatId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Page<MemberView>, StoreError> {
        self.read(move |reader| reader.members(&user, &chat, after.as_ref(), limit)).await
    }

    async fn act(&self, user: UserId, act: Act) -> Result<Acted, StoreError> {
        Ok(self.shared.committer.ask(|answer| Job::Act { user, act, answer }).await??)
    }

    async fn own_changes(
        &self,
        user: UserId,
        after: u64,
        limit: PageLimit,
    ) -> Result<OwnPage, StoreError> {
        self.settled(move |reader| reader.own_changes(&user, after, limit)).await
    }

    async fn card(
        &self,
        user: UserId,
        chat: ChatId,
        proof: Option<JoinProof>,
    ) -> Result<GroupCard, StoreError> {
        self.read(move |reader| reader.card(&user, &chat, proof.as_ref())).await
    }

    async fn invitations(&self, user: UserId, chat: ChatId) -> Result<Vec<Invitation>, StoreError> {
        self.read(move |reader| reader.invitations(&user, &chat)).await
    }

    async fn join_requests(
        &self,
        user: UserId,
        chat: ChatId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Page<JoinRequest>, StoreError> {
        self.read(move |reader| reader.join_requests(&user, &chat, after.as_ref(), limit)).await
    }

    async fn room(&self, user: UserId, room: ChatId) -> Result<RoomView, StoreError> {
        self.read(move |reader| reader.room(&user, &room)).await
    }

    async fn profiles(&self, users: Vec<UserId>) -> Result<Vec<Profile>, StoreError> {
        self.read(move |reader| reader.profiles(&users)).await
    }

    async fn relations(
        &self,
        viewer: UserId,
        users: Vec<UserId>,
    ) -> Result<Vec<Relation>, StoreError> {
        self.read(move |reader| reader.relations(&viewer, &users)).await
    }

    async fn set_profile(
        &self,
        user: UserId,
        status: String,
        visible_to: Visibility,
    ) -> Result<(), StoreError> {
        let job = |answer| Job::SetProfile { user, status, visible_to, answer };
        Ok(self.shared.committer.ask(job).await??)
    }
}

impl Accounts for EmbeddedStore {
    async fn account(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        self.read(move |reader| reader.account(&user)).await
    }

    async fn set_account(&self, user: UserId, hash: String, new: bool) -> Result<(), StoreError> {
        let job = |answer| Job::SetAccount { user, hash, new, answer };
        Ok(self.shared.committer.ask(job).await??)
    }

    async fn remove_account(&self, user: UserId) -> Result<(), StoreError> {
        Ok(self.shared.committer.ask(|answer| Job::RemoveAccount { user, answer }).await??)
    }

    async fn accounts(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        self.read(move |reader| reader.accounts(after.as_ref(), limit)).await
    }

    fn secret(&self) -> [u8; SECRET_BYTES] {
        self.shared.secret
    }
}
