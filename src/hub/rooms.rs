//! Who listens to which room: a session alone, for as long as it lasts. Must never ask whether a
//! room is there: the store knows.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use ahash::{HashMap, HashSet};
use packetboat_proto::id::{ChatId, SessionId};

use super::crowd::Crowd;
use super::mailbox::Mailbox;

/// Who listens to which room.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    crowds: HashMap<ChatId, Crowd>,
    /// Rooms that others came into, or left, since they were told how many there are.
    changed: HashSet<ChatId>,
}

impl Rooms {
    /// Lets a session in.
    pub(super) fn join(&mut self, room: &ChatId, mailbox: &Arc<Mailbox>) {
        self.crowds.entry(room.clone()).or_default().add(mailbox);
        self.changed.insert(room.clone());
    }

    /// Lets a session out, if it is in.
    pub(super) fn leave(&mut self, room: &ChatId, session: SessionId) {
        let Entry::Occupied(mut crowd) = self.crowds.entry(room.clone()) else { return };
        crowd.get_mut().remove(session);
        if crowd.get().mailboxes().is_empty() {
            self.close(room);
        } else {
            self.changed.insert(room.clone());
        }
    }

    /// Whether a session listens to a room: not to one that was over since it came in.
    pub(super) fn is_in(&self, session: SessionId, room: &ChatId) -> bool {
        self.crowds.get(room).is_some_and(|crowd| crowd.has(session))
    }

    /// A room is over.
    pub(super) fn close(&mut self, room: &ChatId) {
        self.crowds.remove(room);
        self.changed.remove(room);
    }

    /// Who listens to a room.
    pub(super) fn of(&self, room: &ChatId) -> &[Arc<Mailbox>] {
        self.crowds.get(room).map_or(&[], Crowd::mailboxes)
    }

    /// One of the rooms whose listeners are to be told how many they are, and how many.
    pub(super) fn next_recount(&mut self) -> Option<(ChatId, usize)> {
        while let Some(room) = self.changed.iter().next().cloned() {
            self.changed.remove(&room);
            if let Some(count) = self.crowds.get_mut(&room).and_then(Crowd::recount) {
                return Some((room, count));
            }
        }
        None
    }

    /// Whether anybody is to be told.
    pub(super) fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_that_nobody_listens_to_is_forgotten() {
        let (room, session) = (ChatId::room("lobby").unwrap(), SessionId::from([1; 16]));
        let mut rooms = Rooms::default();
        rooms.join(&room, &Arc::new(Mailbox::new(session)));
        assert_eq!(rooms.next_recount(), Some((room.clone(), 1)));
        rooms.leave(&room, session);
        rooms.leave(&room, session);
        assert!(rooms.crowds.is_empty() && !rooms.has_changed());
    }
}
