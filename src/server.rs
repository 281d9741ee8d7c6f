//! The wiring: from a configuration to a server that runs and stops. The only place that names
//! concrete types. Must never hold a rule of its own.

mod opening;
mod searching;
mod sockets;
mod start_error;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
#[cfg(feature = "search")]
use futures_util::future::BoxFuture;
use packetboat_proto::limits::BODY_OVERHEAD_BYTES;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::auth::doorman::Doorman;
use crate::clock::Clock;
use crate::config::settings::{Config, DevicesSettings, Drain};
#[cfg(unix)]
use crate::control::TakeStats;
#[cfg(unix)]
use crate::control::socket::{ControlSocket, SOCKET_FILE};
use crate::devices::{self, Keeper};
use crate::files::opening as files;
use crate::files::{Files, collector};
use crate::greeting::Bound;
use crate::hub::mailbox::MailboxLimits;
use crate::hub::policy::DevicePolicy;
use crate::hub::{Hub, HubOutlet, herald};
use crate::listener::{Listener, TURNED_AWAY_MAX};
use crate::metrics::Metrics;
use crate::places;
use crate::session::deliveries::Retries;
use crate::session::house::{House, random_session};
use crate::session::port::Rules;
use crate::session::rate::Rate;
use crate::session::task::{self, Arrival};
use crate::store::embedded::EmbeddedStore;
use crate::store::health::Failure;
use crate::timekeeper;
use crate::tls;

pub use self::opening::{NoOutlet, as_found, open_store};
use self::searching::Searching;
use self::sockets::Sockets;
pub use self::start_error::StartError;

/// How long the store may take to end what it is at.
pub const CLOSE_TIME_MAX: Duration = Duration::from_secs(30);

/// A server that is bound, and not yet running.
pub struct Server {
    store: EmbeddedStore,
    house: Arc<House<EmbeddedStore>>,
    sockets: Sockets,
    searching: Searching,
    #[cfg(unix)]
    control: ControlSocket,
    connections_max: usize,
    drain: Drain,
    forget_ms: u64,
}

impl Server {
    /// Opens the store and binds the addresses.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        if cfg!(feature = "proof") {
            warn!("bugs can be planted in this build: it is for tests alone");
        }
        let metrics = Arc::new(Metrics::default());
        let mailbox = MailboxLimits {
            entries: config.limits.mailbox_entries,
            bytes: config.limits.mailbox_bytes,
        };
        let hub = Hub::new(mailbox, Arc::clone(&metrics));
        let DevicesSettings { at_once, wins, .. } = config.devices;
        let hub = Arc::new(hub.with_policy(DevicePolicy { at_once, wins }));
        let unknown_users = config.store.unknown_users.keep(config.auth.kind);
        let mut searching = Searching::prepare(config, &metrics);
        let outlet = searching.noting(HubOutlet(Arc::clone(&hub)));
        let body_max = config.limits.max_body;
        let writers = (&config.contacts, unknown_users);
        let store = open_store(&config.store, writers, body_max, outlet).await?;
        if store.body_max() > body_max {
            let (stored, set) = (store.body_max(), body_max);
            warn!(stored, set, "the store holds larger entries than limits.max_body allows now");
        }
        let files = open_files(config, store.body_max(), Arc::clone(&metrics)).await?;
        let doorman = Doorman::from_settings(&config.auth, &Arc::new(store.clone()))?;
        let sockets = Sockets::bind(config).await?;
        #[cfg(unix)]
        let control = ControlSocket::bind(&config.store.data.join(SOCKET_FILE))?;
        let house = House {
            store: store.clone(),
            files: files.map(Arc::new),
            search: searching.start(&store, config, &metrics),
            hub,
            doorman,
            metrics,
            rules: Arc::new(rules(config, store.body_max())),
            out_bytes: config.limits.out_buffer_bytes,
            clock: Clock::start(),
            new_session: random_session,
        };
        Ok(Self {
            store,
            house: Arc::new(house),
            sockets,
            searching,
            #[cfg(unix)]
            control,
            connections_max: places::affordable(config.listen.connections_max),
            drain: config.drain.clone(),
            forget_ms: config.devices.forget_ms,
        })
    }

    /// Where it was bound.
    pub fn bound(&self) -> Bound<'_> {
        let address = |socket: &TcpListener| socket.local_addr().ok();
        Bound {
            plain: self.sockets.plain.as_ref().and_then(address),
            tls: self.sockets.tls.as_ref().and_then(|(socket, _)| address(socket)),
            dev_cert: self.sockets.dev_cert.as_deref(),
        }
    }

    /// What it counts.
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.house.metrics)
    }

    /// Waits until the index of search has all that was stored before, if there is one.
    #[cfg(feature = "search")]
    pub fn index_caught_up(&self) -> impl Fn() -> BoxFuture<'static, ()> + Send + use<> {
        let hints = self.searching.hints();
        move || {
            let hints = hints.clone();
            Box::pin(async move {
                if let Some(hints) = hints {
                    hints.caught_up().await;
                }
            })
        }
    }

    /// Serves one connection over a stream that no listener took, such as one within this process;
    /// it counts for no place.
    pub fn attend<T>(&self, stream: T) -> impl Future<Output = ()> + Send + use<T>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let house = Arc::clone(&self.house);
        let since = house.clock.now();
        task::run(stream, house, Arrival { since, peer: None })
    }

    /// Serves until `stop` resolves, then drains; or until the store fails, when the process is
    /// to end at once: nothing more may be acknowledged.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Result<(), Failure> {
        let drain = CancellationToken::new();
        let stopping = Stopping { hub: Arc::clone(&self.house.hub), drain: drain.clone() };
        let places = Arc::new(Semaphore::new(self.connections_max));
        let listener = Listener {
            house: Arc::clone(&self.house),
            places: Arc::clone(&places),
            drain: drain.clone(),
            turned_away: Arc::new(Semaphore::new(TURNED_AWAY_MAX)),
        };
        let mut servants = JoinSet::new();
        let (hub, clock) = (Arc::clone(&self.house.hub), self.house.clock.clone());
        servants.spawn(herald::run(hub, clock, drain.clone().cancelled_owned()));
        if let Some(socket) = self.sockets.plain {
            servants.spawn(listener.clone().serve_plain(socket));
        }
        if let Some((socket, acceptor)) = self.sockets.tls {
            servants.spawn(listener.clone().serve_tls(socket, acceptor));
        }
        if let Some(files) = &self.house.files {
            let (files, book) = (Arc::clone(files), self.store.clone());
            servants.spawn(collector::run(files, book, self.house.clock.clone(), drain.clone()));
        }
        let hub = Arc::clone(&self.house.hub);
        let keeper = Keeper::new(hub, self.store.clone(), self.forget_ms);
        servants.spawn(devices::run(keeper, self.house.clock.clone(), drain.clone()));
        let (agenda, metrics) = (self.store.clone(), Arc::clone(&self.house.metrics));
        servants.spawn(timekeeper::run(agenda, metrics, drain.clone()));
        #[cfg(unix)]
        servants.spawn({
            let stopped = drain.clone().cancelled_owned();
            let stats = take_stats(&self.house, &places, self.connections_max);
            self.control.serve(Arc::new(self.store.clone()), stats, stopped)
        });
        tokio::select! {
            failure = self.store.failed() => return Err(failure),
            () = stop => {}
        }
        info!(sessions = self.house.hub.sessions(), "draining");
        stopping.begin();
        let ended = drained_whole(&mut servants, &places, self.connections_max);
        let limit = Duration::from_millis(self.drain.drain_ms.into());
        tokio::select! {
            failure = self.store.failed() => return Err(failure),
            ended = timeout(limit, ended) => if ended.is_err() {
                let left = self.connections_max - places.available_permits();
                warn!(left, "connections are cut off: the time to drain is over");
            },
        }
        self.searching.stop().await;
        if timeout(CLOSE_TIME_MAX, self.store.close()).await.is_err() {
            warn!("the store did not close in time; what was accepted is on disk");
        }
        // The last thing that it did may have failed, while all that this waited for ended.
        if let Some(failure) = self.store.failed().now_or_never() {
            return Err(failure);
        }
        let mut counts = self.house.metrics.all();
        counts.retain(|(_, count)| *count > 0);
        info!(?counts, "stopped");
        Ok(())
    }
}

/// Tells the listeners and the sessions that the server stops; also of one that is gone without a
/// word.
struct Stopping {
    hub: Arc<Hub>,
    drain: CancellationToken,
}

impl Stopping {
    fn begin(&self) {
        self.drain.cancel();
        self.hub.drain();
    }
}

impl Drop for Stopping {
    fn drop(&mut self) {
        self.begin();
    }
}

/// What is there now, and then what was counted.
#[cfg(unix)]
fn take_stats(
    house: &Arc<House<EmbeddedStore>>,
    places: &Arc<Semaphore>,
    connections_max: usize,
) -> TakeStats {
    let (house, places) = (Arc::clone(house), Arc::clone(places));
    Arc::new(move || {
        let (commands, bytes) = house.store.queued();
        let now = [
            ("connections_now", connections_max - places.available_permits()),
            ("sessions_now", house.hub.sessions()),
            ("store_queue_commands_now", commands),
            ("store_queue_bytes_now", bytes),
        ];
        let (writes, reads) = house.store.waited();
        let waited = [("store_writes_waited", writes), ("store_reads_waited", reads)];
        let now = now.into_iter().map(|(name, value)| (name, value as u64));
        let all = now.chain(waited).chain(house.metrics.all());
        all.map(|(name, value)| (name.to_owned(), value)).collect()
    })
}

/// Resolves once every listener and every connection has ended.
async fn drained_whole(servants: &mut JoinSet<()>, places: &Semaphore, connections_max: usize) {
    while servants.join_next().await.is_some() {}
    let all = u32::try_from(connections_max).unwrap_or(u32::MAX);
    // Whoever holds all the places is alone. The semaphore is never closed.
    let _ = places.acquire_many(all).await;
}

/// Everything that is wrong with the files that the configuration names. Opens no store, binds no
/// address and makes no file.
pub fn check_files(config: &Config) -> Vec<StartError> {
    let key = Doorman::check(&config.auth).err().map(StartError::from);
    let certificate = tls::check(&config.tls, &config.store.data).err().map(StartError::from);
    let files = files::check(&config.files, &config.store.data).err().map(StartError::from);
    key.into_iter().chain(certificate).chain(files).collect()
}

async fn open_files(
    config: &Config,
    body_max: u32,
    metrics: Arc<Metrics>,
) -> Result<Option<Files>, StartError> {
    let (settings, data) = (config.files.clone(), config.store.data.clone());
    let opening = spawn_blocking(move || files::open(&settings, &data, body_max, metrics));
    Ok(opening.await.expect("opening the files does not panic")?)
}

/// What the settings mean for every session.
pub fn rules(config: &Config, body_max: u32) -> Rules {
    let Config { limits, drain, files, .. } = config;
    let ms = |ms: u32| Duration::from_millis(ms.into());
    let rate = |per_second: u32| Rate { per_second, burst: per_second };
    Rules {
        max_body: body_max,
        max_content: limits.max_body - BODY_OVERHEAD_BYTES,
        window: limits.window,
        sends: limits.sends,
        heartbeat: ms(limits.heartbeat_ms),
        handshake: ms(limits.handshake_ms),
        retries: Retries { first: ms(limits.retry_ms), max: limits.retries_max },
        read_bytes: limits.page_bytes,
        pings: Rate { per_second: limits.pings_per_s, burst: limits.ping_burst },
        send_rate: rate(limits.sends_per_s),
        requests: rate(limits.requests_per_s),
        transfers: rate(files.bytes_per_s),
        signals: rate(limits.signals_per_s),
        retry_after_ms: drain.retry_after_ms,
    }
}
