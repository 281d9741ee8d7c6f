//! What makes a result good: every accepted message of a pair's sender reached its receiver
//! exactly once, in order, and nothing else did. Pure; what agrees is forgotten at once, so that
//! it holds no more than is on its way. Must never take part in what it judges.

use std::collections::HashMap;

/// Faults that are kept in words; of the others only the number is.
const FAULTS_TOLD: usize = 3;

/// What was found wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    told: Vec<String>,
    total: u64,
}

impl Faults {
    /// One more.
    pub fn add(&mut self, fault: impl FnOnce() -> String) {
        self.total += 1;
        if self.told.len() < FAULTS_TOLD {
            self.told.push(fault());
        }
    }

    /// All that others found.
    pub fn join(&mut self, others: Self) {
        let room = FAULTS_TOLD - self.told.len();
        self.told.extend(others.told.into_iter().take(room));
        self.total += others.total;
    }

    /// Whether nothing was found.
    pub const fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// In words, the first ones and the number of the others.
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences = self.told.clone();
        let more = self.total - self.told.len() as u64;
        if more > 0 {
            sentences.push(format!("and {more} more faults"));
        }
        sentences
    }
}

/// One sender and one receiver in a chat where nobody else writes, so that its entries have the
/// seqs 1, 2, 3, … The sender numbers its messages upwards.
#[derive(Debug, Default)]
pub struct PairCheck {
    /// Messages accepted and not delivered yet, by seq.
    accepted: HashMap<u64, u64>,
    /// Messages delivered and not accepted yet, by seq.
    delivered: HashMap<u64, u64>,
    seq: u64,
    next_number: u64,
    closed: bool,
    faults: Faults,
}

impl PairCheck {
    /// The sender was told that a message has that seq.
    pub fn accepted(&mut self, number: u64, seq: u64) {
        let other = if seq <= self.seq {
            match self.delivered.remove(&seq) {
                Some(same) if same == number => return,
                other => other,
            }
        } else {
            match self.accepted.insert(seq, number) {
                None => return,
                other => other,
            }
        };
        self.faults.add(|| format!("seq {seq} is message {number}'s, but was {other:?}'s"));
    }

    /// The receiver got a message with that seq.
    pub fn delivered(&mut self, number: u64, seq: u64) {
        let last = self.seq;
        if seq <= last {
            self.faults.add(|| format!("seq {seq} (message {number}) came again after {last}"));
            return;
        }
        if seq != last + 1 {
            self.faults.add(|| format!("seq {seq} (message {number}) came after seq {last}"));
        }
        self.seq = seq;
        let next = self.next_number;
        if number < next {
            self.faults.add(|| format!("message {number} (seq {seq}) came after {}", next - 1));
        }
        self.next_number = next.max(number + 1);
        match self.accepted.remove(&seq) {
            Some(same) if same == number => {}
            Some(other) => self
                .faults
                .add(|| format!("seq {seq} came as message {number}, accepted was {other}")),
            None => {
                self.delivered.insert(seq, number);
            }
        }
    }

    /// Something else is wrong with the pair.
    pub fn fault(&mut self, fault: impl FnOnce() -> String) {
        self.faults.add(fault);
    }

    /// The sender has all its answers.
    pub const fn close(&mut self) {
        self.closed = true;
    }

    /// Whether nothing more can come that belongs here.
    pub fn is_done(&self) -> bool {
        self.closed && self.accepted.is_empty()
    }

    /// What is wrong, once all has come that will.
    pub fn finish(&mut self) -> Faults {
        let (missing, unasked) = (self.accepted.len(), self.delivered.len());
        if missing > 0 {
            self.faults.add(|| format!("{missing} accepted messages were not delivered"));
        }
        if unasked > 0 {
            self.faults.add(|| format!("{unasked} delivered messages were not accepted"));
        }
        std::mem::take(&mut self.faults)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Event {
        Accepted(u64, u64),
        Delivered(u64, u64),
    }
    use Event::{Accepted, Delivered};

    fn judge(events: &[Event]) -> Faults {
        let mut check = PairCheck::default();
        for event in events {
            match *event {
                Accepted(number, seq) => check.accepted(number, seq),
                Delivered(number, seq) => check.delivered(number, seq),
            }
        }
        check.finish()
    }

    #[test]
    fn all_once_in_order_is_good_whichever_side_hears_first() {
        let events = [Accepted(0, 1), Delivered(0, 1), Delivered(1, 2), Accepted(1, 2)];
        assert!(judge(&events).is_empty());
    }

    #[test]
    fn a_rejected_number_may_be_missing() {
        assert!(judge(&[Accepted(7, 1), Delivered(7, 1)]).is_empty());
    }

    #[test]
    fn a_lost_message_is_a_fault() {
        let faults = judge(&[Accepted(0, 1), Delivered(0, 1), Accepted(1, 2)]);
        assert_eq!(faults.sentences(), ["1 accepted messages were not delivered"]);
    }

    #[test]
    fn a_message_that_was_never_accepted_is_a_fault() {
        let faults = judge(&[Delivered(0, 1)]);
        assert_eq!(faults.sentences(), ["1 delivered messages were not accepted"]);
    }

    #[test]
    fn a_message_twice_is_a_fault_under_the_same_seq_or_another() {
        let same = judge(&[Accepted(0, 1), Delivered(0, 1), Delivered(0, 1)]);
        assert_eq!(same.sentences(), ["seq 1 (message 0) came again after 1"]);
        let other = judge(&[Accepted(0, 1), Delivered(0, 1), Accepted(0, 2), Delivered(0, 2)]);
        assert_eq!(other.sentences(), ["message 0 (seq 2) came after 0"]);
    }

    #[test]
    fn a_gap_and_a_wrong_order_are_faults() {
        let gap = judge(&[Accepted(0, 1), Accepted(1, 3), Delivered(0, 1), Delivered(1, 3)]);
        assert_eq!(gap.sentences(), ["seq 3 (message 1) came after seq 1"]);
        let order = judge(&[Accepted(1, 1), Accepted(0, 2), Delivered(1, 1), Delivered(0, 2)]);
        assert_eq!(order.sentences(), ["message 0 (seq 2) came after 1"]);
    }

    #[test]
    fn an_answer_that_disagrees_with_the_delivery_is_a_fault() {
        assert!(!judge(&[Accepted(0, 1), Delivered(1, 1)]).is_empty());
        assert!(!judge(&[Delivered(1, 1), Accepted(0, 1)]).is_empty());
        assert!(!judge(&[Accepted(0, 1), Accepted(1, 1), Delivered(1, 1)]).is_empty());
    }

    #[test]
    fn it_is_done_once_the_sender_is_and_all_has_come() {
        let mut check = PairCheck::default();
        check.accepted(0, 1);
        check.close();
        assert!(!check.is_done());
        check.delivered(0, 1);
        assert!(check.is_done());
    }

    #[test]
    fn only_the_first_faults_are_told() {
        let mut faults = Faults::default();
        (0..10).for_each(|number| faults.add(|| number.to_string()));
        let mut all = Faults::default();
        all.join(faults.clone());
        all.join(faults);
        assert_eq!(all.sentences(), ["0", "1", "2", "and 17 more faults"]);
    }

    proptest! {
        #[test]
        fn however_the_two_sides_interleave_a_good_run_is_good_and_a_lost_entry_is_seen(
            turns in proptest::collection::vec(any::<bool>(), 2..60),
            lost in any::<proptest::sample::Index>(),
        ) {
            let count = turns.len() as u64;
            let mut accepted = (0..count).map(|number| Accepted(number, number + 1));
            let mut delivered = (0..count).map(|number| Delivered(number, number + 1));
            let mut events: Vec<Event> = turns
                .iter()
                .filter_map(|first| if *first { accepted.next() } else { delivered.next() })
                .collect();
            events.extend(accepted.chain(delivered));
            prop_assert!(judge(&events).is_empty());
            events.remove(lost.index(events.len()));
            prop_assert!(!judge(&events).is_empty());
        }
    }
}
