//! How many members of a chat have had an entry, and have read it: counted once from all their
//! cursors, then asked about any entry. Pure. Must never know who they are.

use packetboat_proto::limits::PAGE_ITEMS_MAX;
use packetboat_proto::packet::{ReceiptCounts, ReceiptStep};
use packetboat_proto::seqs::SeqRange;

use super::spans::Spans;

/// How far one member is in a chat.
pub(crate) struct Progress<'a> {
    /// What it may see.
    pub(crate) spans: &'a Spans,
    /// What a device of it has had.
    pub(crate) delivered: u64,
    /// What it has read; `None`: that is told nobody.
    pub(crate) read: Option<u64>,
}

/// How many members of a chat have had which entries.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    members: Cover,
    delivered: Cover,
    read: Cover,
}

/// How many stretches hold a number: where they start and where they end, each in order.
#[derive(Debug, Default)]
struct Cover {
    starts: Vec<u64>,
    ends: Vec<u64>,
}

impl Cover {
    fn add(&mut self, first: u64, last: u64) {
        if first <= last {
            self.starts.push(first);
            self.ends.push(last);
        }
    }

    fn sort(&mut self) {
        self.starts.sort_unstable();
        self.ends.sort_unstable();
    }

    fn count(&self, seq: u64) -> u32 {
        let begun = self.starts.partition_point(|start| *start <= seq);
        let over = self.ends.partition_point(|end| *end < seq);
        u32::try_from(begun - over).unwrap_or(u32::MAX)
    }

    /// The last number up to which the count is that of `seq`.
    fn same_until(&self, seq: u64) -> u64 {
        let next = self.starts.get(self.starts.partition_point(|start| *start <= seq));
        let end = self.ends.get(self.ends.partition_point(|end| *end < seq));
        let next = next.map_or(u64::MAX, |start| start - 1);
        next.min(end.copied().unwrap_or(u64::MAX))
    }
}

impl Tally {
    /// One more member.
    pub(crate) fn add(&mut self, member: &Progress<'_>) {
        for span in member.spans.as_slice() {
            let to = span.to.unwrap_or(u64::MAX);
            self.members.add(span.from, to);
            self.delivered.add(span.from, to.min(member.delivered));
            self.read.add(span.from, to.min(member.read.unwrap_or(0)));
        }
    }

    /// All members were added.
    pub(crate) fn done(mut self) -> Self {
        for cover in [&mut self.members, &mut self.delivered, &mut self.read] {
            cover.sort();
        }
        self
    }

    /// What is true of an entry, and of those behind it up to the end of the step.
    fn step(&self, seq: u64) -> ReceiptStep {
        let covers = [&self.members, &self.delivered, &self.read];
        let [members, delivered, read] = covers.map(|cover| cover.count(seq));
        let last = covers.map(|cover| cover.same_until(seq)).into_iter().min().unwrap_or(seq);
        ReceiptStep { first: seq, last, members, delivered, read }
    }
}

/// What one member may know of a tally.
pub(crate) struct Viewer {
    /// What it counts for itself, and is left out.
    pub(crate) own: Tally,
    /// What it may see.
    pub(crate) spans: Spans,
    /// The last entry that it may see.
    pub(crate) head: u64,
    /// It is not told what others have read.
    pub(crate) hidden: bool,
}

impl Viewer {
    /// Without the viewer, which may have moved on since, or before, all were counted.
    fn step(&self, tally: &Tally, seq: u64) -> ReceiptStep {
        let (all, own) = (tally.step(seq), self.own.step(seq));
        let members = all.members.saturating_sub(own.members);
        let read = if self.hidden { 0 } else { all.read.saturating_sub(own.read) };
        ReceiptStep {
            first: seq,
            last: all.last.min(own.last),
            members,
            delivered: all.delivered.saturating_sub(own.delivered).min(members),
            read: read.min(members),
        }
    }

    /// What the viewer is told of ranges of entries.
    pub(crate) fn counts(&self, tally: &Tally, ranges: &[SeqRange]) -> ReceiptCounts {
        let mut counts = ReceiptCounts { hidden: self.hidden, ..ReceiptCounts::default() };
        counts.more = !ranges.iter().all(|range| {
            let range = (range.first(), range.last());
            self.count(tally, range, PAGE_ITEMS_MAX as usize, &mut counts)
        });
        counts
    }

    /// Adds what is true of the entries from `first` to `last`, as far as the viewer may see them.
    /// Whether that are no more than `max` steps in all; else they end early.
    fn count(
        &self,
        tally: &Tally,
        (first, last): (u64, u64),
        max: usize,
        counts: &mut ReceiptCounts,
    ) -> bool {
        let begun = counts.steps.len();
        for (mut at, end) in self.spans.between(first.saturating_sub(1), last.min(self.head)) {
            while at <= end {
                let step = self.step(tally, at);
                let step = ReceiptStep { last: step.last.min(end), ..step };
                let full = counts.steps.len() >= max;
                match counts.steps[begun..].last_mut() {
                    Some(before) if same(before, &step) => before.last = step.last,
                    _ if full => return false,
                    _ => counts.steps.push(step),
                }
                at = step.last + 1;
            }
        }
        true
    }
}

/// Whether a step only goes on with the one before it.
fn same(before: &ReceiptStep, step: &ReceiptStep) -> bool {
    before.last + 1 == step.first
        && (before.members, before.delivered, before.read)
            == (step.members, step.delivered, step.read)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::spans::Span;

    #[derive(Clone, Debug)]
    struct Mate {
        spans: Spans,
        delivered: u64,
        read: Option<u64>,
    }

    impl Mate {
        fn progress(&self) -> Progress<'_> {
            Progress { spans: &self.spans, delivered: self.delivered, read: self.read }
        }
    }

    fn mate() -> impl Strategy<Value = Mate> {
        let spans =
            (1..8_u64, 0..6_u64, prop::option::of(1..6_u64)).prop_map(|(from, to, again)| {
                let first = Span { from, to: Some(from + to) };
                let spans = match again {
                    Some(gap) => vec![first, Span { from: from + to + gap, to: None }],
                    None => vec![Span { to: None, ..first }],
                };
                Spans::checked(spans).unwrap()
            });
        let parts = (spans, 0..20_u64, prop::option::of(0..20_u64));
        parts.prop_map(|(spans, delivered, read)| Mate { spans, delivered, read })
    }

    /// What is counted one by one.
    fn by_hand(others: &[Mate], seq: u64, hidden: bool) -> (u32, u32, u32) {
        let sees = others.iter().filter(|mate| mate.spans.holds(seq));
        let count = |counts: &dyn Fn(&Mate) -> bool| {
            u32::try_from(sees.clone().filter(|mate| counts(mate)).count()).unwrap()
        };
        let read = |mate: &Mate| mate.read.is_some_and(|read| seq <= read);
        let members = count(&|_| true);
        let delivered = count(&|mate| seq <= mate.delivered);
        (members, delivered, if hidden { 0 } else { count(&read) })
    }

    proptest! {
        #[test]
        fn steps_say_of_each_entry_what_counting_by_hand_says(
            mates in prop::collection::vec(mate(), 1..6),
            first in 0..20_u64,
            length in 0..20_u64,
            head in 0..20_u64,
            max in 1..5_usize,
            hidden: bool,
        ) {
            let (own, others) = mates.split_first().unwrap();
            let of = |mates: &[Mate]| {
                let mut tally = Tally::default();
                for mate in mates {
                    tally.add(&mate.progress());
                }
                tally.done()
            };
            let (own_tally, spans) = (of(std::slice::from_ref(own)), own.spans.clone());
            let viewer = Viewer { own: own_tally, spans, head, hidden };
            let (mut counts, last) = (ReceiptCounts::default(), first + length);
            let whole = viewer.count(&of(&mates), (first, last), max, &mut counts);
            let seen = |seq: &u64| *seq >= 1 && *seq <= head && own.spans.holds(*seq);
            let mut wanted = (first..=last).filter(seen);
            for step in &counts.steps {
                for seq in step.first..=step.last {
                    prop_assert_eq!(wanted.next(), Some(seq));
                    let told = (step.members, step.delivered, step.read);
                    prop_assert_eq!(told, by_hand(others, seq, hidden));
                }
            }
            prop_assert_eq!(whole, wanted.next().is_none());
            prop_assert!(whole || counts.steps.len() == max);
            let apart = counts.steps.windows(2).all(|pair| !same(&pair[0], &pair[1]));
            prop_assert!(apart, "two steps that say the same are one");
        }
    }
}
