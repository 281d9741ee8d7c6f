//! Who may write to whom in a direct chat, as it was found last. Must never be asked for a group.

use packetboat_proto::id::ChatId;

use crate::store::recent::Recent;

/// As of no time: to be looked at again.
const NEVER: u64 = u64::MAX;

/// Why a user may not write to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bar {
    /// The other one has blocked it.
    Blocked,
    /// It has blocked the other one.
    Blocks,
    /// They do not know each other, and have to.
    Stranger,
}

/// Who may write in a direct chat.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// What stands in the way of the first of the two, and of the second.
    pub(super) bars: [Option<Bar>; 2],
    /// It hangs on the groups that both are in, and is as of that many ends of memberships.
    pub(super) by_group: Option<u64>,
}

/// What is at hand of who may write to whom, so that a message costs no read. Beside the ends of
/// the chats, and as many.
#[derive(Debug)]
pub(super) struct Ways {
    ways: Recent<ChatId, Way>,
    /// How often somebody went out of a group.
    parted: u64,
}

impl Ways {
    /// As many as the ends of chats.
    pub(super) fn keeping(chats: usize) -> Self {
        Self { ways: Recent::keeping(chats), parted: 0 }
    }

    /// Somebody is out of a group: who wrote by that has to be looked at again.
    pub(super) fn part(&mut self) {
        self.parted += 1;
    }

    /// Until when what is found now holds: `by_group`, until somebody parts; `waits`: it does not.
    pub(super) fn until_parted(&self, by_group: bool, waits: bool) -> Option<u64> {
        let parted = if waits { NEVER } else { self.parted };
        (by_group || waits).then_some(parted)
    }

    /// Who may write in a chat.
    pub(super) fn set(&mut self, chat: &ChatId, way: Way) {
        self.ways.set(chat, way);
    }

    /// Who may write in a chat, if that is at hand and holds.
    pub(super) fn get(&mut self, chat: &ChatId) -> Option<Way> {
        let way = self.ways.get(chat)?;
        way.by_group.is_none_or(|parted| parted == self.parted).then_some(way)
    }
}
