//! A pretended server with its clients, which keeps every promise, and the history of what they
//! do. It knows nothing of the checker. Must never be wrong: a history of it that is not passed
//! is a fault of the checker.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Content, GroupChange};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, ChatKind, MessageId, UserId};

use crate::history::{Device, Event, History, Owed, Recorder, SendNumber};

const USERS: [&str; 4] = ["ann", "bob", "cid", "dan"];
const CHATS: [&str; 5] = ["dm:ann:bob", "dm:cid:cid", "dm:bob:dan", "group:g", "group:h"];

/// What happens next; the numbers choose among what can.
pub(super) type Step = (u8, u16, u16);

#[derive(Default)]
struct Log {
    entries: Vec<Entry>,
    ids: HashMap<(UserId, MessageId), usize>,
    members: BTreeSet<UserId>,
    visible: BTreeMap<UserId, Vec<u64>>,
}

struct Client {
    device: Device,
    owed: Owed,
    /// How much of what its user may see of a chat it was given, or passed over.
    passed: HashMap<ChatId, usize>,
}

struct Pending {
    send: SendNumber,
    client: usize,
    chat: ChatId,
    id: MessageId,
    content: Bytes,
    outcome: Option<Result<u64, RejectCode>>,
}

pub(super) struct Port {
    recorder: Recorder,
    logs: BTreeMap<ChatId, Log>,
    clients: Vec<Client>,
    pending: Vec<Pending>,
    sent: Vec<(ChatId, MessageId, Bytes)>,
    own: HashSet<(usize, ChatId, MessageId)>,
    next_id: u64,
}

pub(super) fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub(super) fn chat(name: &str) -> ChatId {
    ChatId::new(name).unwrap()
}

pub(super) fn device(user_name: &str, name: &str) -> Device {
    Device { user: user(user_name), name: name.parse().unwrap() }
}

pub(super) fn message_id(number: u64) -> MessageId {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    MessageId::from(bytes)
}

fn pick<T>(from: &[T], number: u16) -> Option<usize> {
    (!from.is_empty()).then(|| usize::from(number) % from.len())
}

impl Log {
    /// Stores it, or says why not.
    fn store(
        &mut self,
        chat: &ChatId,
        sender: &UserId,
        id: MessageId,
        content: &Bytes,
    ) -> Result<u64, RejectCode> {
        if let Some(at) = self.ids.get(&(sender.clone(), id)) {
            let entry = &self.entries[*at];
            let is_same = entry.content == *content;
            return if is_same { Ok(entry.seq) } else { Err(RejectCode::Conflict) };
        }
        let after = self.members_after(chat, sender, content)?;
        let seq = self.entries.len() as u64 + 1;
        for user in self.members.union(&after) {
            self.visible.entry(user.clone()).or_default().push(seq);
        }
        self.members = after;
        self.ids.insert((sender.clone(), id), self.entries.len());
        let (chat, sender, content) = (chat.clone(), sender.clone(), content.clone());
        self.entries.push(Entry { chat, seq, sender, id, at_ms: 1_000 + seq, content });
        Ok(seq)
    }

    fn members_after(
        &self,
        chat: &ChatId,
        sender: &UserId,
        content: &Bytes,
    ) -> Result<BTreeSet<UserId>, RejectCode> {
        if let ChatKind::Direct(low, high) = chat.kind() {
            let pair = BTreeSet::from([user(low), user(high)]);
            return if pair.contains(sender) { Ok(pair) } else { Err(RejectCode::NoSuchChat) };
        }
        let mut after = self.members.clone();
        let change = match Content::decode(content, usize::MAX).unwrap() {
            Content::Group(GroupChange::Created { members, .. }) if self.entries.is_empty() => {
                return Ok(members.into_iter().chain([sender.clone()]).collect());
            }
            Content::Group(GroupChange::Joined(_)) => {
                after.insert(sender.clone());
                return Ok(after);
            }
            _ if !after.contains(sender) => return Err(RejectCode::NoSuchChat),
            Content::Group(change) => change,
            Content::Text(_)
            | Content::Data { .. }
            | Content::File(_)
            | Content::Room(_)
            | Content::Entry(_)
            | Content::Erased(_) => return Ok(after),
        };
        match change {
            GroupChange::Created { .. } => return Err(RejectCode::AlreadyExists),
            GroupChange::Added(users) if users.iter().any(|user| after.contains(user)) => {
                return Err(RejectCode::MemberMismatch);
            }
            GroupChange::Added(users) => after.extend(users),
            GroupChange::Removed(users) if users.contains(sender) => {
                return Err(RejectCode::Invalid);
            }
            GroupChange::Removed(users) => after.retain(|user| !users.contains(user)),
            GroupChange::Left { .. } => {
                after.remove(sender);
            }
            GroupChange::Joined(_)
            | GroupChange::Renamed(_)
            | GroupChange::Described { .. }
            | GroupChange::RulesSet(_)
            | GroupChange::RolesGiven { .. }
            | GroupChange::OwnerChanged(_)
            | GroupChange::Muted { .. }
            | GroupChange::Dissolved => {}
        }
        Ok(after)
    }
}

impl Port {
    pub(super) fn new() -> Self {
        let client = |user: &str, name: &str, owed| Client {
            device: device(user, name),
            owed,
            passed: HashMap::new(),
        };
        let clients = vec![
            client("ann", "desk", Owed::Everything),
            client("ann", "phone", Owed::Everything),
            client("bob", "desk", Owed::Everything),
            client("cid", "desk", Owed::Everything),
            client("cid", "phone", Owed::FromFirst),
            client("dan", "desk", Owed::FromFirst),
        ];
        let recorder = Recorder::default();
        for client in &clients {
            recorder.add(Event::Device { device: client.device.clone(), owed: client.owed });
        }
        for (by, other) in [("ann", "bob"), ("bob", "ann"), ("bob", "dan"), ("dan", "bob")] {
            recorder.add(Event::Wanting { by: user(by), other: user(other) });
        }
        let logs = CHATS.map(|name| (chat(name), Log::default())).into();
        let (pending, sent) = (Vec::new(), Vec::new());
        Self { recorder, logs, clients, pending, sent, own: HashSet::new(), next_id: 0 }
    }

    /// The history of those steps, and of what then brings everything to its end.
    pub(super) fn history_of(steps: impl IntoIterator<Item = Step>) -> History {
        let mut port = Self::new();
        let (ann, bob) = (0, 2);
        for (client, name, others) in [(ann, "group:g", &["bob", "cid"][..]), (bob, "group:h", &[])]
        {
            let members = others.iter().map(|name| user(name)).collect();
            port.change(client, name, GroupChange::Created { name: "G".into(), members });
        }
        steps.into_iter().for_each(|step| port.step(step));
        port.finish();
        port.recorder.history()
    }

    fn change(&mut self, client: usize, name: &str, change: GroupChange) {
        let id = self.new_id();
        self.invoke(client, &chat(name), id, &Content::Group(change).encode());
    }

    fn new_id(&mut self) -> MessageId {
        self.next_id += 1;
        message_id(self.next_id)
    }

    fn step(&mut self, (kind, one, other): Step) {
        let client = usize::from(one) % self.clients.len();
        match kind % 32 {
            0..=4 => {
                let id = self.new_id();
                let content = Content::text(format!("text {}", self.next_id)).encode();
                self.invoke(client, &chat(CHATS[usize::from(other) % CHATS.len()]), id, &content);
            }
            5..=6 => self.some_change(client, other),
            7 => self.again(client, other),
            8..=15 => self.store(one),
            16..=23 => self.answer(one),
            24..=30 => self.deliver(client, other),
            _ if other % 8 < 2 => self.crash(other),
            _ => {}
        }
    }

    fn some_change(&mut self, client: usize, number: u16) {
        let name = CHATS[3 + usize::from(number % 2)];
        let other = vec![user(USERS[usize::from(number / 2) % USERS.len()])];
        self.change(
            client,
            name,
            match number / 8 % 5 {
                0 | 1 => GroupChange::Added(other),
                2 => GroupChange::Removed(other),
                3 if self.logs[&chat(name)].members.len() > 2 => {
                    GroupChange::Left { new_owner: None }
                }
                _ => GroupChange::Renamed("H".into()),
            },
        );
    }

    /// A client sends again what was sent, at times with another content, at times as another
    /// user's.
    fn again(&mut self, client: usize, number: u16) {
        let Some(at) = pick(&self.sent, number) else { return };
        let (chat, id, mut content) = self.sent[at].clone();
        if number.is_multiple_of(5) {
            content = Content::text("other").encode();
        }
        self.invoke(client, &chat, id, &content);
    }

    fn invoke(&mut self, client: usize, chat: &ChatId, id: MessageId, content: &Bytes) {
        let send = self.recorder.invoke(&self.clients[client].device, chat, id, content);
        let (chat, content) = (chat.clone(), content.clone());
        self.own.insert((client, chat.clone(), id));
        self.sent.push((chat.clone(), id, content.clone()));
        self.pending.push(Pending { send, client, chat, id, content, outcome: None });
    }

    /// One that waits is stored, in the order of its device and chat.
    fn store(&mut self, number: u16) {
        let Some(at) = pick(&self.pending, number) else { return };
        let (client, chat) = (self.pending[at].client, self.pending[at].chat.clone());
        let first = self.pending.iter_mut().find(|pending| {
            pending.outcome.is_none() && pending.client == client && pending.chat == chat
        });
        let Some(first) = first else { return };
        let log = self.logs.get_mut(&chat).unwrap();
        let sender = &self.clients[client].device.user;
        first.outcome = Some(log.store(&chat, sender, first.id, &first.content));
    }

    fn answer(&mut self, number: u16) {
        let stored = self.pending.iter().enumerate().filter(|(_, of)| of.outcome.is_some());
        let stored: Vec<usize> = stored.map(|(at, _)| at).collect();
        let Some(at) = pick(&stored, number) else { return };
        let Pending { send, outcome, .. } = self.pending.remove(stored[at]);
        self.recorder.add(match outcome {
            Some(Ok(seq)) => Event::Accepted { send, seq },
            Some(Err(code)) => Event::Rejected { send, code: Some(code) },
            None => unreachable!("only what has an outcome is chosen"),
        });
    }

    /// A client is given the next entry of a chat.
    fn deliver(&mut self, client: usize, number: u16) {
        let name = chat(CHATS[usize::from(number) % CHATS.len()]);
        if let Some(entry) = self.next_entry(client, &name, number) {
            let to = self.clients[client].device.clone();
            let is_own = entry.sender == to.user && self.own.contains(&(client, name, entry.id));
            if !is_own || !number.is_multiple_of(3) {
                self.recorder.add(Event::Delivered { to, entry });
            }
        }
    }

    fn next_entry(&mut self, client: usize, name: &ChatId, number: u16) -> Option<Entry> {
        let (log, client) = (&self.logs[name], &mut self.clients[client]);
        let visible = log.visible.get(&client.device.user)?;
        let passed = client.passed.entry(name.clone()).or_insert_with(|| match client.owed {
            Owed::Everything => 0,
            Owed::FromFirst | Owed::Newest => usize::from(number) % visible.len(),
        });
        let seq = visible.get(*passed)?;
        *passed += 1;
        Some(log.entries[usize::try_from(*seq).unwrap() - 1].clone())
    }

    /// The connections are gone, and some of their sends are made again.
    fn crash(&mut self, number: u16) {
        for pending in std::mem::take(&mut self.pending) {
            self.recorder.add(Event::Unknown { send: pending.send });
            if number.is_multiple_of(2) {
                self.invoke(pending.client, &pending.chat, pending.id, &pending.content);
            }
        }
    }

    fn finish(&mut self) {
        while !self.pending.is_empty() {
            self.store(0);
            self.answer(0);
        }
        for client in 0..self.clients.len() {
            for (number, name) in (1..).zip(CHATS) {
                while let Some(entry) = self.next_entry(client, &chat(name), number) {
                    let to = self.clients[client].device.clone();
                    self.recorder.add(Event::Delivered { to, entry });
                }
            }
        }
        for (chat, log) in &self.logs {
            for (reader, visible) in &log.visible {
                let seen = visible.iter().map(|seq| usize::try_from(*seq).unwrap() - 1);
                let entries = seen.map(|at| log.entries[at].clone()).collect();
                let (reader, chat) = (reader.clone(), chat.clone());
                self.recorder.add(Event::Log { reader, chat, entries });
            }
        }
    }
}
