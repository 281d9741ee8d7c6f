//! The model of a user's part in a chat: what it may see, has had and has read. Must never show
//! what was said while it was out.

use std::collections::{BTreeMap, BTreeSet};

use packetboat::store::Start;

/// Stretches of a log that are kept for one user.
const STRETCHES_MAX: usize = 16;

/// A user's part in a chat.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// For each time that the user was in, what was said meanwhile.
    pub stretches: Vec<BTreeSet<u64>>,
    /// What a device of the user has had.
    pub delivered: u64,
    /// What the user has read.
    pub read: u64,
    /// Until when the user is mute.
    pub muted_until_ms: u64,
    owed_from: u64,
    pub(super) cursors: BTreeMap<usize, u64>,
}

impl Part {
    /// Every seq that the user may see.
    pub fn visible(&self) -> BTreeSet<u64> {
        self.stretches.iter().flatten().copied().collect()
    }

    /// The last of them; 0 if there is none.
    pub fn last(&self) -> u64 {
        self.visible().last().copied().unwrap_or(0)
    }

    /// What a device has had.
    pub fn cursor(&self, on: usize) -> u64 {
        let default = self.lowest().max(self.owed_from.saturating_sub(1));
        self.cursors.get(&on).copied().unwrap_or(default)
    }

    fn lowest(&self) -> u64 {
        self.visible().first().map_or(0, |first| first - 1)
    }

    pub(super) fn enter(&mut self, seq: u64, all: bool) {
        let new = self.stretches.is_empty();
        let owed_from = if new { seq } else { self.owed_from.max(self.lowest() + 1) };
        if self.stretches.len() == STRETCHES_MAX {
            self.stretches.remove(0);
        }
        self.stretches.push(BTreeSet::new());
        if all {
            self.stretches = vec![(1..seq).collect()];
            self.owed_from = owed_from;
        }
    }

    /// Behind this there may be something unread.
    pub(super) fn before_unread(&self) -> u64 {
        self.read.max(self.owed_from.saturating_sub(1))
    }

    /// Whether to come in again would take from the user what none of these devices has had.
    pub(super) fn would_lose(&self, devices: impl Iterator<Item = usize>) -> bool {
        let oldest = self.stretches.first().filter(|_| self.stretches.len() == STRETCHES_MAX);
        let had = devices.map(|on| self.cursor(on)).max().unwrap_or(0).max(self.delivered);
        oldest.and_then(BTreeSet::last).is_some_and(|last| *last > had)
    }

    pub(super) fn start(&mut self, on: usize, start: Start) {
        let visible = self.visible();
        self.cursors.remove(&on);
        let default = self.cursor(on);
        let at = match start {
            Start::Everything => 0,
            Start::Undelivered => self.delivered.max(default),
            Start::Newest | Start::Last(0) => self.last(),
            Start::Last(entries) => {
                let first = visible.iter().rev().nth(entries as usize - 1);
                first.map_or(0, |first| first - 1)
            }
        };
        self.cursors.insert(on, at.max(self.lowest()));
    }
}
