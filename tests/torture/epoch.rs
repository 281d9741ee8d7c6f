//! One epoch: an empty store, a fleet, its cycles, and the check of all that was seen. Must never
//! go on after something was found.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use packetboat_client::{Config, Credential, DeviceId, UserId};
use packetboat_proof::dice::Dice;
use packetboat_proof::fleet::{Broken, Fleet, Unsettled};
use packetboat_proof::history::{History, Owed};
use packetboat_proof::roster::Roster;
use packetboat_proof::route::Route;
use packetboat_proof::sailor::{Counts, Sailor};
use packetboat_proof::ship::{Berth, LaunchError, Ship};
use packetboat_proof::traffic::{Habits, Traffic};
use tempfile::TempDir;
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::Arguments;
use crate::figures::Figures;
use crate::plan::{
    Blow, Cycle, GROUPS, KilledStart, Move, PEERS, Plan, RECEIVERS_FROM, SENDERS, USERS, When,
};

/// How long everything may take to arrive once faults are over.
const REST: Duration = Duration::from_secs(40);
/// How long a start, and a stop, may take.
const LAUNCH: Duration = Duration::from_secs(30);
/// How long progress is waited for before the server is hit without it.
const PROGRESS: Duration = Duration::from_millis(700);
/// How long after a start the next message may take to be accepted, while anybody is out.
const AGAIN: Duration = Duration::from_secs(20);
/// What an epoch comes to at least, for each of its cycles: a tenth of what runs show. One that
/// does less proves nothing.
const ACCEPTED_MIN: u64 = 9;
const DELIVERED_MIN: u64 = 33;
/// Cycles from which on an epoch is held to it: one alone may be over at once.
const CYCLES_MEASURED: usize = 10;
/// A sender's longest pause between two deeds, in milliseconds.
const PAUSE_MS_MAX: u64 = 40;
/// What the server is told beside its address and folder.
const SETTINGS: [&str; 6] = [
    "store.fresh_bytes=65536",
    "drain.retry_after_ms=10",
    "drain.drain_ms=1000",
    "limits.heartbeat_ms=2000",
    "limits.retry_ms=1000",
    "store.stall_ms=30000",
];
/// What it is told in every other epoch: so little room that every path of catching up is taken.
const TIGHT: [&str; 3] =
    ["limits.mailbox_entries=2", "limits.window=8", "limits.mailbox_bytes=65536"];
/// The signal of a kill.
const SIGKILL: i32 = 9;

/// What is wrong.
#[derive(Debug, Error)]
pub enum Why {
    #[error("{0}")]
    Launch(#[from] LaunchError),
    #[error("the server took longer than {} s to start or stop", LAUNCH.as_secs())]
    Slow,
    #[error("the server ended with {status}, and said: {stderr}")]
    Ended { status: ExitStatus, stderr: String },
    #[error("no message was accepted within {} s of a look at a server that listens, with {out} \
             sending devices out", AGAIN.as_secs())]
    Deaf { out: usize },
    #[error(
        "in {cycles} cycles only {accepted} sends were accepted, and {delivered} entries \
             handed over"
    )]
    Idle { cycles: usize, accepted: u64, delivered: u64 },
    #[error("{0}")]
    Unsettled(#[from] Unsettled),
    #[error("{0}")]
    History(#[from] Broken),
    #[error("{0}")]
    System(#[from] std::io::Error),
}

impl Why {
    /// Whether a planted bug shows like this: in what clients see, or in a server that finds out
    /// itself, and not in one that does not even start.
    pub const fn shows_a_bug(&self) -> bool {
        matches!(
            self,
            Self::Unsettled(_) | Self::History(_) | Self::Ended { .. } | Self::Deaf { .. }
        )
    }
}

/// All that is needed to look for the cause.
#[derive(Debug)]
pub struct Failure {
    pub why: Why,
    pub plan: Plan,
    pub history: History,
}

/// One epoch.
pub struct Epoch {
    plan: Plan,
    dice: Dice,
    roster: Arc<Roster>,
    fleet: Fleet,
    route: Route,
    berth: Berth,
    _folder: TempDir,
    away: Vec<(Sailor, usize)>,
    last_start: Duration,
    launched: Instant,
}

impl Epoch {
    pub fn draw(dice: &mut Dice, number: usize, cycles: usize, arguments: &Arguments) -> Self {
        let plan = Plan::draw(&mut dice.split(), number % 2 == 1, cycles);
        let users: Vec<UserId> =
            (0..USERS).map(|number| UserId::new(&format!("u{number:02}")).unwrap()).collect();
        let roster = Arc::new(Roster::new(users, PEERS, GROUPS, &mut dice.split()));
        let folder = tempfile::tempdir().unwrap();
        let program = env!("CARGO_BIN_EXE_packetboat");
        let mut berth = Berth::new(program, folder.path().join("data"));
        let tight = TIGHT.iter().filter(|_| plan.is_tight);
        let settings = SETTINGS.iter().chain(tight).chain(arguments.backend.settings());
        berth.args = settings.flat_map(|set| ["--set".into(), (*set).into()]).collect();
        let plant = arguments.plant.as_ref();
        berth.env.extend(plant.map(|name| ("PACKETBOAT_PLANT".into(), name.into())));
        let (fleet, route) = (Fleet::new(Arc::clone(&roster)), Route::default());
        let mut epoch = Self {
            plan,
            dice: dice.split(),
            roster,
            fleet,
            route,
            berth,
            _folder: folder,
            away: Vec::new(),
            last_start: Duration::ZERO,
            launched: Instant::now(),
        };
        for user in 0..USERS {
            epoch.add(user, Owed::Everything);
            if (RECEIVERS_FROM..SENDERS).contains(&user) {
                epoch.add(user, Owed::Everything);
            }
        }
        epoch
    }

    fn add(&mut self, user: usize, owed: Owed) -> Sailor {
        let user = self.roster.users()[user].clone();
        let number = self.fleet.of_user(&user).len();
        let strict_order = self.fleet.sailors().len() % 2 == 1;
        let device: DeviceId = format!("d{number}").parse().unwrap();
        let mut config = Config::new("the route", user, device, Credential::Open);
        config.strict_order = strict_order;
        config.backoff.base = Duration::from_millis(10);
        config.backoff.cap = Duration::from_millis(100);
        config.resend_after = Duration::from_secs(2);
        config.connect_timeout = Duration::from_secs(5);
        config.request_timeout = Duration::from_secs(5);
        self.fleet.add(config, owed, Arc::new(self.route.lane()))
    }

    pub async fn run(mut self, figures: &mut Figures) -> Result<(), Failure> {
        let done = self.sail(figures).await;
        let counts = *self.fleet.counts().borrow();
        figures.add(counts);
        figures.epochs += 1;
        let history = self.fleet.recorder().history();
        let judged = done.and_then(|()| Ok(self.fleet.judge(&history)?));
        let done = judged.and_then(|judged| {
            figures.chats += judged.chats;
            figures.unjudged += judged.unjudged;
            is_enough(self.plan.cycles.len(), counts)
        });
        done.map_err(|why| Failure { why, plan: self.plan, history })
    }

    async fn sail(&mut self, figures: &mut Figures) -> Result<(), Why> {
        let mut ship = self.launch(figures).await?;
        for sailor in self.fleet.sailors() {
            sailor.set_out().await;
        }
        let mut dice = self.dice.split();
        timeout(REST, self.fleet.found(&mut dice)).await.map_err(|_| Why::Slow)?;
        let ended = Arc::new(AtomicBool::new(false));
        let mut senders = self.send_until(&ended);
        let cycles = std::mem::take(&mut self.plan.cycles);
        let mut done = Ok(());
        for (number, cycle) in cycles.iter().enumerate() {
            done = self.cycle(number, cycle, &mut ship, figures).await;
            if done.is_err() {
                break;
            }
            figures.cycles += 1;
        }
        self.plan.cycles = cycles;
        ended.store(true, Ordering::Relaxed);
        while senders.join_next().await.is_some() {}
        done?;
        let resting = Instant::now();
        self.fleet.settle(REST).await?;
        figures.slowest_rest = figures.slowest_rest.max(resting.elapsed());
        self.end(&mut ship, true).await
    }

    /// All senders at work, until they are told to end.
    fn send_until(&mut self, ended: &Arc<AtomicBool>) -> JoinSet<()> {
        let mut senders = JoinSet::new();
        for user in &self.roster.users()[..SENDERS] {
            let (devices, mut dice) = (self.fleet.of_user(user), self.dice.split());
            let roster = Arc::clone(&self.roster);
            let mut traffic = Traffic::new(roster, devices, Habits::default(), dice.split());
            let ended = Arc::clone(ended);
            senders.spawn(async move {
                while !ended.load(Ordering::Relaxed) {
                    traffic.act().await;
                    // The pace of a person, so that a run of any length stays bounded.
                    sleep(Duration::from_millis(dice.below(PAUSE_MS_MAX))).await;
                }
            });
        }
        senders
    }

    async fn cycle(
        &mut self,
        number: usize,
        cycle: &Cycle,
        ship: &mut Ship,
        figures: &mut Figures,
    ) -> Result<(), Why> {
        let back = self.away.extract_if(.., |(_, until)| *until <= number);
        for (sailor, _) in back {
            sailor.set_out().await;
        }
        for step in &cycle.moves {
            self.step(number, *step, figures).await;
        }
        self.accepts_again(figures).await?;
        self.wait(cycle.when).await;
        self.strike(cycle.blow, ship, figures).await?;
        for start in &cycle.starts {
            self.kill_start(*start, figures).await?;
        }
        *ship = self.launch(figures).await?;
        Ok(())
    }

    async fn step(&mut self, number: usize, step: Move, figures: &mut Figures) {
        let sailors = self.fleet.sailors();
        match step {
            Move::Cut { device } => {
                sailors[device % sailors.len()].cut();
                figures.cuts += 1;
            }
            Move::Crash { device } => {
                let sailor = &sailors[device % sailors.len()];
                sailor.crash().await;
                sailor.set_out().await;
                self.away.retain(|(away, _)| away.device() != sailor.device());
            }
            Move::Away { device, cycles, killed } => {
                let sailor = sailors[device % sailors.len()].clone();
                if killed {
                    sailor.crash().await;
                } else {
                    sailor.put_in().await;
                }
                self.away.push((sailor, number + cycles));
                figures.aways += 1;
            }
            Move::Late { user, owed } => {
                self.add(user, owed).set_out().await;
                figures.lates += 1;
            }
        }
    }

    /// Measures how long it takes from a start to the next message that is accepted: with a sender
    /// out, one has to be.
    async fn accepts_again(&self, figures: &mut Figures) -> Result<(), Why> {
        let is_away =
            |sailor: &&Sailor| self.away.iter().any(|(away, _)| away.device() == sailor.device());
        let senders = &self.roster.users()[..SENDERS];
        let devices = senders.iter().flat_map(|user| self.fleet.of_user(user));
        let out = devices.filter(|sailor| !is_away(&sailor)).count();
        let mut counts = self.fleet.counts();
        let before = counts.borrow().accepted;
        let limit = if out == 0 { PROGRESS } else { AGAIN };
        match timeout(limit, counts.wait_for(|now| now.accepted > before)).await {
            Ok(_) => figures.slowest_accept = figures.slowest_accept.max(self.launched.elapsed()),
            Err(_) if out == 0 => {}
            Err(_) => return Err(Why::Deaf { out }),
        }
        Ok(())
    }

    async fn wait(&self, when: When) {
        let counts = self.fleet.counts();
        let Counts { accepted, delivered, .. } = *counts.borrow();
        match when {
            When::Ms(ms) => sleep(Duration::from_millis(ms)).await,
            When::Accepted(more) => reach(counts, |now| now.accepted >= accepted + more).await,
            When::Delivered(more) => reach(counts, |now| now.delivered >= delivered + more).await,
        }
    }

    async fn strike(&self, blow: Blow, ship: &mut Ship, figures: &mut Figures) -> Result<(), Why> {
        match blow {
            Blow::Kill => figures.kills += 1,
            Blow::KillInDrain { after_ms } => {
                self.route.close();
                ship.ask_to_stop()?;
                sleep(Duration::from_millis(after_ms)).await;
                figures.drain_kills += 1;
            }
            Blow::Stop => {
                figures.stops += 1;
                return self.end(ship, true).await;
            }
        }
        self.end(ship, false).await
    }

    /// Ends the server, in order or not, and looks how it ended.
    async fn end(&self, ship: &mut Ship, in_order: bool) -> Result<(), Why> {
        self.route.close();
        if in_order {
            ship.ask_to_stop()?;
        } else {
            ship.kill().await?;
        }
        let (status, stderr) = timeout(LAUNCH, ship.wait()).await.map_err(|_| Why::Slow)??;
        let as_wished = status.success() || (!in_order && status.signal() == Some(SIGKILL));
        if as_wished && !stderr.contains("panicked") {
            return Ok(());
        }
        Err(Why::Ended { status, stderr })
    }

    async fn launch(&mut self, figures: &mut Figures) -> Result<Ship, Why> {
        self.launched = Instant::now();
        let ship = timeout(LAUNCH, self.berth.launch()).await.map_err(|_| Why::Slow)??;
        self.last_start = self.launched.elapsed();
        figures.slowest_start = figures.slowest_start.max(self.last_start);
        self.route.open(ship.address());
        Ok(ship)
    }

    async fn kill_start(&self, start: KilledStart, figures: &mut Figures) -> Result<(), Why> {
        let mut launching = self.berth.begin()?;
        match start {
            KilledStart::After { permille } => {
                let part = f64::from(u32::try_from(permille).unwrap()) / 1000.0;
                match timeout(self.last_start.mul_f64(part), launching.listens()).await {
                    Ok(listens) => {
                        listens?;
                        figures.listening_kills += 1;
                    }
                    Err(_) => figures.start_kills += 1,
                }
            }
            KilledStart::Listening { after_ms } => {
                let listens = timeout(LAUNCH, launching.listens()).await;
                self.route.open(listens.map_err(|_| Why::Slow)??);
                sleep(Duration::from_millis(after_ms)).await;
                self.route.close();
                figures.listening_kills += 1;
            }
        }
        Ok(launching.kill().await?)
    }
}

/// Waits until that is so, but not for ever: with nobody online nothing grows.
async fn reach(mut counts: watch::Receiver<Counts>, is_so: impl FnMut(&Counts) -> bool) {
    let _ = timeout(PROGRESS, counts.wait_for(is_so)).await;
}

/// Whether so many cycles were worth it.
fn is_enough(cycles: usize, counts: Counts) -> Result<(), Why> {
    let Counts { accepted, delivered, .. } = counts;
    let times = cycles as u64;
    let is_idle = accepted < times * ACCEPTED_MIN || delivered < times * DELIVERED_MIN;
    if is_idle && cycles >= CYCLES_MEASURED {
        return Err(Why::Idle { cycles, accepted, delivered });
    }
    Ok(())
}
