//! What a connection alone has on the server: rooms that are joined, users and receipts that are
//! watched, whether the user is away. Each new connection has it again. Must never ask for what the
//! app has not.

use std::collections::BTreeSet;
use std::time::Duration;

use packetboat_proto::code::Retry;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::limits::PRESENCE_USERS_MAX;
use packetboat_proto::packet::{Answer, AskReceipts, Notice, Operation, RoomState, Verdict};
use packetboat_proto::time::Time;

use super::{Action, Flow};
use crate::event::Event;
use crate::room_event::RoomEvent;
use crate::rooms::{News, Rooms};

/// The pause before it is looked at again whether the app is done with changing what it has.
const AGAIN_LEAST: Duration = Duration::from_millis(100);

/// What the app has on its connection.
#[derive(Debug, Default)]
pub(super) struct Live {
    pub(super) rooms: Rooms,
    watched: BTreeSet<UserId>,
    is_away: bool,
    /// Groups whose receipts are watched.
    receipts: BTreeSet<ChatId>,
    /// What the client asked on this connection and the server would not do for now.
    put_off: Vec<Operation>,
    /// When that is asked again.
    again: Option<Time>,
}

impl Live {
    /// What there is of it that the app still has.
    fn still(&self, operation: Operation) -> Option<Operation> {
        match operation {
            Operation::Watch { mut add, remove } => {
                add.retain(|user| self.watched.contains(user));
                (!add.is_empty()).then_some(Operation::Watch { add, remove })
            }
            Operation::Receipts(AskReceipts::Watch { mut add, remove }) => {
                add.retain(|group| self.receipts.contains(group));
                let is_any = !add.is_empty();
                let watch = Operation::Receipts(AskReceipts::Watch { add, remove });
                is_any.then_some(watch)
            }
            Operation::SetPresence { away } if away == self.is_away => Some(operation),
            Operation::Room { ref room } if self.rooms.all().any(|of| of == room) => {
                Some(operation)
            }
            _ => None,
        }
    }
}

impl Flow {
    /// A session is open: what the last one had is asked for again.
    pub(super) fn ask_again(&mut self, now: Time) {
        self.live.put_off.clear();
        self.live.again = None;
        let rooms = self.live.rooms.all().map(|room| Operation::RoomJoin { room: room.clone() });
        let mut asked: Vec<Operation> = rooms.collect();
        let watched: Vec<UserId> = self.live.watched.iter().cloned().collect();
        let watches = watched.chunks(PRESENCE_USERS_MAX);
        asked.extend(
            watches.map(|some| Operation::Watch { add: some.to_vec(), remove: Vec::new() }),
        );
        // One by one: of a group that the user is out of meanwhile the others know nothing.
        asked.extend(self.live.receipts.iter().map(|group| {
            let (add, remove) = (vec![group.clone()], Vec::new());
            Operation::Receipts(AskReceipts::Watch { add, remove })
        }));
        if self.live.is_away {
            asked.push(Operation::SetPresence { away: true });
        }
        self.asks.put_first(now, asked);
    }

    /// A request goes out.
    pub(super) fn asks_out(&mut self, operation: &Operation) {
        match operation {
            Operation::RoomJoin { room } => {
                self.live.rooms.joining(room, self.asks.asked_of(room) == 1);
            }
            Operation::Room { room } => {
                self.live.rooms.asked(room, self.asks.asked_of(room) == 1);
            }
            _ => {}
        }
    }

    /// It is answered; `own`: the app does not wait for it.
    pub(super) fn live_answered(
        &mut self,
        now: Time,
        operation: Operation,
        own: bool,
        answer: &Result<Answer, Verdict>,
        out: &mut Vec<Action>,
    ) {
        match (operation, answer) {
            (Operation::RoomJoin { room }, Ok(Answer::RoomJoin(state))) if state.room == room => {
                if own {
                    tell(RoomEvent::Joined(state.clone()), out);
                }
                self.room_told(state, out);
            }
            (Operation::RoomJoin { room }, Err(verdict)) => {
                self.live.rooms.left(&room);
                if own {
                    tell(RoomEvent::Left { room, verdict: verdict.clone() }, out);
                }
            }
            (Operation::Room { room }, Ok(Answer::Room(state))) if state.room == room => {
                self.room_told(state, out);
            }
            (Operation::RoomLeave { room }, Ok(Answer::RoomLeave)) => self.live.rooms.left(&room),
            (Operation::Watch { add, remove }, Ok(Answer::Watch(users))) => {
                self.live.watched.retain(|user| !remove.contains(user));
                self.live.watched.extend(add);
                if own {
                    let users = users.iter().cloned().map(Notice::Presence);
                    out.extend(users.map(Event::Notice).map(Action::Tell));
                }
            }
            (Operation::Receipts(AskReceipts::Watch { add, remove }), Ok(_)) => {
                self.receipts_watched(add, &remove, own, out);
            }
            (Operation::SetPresence { away }, Ok(Answer::SetPresence)) => self.live.is_away = away,
            (operation, Err(verdict)) if own => self.live_refused(now, operation, verdict),
            _ => {}
        }
    }

    /// What the client asked itself is refused: for good, or until it asks again.
    fn live_refused(&mut self, now: Time, operation: Operation, verdict: &Verdict) {
        if verdict.retry == Some(Retry::Never) {
            if let Operation::Receipts(AskReceipts::Watch { add, .. }) = operation {
                self.live.receipts.retain(|group| !add.contains(group));
            }
            return;
        }
        let at = now + self.reconnect.after_refusal(verdict);
        self.live.again = self.live.again.max(Some(at));
        if !self.live.put_off.contains(&operation) {
            self.live.put_off.push(operation);
        }
    }

    /// When what was put off is asked again.
    pub(super) const fn live_deadline(&self) -> Option<Time> {
        self.live.again
    }

    /// Asks again what was put off, as far as the app has not given it up meanwhile.
    pub(super) fn tick_live(&mut self, now: Time) {
        if self.live.again.is_none_or(|at| at > now) {
            return;
        }
        if self.asks.app_changes_live() {
            // It may be to have some of it no more.
            self.live.again = Some(now + AGAIN_LEAST);
            return;
        }
        self.live.again = None;
        for operation in std::mem::take(&mut self.live.put_off) {
            if let Some(operation) = self.live.still(operation) {
                self.asks.push_own(now, operation);
            }
        }
    }

    fn receipts_watched(
        &mut self,
        add: Vec<ChatId>,
        remove: &[ChatId],
        own: bool,
        out: &mut Vec<Action>,
    ) {
        self.live.receipts.retain(|group| !remove.contains(group));
        self.live.receipts.extend(add.iter().cloned());
        if own {
            let moved = add.into_iter().map(Notice::Receipts);
            out.extend(moved.map(Event::Notice).map(Action::Tell));
        }
    }

    fn room_told(&mut self, state: &RoomState, out: &mut Vec<Action>) {
        let news = self.live.rooms.told(&state.room, state.head);
        tell_news(&state.room, news, state.head, out);
    }

    /// What is said in a room.
    pub(super) fn heard_in_room(&mut self, entry: Entry, out: &mut Vec<Action>) {
        let news = self.live.rooms.deliver(&entry.chat, entry.seq);
        tell_news(&entry.chat, news, entry.seq, out);
        if news.is_new {
            out.push(Action::Tell(Event::Entry(entry)));
        }
    }

    /// The server could not keep all for this connection: the end of a room's log may be missing.
    pub(super) fn missed(&mut self, now: Time) {
        for room in self.live.rooms.all().cloned().collect::<Vec<_>>() {
            self.asks.push_own(now, Operation::Room { room });
        }
    }
}

fn tell_news(room: &ChatId, news: News, head: u64, out: &mut Vec<Action>) {
    if let Some((first, last)) = news.missed {
        tell(RoomEvent::Missed { room: room.clone(), first, last }, out);
    }
    if let Some(cursor) = news.reset {
        out.push(Action::Tell(Event::LogReset { chat: room.clone(), head, cursor }));
    }
}

fn tell(event: RoomEvent, out: &mut Vec<Action>) {
    out.push(Action::Tell(Event::Room(event)));
}
