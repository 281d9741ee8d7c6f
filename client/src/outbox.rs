//! The messages without an outcome, a lane for each chat. Must never lose one, send one of a lane
//! before those ahead of it, nor give one another id.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use packetboat_proto::id::{ChatId, MessageId};
use packetboat_proto::packet::Send;
use packetboat_proto::time::Time;

use crate::draft::Draft;
use crate::lane::Lane;
use crate::sending::SendReply;

/// Messages that came back before their answers, of which that is kept.
const EARLY_MAX: usize = 1_024;

/// What a connection takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Messages that may be unanswered.
    pub(crate) sends: usize,
    /// Bytes of a content.
    pub(crate) content: usize,
    /// A longer content will never pass; else it waits for a connection that takes more.
    pub(crate) is_final: bool,
}

/// What is next.
#[derive(Debug)]
pub(crate) enum Next<R> {
    /// Send this.
    Send(Send),
    /// This is taken out: it will never pass.
    TooLarge(Draft<R>),
}

/// The messages without an outcome.
#[derive(Debug)]
pub(crate) struct Outbox<R = SendReply> {
    lanes: BTreeMap<ChatId, Lane<R>>,
    /// Lanes that may have something to send, taken in turn; each once.
    ready: VecDeque<ChatId>,
    /// Lanes that wait because the server could not store for now.
    held: BTreeSet<(Time, ChatId)>,
    on_wire: usize,
    /// When to look whether the oldest on the wire is overdue.
    look_at: Option<Time>,
    resend_after: Duration,
    strict: bool,
    next_order: u64,
    /// Messages that came back as entries, and how many answers to them are still to come on this
    /// connection: they are no answers to what has the same id since.
    early: BTreeMap<(ChatId, MessageId), u32>,
}

impl<R> Outbox<R> {
    pub(crate) fn new(resend_after: Duration, strict: bool) -> Self {
        Self {
            lanes: BTreeMap::new(),
            ready: VecDeque::new(),
            held: BTreeSet::new(),
            on_wire: 0,
            look_at: None,
            resend_after,
            strict,
            next_order: 0,
            early: BTreeMap::new(),
        }
    }

    /// Puts a message in, behind those of its chat; gives it back if it is in already.
    pub(crate) fn push(&mut self, draft: Draft<R>) -> Result<(), Draft<R>> {
        if !self.lanes.contains_key(&draft.chat) {
            self.lanes.insert(draft.chat.clone(), Lane::new());
        }
        let lane = self.lanes.get_mut(&draft.chat).expect("just put there");
        let chat = draft.chat.clone();
        lane.push(self.next_order, draft)?;
        self.next_order += 1;
        self.make_ready(&chat);
        Ok(())
    }

    /// The next message for the wire, as far as there is room.
    pub(crate) fn next(&mut self, now: Time, room: Room) -> Option<Next<R>> {
        while self.on_wire < room.sends {
            let chat = self.ready.pop_front()?;
            let Some(lane) = self.lanes.get_mut(&chat) else {
                continue;
            };
            lane.is_ready = false;
            let Some(bytes) = lane.next_bytes(self.strict) else {
                self.drop_if_empty(&chat);
                continue;
            };
            // A message to a room goes behind the request to join it, which waits for a session.
            if chat.is_room() && !room.is_final {
                continue;
            }
            if bytes > room.content {
                if !room.is_final {
                    continue;
                }
                let draft = lane.take_next()?;
                self.make_ready(&chat);
                self.drop_if_empty(&chat);
                return Some(Next::TooLarge(draft));
            }
            let send = lane.send_next(now)?;
            if lane.next_bytes(self.strict).is_some() {
                lane.is_ready = true;
                self.ready.push_back(chat);
            }
            self.on_wire += 1;
            self.look_at.get_or_insert(now + self.resend_after);
            return Some(Next::Send(send));
        }
        None
    }

    /// A message that has no outcome yet.
    pub(crate) fn draft(&self, chat: &ChatId, id: MessageId) -> Option<&Draft<R>> {
        self.lanes.get(chat)?.draft(id)
    }

    /// The log of a chat starts over.
    pub(crate) fn forget_known(&mut self, chat: &ChatId) {
        if let Some(lane) = self.lanes.get_mut(chat) {
            lane.forget_known();
        }
    }

    /// A message is refused. Returns whether that counts: of one that went out twice on this
    /// connection the second may be stored all the same.
    pub(crate) fn refused(&mut self, chat: &ChatId, id: MessageId) -> bool {
        self.lanes.get_mut(chat).is_some_and(|lane| lane.refused(id))
    }

    /// A message that is here came back as an entry: what it has no answer to will be answered yet.
    pub(crate) fn came_early(&mut self, chat: &ChatId, id: MessageId) {
        let unanswered = self.lanes.get(chat).map_or(0, |lane| lane.unanswered(id));
        if unanswered == 0 {
            return;
        }
        // Only a server that answers nothing any more comes there.
        if self.early.len() >= EARLY_MAX {
            self.early.pop_first();
        }
        *self.early.entry((chat.clone(), id)).or_default() += unanswered;
    }

    /// Whether an answer is one that comes after its message did.
    pub(crate) fn is_late(&mut self, chat: &ChatId, id: MessageId) -> bool {
        if self.early.is_empty() {
            return false;
        }
        let key = (chat.clone(), id);
        let Some(left) = self.early.get_mut(&key) else { return false };
        *left -= 1;
        if *left == 0 {
            self.early.remove(&key);
        }
        true
    }

    /// Takes out a message that has its outcome.
    pub(crate) fn take(&mut self, chat: &ChatId, id: MessageId) -> Option<Draft<R>> {
        let lane = self.lanes.get_mut(chat)?;
        let (draft, was_on_wire) = lane.take(id)?;
        self.leave_wire(usize::from(was_on_wire));
        self.make_ready(chat);
        self.drop_if_empty(chat);
        Some(draft)
    }

    /// The server cannot store a message for now: its lane waits until then, and goes on one by
    /// one until a message passes, so that no more of them overtake it.
    pub(crate) fn put_off(&mut self, chat: &ChatId, id: MessageId, until: Time) {
        let Some(lane) = self.lanes.get_mut(chat) else {
            return;
        };
        let Some(was_on_wire) = lane.put_back(id) else {
            return;
        };
        if let Some(held) = lane.hold {
            self.held.remove(&(held, chat.clone()));
        }
        let until = lane.hold.map_or(until, |held| held.max(until));
        lane.hold = Some(until);
        self.held.insert((until, chat.clone()));
        self.leave_wire(usize::from(was_on_wire));
    }

    /// Lets go on what has waited long enough, and returns the oldest message on the wire if its
    /// answer is overdue: at most one each time, so that a slow server is not buried; and none
    /// unless it can be sent.
    pub(crate) fn tick(&mut self, now: Time, can_send: bool) -> Option<Send> {
        while let Some((until, chat)) = self.held.pop_first() {
            if until > now {
                self.held.insert((until, chat));
                break;
            }
            if let Some(lane) = self.lanes.get_mut(&chat) {
                lane.hold = None;
            }
            self.make_ready(&chat);
        }
        if self.look_at.is_none_or(|at| at > now) {
            return None;
        }
        let lanes = self.lanes.values_mut();
        let oldest = lanes.filter_map(|lane| lane.oldest_sent().map(|sent| (sent, lane)));
        let Some((sent, lane)) = oldest.min_by_key(|(sent, _)| *sent) else {
            // All that is on the wire was refused once: its last answers are on their way.
            self.look_at = None;
            return None;
        };
        let due = sent + self.resend_after;
        if due > now {
            self.look_at = Some(due);
            return None;
        }
        self.look_at = Some(now + self.resend_after);
        if can_send { lane.resend_oldest(now) } else { None }
    }

    /// The connection is gone: nothing is on the wire.
    pub(crate) fn disconnected(&mut self) {
        self.lanes.values_mut().for_each(Lane::leave_wire);
        self.early.clear();
        self.leave_wire(self.on_wire);
        self.all_ready();
    }

    /// A connection takes more than before.
    pub(crate) fn all_ready(&mut self) {
        self.ready.clear();
        self.drop_empty();
        // In the order in which their first messages came.
        let mut lanes: Vec<_> = self
            .lanes
            .iter_mut()
            .filter_map(|(chat, lane)| {
                lane.is_ready = lane.next_bytes(self.strict).is_some();
                lane.is_ready.then_some((lane.first_order(), chat))
            })
            .collect();
        lanes.sort_unstable_by_key(|(order, _)| *order);
        let chats = lanes.into_iter().map(|(_, chat)| chat.clone());
        self.ready.extend(chats);
    }

    /// Takes out all of them, in the order of each chat.
    pub(crate) fn drain(&mut self) -> Vec<Draft<R>> {
        let lanes = std::mem::take(&mut self.lanes);
        self.ready.clear();
        self.held.clear();
        self.leave_wire(self.on_wire);
        lanes.into_values().flat_map(Lane::into_drafts).collect()
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        let held = self.held.first().map(|(until, _)| *until);
        held.into_iter().chain(self.look_at).min()
    }

    fn leave_wire(&mut self, count: usize) {
        self.on_wire -= count;
        if self.on_wire == 0 {
            self.look_at = None;
        }
    }

    fn make_ready(&mut self, chat: &ChatId) {
        if let Some(lane) = self.lanes.get_mut(chat)
            && !lane.is_ready
            && lane.next_bytes(self.strict).is_some()
        {
            lane.is_ready = true;
            self.ready.push_back(chat.clone());
        }
    }

    /// None is still to be looked at: those with nothing left go.
    fn drop_empty(&mut self) {
        let held = &mut self.held;
        self.lanes.retain(|chat, lane| {
            let stays = !lane.is_empty();
            if let Some(until) = lane.hold.filter(|_| !stays) {
                held.remove(&(until, chat.clone()));
            }
            stays
        });
    }

    /// A lane that is still to be looked at goes when it is.
    fn drop_if_empty(&mut self, chat: &ChatId) {
        if let Some(lane) = self.lanes.get(chat)
            && lane.is_empty()
            && !lane.is_ready
        {
            if let Some(held) = lane.hold {
                self.held.remove(&(held, chat.clone()));
            }
            self.lanes.remove(chat);
        }
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
