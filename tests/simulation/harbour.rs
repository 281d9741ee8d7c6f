//! The server of a run: the real sessions, hub, ledger and committer, over a simulated disk and
//! network, which can crash, drain and come back. Must never be told what the clients expect.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastrand::Rng;
use futures_util::FutureExt;
use packetboat::auth::doorman::Doorman;
use packetboat::auth::open::Open;
use packetboat::clock::{Clock, Wall};
use packetboat::devices::{self, Keeper};
use packetboat::files::collector;
use packetboat::hub::{Hub, HubOutlet, herald};
use packetboat::metrics::Metrics;
use packetboat::search::Search;
use packetboat::search::finder::Finder;
use packetboat::session::house::House;
use packetboat::session::task::{self, Arrival};
use packetboat::store::crew::Pace;
use packetboat::store::embedded::EmbeddedStore;
use packetboat::timekeeper;
use packetboat_proto::id::SessionId;
use tokio::io::DuplexStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::bay::Bay;
use crate::disk::Disk;
use crate::plan::{Plan, up_to};

/// The wall's time at the beginning of a run, in milliseconds of Unix time.
const EPOCH_MS: u64 = 1_750_000_000_000;
/// How long a server that drains may take.
const DRAIN_TIME: Duration = Duration::from_secs(30);
/// Signs the tickets: the same over restarts, as a store's own secret is.
const SECRET: [u8; 32] = [7; 32];

thread_local! {
    static SESSIONS: Cell<u128> = const { Cell::new(0) };
}

fn next_session() -> SessionId {
    SESSIONS.set(SESSIONS.get() + 1);
    SessionId::from(SESSIONS.get().to_be_bytes())
}

fn wall_ms(origin: Instant, shift_ms: &AtomicI64) -> u64 {
    let elapsed = u64::try_from(origin.elapsed().as_millis()).unwrap_or(u64::MAX);
    (EPOCH_MS + elapsed).saturating_add_signed(shift_ms.load(Ordering::Relaxed))
}

/// The server of a run.
#[derive(Clone)]
pub struct Harbour {
    plan: Arc<Plan>,
    disk: Disk,
    bay: Option<Bay>,
    origin: Instant,
    wall_shift_ms: Arc<AtomicI64>,
    state: Arc<Mutex<State>>,
    /// What the wall's clock was shifted by from when on.
    shifts: Arc<Mutex<Vec<(Instant, i64)>>>,
}

struct State {
    rng: Rng,
    running: Option<Running>,
}

struct Running {
    house: Arc<House<EmbeddedStore>>,
    drains: bool,
    sessions: JoinSet<()>,
    /// They end with it.
    _keepers: JoinSet<()>,
}

struct Steps {
    rng: Mutex<Rng>,
    sync: Duration,
    read: Duration,
    tell: Duration,
}

/// The least time of a read.
const READ_TIME_MIN: Duration = Duration::from_millis(1);

impl Pace for Steps {
    fn sync(&self) -> Duration {
        up_to(&mut self.rng.lock().expect("nothing panics while it is held"), self.sync)
    }

    fn read(&self) -> Duration {
        let rng = &mut self.rng.lock().expect("nothing panics while it is held");
        // Whoever reads until something has changed would stop a clock that reads do not move.
        up_to(rng, self.read).max(READ_TIME_MIN)
    }

    fn tell(&self) -> Duration {
        up_to(&mut self.rng.lock().expect("nothing panics while it is held"), self.tell)
    }
}

impl Harbour {
    /// With a server that runs.
    pub fn new(plan: Arc<Plan>, disk: Disk, rng: Rng) -> Self {
        SESSIONS.set(0);
        let state = Arc::new(Mutex::new(State { rng, running: None }));
        let origin = Instant::now();
        let shifts = Arc::default();
        let bay = plan.files.map(Bay::new);
        let harbour =
            Self { plan, disk, bay, origin, wall_shift_ms: Arc::default(), state, shifts };
        harbour.launch();
        harbour
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it is held")
    }

    /// Starts the server, if it does not run.
    pub fn launch(&self) {
        let mut state = self.state();
        if state.running.is_some() {
            return;
        }
        let plan = &self.plan;
        let metrics: Arc<Metrics> = Arc::default();
        let hub = Hub::new(plan.mailbox, Arc::clone(&metrics)).with_policy(plan.policy);
        let hub = Arc::new(hub);
        let (origin, shift) = (self.origin, Arc::clone(&self.wall_shift_ms));
        let wall: Wall = Arc::new(move || wall_ms(origin, &shift));
        let rng = Mutex::new(state.rng.fork());
        let pace = Arc::new(Steps { rng, sync: plan.sync, read: plan.read, tell: plan.tell });
        let store = EmbeddedStore::open_at(
            Arc::clone(&pace) as Arc<dyn Pace>,
            self.disk.mount(),
            plan.store,
            Arc::clone(&wall),
            HubOutlet(Arc::clone(&hub)),
        );
        // The disk fails while the store opens: the process ends, and is started again.
        let Ok(store) = store else { return };
        let mut keepers = JoinSet::new();
        let never = CancellationToken::new();
        keepers.spawn(timekeeper::run(store.clone(), Arc::clone(&metrics), never.clone()));
        let clock = Clock::beside(Arc::clone(&wall));
        let keeper = Keeper::new(Arc::clone(&hub), store.clone(), plan.forget_ms);
        keepers.spawn(devices::run(keeper, clock.clone(), never.clone()));
        keepers.spawn(herald::run(Arc::clone(&hub), clock.clone(), std::future::pending()));
        let files = self.bay.as_ref().map(|bay| {
            let files = Arc::new(bay.open(pace, state.rng.fork(), Arc::clone(&metrics)));
            keepers.spawn(collector::run(Arc::clone(&files), store.clone(), clock, never));
            files
        });
        let search = plan.search.then(|| {
            let finder = Finder::without_index(store.clone(), Arc::clone(&metrics));
            Arc::new(finder) as Arc<dyn Search>
        });
        let house = House {
            doorman: Doorman::new(Box::new(Open), &SECRET, plan.ticket_ms),
            store,
            files,
            search,
            hub,
            metrics,
            rules: Arc::new(plan.rules),
            out_bytes: plan.out_bytes,
            clock: Clock::beside(wall),
            new_session: next_session,
        };
        let house = Arc::new(house);
        state.running =
            Some(Running { house, drains: false, sessions: JoinSet::new(), _keepers: keepers });
    }

    /// Takes a connection, unless no server runs or it drains.
    pub fn accept(&self, stream: DuplexStream) -> bool {
        let mut state = self.state();
        let Some(running) = &mut state.running else { return false };
        if running.drains {
            return false;
        }
        let house = Arc::clone(&running.house);
        let arrival = Arrival { since: house.clock.now(), peer: None };
        running.sessions.spawn(task::run(stream, house, arrival));
        true
    }

    /// Whether the server runs, and its store has not failed. A failed one ends the process.
    pub fn look(&self) -> bool {
        let state = self.state();
        let failed = state
            .running
            .as_ref()
            .is_some_and(|running| running.house.store.failed().now_or_never().is_some());
        let runs = state.running.is_some() && !failed;
        drop(state);
        if failed {
            self.crash();
        }
        runs
    }

    /// The power goes.
    pub fn crash(&self) {
        let mut state = self.state();
        self.disk.crash(&mut state.rng);
        if let Some(bay) = &self.bay {
            bay.crash(&mut state.rng);
        }
        // Dropping the sessions ends them; the committer finds its disk dead.
        state.running = None;
    }

    /// Stops in order, and waits until all sessions have ended.
    pub async fn drain(&self) {
        let sessions = {
            let mut state = self.state();
            let Some(running) = &mut state.running else { return };
            running.drains = true;
            running.house.hub.drain();
            std::mem::take(&mut running.sessions)
        };
        let all = async {
            let mut sessions = sessions;
            while sessions.join_next().await.is_some() {}
        };
        tokio::select! {
            biased;
            () = all => {}
            () = sleep(DRAIN_TIME) => {}
        }
        // What the process wrote stays with the system; what it had not written yet is gone.
        self.disk.unmount();
        self.state().running = None;
    }

    /// Where files are kept, if any are.
    pub fn bay(&self) -> Option<&Bay> {
        self.bay.as_ref()
    }

    /// The wall's time, in milliseconds of Unix time.
    pub fn now_ms(&self) -> u64 {
        wall_ms(self.origin, &self.wall_shift_ms)
    }

    /// The wall's clock jumps.
    pub fn jump(&self, by_ms: i64) {
        let before = self.wall_shift_ms.fetch_add(by_ms, Ordering::Relaxed);
        self.shifts.lock().expect("no panic").push((Instant::now(), before + by_ms));
    }

    /// How far the wall's clock was from itself at the most, from one time to another.
    pub fn came(&self, from: Instant, to: Instant) -> Duration {
        let shifts = self.shifts.lock().expect("no panic");
        let behind = shifts.iter().rfind(|(at, _)| *at <= from);
        let first = behind.map_or(0, |(_, shift)| *shift);
        let within = shifts.iter().filter(|(at, _)| from < *at && *at <= to);
        let all = || [first].into_iter().chain(within.clone().map(|(_, shift)| *shift));
        let apart = all().max().unwrap_or(0) - all().min().unwrap_or(0);
        (to - from) + Duration::from_millis(apart.unsigned_abs())
    }
}
