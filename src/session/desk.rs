//! What a session has under way: sends, requests, deliveries, cursor moves. A session that has
//! nothing under way needs no desk, and has none: most are idle at most times. Pure. Must never be
//! cleared while anything on it would be missed.

use packetboat_proto::time::Time;

use super::deliveries::Deliveries;
use super::moves::Moves;
use super::port::Rules;
use super::questions::Questions;
use super::rate::Bucket;
use super::rooms::Rooms;
use super::sends::Sends;
use super::transfers::Transfers;

/// What a session has under way.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) deliveries: Deliveries,
    pub(super) sends: Sends,
    pub(super) questions: Questions,
    pub(super) transfers: Transfers,
    pub(super) moves: Moves,
    pub(super) signals: Bucket,
    pub(super) rooms: Rooms,
    /// The first scan has begun, or was not needed.
    pub(super) scanned: bool,
}

impl Desk {
    /// Of a session that has just opened: a scan is due.
    pub(super) fn new(now: Time, rules: &Rules, window: u32) -> Self {
        Self {
            deliveries: Deliveries::new(window, rules.retries),
            sends: Sends::new(now, rules.sends, rules.max_content, rules.send_rate),
            questions: Questions::new(now, rules.max_body, rules.requests),
            transfers: Transfers::new(now, rules.max_body, rules.transfers),
            moves: Moves::default(),
            signals: Bucket::new(rules.signals, now),
            rooms: Rooms::default(),
            scanned: false,
        }
    }

    /// Of a session that had nothing under way: its device has had all that is stored.
    pub(super) fn quiet(now: Time, rules: &Rules, window: u32) -> Self {
        let deliveries = Deliveries::quiet(window, rules.retries);
        Self { deliveries, scanned: true, ..Self::new(now, rules, window) }
    }

    /// Whether another one, made when it is needed, would do as well.
    pub(super) fn is_clear(&mut self, now: Time) -> bool {
        self.deliveries.is_quiet()
            && self.is_stored()
            && self.rooms.is_empty()
            && self.sends.is_rested(now)
            && self.questions.is_rested(now)
            && self.transfers.is_rested(now)
            && self.signals.is_full(now)
    }

    /// Whether all that was taken is stored.
    pub(super) fn is_stored(&self) -> bool {
        self.sends.is_idle() && self.moves.is_idle()
    }

    /// Whether there is room for one more packet of each kind.
    pub(super) fn has_room(&mut self, now: Time) -> bool {
        // Each is asked, or a bucket would not be filled, and its pause never be over.
        let (sends, questions) = (self.sends.has_room(now), self.questions.has_room(now));
        sends && questions && self.moves.has_room()
    }

    /// When something on it is to go on.
    pub(super) fn deadlines(&self) -> [Option<Time>; 3] {
        [self.deliveries.deadline(), self.paused_until(), self.transfers.paused_until()]
    }

    /// Until when nothing more is taken, if it is a rate that forbids it.
    pub(super) fn paused_until(&self) -> Option<Time> {
        self.sends.paused_until().max(self.questions.paused_until())
    }
}
