//! The bounded queue between the driver and the app: events one way, how far the app is the other
//! way. Must never block, nor hold its lock across an await.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::task::AtomicWaker;
use packetboat_proto::id::ChatId;
use packetboat_proto::packet::Notice;
use tokio::sync::Notify;

use crate::event::Event;
use crate::room_event::RoomEvent;

/// Events other than entries that may wait for the app. Beyond them signals are dropped, notices
/// turn into one `Missed`, and of the connection's ups and downs only the last is kept.
const HINTS_MAX: usize = 256;

/// What happens, in order. It ends after [`Event::Closed`].
///
/// With [`AckMode::Auto`](crate::AckMode::Auto) asking for the next event says that the app is
/// done with the one before. When this is dropped, entries are neither handed over nor
/// acknowledged any more: they stay in the log for the device's next session, and the server may
/// close this one for it, now and then. An app that only sends takes the events and drops them.
#[derive(Debug)]
pub struct Events {
    handover: Arc<Handover>,
    /// The entry that the app has in its hands.
    last: Option<(ChatId, u64)>,
}

/// How far the app is in a chat; zero: nothing new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// It took every entry handed over up to this seq: it may be done with it from here on.
    pub(crate) taken: u64,
    /// It asked for what comes after this seq: in Auto mode it is done with it.
    pub(crate) passed: u64,
    /// It is done with every entry up to this seq.
    pub(crate) acked: u64,
    /// The user has read up to this seq.
    pub(crate) read: u64,
    /// It knows that the chat's log starts over.
    pub(crate) restarted: bool,
}

/// What the app did since the driver last looked.
#[derive(Debug, Default)]
pub(crate) struct Doings {
    pub(crate) marks: BTreeMap<ChatId, Marks>,
    /// Entries that it passed.
    pub(crate) passed: u32,
    /// It wants another connection.
    pub(crate) reconnect: bool,
}

#[derive(Debug)]
pub(crate) struct Handover {
    state: Mutex<State>,
    app: AtomicWaker,
    driver: Notify,
    entries_max: usize,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Event>,
    entries: usize,
    doings: Doings,
    ended: bool,
    app_is_gone: bool,
}

impl Events {
    pub(crate) const fn new(handover: Arc<Handover>) -> Self {
        Self { handover, last: None }
    }

    /// The next event; `None` after the last one. Cancel safe.
    pub async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|cx| self.poll_event(cx)).await
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut state = self.handover.lock();
        if let Some((chat, seq)) = self.last.take() {
            state.doings.passed += 1;
            let marks = state.doings.marks.entry(chat).or_default();
            marks.passed = marks.passed.max(seq);
            self.handover.driver.notify_one();
        }
        if state.queue.is_empty() && !state.ended {
            // Registered under the lock that a push needs, so no push is missed.
            self.handover.app.register(cx.waker());
            return Poll::Pending;
        }
        let event = state.queue.pop_front();
        if let Some(Event::LogReset { chat, .. }) = &event {
            state.doings.marks.entry(chat.clone()).or_default().restarted = true;
            self.handover.driver.notify_one();
        }
        if let Some(Event::Entry(entry)) = &event {
            state.entries -= 1;
            let marks = state.doings.marks.entry(entry.chat.clone()).or_default();
            marks.taken = marks.taken.max(entry.seq);
            self.last = Some((entry.chat.clone(), entry.seq));
        }
        Poll::Ready(event)
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll_event(cx)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let mut state = self.handover.lock();
        state.app_is_gone = true;
        state.queue.clear();
        state.entries = 0;
        drop(state);
        self.handover.driver.notify_one();
    }
}

impl Handover {
    pub(crate) fn new(entries_max: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            app: AtomicWaker::new(),
            driver: Notify::new(),
            entries_max,
        })
    }

    /// The state is whole between any two statements under the lock, so a panic elsewhere on the
    /// app's thread does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over what `events` holds, in order.
    pub(crate) fn push(&self, events: &mut Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let mut state = self.lock();
        if state.app_is_gone {
            events.clear();
            return;
        }
        events.drain(..).for_each(|event| state.push(event));
        drop(state);
        self.app.wake();
    }

    /// How many more entries the app may be left waiting with.
    pub(crate) fn room(&self) -> usize {
        let state = self.lock();
        if state.app_is_gone {
            return usize::MAX;
        }
        self.entries_max.saturating_sub(state.entries)
    }

    /// Nothing more will come.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.app.wake();
    }

    /// What the app did since the last call.
    pub(crate) fn doings(&self) -> Doings {
        std::mem::take(&mut self.lock().doings)
    }

    /// The [`Events`] are dropped.
    pub(crate) fn app_is_gone(&self) -> bool {
        self.lock().app_is_gone
    }

    /// Waits until the app did something.
    pub(crate) async fn changed(&self) {
        self.driver.notified().await;
    }

    /// The app is done with entries, or has read them.
    pub(crate) fn mark(&self, chat: &ChatId, acked: u64, read: u64) {
        let mut state = self.lock();
        if state.ended {
            return;
        }
        let marks = state.doings.marks.entry(chat.clone()).or_default();
        marks.acked = marks.acked.max(acked);
        marks.read = marks.read.max(read);
        drop(state);
        self.driver.notify_one();
    }

    /// The app wants another connection.
    pub(crate) fn reconnect(&self) {
        self.lock().doings.reconnect = true;
        self.driver.notify_one();
    }
}

impl State {
    fn push(&mut self, event: Event) {
        let crowded = self.queue.len() - self.entries >= HINTS_MAX;
        match event {
            Event::Entry(_) => self.entries += 1,
            Event::Signal(_) if crowded => return,
            // An app that looks away has missed entries of rooms like notices.
            Event::Notice(_) | Event::Room(RoomEvent::Missed { .. }) if crowded => {
                return self.push_missed();
            }
            Event::Connected(_) | Event::Disconnected { .. } if crowded => self.forget_status(),
            _ => {}
        }
        self.queue.push_back(event);
    }

    fn push_missed(&mut self) {
        let missed = Event::Notice(Notice::Missed);
        if !self.queue.contains(&missed) {
            self.queue.push_back(missed);
        }
    }

    /// Makes room for a later word on the connection.
    fn forget_status(&mut self) {
        let status =
            |event: &Event| matches!(event, Event::Connected(_) | Event::Disconnected { .. });
        if let Some(at) = self.queue.iter().rposition(status) {
            self.queue.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Ending, Lost};
    use bytes::Bytes;
    use packetboat_proto::entry::Entry;
    use packetboat_proto::id::MessageId;
    use packetboat_proto::packet::{Signal, SignalKind};
    use std::time::Duration;

    fn entry(seq: u64) -> Event {
        Event::Entry(Entry {
            chat: "dm:a:b".parse().unwrap(),
            seq,
            sender: "a".parse().unwrap(),
            id: MessageId::from([1; 16]),
            at_ms: 1,
            content: Bytes::new(),
        })
    }

    fn signal() -> Event {
        Event::Signal(Signal {
            chat: "dm:a:b".parse().unwrap(),
            kind: SignalKind::Typing,
            data: Bytes::new(),
            sender: None,
        })
    }

    #[tokio::test]
    async fn asking_for_the_next_event_says_that_the_last_is_done_with() {
        let handover = Handover::new(2);
        let mut events = Events::new(handover.clone());
        handover.push(&mut vec![entry(4), entry(5)]);
        assert_eq!(handover.room(), 0);
        assert_eq!(events.next().await, Some(entry(4)));
        assert_eq!(handover.room(), 1);
        let doings = handover.doings();
        let marks = doings.marks.values().next().unwrap();
        assert_eq!((doings.passed, marks.taken, marks.passed), (0, 4, 0));
        assert_eq!(events.next().await, Some(entry(5)));
        let doings = handover.doings();
        let marks = doings.marks.values().next().unwrap();
        assert_eq!((doings.passed, marks.taken, marks.passed), (1, 5, 4));
    }

    #[tokio::test]
    async fn hints_are_bounded_while_the_app_looks_away() {
        let handover = Handover::new(4);
        let mut events = Events::new(handover.clone());
        for _ in 0..HINTS_MAX * 2 {
            handover.push(&mut vec![signal()]);
        }
        let down = |ms| Event::Disconnected { why: Lost::Cut, retry_in: Duration::from_millis(ms) };
        let missed = Event::Notice(Notice::Missed);
        handover.push(&mut vec![missed.clone(), missed.clone(), down(1), down(2)]);
        handover.push(&mut vec![entry(1), Event::Closed(Ending::Closed)]);
        handover.end();
        for _ in 0..HINTS_MAX {
            assert_eq!(events.next().await, Some(signal()));
        }
        assert_eq!(events.next().await, Some(missed));
        assert_eq!(events.next().await, Some(down(2)));
        assert_eq!(events.next().await, Some(entry(1)));
        assert_eq!(events.next().await, Some(Event::Closed(Ending::Closed)));
        assert_eq!(events.next().await, None);
    }

    #[test]
    fn what_comes_for_an_app_that_is_gone_is_not_kept() {
        let handover = Handover::new(1);
        drop(Events::new(handover.clone()));
        handover.push(&mut vec![entry(1)]);
        assert!(handover.app_is_gone() && handover.room() > 0);
    }
}
