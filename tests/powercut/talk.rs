//! What people do while a server is recorded: they write in pairs and groups, come, go and are put
//! out, send again, take back, acknowledge on several devices, and look back. Must never use an id
//! again for something else before the first was accepted: the promises rest on that.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use packetboat_proof::dice::Dice;
use packetboat_proto::content::{Alteration, Content, GroupChange};
use packetboat_proto::id::{ChatId, MessageId, UserId};
use packetboat_proto::packet::{Cursor, Edge, Operation, Packet, Request, Send};
use tokio::task::JoinSet;

use crate::erased;
use crate::wire::{Wire, WireError};

/// Those who write. The first made the groups, and never leaves them.
pub const WRITERS: [&str; 4] = ["ada", "bob", "cyd", "dan"];
/// Those who are written to: one on two devices, one who is not there.
pub const OTHERS: [&str; 2] = ["eve", "fay"];
/// The groups.
pub const GROUPS: [&str; 2] = ["group:crew", "group:club"];
/// Those who come and go in the groups.
const GUESTS: [&str; 3] = ["dan", "eve", "fay"];

/// Answers after which somebody looks back.
const LOOK_AFTER: u64 = 40;
/// Deliveries after which a device acknowledges.
const ACK_AFTER: u64 = 6;

/// How much is said in one life of a server.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Messages of each writer.
    pub messages: usize,
    /// Unanswered ones of the first writer at a time; the next have half of those, and so on.
    pub pipeline: usize,
    /// Of 1,000 messages so many are large.
    pub large: u64,
    /// Bytes of the largest.
    pub bytes_max: u64,
}

pub fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

/// Somebody who writes, over all lives of the server.
struct Writer {
    user: UserId,
    dice: Dice,
    /// To be sent: what was unanswered comes first.
    queue: VecDeque<Send>,
    waiting: HashMap<MessageId, Send>,
    /// What was accepted last, to be taken back perhaps.
    last: Option<(ChatId, u64)>,
}

/// All of them.
pub struct Company {
    writers: Vec<Writer>,
    founded: bool,
}

impl Company {
    /// Of a seed.
    pub fn new(dice: &mut Dice) -> Self {
        let writer = |name: &&str| Writer {
            user: user(name),
            dice: dice.split(),
            queue: VecDeque::new(),
            waiting: HashMap::new(),
            last: None,
        };
        Self { writers: WRITERS.iter().map(writer).collect(), founded: false }
    }

    /// Talks until everything is answered, or the server is gone; gives what else came in the way.
    pub async fn talk(&mut self, address: SocketAddr, measure: Measure) -> Vec<WireError> {
        let mut listeners = JoinSet::new();
        for (name, device) in [("eve", "phone"), ("eve", "laptop"), ("bob", "phone")] {
            listeners.spawn(listen(address, user(name), device));
        }
        if !self.founded {
            self.founded = true;
            for group in GROUPS {
                let members = vec![user("bob"), user("cyd"), user("dan")];
                let change = GroupChange::Created { name: group.into(), members };
                let send = self.writers[0].message(group, Content::Group(change));
                self.writers[0].queue.push_back(send);
            }
        }
        let mut talks = JoinSet::new();
        for (place, mut writer) in self.writers.drain(..).enumerate() {
            talks.spawn(async move {
                writer.prepare(measure);
                let wrote = writer.write(address, (measure.pipeline >> place).max(1)).await;
                (writer, wrote)
            });
        }
        let mut wrong = Vec::new();
        while let Some(done) = talks.join_next().await {
            let (writer, wrote) = done.unwrap();
            self.writers.push(writer);
            wrong.extend(wrote.err().filter(|error| !matches!(error, WireError::Ended)));
        }
        self.writers.sort_by(|one, other| one.user.cmp(&other.user));
        wrong
    }
}

impl Writer {
    fn message(&mut self, chat: &str, content: Content) -> Send {
        let chat = ChatId::new(chat).unwrap();
        Send { chat, id: self.dice.message_id(), content: content.encode() }
    }

    /// What was unanswered once more, and then the new.
    fn prepare(&mut self, measure: Measure) {
        for (_, send) in std::mem::take(&mut self.waiting) {
            self.queue.push_front(send);
        }
        for _ in 0..measure.messages {
            let send = self.drawn(measure);
            self.queue.push_back(send);
        }
    }

    fn drawn(&mut self, measure: Measure) -> Send {
        if self.dice.chance(40) {
            return self.change();
        }
        let bytes = match self.dice.below(1000) {
            roll if roll < measure.large => self.dice.between(8_000, measure.bytes_max),
            roll if roll < 300 => self.dice.between(500, 4_500),
            _ => self.dice.between(1, 200),
        };
        let mark = erased::mark_of(self.dice.below(1 << 48));
        let bytes = usize::try_from(bytes).unwrap().max(erased::MARK_BYTES);
        let text: String = format!("{mark} ").chars().cycle().take(bytes).collect();
        let chat = self.chat();
        self.message(&chat, Content::text(text))
    }

    fn chat(&mut self) -> String {
        if self.dice.chance(400) {
            return (*self.dice.pick(&GROUPS).expect("there are some")).to_owned();
        }
        let everybody = [WRITERS.as_slice(), &OTHERS].concat();
        let peer = *self.dice.pick(&everybody).expect("there are some");
        ChatId::direct(&self.user, &user(peer)).to_string()
    }

    /// A change to a group; many of them are refused, which is as good.
    fn change(&mut self) -> Send {
        let group = *self.dice.pick(&GROUPS).expect("there are some");
        let guest = user(self.dice.pick(&GUESTS).expect("there are some"));
        let change = match (self.user.as_str(), self.dice.below(5)) {
            ("ada", 0 | 1) => GroupChange::Removed(vec![guest]),
            ("ada", 2 | 3) => GroupChange::Added(vec![guest]),
            ("ada", _) => GroupChange::Renamed(format!("name {}", self.dice.below(100))),
            _ => GroupChange::Left { new_owner: None },
        };
        self.message(group, Content::Group(change))
    }

    /// Writes all that is queued; gives up once the server is gone.
    async fn write(&mut self, address: SocketAddr, pipeline: usize) -> Result<(), WireError> {
        let mut wire = Wire::open(address, &self.user, "desk", None).await?;
        let mut acks = Acks::default();
        let mut answers = 0;
        loop {
            while self.waiting.len() < pipeline
                && let Some(send) = self.queue.pop_front()
            {
                wire.say(&Packet::Send(send.clone()));
                self.waiting.insert(send.id, send);
            }
            if self.waiting.is_empty() {
                return Ok(());
            }
            match wire.next().await? {
                Packet::Accepted(accepted) => {
                    answers += 1;
                    if let Some(send) = self.waiting.remove(&accepted.id) {
                        self.perhaps_again(send);
                        self.perhaps_take_back();
                    }
                    self.last = Some((accepted.chat, accepted.seq));
                    if answers % LOOK_AFTER == 0 {
                        self.look_back(&wire, answers);
                    }
                }
                Packet::Rejected(rejected) => {
                    self.waiting.remove(&rejected.id);
                }
                Packet::Deliver(entry) => {
                    acks.take(&wire, &entry.chat, entry.seq);
                }
                _ => {}
            }
        }
    }

    /// What was accepted is sent again now and then, also with other content.
    fn perhaps_again(&mut self, mut send: Send) {
        let roll = self.dice.below(100);
        if roll < 2 {
            send.content = Content::text("something else").encode();
        }
        if roll < 7 {
            self.queue.push_back(send);
        }
    }

    /// What was accepted before is taken back now and then; some of that is refused, which is as
    /// good.
    fn perhaps_take_back(&mut self) {
        let Some((chat, seq)) = self.last.take().filter(|_| self.dice.chance(60)) else { return };
        let recall = Content::Entry(Alteration::Recalled { seq });
        let send = self.message(chat.as_str(), recall);
        self.queue.push_back(send);
    }

    fn look_back(&mut self, wire: &Wire, id: u64) {
        let chat = ChatId::new(&self.chat()).unwrap();
        let operation = Some(Operation::History { chat, edge: Edge::Before(0), limit: 10 });
        wire.say(&Packet::Request(Request { id, operation }));
    }
}

/// Acknowledges what a device gets, now and then.
#[derive(Default)]
struct Acks {
    deliveries: u64,
    reached: HashMap<ChatId, u64>,
}

impl Acks {
    fn take(&mut self, wire: &Wire, chat: &ChatId, seq: u64) {
        self.reached.insert(chat.clone(), seq);
        self.deliveries += 1;
        if self.deliveries.is_multiple_of(ACK_AFTER) {
            let cursor = |(chat, delivered): (ChatId, u64)| {
                let read = if delivered % 2 == 0 { delivered } else { 0 };
                Cursor { chat, delivered, read }
            };
            wire.say(&Packet::Ack(self.reached.drain().map(cursor).collect()));
        }
    }
}

/// Takes what comes, and acknowledges it, until the server is gone.
async fn listen(address: SocketAddr, user: UserId, device: &'static str) {
    let Ok(mut wire) = Wire::open(address, &user, device, None).await else { return };
    let mut acks = Acks::default();
    while let Ok(packet) = wire.next_ever().await {
        if let Packet::Deliver(entry) = packet {
            acks.take(&wire, &entry.chat, entry.seq);
        }
    }
}
