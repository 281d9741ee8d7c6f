//! What a connection alone has on the server: rooms that are joined, users and receipts that are
//! watched, whether the user is away. Each new connection has it again. Must never ask for what the
//! app has not.

use std::collections::BTreeSet;

use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::limits::PRESENCE_USERS_MAX;
use packetboat_proto::packet::{Answer, AskReceipts, Notice, Operation, RoomState, Verdict};
use packetboat_proto::time::Time;

use super::{Action, Flow};
use crate::event::Event;
use crate::room_event::RoomEvent;
use crate::rooms::{News, Rooms};

/// What the app has on its connection.
#[derive(Debug, Default)]
pub(super) struct Live {
    pub(super) rooms: Rooms,
    watched: BTreeSet<UserId>,
    is_away: bool,
    /// Groups whose receipts are watched.
    receipts: BTreeSet<ChatId>,
}

impl Flow {
    /// A session is open: what the last one had is asked for again.
    pub(super) fn ask_again(&mut self, now: Time) {
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
            (Operation::Receipts(AskReceipts::Watch { add, remove }), answer) => {
                self.receipts_watched(add, &remove, own, answer.is_ok(), out);
            }
            (Operation::SetPresence { away }, Ok(Answer::SetPresence)) => self.live.is_away = away,
            _ => {}
        }
    }

    fn receipts_watched(
        &mut self,
        add: Vec<ChatId>,
        remove: &[ChatId],
        own: bool,
        watched: bool,
        out: &mut Vec<Action>,
    ) {
        if !watched {
            // The app is told why by the answer; it knows of no other.
            self.live.receipts.retain(|group| !(own && add.contains(group)));
            return;
        }
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
