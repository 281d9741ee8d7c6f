//! One run: people who talk while things go wrong, then peace, then the reckoning. Must never end
//! a run as good because nothing happened in it.

mod asking;
mod deeds;
mod entering;
mod peace;
mod shipping;
mod standing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use packetboat_proof::checker::Bars;
use packetboat_proof::history::{Device, History, Recorder};
use packetboat_proto::id::{ChatId, DeviceId, MessageId, UserId};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::app::Log;
use crate::dialer::dialer;
use crate::disk::Disk;
use crate::harbour::Harbour;
use crate::judges::{Judges, Met};
use crate::network::{Network, State};
use crate::person::{Habits, Person};
use crate::plan::{Plan, pick, up_to};
use crate::rude;

/// Tells the numbers of what came later from those of a seed.
const MORE: u64 = 0x5eed_0000_0000_0000;
/// The largest jump of the wall's clock, in milliseconds.
const JUMP_MS: i64 = 3_600_000;

/// What came of a run.
pub struct Run {
    /// What everybody saw.
    pub history: History,
    /// What a history cannot tell: what did not end, what must not happen.
    pub faults: Vec<String>,
    /// What happened to the connections.
    pub diary: Vec<String>,
    /// Simulated time.
    pub took: Duration,
    /// Whether every client kept one message of a chat on the wire: others may be overtaken.
    pub sender_order: bool,
    /// Who may write to whom.
    pub bars: Bars,
    /// What there was to judge.
    pub met: Met,
}

/// A message that may be sent again.
#[derive(Clone)]
struct Sent {
    by: usize,
    chat: ChatId,
    id: MessageId,
    /// Encoded.
    content: Bytes,
}

struct World {
    plan: Arc<Plan>,
    rng: Rng,
    /// For what came later: what was before goes on as it did.
    more: Rng,
    network: Network,
    harbour: Harbour,
    disk: Disk,
    people: Vec<Person>,
    users: Vec<UserId>,
    chats: Vec<ChatId>,
    sent: Vec<Sent>,
    /// Which ids a device has used, and whether it was to contradict another one.
    said: BTreeMap<(usize, MessageId), bool>,
    recorder: Recorder,
    log: Log,
    judges: Judges,
    met: Met,
    /// What is under way that changes devices, and how people stand to each other; and files.
    standings: JoinSet<()>,
    ids: u128,
}

/// Runs a seed.
pub async fn run(seed: u64) -> Run {
    let started = Instant::now();
    let mut world = World::new(seed);
    world.work().await;
    let mut faults = world.heal().await;
    faults.extend(world.log.all());
    faults.extend(world.judges.keyring.judge());
    let plan = &world.plan;
    Run {
        history: world.recorder.history(),
        faults,
        diary: world.log.diary(),
        took: started.elapsed(),
        sender_order: plan.strict,
        bars: plan.bars(),
        met: world.met,
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut more = Rng::with_seed(seed ^ MORE);
        let plan = Arc::new(Plan::draw(&mut rng, &mut more));
        let network = Network::new(rng.fork(), plan.delay, plan.chunk);
        let disk = Disk::default();
        let harbour = Harbour::new(Arc::clone(&plan), disk.clone(), rng.fork());
        let name = |number| UserId::new(&format!("u{number}")).expect("a good id");
        let users: Vec<UserId> = (0..plan.users).map(name).collect();
        let (recorder, log) = (Recorder::default(), Log::default());
        let judges = Judges::under(plan.policy);
        let mut people = Vec::new();
        for user in &users {
            for device in 0..rng.usize(1..=2) {
                let owner = people.len();
                let habits = Habits {
                    app: plan.app,
                    strict: plan.strict,
                    bounds: plan.client_bounds,
                    seed: rng.u64(..),
                    platform: pick(&mut rng, &["ios", "web"]),
                    judges: judges.clone(),
                };
                let dial = dialer(owner, network.clone(), harbour.clone());
                let name = DeviceId::new(&format!("d{device}")).expect("a good id");
                let device = Device { user: user.clone(), name };
                people.push(Person::new(device, recorder.clone(), log.clone(), habits, dial));
            }
        }
        let mut chats: Vec<ChatId> = Vec::new();
        for (at, user) in users.iter().enumerate() {
            chats.extend(users[at..].iter().map(|other| ChatId::direct(user, other)));
        }
        for number in 0..plan.groups {
            chats.push(ChatId::group(&format!("g{number}")).expect("a good id"));
        }
        let (sent, said) = (Vec::new(), BTreeMap::new());
        Self {
            plan,
            rng,
            more,
            network,
            harbour,
            disk,
            people,
            users,
            chats,
            sent,
            said,
            recorder,
            log,
            judges,
            met: Met::default(),
            standings: JoinSet::new(),
            ids: 0,
        }
    }

    async fn work(&mut self) {
        for person in &mut self.people {
            // Some come late: what was said before is there for them all the same.
            if self.rng.u8(0..4) > 0 {
                person.wake();
            }
        }
        for _ in 0..self.plan.steps {
            sleep(up_to(&mut self.rng, self.plan.pause)).await;
            if !self.harbour.look() && self.rng.u8(0..3) == 0 {
                self.harbour.launch();
            }
            self.fault().await;
            self.bring_back(false).await;
            self.deed();
            self.ship();
            self.seek();
        }
    }

    fn chance(&mut self, of_hundred: u32) -> bool {
        self.rng.u32(0..100) < of_hundred
    }

    async fn fault(&mut self) {
        let faults = self.plan.faults;
        if self.chance(faults.cut) {
            self.network.afflict(State::Cut);
        }
        if self.chance(faults.silence) {
            let how = [State::ClientSilent, State::ServerSilent, State::Silent];
            self.network.afflict(pick(&mut self.rng, &how));
        }
        if self.chance(faults.partition) {
            self.network.set_open(false);
        } else if self.rng.u8(0..4) == 0 {
            self.network.set_open(true);
        }
        if self.chance(faults.crash) {
            self.log.note("the server crashes".to_owned());
            self.harbour.crash();
        }
        if self.chance(faults.drain) {
            self.harbour.drain().await;
        }
        if self.chance(faults.disk) {
            self.disk.fail_in(self.rng.u32(0..20));
        }
        if self.chance(faults.full) {
            self.disk.set_full(true);
        } else if self.rng.u8(0..8) == 0 {
            self.disk.set_full(false);
        }
        if self.chance(faults.jump) {
            self.harbour.jump(self.rng.i64(-JUMP_MS..=JUMP_MS));
        }
        if self.chance(faults.rude) {
            self.be_rude();
        }
        let who = self.rng.usize(0..self.people.len());
        if self.chance(faults.restart) {
            if self.rng.bool() {
                self.network.afflict_of(who, State::Cut);
            }
            self.people[who].end().await;
            self.people[who].wake();
        }
        if self.chance(faults.away) {
            self.people[who].end().await;
        } else if self.rng.u8(0..3) == 0 {
            self.people[who].wake();
        }
    }

    fn be_rude(&mut self) {
        let (harbour, network) = (self.harbour.clone(), self.network.clone());
        let rng = self.rng.fork();
        tokio::spawn(async move {
            if let Ok(stream) = network.dial(usize::MAX, |end| harbour.accept(end)).await {
                rude::visit(stream, rng).await;
            }
        });
    }
}
