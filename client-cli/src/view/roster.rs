//! The user's chats as a list: those that are pinned, then the liveliest; what is archived at the
//! end. Must never count a message as unread twice.

use packetboat_client::proto::limits::PRESENCE_USERS_MAX;
use packetboat_client::{
    ChatId, ChatState, Content, CursorMoved, Entry, GroupChange, Marks, OwnState, Presence,
    RoomChange, RoomState, UserId,
};

use crate::clean;
use crate::format::{content, context, text};

/// Chats that are listed.
pub(crate) const CHATS_MAX: usize = 1_000;
/// Users of one chat that are shown as typing.
const TYPING_MAX: usize = 8;
/// How long a user counts as typing without another signal.
const TYPING_MS: u64 = 6_000;

/// A chat in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chat {
    /// Which.
    pub(crate) id: ChatId,
    /// The other user of a direct chat.
    pub(crate) peer: Option<UserId>,
    /// What people call it, cleaned.
    pub(crate) name: String,
    /// The last seq that is known.
    pub(crate) head: u64,
    /// The user has read up to here.
    pub(crate) read: u64,
    /// Messages of others after that.
    pub(crate) unread: u64,
    /// Those of them that mention the user.
    pub(crate) mentions: u64,
    /// What a device of the other has had.
    pub(crate) peer_delivered: u64,
    /// What the other has read.
    pub(crate) peer_read: u64,
    /// When the last entry was taken.
    pub(crate) last_at_ms: u64,
    /// A group's members, or 0.
    pub(crate) members: u32,
    /// How the user wants it to be shown.
    pub(crate) marks: Marks,
    /// What a group or a room is about, cleaned.
    pub(crate) topic: String,
    /// Until when the user may not write there, in milliseconds of Unix time; 0: not.
    pub(crate) muted_until_ms: u64,
    /// Whether the other user is there, if that is known.
    pub(crate) presence: Option<Presence>,
    /// Who is typing, each up to a time.
    typing: Vec<(UserId, u64)>,
}

/// The chats, the liveliest first.
#[derive(Debug)]
pub(crate) struct Roster {
    me: UserId,
    chats: Vec<Chat>,
}

impl Roster {
    /// None yet.
    pub(crate) const fn new(me: UserId) -> Self {
        Self { me, chats: Vec::new() }
    }

    /// All of them.
    pub(crate) fn chats(&self) -> &[Chat] {
        &self.chats
    }

    /// One of them.
    pub(crate) fn get(&self, chat: &ChatId) -> Option<&Chat> {
        self.chats.iter().find(|known| known.id == *chat)
    }

    /// One of them, which is put there if it is not known.
    pub(crate) fn entry(&mut self, chat: &ChatId) -> &mut Chat {
        let known = self.chats.iter().position(|known| known.id == *chat);
        let at = known.unwrap_or_else(|| {
            if self.chats.len() >= CHATS_MAX {
                self.chats.pop();
            }
            self.chats.push(Chat::new(&self.me, chat));
            self.chats.len() - 1
        });
        &mut self.chats[at]
    }

    fn sort(&mut self) {
        let place = |chat: &Chat| match chat.marks.pinned {
            0 => u32::MAX,
            place => place,
        };
        let latest = |chat: &Chat| std::cmp::Reverse(chat.last_at_ms);
        self.chats.sort_by_key(|chat| (chat.marks.archived, place(chat), latest(chat)));
    }

    /// The user wants chats to be shown otherwise.
    pub(crate) fn mark(&mut self, own: &OwnState) {
        for chat in &mut self.chats {
            chat.marks = own.chat(&chat.id).marks;
        }
        self.sort();
    }

    /// The server says how chats stand.
    pub(crate) fn update(&mut self, states: Vec<ChatState>) {
        for state in states {
            let name = text::name(&self.me, &state);
            self.entry(&state.chat).update(state, name);
        }
        self.sort();
    }

    /// What was known of a chat is void.
    pub(crate) fn forget(&mut self, chat: &ChatId) {
        self.chats.retain(|known| known.id != *chat);
    }

    /// An entry came. Returns whether its chat was not known.
    pub(crate) fn arrived(&mut self, entry: &Entry) -> bool {
        let (known, own) = (self.get(&entry.chat).is_some(), entry.sender == self.me);
        let me = &self.me.clone();
        let chat = self.entry(&entry.chat);
        if entry.seq > chat.head {
            let silent = matches!(content(entry), Ok(Content::Entry(_) | Content::Erased(_)));
            let counts = !own && !silent && entry.seq > chat.read;
            chat.unread += u64::from(counts);
            chat.mentions += u64::from(counts && mentions(entry, me));
            chat.head = entry.seq;
            chat.last_at_ms = chat.last_at_ms.max(entry.at_ms);
        }
        chat.typing.retain(|(user, _)| *user != entry.sender);
        if chat.peer.as_ref() == Some(&entry.sender) {
            chat.peer_delivered = chat.peer_delivered.max(entry.seq);
        }
        match content(entry) {
            Ok(Content::Group(change)) => chat.changed(change, me),
            Ok(Content::Room(change)) => chat.room_changed(change, me),
            _ => {}
        }
        self.sort();
        !known
    }

    /// An own message is stored.
    pub(crate) fn stored(&mut self, chat: &ChatId, seq: u64, at_ms: u64) {
        let chat = self.entry(chat);
        chat.head = chat.head.max(seq);
        chat.last_at_ms = chat.last_at_ms.max(at_ms);
        self.sort();
    }

    /// Somebody's cursors moved. Returns whether the unread ones are to be counted anew.
    pub(crate) fn moved(&mut self, moved: &CursorMoved) -> bool {
        let own = moved.user == self.me;
        let chat = self.entry(&moved.chat);
        if own {
            let further = moved.read > chat.read;
            chat.has_read(moved.read);
            return further && chat.unread > 0;
        }
        if chat.peer.as_ref() == Some(&moved.user) {
            chat.peer_delivered = chat.peer_delivered.max(moved.delivered);
            chat.peer_read = chat.peer_read.max(moved.read);
        }
        false
    }

    /// Somebody is typing, or has stopped.
    pub(crate) fn typing(&mut self, now_ms: u64, chat: &ChatId, user: UserId, typing: bool) {
        if user == self.me {
            return;
        }
        let chat = self.entry(chat);
        if chat.peer.as_ref() == Some(&user) {
            let there = chat.presence.get_or_insert_with(|| Presence::hidden(user.clone()));
            there.online = true;
        }
        chat.typing.retain(|(known, until)| *known != user && *until > now_ms);
        if typing && chat.typing.len() < TYPING_MAX {
            chat.typing.push((user, now_ms + TYPING_MS));
        }
    }

    /// Who is online.
    pub(crate) fn presence(&mut self, users: &[Presence]) {
        for chat in &mut self.chats {
            let peer = chat.peer.as_ref();
            if let Some(presence) = users.iter().find(|presence| Some(&presence.user) == peer) {
                chat.presence = Some(presence.clone());
            }
        }
    }

    /// Nothing is known any more of who is online.
    pub(crate) fn forget_presence(&mut self) {
        for chat in &mut self.chats {
            chat.presence = None;
            chat.typing.clear();
        }
    }

    /// The others of the liveliest direct chats, and one before them.
    pub(crate) fn peers(&self, first: Option<UserId>) -> Vec<UserId> {
        let others = self.chats.iter().filter_map(|chat| chat.peer.clone());
        let others = others.filter(|peer| first.as_ref() != Some(peer));
        let all = first.iter().cloned().chain(others).filter(|peer| *peer != self.me);
        all.take(PRESENCE_USERS_MAX).collect()
    }

    /// The chat that is `step` places further in the list, round and round.
    pub(crate) fn beside(&self, chat: Option<&ChatId>, step: isize) -> Option<ChatId> {
        let count = isize::try_from(self.chats.len()).ok().filter(|count| *count > 0)?;
        let at = chat.and_then(|chat| self.chats.iter().position(|known| known.id == *chat));
        let next = match at.and_then(|at| isize::try_from(at).ok()) {
            Some(at) => (at + step).rem_euclid(count),
            None => 0,
        };
        self.chats.get(usize::try_from(next).ok()?).map(|chat| chat.id.clone())
    }
}

impl Chat {
    fn new(me: &UserId, id: &ChatId) -> Self {
        Self {
            id: id.clone(),
            peer: id.peer_of(me),
            name: text::short_name(me, id),
            head: 0,
            read: 0,
            unread: 0,
            mentions: 0,
            peer_delivered: 0,
            peer_read: 0,
            last_at_ms: 0,
            members: 0,
            marks: Marks::default(),
            topic: String::new(),
            muted_until_ms: 0,
            presence: None,
            typing: Vec::new(),
        }
    }

    fn update(&mut self, state: ChatState, name: String) {
        // What was had in the meantime counts: the answer may be older than it.
        (self.unread, self.mentions) = match state.head < self.head || state.read < self.read {
            true if state.read.max(self.read) >= state.head.max(self.head) => (0, 0),
            true => (self.unread, self.mentions),
            false => (state.unread, state.mentions),
        };
        self.head = self.head.max(state.head);
        self.read = self.read.max(state.read);
        self.peer_delivered = self.peer_delivered.max(state.peer_delivered);
        self.peer_read = self.peer_read.max(state.peer_read);
        self.last_at_ms = self.last_at_ms.max(state.last_at_ms);
        self.members = state.members;
        self.marks = state.marks;
        self.topic = clean::line(&state.topic);
        self.muted_until_ms = state.muted_until_ms;
        self.name = name;
    }

    /// The server says how a room is.
    pub(crate) fn update_room(&mut self, state: &RoomState) {
        self.name = clean::line(&state.name);
        self.topic = clean::line(&state.topic);
        self.muted_until_ms = state.muted_until_ms;
        self.members = state.listeners;
        self.head = self.head.max(state.head);
    }

    fn room_changed(&mut self, change: RoomChange, me: &UserId) {
        match change {
            RoomChange::Opened { name, topic, .. } => {
                (self.name, self.topic) = (clean::line(&name), clean::line(&topic));
            }
            RoomChange::Set { name, topic, .. } => {
                if let Some(name) = name {
                    self.name = clean::line(&name);
                }
                if let Some(topic) = topic {
                    self.topic = clean::line(&topic);
                }
            }
            RoomChange::Muted { users, until_ms } if users.contains(me) => {
                self.muted_until_ms = until_ms;
            }
            RoomChange::Muted { .. } | RoomChange::Moderators { .. } => {}
        }
    }

    fn changed(&mut self, change: GroupChange, me: &UserId) {
        match change {
            GroupChange::Created { name, .. } | GroupChange::Renamed(name) => {
                self.name = clean::line(&name);
            }
            GroupChange::Described { topic: Some(topic), .. } => self.topic = clean::line(&topic),
            GroupChange::Muted { users, until_ms } if users.contains(me) => {
                self.muted_until_ms = until_ms;
            }
            GroupChange::Added(_)
            | GroupChange::Removed(_)
            | GroupChange::Left { .. }
            | GroupChange::Described { .. }
            | GroupChange::RulesSet(_)
            | GroupChange::RolesGiven { .. }
            | GroupChange::OwnerChanged(_)
            | GroupChange::Muted { .. }
            | GroupChange::Dissolved
            | GroupChange::Joined(_) => {}
        }
    }

    /// The user has read up to `seq`.
    pub(crate) fn has_read(&mut self, seq: u64) {
        self.read = self.read.max(seq);
        if self.read >= self.head {
            (self.unread, self.mentions) = (0, 0);
        }
    }

    /// Who is typing now.
    pub(crate) fn who_types(&self, now_ms: u64) -> Vec<&str> {
        let now = self.typing.iter().filter(|(_, until)| *until > now_ms);
        now.map(|(user, _)| user.as_str()).collect()
    }
}

/// Whether an entry mentions a user.
fn mentions(entry: &Entry, user: &UserId) -> bool {
    let context = context(entry);
    context.mentions_all || context.mentions.contains(user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::tests::entry;

    fn roster() -> Roster {
        Roster::new("bob".parse().unwrap())
    }

    fn hi(chat: &str, seq: u64, sender: &str) -> Entry {
        entry(chat, seq, sender, &Content::text("hi"))
    }

    fn unread(roster: &Roster, chat: &str) -> u64 {
        roster.get(&chat.parse().unwrap()).unwrap().unread
    }

    #[test]
    fn what_the_server_counted_is_not_counted_again() {
        let mut roster = roster();
        assert!(roster.arrived(&hi("dm:alice:bob", 1, "alice")));
        assert!(!roster.arrived(&hi("dm:alice:bob", 2, "bob")));
        assert_eq!(unread(&roster, "dm:alice:bob"), 1);
        let chat = roster.entry(&"dm:alice:bob".parse().unwrap());
        chat.head = 9;
        chat.unread = 4;
        roster.arrived(&hi("dm:alice:bob", 8, "alice"));
        assert_eq!(unread(&roster, "dm:alice:bob"), 4);
        roster.entry(&"dm:alice:bob".parse().unwrap()).has_read(9);
        assert_eq!(unread(&roster, "dm:alice:bob"), 0);
    }

    #[test]
    fn the_liveliest_is_first_and_the_list_goes_round() {
        let mut roster = roster();
        for (chat, seq) in [("dm:alice:bob", 3), ("dm:bob:carol", 5), ("group:crew", 4)] {
            roster.arrived(&hi(chat, seq, "alice"));
        }
        let names: Vec<_> = roster.chats().iter().map(|chat| chat.name.as_str()).collect();
        assert_eq!(names, ["carol", "crew", "alice"]);
        let alice = "dm:alice:bob".parse().unwrap();
        assert_eq!(roster.beside(Some(&alice), 1).unwrap().as_str(), "dm:bob:carol");
        assert_eq!(roster.beside(Some(&alice), -1).unwrap().as_str(), "group:crew");
        assert_eq!(roster.beside(None, 1).unwrap().as_str(), "dm:bob:carol");
    }

    #[test]
    fn typing_ends_with_time_with_a_word_and_with_a_message() {
        let mut roster = roster();
        let (chat, alice) = ("dm:alice:bob".parse().unwrap(), "alice".parse::<UserId>().unwrap());
        let typing = |roster: &Roster, now| roster.get(&chat).unwrap().who_types(now).len();
        roster.typing(0, &chat, alice.clone(), true);
        assert_eq!((typing(&roster, 5_999), typing(&roster, 6_000)), (1, 0));
        roster.typing(1, &chat, alice.clone(), false);
        assert_eq!(typing(&roster, 2), 0);
        roster.typing(3, &chat, alice, true);
        roster.arrived(&hi("dm:alice:bob", 1, "alice"));
        assert_eq!(typing(&roster, 4), 0);
    }

    #[test]
    fn the_peers_cursors_are_its_own() {
        let mut roster = roster();
        let chat: ChatId = "dm:alice:bob".parse().unwrap();
        roster.stored(&chat, 5, 1);
        let moved = |user: &str, read| CursorMoved {
            chat: chat.clone(),
            user: user.parse().unwrap(),
            delivered: read + 1,
            read,
        };
        assert!(!roster.moved(&moved("alice", 3)));
        let known = roster.get(&chat).unwrap();
        assert_eq!((known.peer_read, known.peer_delivered, known.read), (3, 4, 0));
        assert!(!roster.moved(&moved("bob", 5)));
        assert_eq!(roster.get(&chat).unwrap().read, 5);
    }

    #[test]
    fn who_is_mentioned_is_counted_until_it_is_read() {
        let mut roster = roster();
        let all = packetboat_client::Context { mentions_all: true, ..Default::default() };
        let users = vec!["bob".parse().unwrap()];
        let bob = packetboat_client::Context { mentions: users, ..Default::default() };
        for (seq, context) in [(1, &all), (2, &bob), (3, &packetboat_client::Context::default())] {
            let mut entry = hi("group:crew", seq, "alice");
            entry.content = Content::text("hi").encode_in(context);
            roster.arrived(&entry);
        }
        let chat = roster.entry(&"group:crew".parse().unwrap());
        assert_eq!((chat.unread, chat.mentions), (3, 2));
        chat.has_read(3);
        assert_eq!((chat.unread, chat.mentions), (0, 0));
    }

    #[test]
    fn a_topic_and_a_mute_are_told_by_the_changes() {
        let mut roster = roster();
        let users = || vec!["bob".parse().unwrap()];
        let topic = Some("All\u{202e} sails".to_owned());
        let changes = [
            GroupChange::Described { topic, avatar: None },
            GroupChange::Muted { users: vec!["carol".parse().unwrap()], until_ms: 7 },
            GroupChange::Muted { users: users(), until_ms: 9_000 },
        ];
        for (seq, change) in (1..).zip(changes) {
            roster.arrived(&entry("group:crew", seq, "alice", &Content::Group(change)));
        }
        let chat = roster.get(&"group:crew".parse().unwrap()).unwrap();
        assert_eq!((chat.topic.as_str(), chat.muted_until_ms), ("All\u{fffd} sails", 9_000));
        let muted = RoomChange::Muted { users: users(), until_ms: 5 };
        roster.arrived(&entry("room:deck", 1, "alice", &Content::Room(muted)));
        assert_eq!(roster.get(&"room:deck".parse().unwrap()).unwrap().muted_until_ms, 5);
    }
}
