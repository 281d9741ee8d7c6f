//! How far each chat is, and which cursors the server is still to be told. Must never tell one
//! that the app is not done with. Holds a position for each chat of the device.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use packetboat_proto::id::ChatId;
use packetboat_proto::limits::ACK_CURSORS_MAX;
use packetboat_proto::packet::Cursor;
use packetboat_proto::planted::{self, Bug};
use packetboat_proto::time::Time;

use crate::config::AckMode;
use crate::position::{Found, Position};

/// How long an ack may wait for others to go with it.
const ACK_DELAY: Duration = Duration::from_millis(20);
/// Entries after which acks wait no longer.
const ACK_ENTRIES_MAX: u32 = 32;
/// What a cursor takes of a body, beside its chat id: two numbers, four tags, two lengths.
const CURSOR_OVERHEAD_BYTES: usize = 32;

/// The positions of all chats, and the acks that are due. In order, so that a run with the same
/// inputs is the same.
#[derive(Debug)]
pub(crate) struct Inbox {
    mode: AckMode,
    chats: BTreeMap<ChatId, Position>,
    /// Chats whose cursors are to be told, each once.
    due: BTreeSet<ChatId>,
    /// Told on this connection, since the last ping.
    told: BTreeSet<ChatId>,
    /// Told before that ping: its pong says that the server has read them.
    told_before_ping: BTreeSet<ChatId>,
    /// Chats to ask about: own entries wait there, or their log is in doubt.
    adrift: VecDeque<ChatId>,
    /// Chats whose log came into doubt on this connection, and whether that is settled. Until it
    /// is, what was delivered again is not told to be had.
    doubts: BTreeMap<ChatId, bool>,
    flush_at: Option<Time>,
    /// Entries done with since the last flush, and how many make a flush.
    undone: u32,
    flush_entries: u32,
}

impl Inbox {
    pub(crate) fn new(mode: AckMode, cursors: HashMap<ChatId, u64>) -> Self {
        let chats = cursors.into_iter();
        Self {
            mode,
            chats: chats.map(|(chat, seq)| (chat, Position::at(seq))).collect(),
            due: BTreeSet::new(),
            told: BTreeSet::new(),
            told_before_ping: BTreeSet::new(),
            adrift: VecDeque::new(),
            doubts: BTreeMap::new(),
            flush_at: None,
            undone: 0,
            flush_entries: ACK_ENTRIES_MAX,
        }
    }

    /// Acks must come well before the window is used up.
    pub(crate) fn set_window(&mut self, window: u32) {
        self.flush_entries = (window / 4).clamp(1, ACK_ENTRIES_MAX);
    }

    /// An entry is delivered. Returns whether it is to be handed over.
    pub(crate) fn deliver(&mut self, now: Time, chat: &ChatId, seq: u64) -> bool {
        if !self.chats.contains_key(chat) {
            self.chats.insert(chat.clone(), Position::default());
        }
        let position = self.chats.get_mut(chat).expect("it was just put there");
        let done = position.done();
        let found = position.deliver(seq);
        let again = found == Found::Done;
        if position.done() > done || (again && self.doubts.get(chat) == Some(&true)) {
            self.tell(now, chat, 0);
        } else if again {
            self.doubt(chat);
        }
        let twice = planted::is(Bug::HandedOverTwice) && found == Found::Again;
        found == Found::New || twice
    }

    /// The server's log of the chat ends at `head`, it says.
    pub(crate) fn compare(&mut self, chat: &ChatId, head: u64) {
        if head < self.had(chat) {
            self.doubt(chat);
        }
    }

    /// An answer may be older than what has come since it was asked for, and what is delivered
    /// again may have been acknowledged in vain. So the server is asked, once a connection.
    fn doubt(&mut self, chat: &ChatId) {
        if !self.doubts.contains_key(chat) {
            self.doubts.insert(chat.clone(), false);
            self.adrift.push_back(chat.clone());
        }
    }

    /// How far the chat was received.
    pub(crate) fn had(&self, chat: &ChatId) -> u64 {
        self.chats.get(chat).map_or(0, Position::had)
    }

    /// The server's log of the chat is another than the one so far: it starts over. Returns whether
    /// the app is to be told; it is not while it has not even learnt of the time before.
    pub(crate) fn reset(&mut self, chat: &ChatId) -> bool {
        let before = self.chats.insert(chat.clone(), Position::frozen());
        self.doubts.insert(chat.clone(), true);
        for told in [&mut self.due, &mut self.told, &mut self.told_before_ping] {
            told.remove(chat);
        }
        if self.due.is_empty() {
            (self.flush_at, self.undone) = (None, 0);
        }
        before.is_none_or(|mut before| !before.thaw())
    }

    /// The app knows that the chat's log starts over. Returns whether entries were held back.
    pub(crate) fn thaw(&mut self, chat: &ChatId) -> bool {
        self.chats.get_mut(chat).is_some_and(Position::thaw)
    }

    /// An own message is the entry `seq` of the chat.
    pub(crate) fn accepted(&mut self, now: Time, chat: &ChatId, seq: u64) {
        let position = self.chats.entry(chat.clone()).or_default();
        let (done, adrift) = (position.done(), position.needs_anchor());
        position.accepted(seq);
        if position.done() > done {
            self.tell(now, chat, 1);
        } else if position.needs_anchor() && !adrift {
            self.adrift.push_back(chat.clone());
        }
    }

    /// A chat whose position is to be asked for, and how far it is.
    pub(crate) fn next_adrift(&mut self) -> Option<(ChatId, u64)> {
        while let Some(chat) = self.adrift.pop_front() {
            let in_doubt = self.doubts.get(&chat) == Some(&false);
            if in_doubt || self.chats.get(&chat).is_some_and(Position::needs_anchor) {
                let had = self.had(&chat);
                return Some((chat, had));
            }
        }
        None
    }

    /// The server says how far this device is; `None`: it does not say.
    pub(crate) fn anchor(&mut self, now: Time, chat: &ChatId, delivered: Option<u64>) {
        if self.doubts.insert(chat.clone(), true) == Some(false) {
            self.tell(now, chat, 0);
        }
        if let Some(delivered) = delivered {
            self.change(now, chat, 0, |position| position.anchor(delivered));
        }
    }

    /// The app took entries up to `seq`.
    pub(crate) fn take(&mut self, now: Time, chat: &ChatId, seq: u64) {
        self.change(now, chat, 0, |position| position.take(seq));
    }

    /// The app asked for what comes after entries up to `seq`.
    pub(crate) fn pass(&mut self, now: Time, chat: &ChatId, seq: u64) {
        if self.mode == AckMode::Auto {
            self.change(now, chat, 0, |position| position.finish(seq));
        }
    }

    /// The app is done with entries up to `seq`.
    pub(crate) fn finish(&mut self, now: Time, chat: &ChatId, seq: u64) {
        self.change(now, chat, 1, |position| position.finish(seq));
    }

    /// The user has read up to `seq`.
    pub(crate) fn read(&mut self, now: Time, chat: &ChatId, seq: u64) {
        let position = self.chats.entry(chat.clone()).or_default();
        if position.mark_read(seq) {
            self.tell(now, chat, 0);
        }
    }

    /// The app passed `count` entries, of whichever chats.
    pub(crate) const fn count_passed(&mut self, count: u32) {
        self.undone = self.undone.saturating_add(count);
    }

    fn change(&mut self, now: Time, chat: &ChatId, entries: u32, with: impl FnOnce(&mut Position)) {
        let Some(position) = self.chats.get_mut(chat) else {
            return;
        };
        let done = position.done();
        with(position);
        if position.done() > done {
            self.tell(now, chat, entries);
        }
    }

    fn tell(&mut self, now: Time, chat: &ChatId, entries: u32) {
        self.undone = self.undone.saturating_add(entries);
        if !self.due.contains(chat) {
            self.due.insert(chat.clone());
        }
        self.flush_at.get_or_insert(now + ACK_DELAY);
    }

    /// When the acks are to be sent at the latest.
    pub(crate) const fn deadline(&self) -> Option<Time> {
        self.flush_at
    }

    /// Whether the acks are to be sent now.
    pub(crate) fn must_flush(&self, now: Time) -> bool {
        !self.due.is_empty()
            && (self.undone >= self.flush_entries || self.flush_at.is_some_and(|at| at <= now))
    }

    /// The next cursors to send, as many as fit a body of `bytes_max`; empty when all are told.
    pub(crate) fn flush(&mut self, bytes_max: usize) -> Vec<Cursor> {
        let (mut bytes, mut cursors) = (0, Vec::new());
        for chat in &self.due {
            bytes += chat.as_str().len() + CURSOR_OVERHEAD_BYTES;
            if bytes > bytes_max || cursors.len() == ACK_CURSORS_MAX {
                break;
            }
            let position = self.chats.get(chat);
            let (delivered, read) = position.map_or((0, 0), |at| (at.done(), at.read()));
            let chat = chat.clone();
            cursors.push(Cursor { chat, delivered, read });
        }
        for cursor in &cursors {
            self.due.remove(&cursor.chat);
            self.told.insert(cursor.chat.clone());
        }
        if self.due.is_empty() {
            (self.flush_at, self.undone) = (None, 0);
        }
        cursors
    }

    /// A ping goes out behind what was told.
    pub(crate) fn ping_sent(&mut self) {
        let told = std::mem::take(&mut self.told);
        self.told_before_ping.extend(told);
    }

    /// Its pong is there.
    pub(crate) fn pong_came(&mut self) {
        self.told_before_ping.clear();
    }

    /// The connection is gone: what may not have arrived is told again on the next one.
    pub(crate) fn disconnected(&mut self, now: Time) {
        let mut lost = std::mem::take(&mut self.told);
        lost.append(&mut self.told_before_ping);
        self.due.extend(lost);
        self.flush_at = (!self.due.is_empty()).then_some(now);
        self.adrift.clear();
        self.doubts.clear();
        let adrift = self.chats.iter().filter(|(_, at)| at.needs_anchor());
        self.adrift.extend(adrift.map(|(chat, _)| chat.clone()));
    }

    /// How far the app is done with each chat.
    pub(crate) fn cursors(&self) -> HashMap<ChatId, u64> {
        let met = self.chats.iter().filter(|(_, at)| at.done() > 0);
        met.map(|(chat, at)| (chat.clone(), at.done())).collect()
    }
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(name: &str) -> ChatId {
        ChatId::group(name).unwrap()
    }

    const START: Time = Time::from_ms(0);

    fn inbox() -> Inbox {
        Inbox::new(AckMode::Auto, HashMap::from([(chat("g"), 7)]))
    }

    fn cursor(name: &str, delivered: u64, read: u64) -> Cursor {
        let chat = chat(name);
        Cursor { chat, delivered, read }
    }

    #[test]
    fn an_ack_waits_a_little_for_others() {
        let mut inbox = inbox();
        assert!(inbox.deliver(START, &chat("g"), 8));
        assert_eq!(inbox.deadline(), None);
        inbox.take(START, &chat("g"), 8);
        inbox.pass(START, &chat("g"), 8);
        inbox.read(START, &chat("g"), 8);
        assert!(!inbox.must_flush(START));
        assert_eq!(inbox.deadline(), Some(START + ACK_DELAY));
        assert!(inbox.must_flush(START + ACK_DELAY));
        assert_eq!(inbox.flush(4096), [cursor("g", 8, 8)]);
        assert_eq!(inbox.flush(4096), []);
        assert_eq!(inbox.deadline(), None);
    }

    #[test]
    fn acks_of_many_entries_do_not_wait() {
        let mut inbox = inbox();
        inbox.deliver(START, &chat("g"), 8);
        inbox.take(START, &chat("g"), 8);
        inbox.pass(START, &chat("g"), 8);
        inbox.count_passed(ACK_ENTRIES_MAX);
        assert!(inbox.must_flush(START));
        inbox.set_window(1);
        assert_eq!(inbox.flush_entries, 1);
    }

    #[test]
    fn what_the_server_delivers_though_it_is_done_with_is_told_again() {
        let mut inbox = inbox();
        assert!(!inbox.deliver(START, &chat("g"), 6));
        assert_eq!(inbox.flush(4096), [], "it may be another log");
        assert_eq!(inbox.next_adrift(), Some((chat("g"), 7)));
        inbox.anchor(START, &chat("g"), Some(5));
        assert_eq!(inbox.flush(4096), [cursor("g", 7, 0)]);
        assert!(!inbox.deliver(START, &chat("g"), 7));
        assert_eq!(inbox.next_adrift(), None, "it is asked once");
        assert_eq!(inbox.flush(4096), [cursor("g", 7, 0)]);
    }

    #[test]
    fn acks_are_told_again_on_the_next_connection_until_a_pong_shows_that_they_arrived() {
        let mut inbox = inbox();
        inbox.read(START, &chat("g"), 3);
        assert_eq!(inbox.flush(4096).len(), 1);
        inbox.disconnected(START);
        assert!(inbox.must_flush(START));
        assert_eq!(inbox.flush(4096), [cursor("g", 7, 3)]);
        inbox.ping_sent();
        inbox.pong_came();
        inbox.disconnected(START);
        assert_eq!(inbox.flush(4096), []);
    }

    #[test]
    fn an_ack_fits_its_frame() {
        let mut inbox = inbox();
        for at in 0..300 {
            inbox.read(START, &chat(&format!("g{at}")), 1);
        }
        let small = inbox.flush(400);
        assert!((1..=10).contains(&small.len()));
        assert_eq!(inbox.flush(usize::MAX).len(), ACK_CURSORS_MAX);
        assert_eq!(inbox.flush(usize::MAX).len(), 300 - ACK_CURSORS_MAX - small.len());
    }

    #[test]
    fn nothing_is_done_with_in_manual_mode_but_what_the_app_says() {
        let mut inbox = Inbox::new(AckMode::Manual, HashMap::new());
        inbox.deliver(START, &chat("g"), 1);
        inbox.deliver(START, &chat("g"), 2);
        inbox.take(START, &chat("g"), 2);
        inbox.pass(START, &chat("g"), 2);
        assert!(inbox.cursors().is_empty());
        inbox.finish(START, &chat("g"), 1);
        assert_eq!(inbox.cursors(), HashMap::from([(chat("g"), 1)]));
        inbox.finish(START, &chat("unheard-of"), 9);
        assert_eq!(inbox.cursors().len(), 1);
    }

    #[test]
    fn a_chat_with_own_entries_adrift_is_asked_about_once_a_connection() {
        let mut inbox = inbox();
        inbox.accepted(START, &chat("x"), 58);
        inbox.accepted(START, &chat("x"), 59);
        assert_eq!(inbox.next_adrift(), Some((chat("x"), 0)));
        assert_eq!(inbox.next_adrift(), None);
        inbox.disconnected(START);
        assert_eq!(inbox.next_adrift(), Some((chat("x"), 0)));
        inbox.anchor(START, &chat("x"), Some(57));
        assert_eq!(inbox.flush(4096), [cursor("x", 59, 0)]);
        inbox.disconnected(START);
        assert_eq!(inbox.next_adrift(), None);
    }

    #[test]
    fn a_log_that_starts_over_is_handed_over_once_the_app_knows() {
        let mut inbox = inbox();
        inbox.read(START, &chat("g"), 7);
        inbox.compare(&chat("g"), 7);
        assert_eq!(inbox.next_adrift(), None);
        inbox.compare(&chat("g"), 2);
        assert_eq!(inbox.next_adrift(), Some((chat("g"), 7)));
        assert!(inbox.reset(&chat("g")));
        assert!(!inbox.reset(&chat("g")), "that is still to be told");
        assert_eq!((inbox.flush(4096), inbox.deadline()), (vec![], None));
        assert!(!inbox.deliver(START, &chat("g"), 1), "the app does not know yet");
        inbox.take(START, &chat("g"), 7);
        inbox.finish(START, &chat("g"), 7);
        assert!(inbox.cursors().is_empty(), "that was of the log before");
        assert!(inbox.thaw(&chat("g")) && !inbox.thaw(&chat("g")));
        assert!(inbox.deliver(START, &chat("g"), 1));
    }
}
