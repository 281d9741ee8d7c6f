//! What people do while things go wrong, but for what is in files of its own. Must never wait for
//! what comes of it.

use packetboat_client::SeqRange;
use packetboat_proto::content::{Content, Context};
use packetboat_proto::id::{ChatId, ChatKind, MessageId, UserId};
use packetboat_proto::limits::EXPIRES_MS_LOWEST;
use packetboat_proto::packet::ScheduledName;

use super::{JUMP_MS, Sent, World};
use crate::lounge::Deed;
use crate::notes::Deed as NoteDeed;
use crate::plan::pick;
use crate::saying::{alteration, group_change};

/// Bytes of the largest text.
const LARGE_BYTES: usize = 12_000;
/// The longest that something stays which expires, in milliseconds.
const EXPIRES_MS: u64 = 60_000;

impl World {
    /// One of the deeds of somebody.
    pub(super) fn deed(&mut self) {
        let by = self.rng.usize(0..self.people.len());
        match self.rng.u8(0..42) {
            0..=9 | 37 => self.say(by),
            10 => (0..self.rng.usize(10..35)).for_each(|_| self.say(by)),
            11..=13 => self.say_again(by),
            14 => self.contradict(by),
            15..=17 => self.change_group(by),
            18 => (0..3).for_each(|_| self.alter(by)),
            19 => self.schedule(by),
            20 | 21 => self.lounge(by),
            22 | 23 | 38..=40 => self.note(by),
            24 | 25 => self.keys(by),
            26 => self.log_out(by),
            27 | 28 => self.relate(by),
            29 => self.forward(by),
            30..=32 => self.come_in(),
            33 | 34 => self.look_out(by),
            35 | 36 => self.whisper(by),
            _ => self.ask(by),
        }
    }

    pub(super) fn next_id(&mut self) -> MessageId {
        self.ids += 1;
        MessageId::from(self.ids.to_be_bytes())
    }

    pub(super) fn send(&mut self, by: usize, chat: ChatId, content: Content) {
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

    /// A chat of the user's, mostly.
    fn chat_for(&mut self, by: usize) -> ChatId {
        let me = &self.people[by].device.user;
        let own = |chat: &&ChatId| {
            matches!(chat.kind(), ChatKind::Group(_)) || chat.peer_of(me).is_some()
        };
        let anywhere = self.rng.u8(0..20) == 0;
        let open: Vec<&ChatId> = self.chats.iter().filter(|chat| anywhere || own(chat)).collect();
        open[self.rng.usize(0..open.len())].clone()
    }

    fn say(&mut self, by: usize) {
        let chat = self.chat_for(by);
        let mut text = format!("{} of {}", self.ids, self.people[by].device);
        if self.rng.u8(0..30) == 0 {
            text = text.repeat(LARGE_BYTES / text.len());
        }
        let mut context = Context::default();
        if self.rng.u8(0..10) == 0 {
            context.expires_after_ms = self.rng.u64(EXPIRES_MS_LOWEST..=EXPIRES_MS);
        }
        match self.rng.u8(0..8) {
            0 => context.mentions_all = matches!(chat.kind(), ChatKind::Group(_)),
            1 | 2 => {
                let called = self.users.iter().filter(|_| self.rng.bool());
                context.mentions = called.cloned().collect();
            }
            _ => {}
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
        self.people[by].schedule(name, &Content::text(text), how);
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
            tokio::spawn(self.judges.lounge.clone().act(client, deed, ids));
        }
    }

    /// Somebody sets something for itself, or reads what its devices have set.
    fn note(&mut self, by: usize) {
        let Some(client) = self.people[by].client().cloned() else { return };
        let (notes, device) = (self.judges.notes.clone(), self.people[by].device.clone());
        if self.rng.bool() {
            tokio::spawn(notes.read(client, device));
            return;
        }
        let chat = self.chats[self.rng.usize(0..self.chats.len())].clone();
        let first = self.rng.u64(1..8);
        let range = SeqRange::new(first, first + self.rng.u64(0..3)).expect("it is one");
        let deeds = [NoteDeed::Draft, NoteDeed::Quiet, NoteDeed::Pin, NoteDeed::Hide(range)];
        tokio::spawn(notes.set(client, chat, pick(&mut self.rng, &deeds)));
    }

    /// Forwards what its user has seen.
    fn forward(&mut self, by: usize) {
        let user = self.people[by].device.user.clone();
        let Some((content, context)) = self.judges.shelf.take(&mut self.rng, &user) else { return };
        let chat = self.chat_for(by);
        self.send_in(by, chat, content, &context);
    }

    /// Publishes keys, or claims one of somebody's.
    fn keys(&mut self, by: usize) {
        let of = self.people[self.rng.usize(0..self.people.len())].device.clone();
        let (own, dice) = (self.people[by].device.clone(), self.rng.u8(..));
        if let Some(client) = self.people[by].client().cloned() {
            tokio::spawn(self.judges.keyring.clone().act(client, own, of, dice));
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
}
