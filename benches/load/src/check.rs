//! What makes a result good: every accepted message reached its receivers exactly once, in order,
//! and nothing else did. Pure; holds a few numbers for each sender and receiver, and a bit for each
//! message only across a kill. Must never take part in what it judges.

use crate::stamp::Name;

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

/// One bit for each message of a lane.
#[derive(Clone, Debug, Default)]
struct Bits(Vec<u64>);

impl Bits {
    /// Sets a bit; whether it was new.
    fn set(&mut self, number: u64) -> bool {
        let (word, bit) = (usize::try_from(number / 64).expect("a short run"), 1 << (number % 64));
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }

    fn count_without(&self, other: &Self) -> u64 {
        let others = other.0.iter().chain(std::iter::repeat(&0));
        self.0.iter().zip(others).map(|(one, other)| u64::from((one & !other).count_ones())).sum()
    }
}

/// What is remembered across a kill.
#[derive(Clone, Debug, Default)]
struct Across {
    accepted: Bits,
    delivered: Bits,
}

/// One sender and one receiver in a chat where nobody else writes, so that its seqs go with the
/// sender's numbers 0, 1, 2, …
#[derive(Clone, Debug, Default)]
pub struct LaneCheck {
    accepted: u64,
    delivered: u64,
    /// The number that comes next over this connection, if none is lost.
    next: u64,
    /// How far the seqs are ahead of the numbers.
    ahead: Option<u64>,
    /// Set if a kill is to come: then messages may be missing, or come again.
    across: Option<Across>,
    /// What is delivered is judged elsewhere.
    only_accepted: bool,
    faults: Faults,
}

impl LaneCheck {
    /// One for a sender whose messages are judged elsewhere when they are delivered.
    pub fn of_a_sender() -> Self {
        Self { only_accepted: true, ..Self::default() }
    }

    /// Messages that were accepted.
    pub const fn accepted_count(&self) -> u64 {
        self.accepted
    }

    /// One that lives through a kill.
    pub fn across_a_kill() -> Self {
        Self { across: Some(Across::default()), ..Self::default() }
    }

    /// The sender was told that a message is accepted.
    pub fn accepted(&mut self, number: u64, seq: Option<u64>) {
        self.accepted += 1;
        self.agree(number, seq);
        if let Some(across) = &mut self.across {
            across.accepted.set(number);
        }
    }

    /// The receiver got a message.
    pub fn delivered(&mut self, number: u64, seq: Option<u64>) {
        self.delivered += 1;
        self.agree(number, seq);
        let next = self.next;
        if number < next {
            self.faults.add(|| format!("message {number} came again, or late, after {}", next - 1));
            return;
        }
        self.next = number + 1;
        match &mut self.across {
            Some(across) => {
                across.delivered.set(number);
            }
            None if number > next => {
                self.faults.add(|| format!("message {number} came where {next} was due"));
            }
            None => {}
        }
    }

    /// The receiver has a new connection: what it had not acknowledged may come again.
    pub const fn reconnected(&mut self) {
        self.next = 0;
    }

    fn agree(&mut self, number: u64, seq: Option<u64>) {
        let Some(seq) = seq.filter(|_| !self.only_accepted) else { return };
        let ahead = seq.wrapping_sub(number);
        if *self.ahead.get_or_insert(ahead) != ahead {
            self.faults.add(|| format!("message {number} has seq {seq}, which is another's"));
        }
    }

    /// Something else is wrong.
    pub fn fault(&mut self, fault: impl FnOnce() -> String) {
        self.faults.add(fault);
    }

    /// Messages that were accepted, and not delivered yet.
    pub fn missing(&self) -> u64 {
        match &self.across {
            None => self.accepted.saturating_sub(self.delivered),
            Some(across) => across.accepted.count_without(&across.delivered),
        }
    }

    /// What is wrong, once all has come that will.
    pub fn finish(&mut self) -> Faults {
        let (accepted, delivered) = (self.accepted, self.delivered);
        if self.across.is_none() && !self.only_accepted && accepted != delivered {
            self.faults.add(|| format!("{accepted} were accepted, {delivered} were delivered"));
        }
        std::mem::take(&mut self.faults)
    }
}

/// One group of senders and receivers: every receiver sees every sender's numbers in order, and
/// all receivers see the same order of the log.
#[derive(Clone, Debug)]
pub struct GroupCheck {
    /// For each receiver, the next number of each sender.
    next: Vec<Vec<u64>>,
    /// For each receiver, the last seq.
    seqs: Vec<u64>,
    /// What the first receiver of each seq saw under it.
    log: Vec<Option<Name>>,
    faults: Faults,
}

impl GroupCheck {
    /// For so many.
    pub fn new(senders: usize, receivers: usize) -> Self {
        Self {
            next: vec![vec![0; senders]; receivers],
            seqs: vec![0; receivers],
            log: Vec::new(),
            faults: Faults::default(),
        }
    }

    /// A receiver got a message; senders are channels from 0.
    pub fn delivered(&mut self, receiver: usize, name: Name, seq: Option<u64>) {
        let Name { channel, number } = name;
        let Some(next) = self.next[receiver].get_mut(channel as usize) else {
            self.faults.add(|| format!("a message of the unknown sender {channel} came"));
            return;
        };
        if number != *next {
            let due = *next;
            self.faults.add(|| format!("message {number} of {channel} came where {due} was due"));
        }
        *next = (*next).max(number + 1);
        let Some(seq) = seq else { return };
        if seq <= self.seqs[receiver] {
            let last = self.seqs[receiver];
            self.faults.add(|| format!("seq {seq} came after seq {last}"));
        }
        self.seqs[receiver] = seq;
        let at = usize::try_from(seq).expect("a short run");
        if at >= self.log.len() {
            self.log.resize(at + 1, None);
        }
        if *self.log[at].get_or_insert(name) != name {
            self.faults.add(|| format!("seq {seq} is not the same message for all members"));
        }
    }

    /// Something else is wrong.
    pub fn fault(&mut self, fault: impl FnOnce() -> String) {
        self.faults.add(fault);
    }

    /// What is wrong, once all has come that will; each sender had so many accepted.
    pub fn finish(&mut self, accepted: &[u64]) -> Faults {
        for had in &self.next {
            if had != accepted {
                self.faults.add(|| format!("a member had {had:?} of the accepted {accepted:?}"));
            }
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

    fn judge_by(mut check: LaneCheck, events: &[Event]) -> (Faults, u64) {
        for event in events {
            match *event {
                Accepted(number, seq) => check.accepted(number, Some(seq)),
                Delivered(number, seq) => check.delivered(number, Some(seq)),
            }
        }
        let missing = check.missing();
        (check.finish(), missing)
    }

    fn judge(events: &[Event]) -> Vec<String> {
        judge_by(LaneCheck::default(), events).0.sentences()
    }

    #[test]
    fn all_once_in_order_is_good_whichever_side_hears_first() {
        let events = [Accepted(0, 1), Delivered(0, 1), Delivered(1, 2), Accepted(1, 2)];
        assert!(judge(&events).is_empty());
        let behind_others = [Delivered(0, 7), Accepted(0, 7), Accepted(1, 8), Delivered(1, 8)];
        assert!(judge(&behind_others).is_empty());
    }

    #[test]
    fn a_lost_message_is_a_fault() {
        let end = [Accepted(0, 1), Delivered(0, 1), Accepted(1, 2)];
        assert_eq!(judge(&end), ["2 were accepted, 1 were delivered"]);
        let middle = [Accepted(0, 1), Accepted(1, 2), Delivered(1, 2)];
        assert_eq!(judge(&middle)[0], "message 1 came where 0 was due");
    }

    #[test]
    fn a_message_that_was_never_accepted_is_a_fault() {
        assert_eq!(judge(&[Delivered(0, 1)]), ["0 were accepted, 1 were delivered"]);
    }

    #[test]
    fn a_message_twice_is_a_fault_under_the_same_seq_or_another() {
        let same = judge(&[Accepted(0, 1), Delivered(0, 1), Delivered(0, 1)]);
        assert_eq!(same[0], "message 0 came again, or late, after 0");
        let other = judge(&[Accepted(0, 1), Delivered(0, 1), Accepted(0, 2), Delivered(0, 2)]);
        assert_eq!(other[0], "message 0 has seq 2, which is another's");
    }

    #[test]
    fn an_answer_that_disagrees_with_the_delivery_is_a_fault() {
        let events = [Accepted(0, 1), Accepted(1, 3), Delivered(0, 1), Delivered(1, 2)];
        assert_eq!(judge(&events)[0], "message 1 has seq 3, which is another's");
    }

    #[test]
    fn across_a_kill_what_is_lost_is_counted_and_what_comes_again_is_not() {
        let mut check = LaneCheck::across_a_kill();
        (0..200).for_each(|number| check.accepted(number, None));
        (0..100).for_each(|number| check.delivered(number, None));
        check.reconnected();
        (64..190).for_each(|number| check.delivered(number, None));
        assert_eq!(check.missing(), 10);
        assert!(check.finish().is_empty());
        check.delivered(5, None);
        assert_eq!(check.finish().sentences(), ["message 5 came again, or late, after 189"]);
    }

    #[test]
    fn members_of_a_group_that_disagree_are_found() {
        let name = |channel, number| Name { channel, number };
        let mut check = GroupCheck::new(2, 2);
        check.delivered(0, name(0, 0), Some(1));
        check.delivered(0, name(1, 0), Some(2));
        check.delivered(1, name(1, 0), Some(1));
        check.delivered(1, name(0, 0), Some(2));
        let faults = check.finish(&[1, 1]).sentences();
        assert_eq!(faults[0], "seq 1 is not the same message for all members");
        assert_eq!(faults.len(), 2);
    }

    #[test]
    fn a_member_that_misses_a_message_is_found() {
        let name = |number| Name { channel: 0, number };
        let mut check = GroupCheck::new(1, 2);
        check.delivered(0, name(0), None);
        check.delivered(0, name(1), None);
        check.delivered(1, name(1), None);
        let faults = check.clone().finish(&[2]).sentences();
        assert_eq!(faults, ["message 1 of 0 came where 0 was due"]);
        assert_eq!(check.finish(&[3]).sentences().len(), 3);
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
            let kept = judge_by(LaneCheck::across_a_kill(), &events);
            prop_assert_eq!((kept.0.is_empty(), kept.1), (true, 0));
            let lost = events.remove(lost.index(events.len()));
            prop_assert!(!judge(&events).is_empty());
            let missing = judge_by(LaneCheck::across_a_kill(), &events).1;
            prop_assert_eq!(missing, u64::from(matches!(lost, Delivered(..))));
        }
    }
}
