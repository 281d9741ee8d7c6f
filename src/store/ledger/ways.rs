//! Who may write to whom in a direct chat, as it was found last. Must never be asked for a group.

use packetboat_proto::id::ChatId;

use crate::store::recent::Recent;

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
    /// It hangs on the groups that both are in, and is as of that many moves of members.
    pub(super) as_of: Option<u64>,
}

/// What is at hand of who may write to whom, so that a message costs no read. Beside the ends of
/// the chats, and as many.
#[derive(Debug)]
pub(super) struct Ways {
    ways: Recent<ChatId, Way>,
    /// How often somebody came into a group, or went out.
    moves: u64,
}

impl Ways {
    /// As many as the ends of chats.
    pub(super) fn keeping(chats: usize) -> Self {
        Self { ways: Recent::keeping(chats), moves: 0 }
    }

    /// Somebody came into a group, or went out: who writes by that, or not, has to be looked at
    /// again.
    pub(super) fn move_members(&mut self) {
        self.moves += 1;
    }

    /// How often that was so.
    pub(super) fn moves(&self) -> u64 {
        self.moves
    }

    /// Who may write in a chat.
    pub(super) fn set(&mut self, chat: &ChatId, way: Way) {
        self.ways.set(chat, way);
    }

    /// Who may write in a chat, if that is at hand and holds.
    pub(super) fn get(&mut self, chat: &ChatId) -> Option<Way> {
        let way = self.ways.get(chat)?;
        way.as_of.is_none_or(|moves| moves == self.moves).then_some(way)
    }
}
