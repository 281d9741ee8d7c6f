//! One run: people who talk while things go wrong, then peace, then the reckoning. Must never end
//! a run as good because nothing happened in it.

mod asking;
mod standing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use packetboat_proof::checker::Bars;
use packetboat_proof::history::{Device, Event, History, Recorder};
use packetboat_proto::content::{Content, Context};
use packetboat_proto::id::{ChatId, ChatKind, DeviceId, MessageId, UserId};
use packetboat_proto::limits::EXPIRES_MS_LOWEST;
use packetboat_proto::packet::ScheduledName;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::dialer::dialer;
use crate::disk::Disk;
use crate::harbour::Harbour;
use crate::keyring::Keyring;
use crate::lounge::{Deed, Lounge};
use crate::network::{Network, State};
use crate::notes::Notes;
use crate::people::People;
use crate::person::{Habits, Log, Person};
use crate::plan::{Plan, pick, up_to};
use crate::promised::Promised;
use crate::rude;
use crate::saying::{alteration, group_change};

/// How long everything may take to come to rest once nothing goes wrong any more.
const LIVENESS: Duration = Duration::from_mins(10);
/// Nothing new for so long is rest: longer than any wait of either side.
const REST: Duration = Duration::from_secs(25);
/// How often it is looked whether the server's process has ended.
const LOOK: Duration = Duration::from_millis(500);
/// Bytes of the largest text.
const LARGE_BYTES: usize = 12_000;
/// The longest that something stays which expires, in milliseconds.
const EXPIRES_MS: u64 = 60_000;
/// The largest jump of the wall's clock, in milliseconds.
const JUMP_MS: i64 = 3_600_000;

/// Further than all jumps back together, and than anything stays which expires.
const AFTER_ALL_MS: i64 = 1_000 * JUMP_MS;

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
    network: Network,
    harbour: Harbour,
    disk: Disk,
    people: Vec<Person>,
    users: Vec<UserId>,
    chats: Vec<ChatId>,
    sent: Vec<Sent>,
    /// Which ids a device has used, and whether it was to contradict another one.
    said: BTreeMap<(usize, MessageId), bool>,
    promised: Promised,
    recorder: Recorder,
    log: Log,
    lounge: Lounge,
    notes: Notes,
    keyring: Keyring,
    acquaintance: People,
    /// What is under way that changes devices, and how people stand to each other.
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
    faults.extend(world.keyring.judge());
    let plan = &world.plan;
    Run {
        history: world.recorder.history(),
        faults,
        diary: world.log.diary(),
        took: started.elapsed(),
        sender_order: plan.strict,
        bars: plan.bars(),
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let plan = Arc::new(Plan::draw(&mut rng));
        let network = Network::new(rng.fork(), plan.delay, plan.chunk);
        let disk = Disk::default();
        let harbour = Harbour::new(Arc::clone(&plan), disk.clone(), rng.fork());
        let name = |number| UserId::new(&format!("u{number}")).expect("a good id");
        let users: Vec<UserId> = (0..plan.users).map(name).collect();
        let (recorder, log) = (Recorder::default(), Log::default());
        let (lounge, keyring) = (Lounge::default(), Keyring::default());
        let mut people = Vec::new();
        for user in &users {
            for device in 0..rng.usize(1..=2) {
                let owner = people.len();
                let habits = Habits {
                    app: plan.app,
                    strict: plan.strict,
                    bounds: plan.client_bounds,
                    seed: rng.u64(..),
                    lounge: lounge.clone(),
                    keyring: keyring.clone(),
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
            network,
            harbour,
            disk,
            people,
            users,
            chats,
            sent,
            said,
            promised: Promised::default(),
            recorder,
            log,
            lounge,
            notes: Notes::default(),
            keyring,
            acquaintance: People::default(),
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

    fn deed(&mut self) {
        let by = self.rng.usize(0..self.people.len());
        match self.rng.u8(0..29) {
            26 => self.log_out(by),
            27 | 28 => self.relate(by),
            22 | 23 => self.note(by),
            24 | 25 => self.keys(by),
            0..=9 => self.say(by),
            20 | 21 => self.lounge(by),
            10 => (0..self.rng.usize(5..25)).for_each(|_| self.say(by)),
            11..=13 => self.say_again(by),
            14 => self.contradict(by),
            15 | 16 => self.change_group(by),
            17 => (0..3).for_each(|_| self.alter(by)),
            18 => self.schedule(by),
            _ => self.ask(by),
        }
    }

    fn next_id(&mut self) -> MessageId {
        self.ids += 1;
        MessageId::from(self.ids.to_be_bytes())
    }

    fn send(&mut self, by: usize, chat: ChatId, content: Content) {
        self.send_in(by, chat, content, &Context::default());
    }

    fn send_in(&mut self, by: usize, chat: ChatId, content: Content, context: &Context) {
        let content = content.encode_in(context);
        if self.people[by].client().is_none() {
            return;
        }
        let id = self.next_id();
        self.people[by].send(&chat, id, &content);
        self.said.insert((by, id), false);
        self.sent.push(Sent { by, chat, id, content });
    }

    fn say(&mut self, by: usize) {
        let me = &self.people[by].device.user;
        let own = |chat: &&ChatId| {
            matches!(chat.kind(), ChatKind::Group(_)) || chat.peer_of(me).is_some()
        };
        let anywhere = self.rng.u8(0..20) == 0;
        let open: Vec<&ChatId> = self.chats.iter().filter(|chat| anywhere || own(chat)).collect();
        let chat = open[self.rng.usize(0..open.len())].clone();
        let mut text = format!("{} of {}", self.ids, self.people[by].device);
        if self.rng.u8(0..30) == 0 {
            text = text.repeat(LARGE_BYTES / text.len());
        }
        let mut context = Context::default();
        if self.rng.u8(0..10) == 0 {
            context.expires_after_ms = self.rng.u64(EXPIRES_MS_LOWEST..=EXPIRES_MS);
        }
        self.send_in(by, chat, Content::text(text), &context);
    }

    /// Something that the server is to send later, or at once; it may be asked to think again.
    fn schedule(&mut self, by: usize) {
        let me = self.people[by].device.user.clone();
        let own: Vec<&ChatId> =
            self.chats.iter().filter(|chat| chat.peer_of(&me).is_some()).collect();
        let chat = own[self.rng.usize(0..own.len())].clone();
        let text = format!("{} of {}, later", self.ids, self.people[by].device);
        let name = ScheduledName { chat, id: self.next_id() };
        let at_ms = self.harbour.now_ms().saturating_add_signed(self.rng.i64(-JUMP_MS..=JUMP_MS));
        let how = (at_ms, self.rng.u8(0..4) == 0);
        self.people[by].schedule(name, &Content::text(text), how, self.promised.clone());
    }

    /// What somebody of the same user has sent, as this device may send it.
    fn sent_by_user(&mut self, by: usize, contradicting: bool) -> Option<Sent> {
        let user = &self.people[by].device.user;
        let own = |sent: &&Sent| self.people[sent.by].device.user == *user;
        // A device says one thing under an id (M-5), so it contradicts only what it never said.
        let free = |sent: &&Sent| match self.said.get(&(by, sent.id)) {
            Some(contradicted) => !contradicting && !contradicted,
            None => true,
        };
        let own: Vec<&Sent> = self.sent.iter().filter(own).filter(free).collect();
        (!own.is_empty()).then(|| own[self.rng.usize(0..own.len())].clone())
    }

    fn say_again(&mut self, by: usize) {
        if let Some(Sent { chat, id, content, .. }) = self.sent_by_user(by, false) {
            self.said.insert((by, id), false);
            self.people[by].send(&chat, id, &content);
        }
    }

    /// The same id with other content.
    fn contradict(&mut self, by: usize) {
        if let Some(Sent { chat, id, .. }) = self.sent_by_user(by, true) {
            self.said.insert((by, id), true);
            self.people[by].send(&chat, id, &Content::text("something else").encode());
        }
    }

    /// Something in the room, of which nothing is owed to anybody.
    fn lounge(&mut self, by: usize) {
        let deeds = [Deed::Talk, Deed::Talk, Deed::TakeBack, Deed::Leave];
        let deed = pick(&mut self.rng, &deeds);
        let ids = std::array::from_fn(|_| self.next_id());
        if let Some(client) = self.people[by].client().cloned() {
            tokio::spawn(self.lounge.clone().act(client, deed, ids));
        }
    }

    /// Somebody sets something for itself, or reads what its devices have set.
    fn note(&mut self, by: usize) {
        let Some(client) = self.people[by].client().cloned() else { return };
        let (notes, device) = (self.notes.clone(), self.people[by].device.clone());
        if self.rng.bool() {
            tokio::spawn(notes.read(client, device));
        } else {
            let chat = self.chats[self.rng.usize(0..self.chats.len())].clone();
            tokio::spawn(notes.set(client, chat));
        }
    }

    /// Publishes keys, or claims one of somebody's.
    fn keys(&mut self, by: usize) {
        let of = self.people[self.rng.usize(0..self.people.len())].device.clone();
        let (own, dice) = (self.people[by].device.clone(), self.rng.u8(..));
        if let Some(client) = self.people[by].client().cloned() {
            tokio::spawn(self.keyring.clone().act(client, own, of, dice));
        }
    }

    fn change_group(&mut self, by: usize) {
        if self.plan.groups == 0 {
            return;
        }
        let at = self.chats.len() - self.plan.groups + self.rng.usize(0..self.plan.groups);
        let chat = self.chats[at].clone();
        let me = self.people[by].device.user.clone();
        let others: Vec<UserId> = self.users.iter().filter(|user| **user != me).cloned().collect();
        let some: Vec<UserId> = others.iter().filter(|_| self.rng.bool()).cloned().collect();
        let one = vec![others[self.rng.usize(0..others.len())].clone()];
        let change = group_change(&mut self.rng, some, one);
        self.send(by, chat, Content::Group(change));
    }

    /// Edits, recalls, reacts to, pins or answers something, that may be there.
    fn alter(&mut self, by: usize) {
        if self.sent.is_empty() {
            return;
        }
        let chat = self.sent[self.rng.usize(0..self.sent.len())].chat.clone();
        let said = self.sent.iter().filter(|sent| sent.chat == chat).count() as u64;
        let seq = self.rng.u64(1..=said);
        let (content, context) = alteration(&mut self.rng, seq, self.ids);
        self.send_in(by, chat, content, &context);
    }

    /// Nothing goes wrong any more: everything must come to rest, and every log be read.
    async fn heal(&mut self) -> Vec<String> {
        self.log.note("nothing goes wrong any more".to_owned());
        self.network.set_open(true);
        self.disk.set_full(false);
        self.disk.heal();
        self.harbour.look();
        self.harbour.launch();
        for person in &mut self.people {
            person.wake();
        }
        let mut faults = Vec::new();
        if timeout(LIVENESS, self.rest()).await.is_err() {
            faults.push(format!("not everything came to rest within {} s", LIVENESS.as_secs()));
        }
        if !self.harbour.look() {
            faults.push("the server ended by itself".to_owned());
        }
        if let Some(client) = self.people.iter().find_map(Person::client).cloned() {
            faults.extend(self.lounge.judge(&client).await);
        }
        faults.extend(self.judge_standings().await);
        for person in &self.people {
            if let Some(client) = person.client().cloned() {
                faults.extend(self.notes.judge(&client, &person.device).await);
            }
        }
        // Whatever way the clock has jumped, the time of all that expires is over then, and of all
        // that was to be sent has come.
        self.harbour.jump(AFTER_ALL_MS);
        sleep(REST).await;
        let mut read = BTreeSet::new();
        for person in &self.people {
            for chat in &self.chats {
                if !read.insert((person.device.user.clone(), chat.clone())) {
                    continue;
                }
                let (reader, chat) = (person.device.user.clone(), chat.clone());
                match person.log(&chat).await {
                    Ok(Some(entries)) => {
                        if !self.was_barred(&chat) {
                            faults.extend(self.promised.broken(&reader, &chat, &entries));
                        }
                        self.recorder.add(Event::Log { reader, chat, entries });
                    }
                    Ok(None) => {}
                    Err(why) => faults.push(format!("{reader} could not read {chat}: {why}")),
                }
            }
        }
        faults
    }

    async fn rest(&mut self) {
        while self.standings.join_next().await.is_some() {}
        self.bring_back(true).await;
        for person in &mut self.people {
            person.settled().await;
        }
        let (mut seen, mut since) = (self.recorder.len(), Instant::now());
        while since.elapsed() < REST {
            sleep(LOOK).await;
            self.bring_back(true).await;
            let now = self.recorder.len();
            if now != seen {
                (seen, since) = (now, Instant::now());
            }
        }
    }
}
