//! One run: a server, a proxy, clients behind it, and the check of what they saw. Must never end
//! its faults before every cell of the matrix was hit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use packetboat_client::{Config, Credential, DeviceId, UserId};
use packetboat_proof::dice::Dice;
use packetboat_proof::fleet::{Broken, Fleet, Unsettled};
use packetboat_proof::history::{History, Owed};
use packetboat_proof::proxy::{Cell, Matrix, Proxy};
use packetboat_proof::roster::Roster;
use packetboat_proof::route::Route;
use packetboat_proof::sailor::{Counts, Sailor};
use packetboat_proof::ship::{Berth, LaunchError, Ship};
use packetboat_proof::traffic::{Habits, Traffic};
use thiserror::Error;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Users; each begins a direct chat with the next.
const USERS: usize = 6;
/// Groups.
const GROUPS: usize = 2;
/// How long all cells may take to be hit, for each round.
const ROUND: Duration = Duration::from_mins(1);
/// How long everything may take to arrive once the network is calm.
const REST: Duration = Duration::from_secs(40);
/// What a run comes to at least, for each round: a tenth of what runs show. One that does less
/// proves nothing.
const ACCEPTED_MIN: u64 = 38;
const DELIVERED_MIN: u64 = 84;
/// A user's longest pause between two deeds, in milliseconds.
const PAUSE_MS_MAX: u64 = 40;
/// An app's longest time between two ends, in milliseconds.
const APP_MS_MAX: u64 = 1500;
/// How long a server runs before it is started again.
const TERM: Duration = Duration::from_millis(1500);
/// What the server is told beside its address and folder: what is silent is soon given up, and
/// there is little room, so that catching up is met by faults too.
const SETTINGS: [&str; 9] = [
    "limits.heartbeat_ms=300",
    "limits.handshake_ms=1000",
    "limits.retry_ms=150",
    "limits.retries_max=2",
    "limits.mailbox_entries=4",
    "limits.window=16",
    "drain.drain_ms=1000",
    "drain.retry_after_ms=10",
    "store.stall_ms=30000",
];
/// Much of what is rare otherwise: what is refused, what is asked.
const HABITS: Habits = Habits { long: 10, again: 80, forged: 80, change: 60, chatter: 250 };

/// What is wrong.
#[derive(Debug, Error)]
pub enum Why {
    #[error("{0}")]
    Launch(#[from] LaunchError),
    #[error("{0}")]
    System(#[from] std::io::Error),
    #[error("after {} s these were still to be hit: {left:?}", after.as_secs())]
    NotHit { left: Vec<Cell>, after: Duration },
    #[error(
        "in {rounds} rounds only {accepted} sends were accepted, and {delivered} entries \
             handed over"
    )]
    Idle { rounds: usize, accepted: u64, delivered: u64 },
    #[error("{0}")]
    Unsettled(#[from] Unsettled),
    #[error("the server did not end in order, and said: {stderr}")]
    Ended { stderr: String },
    #[error("{0}")]
    History(#[from] Broken),
}

impl Why {
    /// Whether a planted bug shows like this: in what clients see, or in a server that finds out
    /// itself, and not in one that does not even start.
    pub const fn shows_a_bug(&self) -> bool {
        matches!(self, Self::Unsettled(_) | Self::History(_) | Self::Ended { .. })
    }
}

/// What a run came to.
pub struct Report {
    pub why: Result<(), Why>,
    pub matrix: Matrix,
    pub counts: Counts,
    /// Chats that were judged, and those that could not be.
    pub judged: u64,
    pub unjudged: u64,
    pub history: History,
}

/// One run.
pub struct Voyage {
    rounds: usize,
    plant: Option<String>,
    dice: Dice,
    matrix: Matrix,
    roster: Arc<Roster>,
    fleet: Fleet,
    route: Route,
}

impl Voyage {
    pub fn new(seed: u64, rounds: usize, plant: Option<&str>) -> Self {
        let mut dice = Dice::new(seed);
        let users: Vec<UserId> =
            (0..USERS).map(|number| UserId::new(&format!("p{number}")).unwrap()).collect();
        let roster = Arc::new(Roster::new(users, 1, GROUPS, &mut dice.split()));
        let (mut fleet, route) = (Fleet::new(Arc::clone(&roster)), Route::default());
        for (number, user) in roster.users().iter().enumerate() {
            // Every other user has two devices.
            for index in 0..=usize::from(number % 2 == 0) {
                let device: DeviceId = format!("d{index}").parse().unwrap();
                let mut config = config(user.clone(), device);
                config.strict_order = (number + index) % 2 == 1;
                fleet.add(config, Owed::Everything, Arc::new(route.lane()));
            }
        }
        let matrix = Matrix::new(rounds, dice.split());
        Self { rounds, plant: plant.map(ToOwned::to_owned), dice, matrix, roster, fleet, route }
    }

    pub async fn run(mut self) -> Report {
        let why = self.sail().await;
        let history = self.fleet.recorder().history();
        let judged = why.and_then(|()| Ok(self.fleet.judge(&history)?));
        let counts = *self.fleet.counts().borrow();
        let (judged, unjudged, why) = match judged {
            Ok(of) => (of.chats - of.unjudged, of.unjudged, is_enough(self.rounds, counts)),
            Err(why) => (0, 0, Err(why)),
        };
        Report { why, matrix: self.matrix, counts, judged, unjudged, history }
    }

    async fn sail(&mut self) -> Result<(), Why> {
        let folder = tempfile::tempdir()?;
        let mut berth = Berth::new(env!("CARGO_BIN_EXE_packetboat"), folder.path().join("data"));
        berth.args = SETTINGS.iter().flat_map(|set| ["--set".into(), (*set).into()]).collect();
        let plant = self.plant.as_ref().map(|name| ("PACKETBOAT_PLANT".into(), name.into()));
        berth.env.extend(plant);
        let mut ship = berth.launch().await?;
        let matrix = std::mem::replace(&mut self.matrix, Matrix::new(0, Dice::new(0)));
        let proxy = Proxy::start(matrix).await?;
        proxy.lead_to(Some(ship.address()));
        self.route.open(proxy.address());
        let hit = self.until_all_hit(&proxy, &berth, &mut ship).await;
        self.matrix = proxy.with_matrix(Matrix::clone);
        proxy.calm();
        hit?;
        self.fleet.settle(REST).await?;
        stop(&mut ship).await
    }

    async fn until_all_hit(
        &mut self,
        proxy: &Proxy,
        berth: &Berth,
        ship: &mut Ship,
    ) -> Result<(), Why> {
        for sailor in self.fleet.sailors() {
            sailor.set_out().await;
        }
        let mut dice = self.dice.split();
        let after = ROUND.saturating_mul(u32::try_from(self.rounds).unwrap().max(1));
        let late = |_| Why::NotHit { left: proxy.with_matrix(Matrix::cells_left), after };
        timeout(after, self.fleet.found(&mut dice)).await.map_err(late)?;
        let ended = Arc::new(AtomicBool::new(false));
        let mut work = self.work(&ended);
        let restarted = timeout(after, restart_until_all_hit(proxy, berth, ship)).await;
        ended.store(true, Ordering::Relaxed);
        while work.join_next().await.is_some() {}
        restarted.map_err(late)?
    }

    /// All users at work, and their apps that come and go, until they are told to end.
    fn work(&mut self, ended: &Arc<AtomicBool>) -> JoinSet<()> {
        let mut work = JoinSet::new();
        for user in self.roster.users() {
            let (devices, mut dice) = (self.fleet.of_user(user), self.dice.split());
            let mut traffic = Traffic::new(Arc::clone(&self.roster), devices, HABITS, dice.split());
            let ended = Arc::clone(ended);
            work.spawn(async move {
                while !ended.load(Ordering::Relaxed) {
                    traffic.act().await;
                    // The pace of a person, so that a run of any length stays bounded.
                    sleep(Duration::from_millis(dice.below(PAUSE_MS_MAX))).await;
                }
            });
        }
        for sailor in self.fleet.sailors() {
            work.spawn(come_and_go(sailor.clone(), self.dice.split(), Arc::clone(ended)));
        }
        work
    }
}

/// Whether so many rounds were worth it.
fn is_enough(rounds: usize, counts: Counts) -> Result<(), Why> {
    let Counts { accepted, delivered, .. } = counts;
    let times = rounds as u64;
    if accepted < times * ACCEPTED_MIN || delivered < times * DELIVERED_MIN {
        return Err(Why::Idle { rounds, accepted, delivered });
    }
    Ok(())
}

/// Stops the server and starts it again, over and over: it says goodbye to everybody.
async fn restart_until_all_hit(proxy: &Proxy, berth: &Berth, ship: &mut Ship) -> Result<(), Why> {
    while timeout(TERM, proxy.all_hit()).await.is_err() {
        stop(ship).await?;
        proxy.lead_to(None);
        *ship = berth.launch().await?;
        proxy.lead_to(Some(ship.address()));
    }
    Ok(())
}

/// Ends a server in order.
async fn stop(ship: &mut Ship) -> Result<(), Why> {
    ship.ask_to_stop()?;
    let (status, stderr) = ship.wait().await?;
    if status.success() && !stderr.contains("panicked") {
        return Ok(());
    }
    Err(Why::Ended { stderr })
}

/// An app that is opened and closed, now and then by force.
async fn come_and_go(sailor: Sailor, mut dice: Dice, ended: Arc<AtomicBool>) {
    while !ended.load(Ordering::Relaxed) {
        sleep(Duration::from_millis(dice.below(APP_MS_MAX))).await;
        if dice.chance(300) {
            sailor.crash().await;
        } else {
            sailor.put_in().await;
        }
        sailor.set_out().await;
    }
}

fn config(user: UserId, device: DeviceId) -> Config {
    let mut config = Config::new("the proxy", user, device, Credential::Open);
    config.backoff.base = Duration::from_millis(10);
    config.backoff.cap = Duration::from_millis(50);
    config.resend_after = Duration::from_millis(300);
    config.connect_timeout = Duration::from_millis(700);
    config.request_timeout = Duration::from_secs(1);
    config
}
