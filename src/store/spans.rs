//! The stretches of a chat's log that one user may see: one for each time that the user was in it.
//! Must never be asked without the head up to which the log is durable (or, in the ledger, known).

/// Spans that are kept for one user in one chat: the oldest goes when there is one more.
pub(crate) const SPANS_MAX: usize = 16;

/// From one seq to another, both of which may be seen; without an end while the user is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: u64,
    pub(crate) to: Option<u64>,
}

impl Span {
    /// The last seq of the span if the log ends at `head`; `None` when it starts behind that.
    fn end(self, head: u64) -> Option<u64> {
        (self.from <= head).then(|| self.to.map_or(head, |to| to.min(head)))
    }
}

/// Ascending, apart from each other, only the last one open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spans(Vec<Span>);

impl Spans {
    /// The user came in: the entry at `from` is the first to be seen.
    pub(crate) fn starting_at(from: u64) -> Self {
        Self(vec![Span { from, to: None }])
    }

    /// Checks what was read.
    pub(crate) fn checked(spans: Vec<Span>) -> Option<Self> {
        let ordered = spans.windows(2).all(|pair| match pair[0].to {
            Some(to) => pair[0].from <= to && to < pair[1].from,
            None => false,
        });
        let last = spans.last()?;
        let ends = last.to.is_none_or(|to| last.from <= to);
        let fits = spans.len() <= SPANS_MAX && spans[0].from >= 1;
        (ordered && ends && fits).then_some(Self(spans))
    }

    pub(crate) fn as_slice(&self) -> &[Span] {
        &self.0
    }

    /// The user is in the chat.
    pub(crate) fn is_open(&self) -> bool {
        self.0.last().is_some_and(|span| span.to.is_none())
    }

    /// The last seq of the span that goes when the user comes in again.
    pub(crate) fn going(&self) -> Option<u64> {
        let oldest = self.0.first().filter(|_| self.0.len() == SPANS_MAX);
        oldest.and_then(|span| span.to)
    }

    /// The user came in again.
    pub(crate) fn open(&mut self, from: u64) {
        debug_assert!(!self.is_open(), "who is in a chat does not come in");
        if self.0.len() == SPANS_MAX {
            self.0.remove(0);
        }
        self.0.push(Span { from, to: None });
    }

    /// The user is out: the entry at `to` is the last to be seen.
    pub(crate) fn close(&mut self, to: u64) {
        if let Some(last) = self.0.last_mut() {
            debug_assert!(last.to.is_none(), "who is out of a chat does not leave it");
            last.to = Some(to);
        }
    }

    /// Where a device stands that has had nothing.
    pub(crate) fn before_first(&self) -> u64 {
        self.0.first().map_or(0, |span| span.from - 1)
    }

    /// The last seq that may be seen; `None` needs the head: see `last`.
    pub(crate) fn fixed_last(&self) -> Option<u64> {
        self.0.last().and_then(|span| span.to)
    }

    /// The last seq that may be seen of a log that ends at `head`; 0 if there is none.
    pub(crate) fn last(&self, head: u64) -> u64 {
        self.0.iter().rev().find_map(|span| span.end(head)).unwrap_or(0)
    }

    /// What may be seen behind `after`, up to `upto`: first and last seq of each stretch, in
    /// ascending order.
    pub(crate) fn between(
        &self,
        after: u64,
        upto: u64,
    ) -> impl DoubleEndedIterator<Item = (u64, u64)> {
        self.0.iter().filter_map(move |span| {
            let first = span.from.max(after.checked_add(1)?);
            let last = span.end(upto)?;
            (first <= last).then_some((first, last))
        })
    }

    /// Whether an entry may be seen.
    pub(crate) fn holds(&self, seq: u64) -> bool {
        self.0.iter().any(|span| span.from <= seq && span.to.is_none_or(|to| seq <= to))
    }

    /// How many may be seen behind `after`, up to `upto`.
    pub(crate) fn count(&self, after: u64, upto: u64) -> u64 {
        self.between(after, upto).map(|(first, last)| last - first + 1).sum()
    }

    /// Where a device stands that is to have just the last `entries` of a log that ends at `head`.
    pub(crate) fn before_last(&self, entries: u64, head: u64) -> u64 {
        let mut left = entries;
        let mut before = self.last(head);
        for (first, last) in self.between(0, head).rev() {
            if left == 0 {
                break;
            }
            let taken = left.min(last - first + 1);
            before = last - taken;
            left -= taken;
        }
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3 to 5, 8 to 8, and from 10 on.
    fn spans() -> Spans {
        let mut spans = Spans::starting_at(3);
        spans.close(5);
        spans.open(8);
        spans.close(8);
        spans.open(10);
        spans
    }

    #[test]
    fn the_last_seq_that_may_be_seen_is_within_a_span() {
        for (head, last) in [(0, 0), (2, 0), (3, 3), (4, 4), (5, 5), (7, 5), (9, 8), (12, 12)] {
            assert_eq!(spans().last(head), last, "head {head}");
        }
        let mut out = spans();
        assert_eq!(out.fixed_last(), None);
        out.close(11);
        assert_eq!((out.last(20), out.fixed_last(), out.is_open()), (11, Some(11), false));
    }

    #[test]
    fn only_what_is_within_the_spans_is_between() {
        let between = |after, upto| spans().between(after, upto).collect::<Vec<_>>();
        assert_eq!(between(0, 12), [(3, 5), (8, 8), (10, 12)]);
        assert_eq!(between(4, 9), [(5, 5), (8, 8)]);
        assert_eq!(between(5, 7), []);
        assert_eq!(between(u64::MAX, u64::MAX), []);
        assert_eq!(spans().count(3, 12), 6);
        let held: Vec<u64> = (0..13).filter(|seq| spans().holds(*seq)).collect();
        assert_eq!(held, [3, 4, 5, 8, 10, 11, 12]);
    }

    #[test]
    fn the_last_so_many_are_counted_over_gaps() {
        let wanted = [(0, 12), (1, 11), (3, 9), (4, 7), (5, 4), (7, 2), (100, 2)];
        for (entries, before) in wanted {
            assert_eq!(spans().before_last(entries, 12), before, "{entries}");
        }
        assert_eq!(Spans::starting_at(1).before_last(5, 0), 0);
    }

    #[test]
    fn the_oldest_span_goes_when_there_are_too_many() {
        let mut spans = Spans::starting_at(1);
        for round in 0..20 {
            spans.close(round * 10 + 5);
            assert_eq!(spans.going().is_some(), round + 1 >= SPANS_MAX as u64, "{round}");
            spans.open(round * 10 + 7);
        }
        assert_eq!(spans.going(), Some(55));
        assert_eq!(spans.as_slice().len(), SPANS_MAX);
        assert_eq!(spans.before_first(), 46);
        assert_eq!(Spans::checked(spans.as_slice().to_vec()), Some(spans));
    }

    #[test]
    fn spans_out_of_order_are_refused() {
        let span = |from, to| Span { from, to };
        for bad in [
            vec![],
            vec![span(0, None)],
            vec![span(5, Some(4))],
            vec![span(1, None), span(2, None)],
            vec![span(1, Some(5)), span(5, None)],
        ] {
            assert_eq!(Spans::checked(bad.clone()), None, "{bad:?}");
        }
    }
}
