//! How far one chat is: received, taken by the app, done with. Must never let an entry through
//! twice, nor be done with one that the app is not.

use std::collections::BTreeMap;

/// Separate runs of own entries that are remembered above what was received. There are more only
/// if the app leaves entries of others undone while it sends; then the oldest run is forgotten,
/// and is handed over as an entry if the server delivers it after a reconnect.
const OWN_RUNS_MAX: usize = 1024;

/// How far one chat is. Always `done <= had`, and `taken <= last_handed <= had`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Position {
    /// Every entry up to here was received, or will never come.
    had: u64,
    /// The last entry handed over to the app's queue.
    last_handed: u64,
    /// The last entry that the app took from it.
    taken: u64,
    /// Every entry up to here may be acknowledged.
    done: u64,
    /// The user has read up to here.
    read: u64,
    /// Own entries above `had`, as runs: first to last.
    own: BTreeMap<u64, u64>,
    /// `had` is known to be where the server delivers from.
    anchored: bool,
    /// The log starts over, and the app is still to learn it: nothing is handed over, so that what
    /// the app says of seqs is about those of before, and does nothing.
    frozen: bool,
}

/// What is to be done with a delivered entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Hand it over.
    New,
    /// It is an own one that the app knows by its acceptance.
    Own,
    /// It came before, and waits to be done with; or it comes too early, and is to come again.
    Again,
    /// It came before and is done with: the server does not know.
    Done,
}

impl Position {
    /// The app is done with every entry up to `seq`.
    pub(crate) fn at(seq: u64) -> Self {
        Self { had: seq, last_handed: seq, taken: seq, done: seq, ..Self::default() }
    }

    /// In a log that starts over.
    pub(crate) fn frozen() -> Self {
        Self { frozen: true, ..Self::default() }
    }

    /// The app knows that the log starts over. Returns whether that is news.
    pub(crate) const fn thaw(&mut self) -> bool {
        std::mem::replace(&mut self.frozen, false)
    }

    /// Every entry up to here was received.
    pub(crate) const fn had(&self) -> u64 {
        self.had
    }

    pub(crate) const fn done(&self) -> u64 {
        self.done
    }

    pub(crate) const fn read(&self) -> u64 {
        self.read
    }

    /// Own entries wait for it to be known whether any before them are still to come.
    pub(crate) fn needs_anchor(&self) -> bool {
        !self.anchored && !self.own.is_empty()
    }

    /// An entry is delivered. Deliveries ascend, so none below it is still to come.
    pub(crate) fn deliver(&mut self, seq: u64) -> Found {
        if seq <= self.done {
            return Found::Done;
        }
        if seq <= self.had || self.frozen {
            return Found::Again;
        }
        let own = self.is_own(seq);
        self.anchored = true;
        self.had = seq;
        if !own {
            self.last_handed = seq;
        }
        self.settle();
        if own { Found::Own } else { Found::New }
    }

    /// An own message is the entry `seq`.
    pub(crate) fn accepted(&mut self, seq: u64) {
        if seq > self.had {
            self.add_own(seq);
            self.settle();
        }
    }

    /// The server delivers from after `delivered`: this device acknowledged all up to there.
    pub(crate) fn anchor(&mut self, delivered: u64) {
        self.anchored = true;
        self.had = self.had.max(delivered);
        self.settle();
    }

    /// The app took the entry `seq`.
    pub(crate) fn take(&mut self, seq: u64) {
        self.taken = self.taken.max(seq.min(self.last_handed));
    }

    /// The app is done with what it took, up to `seq`.
    pub(crate) fn finish(&mut self, seq: u64) {
        self.done = self.done.max(seq.min(self.taken));
        self.settle();
    }

    /// The user has read up to `seq`. Returns whether that is further.
    pub(crate) fn mark_read(&mut self, seq: u64) -> bool {
        let further = seq > self.read;
        self.read = self.read.max(seq);
        further
    }

    /// Passes own entries that are next, and is done with all that the app has no part in.
    fn settle(&mut self) {
        while let Some(run) = self.own.first_entry() {
            if *run.key() > self.had.saturating_add(1) {
                break;
            }
            self.had = self.had.max(run.remove());
        }
        if self.done >= self.last_handed {
            self.done = self.had;
        }
    }

    fn is_own(&self, seq: u64) -> bool {
        let run = self.own.range(..=seq).next_back();
        run.is_some_and(|(_, last)| *last >= seq)
    }

    fn add_own(&mut self, seq: u64) {
        if self.is_own(seq) {
            return;
        }
        let last = self.own.remove(&seq.saturating_add(1)).unwrap_or(seq);
        let before = self.own.range_mut(..seq).next_back();
        match before {
            Some((_, end)) if *end + 1 == seq => *end = last,
            _ => {
                self.own.insert(seq, last);
            }
        }
        if self.own.len() > OWN_RUNS_MAX {
            self.own.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_own_entry_waits_for_those_before_it() {
        let mut position = Position::at(8);
        position.accepted(10);
        assert_eq!(position.done(), 8);
        assert_eq!(position.deliver(9), Found::New);
        assert_eq!(position.done(), 8);
        position.take(9);
        position.finish(9);
        assert_eq!(position.done(), 10);
        assert_eq!(position.deliver(10), Found::Done);
    }

    #[test]
    fn own_entries_in_a_row_are_done_with_at_once() {
        let mut position = Position::default();
        for seq in 1..=5 {
            position.accepted(seq);
        }
        assert_eq!(position.done(), 5);
        assert!(!position.needs_anchor());
    }

    #[test]
    fn own_entries_of_a_chat_not_met_yet_need_an_anchor() {
        let mut position = Position::default();
        position.accepted(58);
        position.accepted(59);
        assert!(position.needs_anchor());
        assert_eq!(position.done(), 0);
        position.anchor(57);
        assert_eq!(position.done(), 59);
    }

    #[test]
    fn an_anchor_below_a_catch_up_leaves_what_is_to_come() {
        let mut position = Position::default();
        position.accepted(58);
        position.anchor(55);
        assert_eq!(position.done(), 55);
        assert_eq!(position.deliver(56), Found::New);
        assert_eq!(position.deliver(57), Found::New);
        assert_eq!(position.deliver(58), Found::Again);
        position.take(57);
        position.finish(57);
        assert_eq!(position.done(), 58);
    }

    #[test]
    fn what_the_app_has_not_taken_cannot_be_done_with() {
        let mut position = Position::default();
        position.deliver(1);
        position.deliver(2);
        position.take(1);
        position.finish(u64::MAX);
        assert_eq!(position.done(), 1);
        assert_eq!(position.deliver(2), Found::Again);
        assert_eq!(position.deliver(1), Found::Done);
    }

    #[test]
    fn own_runs_are_bounded() {
        let mut position = Position::default();
        for seq in 0..10_000 {
            position.accepted(2 + seq * 2);
        }
        assert_eq!(position.own.len(), OWN_RUNS_MAX);
    }

    /// A log of which some entries are own, a server that delivers from the acked cursor on, and
    /// any interleaving of acceptance, delivery, taking, acks that get lost, and reconnects.
    #[derive(Clone, Debug)]
    enum Step {
        Accept,
        Deliver(u8),
        Take(u8),
        Ack,
        Reconnect,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => Just(Step::Accept),
            4 => (1..6u8).prop_map(Step::Deliver),
            4 => (1..6u8).prop_map(Step::Take),
            2 => Just(Step::Ack),
            1 => Just(Step::Reconnect),
        ]
    }

    proptest! {
        #[test]
        fn every_entry_of_others_is_handed_over_once_and_in_order(
            log in proptest::collection::vec(any::<bool>(), 1..60),
            steps in proptest::collection::vec(step(), 0..200),
        ) {
            let mut position = Position::default();
            let (mut server_cursor, mut sent_to, mut accepted_to) = (0u64, 0u64, 0u64);
            let (end, own) = (log.len() as u64, |at: u64| log[usize::try_from(at).unwrap()]);
            // Own entries accepted on this connection are not delivered on it.
            let mut told_here: Vec<u64> = vec![];
            let (mut queue, mut taken) = (std::collections::VecDeque::new(), vec![]);
            let finish = [Step::Accept, Step::Deliver(5), Step::Take(5)];
            let closing = finish.iter().cycle().take(3 * log.len() + 30).cloned();
            for step in steps.into_iter().chain(closing) {
                match step {
                    Step::Accept => {
                        if let Some(next) = (accepted_to..end).find(|at| own(*at)) {
                            position.accepted(next + 1);
                            told_here.push(next);
                            accepted_to = next + 1;
                        }
                    }
                    Step::Deliver(count) => for _ in 0..count {
                        // The server delivers what is stored: own entries only once accepted.
                        if sent_to < end && (!own(sent_to) || sent_to < accepted_to) {
                            let skipped = told_here.contains(&sent_to);
                            sent_to += 1;
                            if !skipped && position.deliver(sent_to) == Found::New {
                                queue.push_back(sent_to);
                            }
                        }
                    },
                    Step::Take(count) => for _ in 0..count {
                        if let Some(seq) = queue.pop_front() {
                            taken.push(seq);
                            position.take(seq);
        position.finish(seq);
                        }
                    },
                    Step::Ack => server_cursor = position.done(),
                    Step::Reconnect => {
                        told_here.clear();
                        sent_to = server_cursor;
                    }
                }
                let open = queue.front().copied().unwrap_or(u64::MAX);
                prop_assert!(position.done() < open);
            }
            let others: Vec<u64> = (0..end).filter(|at| !own(*at)).map(|at| at + 1).collect();
            prop_assert_eq!(taken, others);
            prop_assert_eq!(position.done(), end);
        }
    }
}
