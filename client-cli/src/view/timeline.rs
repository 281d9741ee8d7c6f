//! The part of a chat's log that is held for the view: one stretch without a gap. Must never hold
//! more than its bound, nor take an entry that would leave a gap before it.

use std::collections::{BTreeSet, VecDeque};

use packetboat_client::timeline::{Said, Shown, View};
use packetboat_client::{Alteration, Content, Edge, Entry, Erasure, SeqSet};

use super::fold;

/// Messages that are held.
const MESSAGES_MAX: usize = 500;

/// An entry as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Its place in the log.
    pub(crate) seq: u64,
    /// Who sent it.
    pub(crate) sender: String,
    /// When the server took it.
    pub(crate) at_ms: u64,
    /// The user sent it.
    pub(crate) own: bool,
    /// It is a change to its group, or to another message.
    pub(crate) change: bool,
    /// What it says, cleaned.
    pub(crate) lines: Vec<String>,
    /// As it came.
    pub(crate) entry: Entry,
}

/// A stretch of a log.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    messages: VecDeque<Message>,
    /// What these come to at that time: see `fold`.
    view: View,
    now_ms: u64,
    /// When that changes though nothing comes.
    next_expiry_ms: Option<u64>,
    shown: Vec<Message>,
    /// What the user has deleted for itself.
    hidden: SeqSet,
    /// The log has entries before the stretch.
    above: bool,
    /// The log may have entries after the stretch.
    below: bool,
    /// A page is asked for.
    asked: bool,
}

impl Timeline {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            messages: VecDeque::new(),
            view: View::default(),
            now_ms: 0,
            next_expiry_ms: None,
            shown: Vec::new(),
            hidden: SeqSet::default(),
            above: false,
            below: true,
            asked: false,
        }
    }

    /// What the user has deleted for itself.
    pub(crate) fn hide(&mut self, seqs: SeqSet) {
        self.hidden = seqs;
        self.fold();
    }

    /// The messages as they are shown, in order.
    pub(crate) fn messages(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.shown.iter()
    }

    /// What is known of one of them.
    pub(crate) fn shown(&self, seq: u64) -> Option<&Shown> {
        let at = self.view.messages.binary_search_by_key(&seq, |shown| shown.seq);
        at.ok().and_then(|at| self.view.messages.get(at))
    }

    /// It is that time now: what has expired is not shown any more.
    pub(crate) fn pass(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        if self.next_expiry_ms.is_some_and(|expires_ms| expires_ms <= now_ms) {
            self.fold();
        }
    }

    /// Folds what changes other messages into those.
    fn fold(&mut self) {
        let mut fold = packetboat_client::Timeline::keeping(MESSAGES_MAX);
        self.messages.iter().for_each(|message| fold.insert(&message.entry));
        fold.hide(self.hidden.clone());
        self.view = fold.view(self.now_ms);
        self.next_expiry_ms = fold.next_expiry_ms();
        let of = |shown: &Shown| {
            let at = self.messages.binary_search_by_key(&shown.seq, |message| message.seq);
            let message = self.messages.get(at.ok()?)?;
            let lines = fold::lines(shown, &self.view).unwrap_or_else(|| message.lines.clone());
            let change =
                message.change || matches!(shown.said, Said::Recalled { .. } | Said::Expired);
            Some(Message { change, lines, ..message.clone() })
        };
        self.shown = self.view.messages.iter().filter_map(of).collect();
        self.forget();
    }

    /// Forgets what has expired, and what its edits said: no clock that is set back shows it again.
    fn forget(&mut self) {
        let expired = |shown: &&Shown| matches!(shown.said, Said::Expired);
        let over: BTreeSet<u64> =
            self.view.messages.iter().filter(expired).map(|shown| shown.seq).collect();
        if over.is_empty() {
            return;
        }
        for message in &mut self.messages {
            let of = match message.content() {
                Some(Content::Erased(_)) => continue,
                Some(Content::Entry(Alteration::Edited { seq, .. })) => seq,
                _ => message.seq,
            };
            if over.contains(&of) {
                message.entry.content = Content::Erased(Erasure::Expired { of }).encode();
                *message = Message::new(&message.entry, message.own);
            }
        }
    }

    /// The log is held to its end.
    pub(crate) const fn is_live(&self) -> bool {
        !self.below
    }

    /// A page is asked for.
    pub(crate) const fn is_loading(&self) -> bool {
        self.asked
    }

    /// The last seq of the stretch; 0: it is empty.
    pub(crate) fn last_seq(&self) -> u64 {
        self.messages.back().map_or(0, |message| message.seq)
    }

    /// The page to ask for to get to the end of the log.
    pub(crate) fn ask_newer(&mut self) -> Option<Edge> {
        if !self.below || self.asked {
            return None;
        }
        self.asked = true;
        Some(if self.messages.is_empty() { Edge::Before(0) } else { Edge::After(self.last_seq()) })
    }

    /// The page to ask for to see what was before.
    pub(crate) fn ask_older(&mut self) -> Option<Edge> {
        let first = self.messages.front().filter(|_| self.above && !self.asked)?;
        let edge = Edge::Before(first.seq);
        self.asked = true;
        Some(edge)
    }

    /// The page could not be had. If asking again would not help, the log counts as empty.
    pub(crate) const fn failed(&mut self, refused: bool) {
        self.asked = false;
        if refused {
            (self.above, self.below) = (false, false);
        }
    }

    /// The page is there; `head` is the last seq of the log that is known.
    pub(crate) fn page(&mut self, edge: Edge, page: Vec<Message>, more: bool, head: u64) {
        self.asked = false;
        let empty = page.is_empty();
        for message in page {
            self.insert(message);
        }
        match edge {
            Edge::After(_) => self.below = more || (!empty && self.last_seq() < head),
            Edge::Before(0) => {
                (self.above, self.below) = (more, !empty && self.last_seq() < head);
            }
            Edge::Before(_) => self.above = more,
        }
        let looks_back = !matches!(edge, Edge::After(_) | Edge::Before(0));
        while self.messages.len() > MESSAGES_MAX {
            if looks_back {
                self.messages.pop_back();
                self.below = true;
            } else {
                self.messages.pop_front();
                self.above = true;
            }
        }
        self.fold();
    }

    /// An entry came. Without the end of the log it is not taken: a page will hold it.
    pub(crate) fn arrived(&mut self, message: Message) {
        let first = self.messages.front().map_or(0, |first| first.seq);
        if self.below || (self.above && message.seq < first) {
            return;
        }
        self.insert(message);
        if self.messages.len() > MESSAGES_MAX {
            self.messages.pop_front();
            self.above = true;
        }
        self.fold();
    }

    fn insert(&mut self, message: Message) {
        match self.messages.binary_search_by_key(&message.seq, |held| held.seq) {
            // The same, or what is left of it.
            Ok(at) if message.is_erased() => self.messages[at] = message,
            Ok(_) => {}
            Err(at) => self.messages.insert(at, message),
        }
    }
}

impl Message {
    /// An entry as it is shown.
    pub(crate) fn new(entry: &Entry, own: bool) -> Self {
        use crate::format::text;
        Self {
            seq: entry.seq,
            sender: entry.sender.to_string(),
            at_ms: entry.at_ms,
            own,
            change: text::is_change(entry),
            lines: text::said(entry),
            entry: entry.clone(),
        }
    }

    fn content(&self) -> Option<Content> {
        Content::decode(&self.entry.content, self.entry.content.len()).ok()
    }

    fn is_erased(&self) -> bool {
        matches!(self.content(), Some(Content::Erased(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use packetboat_client::{Body, Context};

    fn message(seq: u64) -> Message {
        let said = Content::text(seq.to_string());
        Message::new(&crate::format::tests::entry("dm:a:b", seq, "a", &said), false)
    }

    fn messages(seqs: std::ops::RangeInclusive<u64>) -> Vec<Message> {
        seqs.map(message).collect()
    }

    fn seqs(timeline: &Timeline) -> (u64, u64) {
        let first = timeline.messages().next().map_or(0, |message| message.seq);
        (first, timeline.last_seq())
    }

    #[test]
    fn what_comes_before_the_page_is_in_a_page() {
        let mut timeline = Timeline::new();
        timeline.arrived(message(9));
        assert_eq!(timeline.messages().count(), 0);
        assert_eq!(timeline.ask_newer(), Some(Edge::Before(0)));
        assert_eq!(timeline.ask_newer(), None);
        timeline.arrived(message(10));
        timeline.page(Edge::Before(0), messages(5..=9), true, 10);
        assert!(!timeline.is_live());
        assert_eq!(timeline.ask_newer(), Some(Edge::After(9)));
        timeline.page(Edge::After(9), messages(10..=10), false, 10);
        timeline.arrived(message(11));
        timeline.arrived(message(11));
        timeline.arrived(message(2));
        assert_eq!((seqs(&timeline), timeline.messages().count()), ((5, 11), 7));
    }

    #[test]
    fn it_holds_so_many_whichever_way_it_grows() {
        let mut timeline = Timeline::new();
        timeline.ask_newer();
        timeline.page(Edge::Before(0), messages(601..=1000), true, 1000);
        assert_eq!(timeline.ask_older(), Some(Edge::Before(601)));
        assert_eq!(timeline.ask_older(), None);
        timeline.page(Edge::Before(601), messages(401..=600), true, 1000);
        assert_eq!(seqs(&timeline), (401, 900));
        assert!(!timeline.is_live());
        timeline.arrived(message(1001));
        assert_eq!(timeline.ask_newer(), Some(Edge::After(900)));
        timeline.page(Edge::After(900), messages(901..=1001), false, 1001);
        assert_eq!(seqs(&timeline), (502, 1001));
        assert!(timeline.is_live());
        assert_eq!(timeline.ask_older(), Some(Edge::Before(502)));
        for seq in 1002..=2000 {
            timeline.arrived(message(seq));
        }
        assert_eq!(timeline.messages().count(), MESSAGES_MAX);
    }

    #[test]
    fn what_has_expired_is_not_shown_again_by_a_clock_that_is_set_back() {
        let said = |seq, content: &Content, expires_after_ms| {
            let mut message = message(seq);
            let context = Context { expires_after_ms, ..Context::default() };
            message.entry.content = content.encode_in(&context);
            Message::new(&message.entry, false)
        };
        let edit = Alteration::Edited { seq: 1, new: Body::Text("edited".into()) };
        let (first, edit) =
            (said(1, &Content::text("hi"), 5_000), said(2, &Content::Entry(edit), 0));
        let expires_ms = first.at_ms + 5_000;
        let mut timeline = Timeline::new();
        timeline.ask_newer();
        timeline.pass(expires_ms - 1);
        timeline.page(Edge::Before(0), vec![first.clone(), edit, message(3)], false, 3);
        let lines = |timeline: &Timeline| timeline.messages().next().unwrap().lines.join(" ");
        assert!(lines(&timeline).contains("edited"), "{}", lines(&timeline));
        timeline.pass(expires_ms);
        assert_eq!(lines(&timeline), crate::format::text::EXPIRED);
        timeline.pass(expires_ms - 1);
        timeline.arrived(first);
        timeline.arrived(message(4));
        assert_eq!(lines(&timeline), crate::format::text::EXPIRED);
        let kept: Vec<_> = timeline.messages.iter().map(Message::is_erased).collect();
        assert_eq!(kept, [true, true, false, false]);
    }

    #[test]
    fn what_the_server_has_erased_takes_the_place_of_what_it_was() {
        let mut timeline = Timeline::new();
        timeline.ask_newer();
        timeline.page(Edge::Before(0), messages(1..=2), false, 2);
        let mut erased = message(1).entry;
        erased.content = Content::Erased(Erasure::Expired { of: 1 }).encode();
        timeline.page(Edge::Before(3), vec![Message::new(&erased, false)], false, 2);
        assert!(timeline.messages[0].is_erased());
        timeline.arrived(message(1));
        timeline.arrived(message(3));
        assert!(timeline.messages[0].is_erased());
        let first = timeline.messages().next().unwrap();
        assert_eq!(first.lines, [crate::format::text::EXPIRED]);
    }

    #[test]
    fn what_expires_is_shown_until_then() {
        let mut expiring = message(1);
        let context = Context { expires_after_ms: 5_000, ..Context::default() };
        expiring.entry.content = Content::text("hi").encode_in(&context);
        let expires_ms = expiring.at_ms + 5_000;
        let mut timeline = Timeline::new();
        timeline.ask_newer();
        timeline.page(Edge::Before(0), vec![expiring, message(2)], false, 2);
        let lines = |timeline: &Timeline| timeline.messages().next().unwrap().lines.clone();
        timeline.pass(expires_ms - 1);
        assert_eq!(lines(&timeline), ["hi (for 5s)"]);
        timeline.pass(expires_ms);
        assert_eq!(lines(&timeline), [crate::format::text::EXPIRED]);
        timeline.arrived(message(3));
        assert_eq!((lines(&timeline).len(), timeline.messages().count()), (1, 3));
    }

    #[test]
    fn a_chat_that_is_not_there_yet_is_empty() {
        let mut timeline = Timeline::new();
        timeline.ask_newer();
        timeline.failed(false);
        assert!(timeline.ask_newer().is_some());
        timeline.failed(true);
        assert!(timeline.is_live());
        timeline.arrived(message(1));
        assert_eq!(seqs(&timeline), (1, 1));
    }
}
