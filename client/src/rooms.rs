//! The rooms that the app listens to, and how far each was heard. Nothing of a room is owed: what
//! did not come is told to be missed. Pure. Must never let an entry through twice, nor one behind a
//! later one. Holds what the app has joined, and the server bounds that.

use std::collections::{BTreeMap, BTreeSet};

use packetboat_proto::id::ChatId;

/// Own entries of a room that were accepted and have not come yet; beyond that the oldest is
/// forgotten, and is handed over when it comes.
const OWN_MAX: usize = 1_024;

/// How far one room was heard.
#[derive(Debug, Default)]
struct Heard {
    /// The last entry that came, or was told to be missed; `None`: nothing is known yet.
    had: Option<u64>,
    /// Own entries that were accepted and have not come yet.
    own: BTreeSet<u64>,
    /// How far it was when the oldest question about it was asked that has no answer.
    asked: Option<u64>,
}

/// What is to be told of a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Entries from one to another did not come.
    pub(crate) missed: Option<(u64, u64)>,
    /// The entry that came is to be handed over.
    pub(crate) is_new: bool,
    /// The server's log is younger than what was heard of it, which was so far.
    pub(crate) reset: Option<u64>,
}

/// The rooms that the app listens to.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    heard: BTreeMap<ChatId, Heard>,
}

impl Rooms {
    /// The server is asked how a room is, `alone` if no such question is open already: what comes
    /// from here on may come before the answer, and before the next one's if it is not alone.
    pub(crate) fn asked(&mut self, room: &ChatId, alone: bool) {
        if let Some(heard) = self.heard.get_mut(room).filter(|_| alone) {
            heard.asked = heard.had;
        }
    }

    /// The server is asked to let the app in. Entries may come before it says that it has.
    pub(crate) fn joining(&mut self, room: &ChatId, alone: bool) {
        self.heard.entry(room.clone()).or_default();
        self.asked(room, alone);
    }

    /// The app is out of a room.
    pub(crate) fn left(&mut self, room: &ChatId) {
        self.heard.remove(room);
    }

    /// The rooms that the app listens to.
    pub(crate) fn all(&self) -> impl Iterator<Item = &ChatId> {
        self.heard.keys()
    }

    /// The server says where a room's log ends: what did not come up to there is missed.
    pub(crate) fn told(&mut self, room: &ChatId, head: u64) -> News {
        let Some(heard) = self.heard.get_mut(room) else { return News::default() };
        let reset = heard.asked.filter(|asked| head < *asked);
        if reset.is_some() {
            heard.own.clear();
            // Answers to what else was asked know of the same log.
            (heard.had, heard.asked) = (Some(head), None);
            return News { reset, ..News::default() };
        }
        let missed = heard.pass(head.saturating_add(1));
        heard.had = heard.had.max(Some(head));
        News { missed, ..News::default() }
    }

    /// An entry is delivered.
    pub(crate) fn deliver(&mut self, room: &ChatId, seq: u64) -> News {
        let Some(heard) = self.heard.get_mut(room) else { return News::default() };
        if heard.had.is_some_and(|had| seq <= had) {
            return News::default();
        }
        let missed = heard.pass(seq);
        heard.had = Some(seq);
        News { missed, is_new: !heard.own.remove(&seq), reset: None }
    }

    /// An own message is the entry `seq`.
    pub(crate) fn accepted(&mut self, room: &ChatId, seq: u64) {
        let Some(heard) = self.heard.get_mut(room) else { return };
        if heard.had.is_none_or(|had| seq > had) {
            heard.own.insert(seq);
            if heard.own.len() > OWN_MAX {
                heard.own.pop_first();
            }
        }
    }
}

impl Heard {
    /// What did not come before `next`, which is there; own entries need not have.
    fn pass(&mut self, next: u64) -> Option<(u64, u64)> {
        let mut first = self.had?.saturating_add(1);
        let later = self.own.split_off(&next);
        let own = std::mem::replace(&mut self.own, later);
        while own.contains(&first) {
            first += 1;
        }
        let mut last = next.saturating_sub(1);
        while last >= first && own.contains(&last) {
            last -= 1;
        }
        (first <= last).then_some((first, last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lobby() -> ChatId {
        ChatId::room("lobby").unwrap()
    }

    fn joined(head: u64) -> Rooms {
        let mut rooms = Rooms::default();
        rooms.joining(&lobby(), true);
        assert_eq!(rooms.told(&lobby(), head), News::default());
        rooms
    }

    fn new(missed: Option<(u64, u64)>) -> News {
        News { missed, is_new: true, reset: None }
    }

    #[test]
    fn what_comes_is_new_once_and_a_gap_is_missed() {
        let mut rooms = joined(4);
        assert_eq!(rooms.deliver(&lobby(), 4), News::default());
        assert_eq!(rooms.deliver(&lobby(), 5), new(None));
        assert_eq!(rooms.deliver(&lobby(), 5), News::default());
        assert_eq!(rooms.deliver(&lobby(), 9), new(Some((6, 8))));
        assert_eq!(rooms.deliver(&lobby(), 7), News::default(), "it was told to be missed");
        rooms.left(&lobby());
        assert_eq!(rooms.deliver(&lobby(), 10), News::default());
    }

    #[test]
    fn an_entry_may_come_before_the_answer_to_the_join() {
        let mut rooms = Rooms::default();
        rooms.joining(&lobby(), true);
        assert_eq!(rooms.deliver(&lobby(), 8), new(None));
        assert_eq!(rooms.told(&lobby(), 7), News::default());
        assert_eq!(rooms.deliver(&lobby(), 9), new(None));
    }

    #[test]
    fn a_log_may_end_at_the_last_number_there_is() {
        let mut rooms = joined(4);
        rooms.accepted(&lobby(), u64::MAX);
        rooms.asked(&lobby(), true);
        assert_eq!(rooms.told(&lobby(), u64::MAX).missed, Some((5, u64::MAX - 1)));
        assert_eq!(rooms.deliver(&lobby(), u64::MAX), News::default());
        rooms.accepted(&lobby(), u64::MAX);
        rooms.asked(&lobby(), true);
        assert_eq!(rooms.told(&lobby(), u64::MAX), News::default());
        assert_eq!(joined(u64::MAX).deliver(&lobby(), u64::MAX), News::default());
    }

    #[test]
    fn own_entries_are_neither_handed_over_nor_missed() {
        let mut rooms = joined(4);
        rooms.accepted(&lobby(), 5);
        rooms.accepted(&lobby(), 6);
        assert_eq!(rooms.deliver(&lobby(), 5), News::default());
        assert_eq!(rooms.deliver(&lobby(), 7), new(None));
        rooms.accepted(&lobby(), 7);
        rooms.accepted(&lobby(), 10);
        assert_eq!(rooms.told(&lobby(), 10).missed, Some((8, 9)));
        for seq in 11..20_000 {
            rooms.accepted(&lobby(), seq * 2);
        }
        assert_eq!(rooms.heard[&lobby()].own.len(), OWN_MAX);
    }

    #[test]
    fn who_joins_again_is_told_what_was_missed_and_that_a_log_is_younger() {
        let mut rooms = joined(4);
        rooms.joining(&lobby(), true);
        assert_eq!(rooms.told(&lobby(), 6).missed, Some((5, 6)));
        rooms.joining(&lobby(), true);
        assert_eq!(rooms.deliver(&lobby(), 7), new(None));
        assert_eq!(rooms.told(&lobby(), 6), News::default(), "it was asked before");
        rooms.joining(&lobby(), true);
        let younger = rooms.told(&lobby(), 2);
        assert_eq!((younger.reset, younger.missed), (Some(7), None));
        assert_eq!(rooms.deliver(&lobby(), 3), new(None));
    }

    #[test]
    fn an_answer_that_is_older_than_what_was_heard_before_the_next_question_is_no_younger_log() {
        let mut rooms = joined(4);
        rooms.asked(&lobby(), true);
        assert_eq!(rooms.deliver(&lobby(), 5), new(None));
        rooms.asked(&lobby(), false);
        assert_eq!(rooms.told(&lobby(), 4), News::default());
        assert_eq!(rooms.deliver(&lobby(), 6), new(None));
        rooms.asked(&lobby(), false);
        assert_eq!(rooms.told(&lobby(), 5), News::default());
        assert_eq!(rooms.told(&lobby(), 6), News::default());
        // The next connection.
        rooms.joining(&lobby(), true);
        rooms.asked(&lobby(), false);
        assert_eq!(rooms.told(&lobby(), 5).reset, Some(6));
        assert_eq!(rooms.deliver(&lobby(), 6), new(None));
        rooms.asked(&lobby(), false);
        assert_eq!(rooms.told(&lobby(), 5), News::default());
        assert_eq!(rooms.told(&lobby(), 6), News::default());
    }
}
