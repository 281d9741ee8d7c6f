//! How many members of the open group have had and read the own messages that are shown. Must never
//! ask again before the last answer is there.

use packetboat_client::proto::limits::RECEIPT_RANGES_MAX;
use packetboat_client::{ReceiptStep, SeqRange, SeqSet};

use super::timeline::Timeline;

/// What is known of them.
#[derive(Clone, Debug)]
pub(crate) struct Receipts {
    steps: Vec<ReceiptStep>,
    /// It may be otherwise by now.
    stale: bool,
    asked: bool,
}

impl Receipts {
    /// Nothing yet.
    pub(crate) const fn new() -> Self {
        Self { steps: Vec::new(), stale: true, asked: false }
    }

    /// What is known may be otherwise by now.
    pub(crate) const fn moved(&mut self) {
        self.stale = true;
    }

    /// What to ask for, if anything: the latest of the own messages.
    pub(crate) fn ask(&mut self, timeline: &Timeline) -> Option<Vec<SeqRange>> {
        if !self.stale || self.asked {
            return None;
        }
        let own = timeline.messages().rev().filter(|message| message.own && !message.change);
        let mut seqs = SeqSet::default();
        for message in own.take(RECEIPT_RANGES_MAX) {
            if let Some(seq) = SeqRange::new(message.seq, message.seq) {
                seqs.insert(seq);
            }
        }
        self.stale = false;
        self.asked = !seqs.is_empty();
        self.asked.then(|| seqs.ranges().to_vec())
    }

    /// The answer is there; `None`: there is none to be had, and what was known is all there is.
    pub(crate) fn take(&mut self, steps: Option<Vec<ReceiptStep>>) {
        self.asked = false;
        self.steps = steps.unwrap_or_else(|| std::mem::take(&mut self.steps));
    }

    /// How many have had and read a message, if that is known.
    pub(crate) fn of(&self, seq: u64) -> Option<&ReceiptStep> {
        self.steps.iter().find(|step| (step.first..=step.last).contains(&seq))
    }
}

#[cfg(test)]
mod tests {
    use packetboat_client::{Content, Edge};

    use super::super::timeline::Message;
    use super::*;
    use crate::format::tests::entry;

    fn timeline(own: impl Fn(u64) -> bool, last: u64) -> Timeline {
        let message = |seq| {
            let said = entry("group:crew", seq, "bob", &Content::text("hi"));
            Message::new(&said, own(seq))
        };
        let mut timeline = Timeline::new();
        timeline.page(Edge::Before(0), (1..=last).map(message).collect(), false, last);
        timeline
    }

    #[test]
    fn own_messages_are_asked_for_once_and_again_when_they_have_moved() {
        let timeline = timeline(|seq| seq != 2, 4);
        let range = |first, last| SeqRange::new(first, last).unwrap();
        let mut receipts = Receipts::new();
        assert_eq!(receipts.ask(&timeline), Some(vec![range(1, 1), range(3, 4)]));
        receipts.moved();
        assert_eq!(receipts.ask(&timeline), None, "an answer is on its way");
        let step = ReceiptStep { first: 3, last: 4, members: 5, delivered: 4, read: 1 };
        receipts.take(Some(vec![step]));
        assert_eq!((receipts.of(4), receipts.of(1)), (Some(&step), None));
        assert!(receipts.ask(&timeline).is_some());
        receipts.take(None);
        assert_eq!((receipts.ask(&timeline), receipts.of(4)), (None, Some(&step)));
    }

    #[test]
    fn no_more_is_asked_than_may_be() {
        let timeline = timeline(|seq| seq % 2 == 0, 300);
        let ranges = Receipts::new().ask(&timeline).unwrap();
        assert_eq!((ranges.len(), ranges.last().unwrap().last()), (RECEIPT_RANGES_MAX, 300));
        assert_eq!(Receipts::new().ask(&Timeline::new()), None);
    }
}
