//! What a session has still to send its device, and what it waits to have acknowledged. Pure.
//!
//! Each chat of a session is *live* (pushes go straight out) or *lags* (pushes only raise the
//! goal, and stretches of the log are read until it is reached). All that can go wrong leads to
//! lagging: a full window, a gap, a retry. What a full mailbox lost is unknown, so a *scan* asks
//! the store for the chats that lag; the first one runs when the session opens.
//!
//! Must never send an entry of a chat before a lower one that the device has not been sent.

use std::collections::VecDeque;
use std::time::Duration;

use ahash::HashMap;
use packetboat_proto::id::ChatId;
use packetboat_proto::planted::{self, Bug};
use packetboat_proto::time::Time;

use crate::store::{LagPage, Logged, Read, Stretch};

/// Chats that lag at a time; when there are more, a scan finds the others later.
pub const LAGGING_CHATS_MAX: usize = 256;
/// Stretches in one read.
pub const STRETCHES_MAX: usize = 32;
/// Chats whose position is kept although nothing of them is on its way.
pub const POSITIONS_MAX: usize = 1_024;

/// How unacknowledged deliveries are sent again.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
    /// After this time for the first time; it doubles with each try.
    pub first: Duration,
    /// So many times.
    pub max: u32,
}

/// What to do with a pushed entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// Send it now.
    Send,
    /// Do not: it was sent, is the session's own, or is read from the log later.
    Hold,
    /// The same; the window being full turned a chat that was live to lagging.
    HoldFull,
}

/// What to do when the oldest delivery is due again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing.
    Nothing,
    /// All that is unacknowledged is read from the log and sent again.
    Again,
    /// It was tried often enough.
    GiveUp,
}

#[derive(Clone, Copy, Debug, Default)]
struct Position {
    /// Every entry up to here was sent, or is not for this session.
    sent: u64,
    /// The highest that `sent` ever was: a retry takes it back.
    sent_once: u64,
    /// Every entry up to here was acknowledged.
    acked: u64,
    /// Deliveries sent and not acknowledged.
    unacked: usize,
}

impl Position {
    fn at(had: u64) -> Self {
        Self { sent: had, sent_once: had, acked: had, unacked: 0 }
    }

    fn advance(&mut self, seq: u64) {
        self.sent = self.sent.max(seq);
        self.sent_once = self.sent_once.max(seq);
    }

    /// A delivery goes out.
    fn sent(&mut self, seq: u64) {
        self.advance(seq);
        self.unacked += 1;
    }
}

#[derive(Clone, Debug)]
struct Unacked {
    chat: ChatId,
    seq: u64,
    at: Time,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Scan {
    Due(Option<ChatId>),
    Running,
    Done,
}

/// What a session has still to send, and waits to have acknowledged.
#[derive(Debug)]
pub struct Deliveries {
    window: usize,
    retries: Retries,
    tries: u32,
    positions: HashMap<ChatId, Position>,
    unacked: VecDeque<Unacked>,
    /// Chats that lag, with the seq to reach.
    lagging: HashMap<ChatId, u64>,
    /// The order in which they are read: who was read last comes last.
    turn: VecDeque<ChatId>,
    reading: Vec<Stretch>,
    scan: Scan,
    scan_again: bool,
}

impl Deliveries {
    /// Of a session that has just opened: a scan is due.
    pub fn new(window: u32, retries: Retries) -> Self {
        Self {
            window: window as usize,
            retries,
            tries: 0,
            positions: HashMap::default(),
            unacked: VecDeque::new(),
            lagging: HashMap::default(),
            turn: VecDeque::new(),
            reading: Vec::new(),
            scan: Scan::Due(None),
            scan_again: false,
        }
    }

    /// Of a session whose device has had all that is stored: no scan is due.
    pub fn quiet(window: u32, retries: Retries) -> Self {
        Self { scan: Scan::Done, ..Self::new(window, retries) }
    }

    /// Whether there is nothing to remember but positions that may be forgotten.
    pub fn is_quiet(&self) -> bool {
        self.is_live() && !self.scan_again && self.unacked.is_empty() && self.reading.is_empty()
    }

    /// An entry was pushed. `own`: this session sent it, and has its `Accepted`.
    pub fn push(&mut self, now: Time, chat: &ChatId, seq: u64, own: bool) -> Pushed {
        if let Some(goal) = self.lagging.get_mut(chat) {
            *goal = seq.max(*goal);
            return Pushed::Hold;
        }
        let is_full = self.unacked.len() >= self.window;
        // Looked up once: each delivery of a large group passes here for each of its members.
        let position = match self.positions.get_mut(chat) {
            Some(position) => position,
            None if self.scan == Scan::Done => {
                self.positions.entry(chat.clone()).or_insert(Position::at(seq - 1))
            }
            // What lies before it is not known yet.
            None => {
                self.scan_again = true;
                return Pushed::Hold;
            }
        };
        if seq <= position.sent {
            return Pushed::Hold;
        }
        if seq > position.sent + 1 {
            self.lag(chat, seq);
            return Pushed::Hold;
        }
        if own {
            position.advance(seq);
            return Pushed::Hold;
        }
        if is_full {
            self.lag(chat, seq);
            return Pushed::HoldFull;
        }
        position.sent(seq);
        self.unacked.push_back(Unacked { chat: chat.clone(), seq, at: now });
        Pushed::Send
    }

    /// Pushes were lost, of chats not known.
    pub fn lost(&mut self) {
        match self.scan {
            Scan::Done => self.scan = Scan::Due(None),
            Scan::Due(_) | Scan::Running => self.scan_again = true,
        }
    }

    /// The device has acknowledged a chat up to a seq.
    pub fn ack(&mut self, chat: &ChatId, seq: u64) {
        // Beyond what was sent it can only speak of an earlier session, whose acknowledgement
        // the store has; sending once more does no harm.
        let Some(seq) = self.positions.get(chat).map(|position| seq.min(position.sent_once)) else {
            return;
        };
        self.acknowledge(chat, seq);
        if self.positions.len() > POSITIONS_MAX {
            self.forget_idle();
        }
    }

    fn acknowledge(&mut self, chat: &ChatId, seq: u64) {
        let Some(position) = self.positions.get_mut(chat).filter(|at| at.acked < seq) else {
            return;
        };
        position.acked = seq;
        position.advance(seq);
        if position.unacked > 0 {
            self.tries = 0;
            let before = self.unacked.len();
            self.unacked.retain(|unacked| unacked.seq > seq || unacked.chat != *chat);
            position.unacked -= before - self.unacked.len();
        }
        if self.lagging.get(chat).is_some_and(|goal| *goal <= seq) {
            self.caught_up(chat);
        }
    }

    /// The stretches to read now, if there are any and there is room for what they hold.
    /// The answer comes to `read`.
    pub fn next_read(&mut self) -> Option<(Vec<Stretch>, usize)> {
        let room = self.window - self.unacked.len().min(self.window);
        // Half a window at a time, or a device that acks one by one is read for one by one.
        let worthwhile = room * 2 >= self.window;
        if !self.reading.is_empty() || self.turn.is_empty() || !worthwhile {
            return None;
        }
        let chats = self.turn.iter().take(STRETCHES_MAX);
        self.reading = chats
            .map(|chat| Stretch {
                chat: chat.clone(),
                after: self.positions.get(chat).map_or(0, |position| position.sent),
                upto: self.lagging.get(chat).copied().unwrap_or(0),
            })
            .collect();
        Some((self.reading.clone(), room))
    }

    /// Stretches were read: the entries to send now, in order.
    pub fn read(&mut self, now: Time, reads: Vec<Read>) -> Vec<Logged> {
        let asked = std::mem::take(&mut self.reading);
        let mut entries = Vec::new();
        for read in reads {
            let Some(stretch) = asked.iter().find(|stretch| stretch.chat == read.chat) else {
                continue;
            };
            self.read_one(now, stretch, read, &mut entries);
        }
        entries
    }

    fn read_one(&mut self, now: Time, stretch: &Stretch, read: Read, entries: &mut Vec<Logged>) {
        let Some(position) = self.positions.get(&read.chat).copied() else {
            return;
        };
        if !self.lagging.contains_key(&read.chat) {
            return;
        }
        self.turn.retain(|chat| *chat != read.chat);
        // A retry has taken the position back meanwhile: what was read comes too late.
        if stretch.after <= position.sent && self.send_read(now, &read, entries) {
            let position = self.position(&read.chat, 0);
            let skipped = u64::from(planted::is(Bug::PageSkipsOne) && read.reached < stretch.upto);
            position.advance(read.reached + skipped);
            let sent = position.sent;
            if self.lagging.get(&read.chat).is_some_and(|goal| *goal <= sent) {
                self.caught_up(&read.chat);
                return;
            }
        }
        self.turn.push_back(read.chat);
    }

    /// Sends what was read of a chat, as far as there is room: pushes of live chats may have
    /// taken some of it meanwhile. Whether all of it was sent.
    fn send_read(&mut self, now: Time, read: &Read, entries: &mut Vec<Logged>) -> bool {
        let Read { chat, entries: found, .. } = read;
        let position = self.positions.get_mut(chat).expect("it was looked at just now");
        for entry in found {
            let seq = entry.seq;
            if seq <= position.sent {
                continue;
            }
            if self.unacked.len() >= self.window {
                return false;
            }
            position.sent(seq);
            self.unacked.push_back(Unacked { chat: chat.clone(), seq, at: now });
            entries.push(entry.clone());
        }
        true
    }

    /// Where the scan to run now begins, if one is due. The answer comes to `scanned`.
    pub fn next_scan(&mut self) -> Option<Option<ChatId>> {
        // A later page waits until what the earlier one found has been read.
        let room = self.lagging.len() * 2 <= LAGGING_CHATS_MAX;
        if !matches!(self.scan, Scan::Due(_)) || !room {
            return None;
        }
        match std::mem::replace(&mut self.scan, Scan::Running) {
            Scan::Due(after) => Some(after),
            Scan::Running | Scan::Done => None,
        }
    }

    /// Chats at most that a scan may find: more could not be kept.
    pub fn scan_limit(&self) -> usize {
        LAGGING_CHATS_MAX - self.lagging.len().min(LAGGING_CHATS_MAX - 1)
    }

    /// A scan has found chats that lag.
    pub fn scanned(&mut self, page: LagPage) {
        for lag in page.lags {
            self.position(&lag.chat, lag.delivered);
            self.acknowledge(&lag.chat, lag.delivered);
            if self.position(&lag.chat, lag.delivered).sent < lag.head {
                self.lag(&lag.chat, lag.head);
            }
        }
        self.scan = match page.next {
            Some(next) => Scan::Due(Some(next)),
            None if std::mem::take(&mut self.scan_again) => Scan::Due(None),
            None => Scan::Done,
        };
    }

    /// Whether all that is stored has been sent, as far as is known.
    pub fn is_live(&self) -> bool {
        self.scan == Scan::Done && self.lagging.is_empty()
    }

    /// Deliveries sent and not acknowledged.
    pub fn unacked(&self) -> usize {
        self.unacked.len()
    }

    /// When the oldest unacknowledged delivery is due again.
    pub fn deadline(&self) -> Option<Time> {
        let oldest = self.unacked.front()?;
        Some(oldest.at + self.retries.first.saturating_mul(1 << self.tries.min(16)))
    }

    /// Looks at the time.
    pub fn tick(&mut self, now: Time) -> Due {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return Due::Nothing;
        }
        self.tries += 1;
        if self.tries > self.retries.max {
            return Due::GiveUp;
        }
        for unacked in std::mem::take(&mut self.unacked) {
            let position = self.positions.entry(unacked.chat.clone()).or_default();
            let sent = position.sent.max(unacked.seq);
            position.unacked = 0;
            self.lag(&unacked.chat, sent);
        }
        for chat in self.lagging.keys() {
            if let Some(position) = self.positions.get_mut(chat) {
                position.sent = position.acked;
            }
        }
        Due::Again
    }

    /// A chat is to be read up to `goal`; a scan finds it if too many are.
    fn lag(&mut self, chat: &ChatId, goal: u64) {
        if let Some(known) = self.lagging.get_mut(chat) {
            *known = goal.max(*known);
        } else if self.lagging.len() < LAGGING_CHATS_MAX {
            self.lagging.insert(chat.clone(), goal);
            self.turn.push_back(chat.clone());
        } else {
            // Its position is kept, so that no later push of it is taken for the next one.
            if let Some(position) = self.positions.get_mut(chat) {
                position.sent = position.acked;
            }
            self.lost();
        }
    }

    fn caught_up(&mut self, chat: &ChatId) {
        self.lagging.remove(chat);
        self.turn.retain(|turn| turn != chat);
    }

    fn position(&mut self, chat: &ChatId, had: u64) -> &mut Position {
        if !self.positions.contains_key(chat) {
            self.positions.insert(chat.clone(), Position::at(had));
        }
        self.positions.get_mut(chat).expect("it was put in just now")
    }

    /// Forgets the chats of which nothing is on its way: their next push is the next entry.
    fn forget_idle(&mut self) {
        if self.scan == Scan::Done {
            let lagging = &self.lagging;
            self.positions.retain(|chat, at| at.unacked > 0 || lagging.contains_key(chat));
        }
    }
}

#[cfg(test)]
mod tests;
