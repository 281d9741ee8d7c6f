//! A room: how it is opened and changed, and what its log forgets. Must never write before
//! everything is checked, nor take the last entry of a log away: the log would begin anew.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Content, RoomChange};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::limits::{MEMBERS_PER_CHANGE_MAX, ROOM_KEEP_DEFAULT, ROOM_KEEP_MAX};
use packetboat_proto::planted::{self, Bug};

use super::file::UNREFERENCE_OPERATIONS;
use super::group::Deed;
use super::mention::calls;
use super::refer::content_of;
use super::room_cache::RoomGate;
use super::turn::{Halt, Turn, no_such_chat, refuse};
use crate::store::key;
use crate::store::parts::{Joiner, PARTS_MAX};
use crate::store::read_error::ReadError;
use crate::store::record::room::Room;
use crate::store::record::{as_number, number};
use crate::store::rules::Rooms;
use crate::store::spans::Spans;

/// Rooms that a user may have open.
const ROOMS_PER_USER_MAX: u64 = 100;
/// Entries that go with each one that comes: two, so that a log that is to keep less than it has
/// comes to it in time.
const GONE_PER_ENTRY: usize = 2;
/// Operations for those: their parts, how they were found by their ids, whom they mention, and
/// their files.
pub(super) const TRIM_OPERATIONS: usize =
    GONE_PER_ENTRY * (PARTS_MAX + 1 + 1 + UNREFERENCE_OPERATIONS);

/// The most operations of a change of a room: the users that it names, the room, and its owner.
pub(super) const fn room_operations_max(users: usize) -> usize {
    users + 2
}

impl Turn<'_> {
    /// Does what a change of a room says.
    pub(super) fn change_room(&mut self, deed: &Deed<'_>, change: &RoomChange) -> Result<(), Halt> {
        if change.users().len() > MEMBERS_PER_CHANGE_MAX {
            let reason = format!("a change names at most {MEMBERS_PER_CHANGE_MAX} users");
            return refuse(RejectCode::Invalid, reason);
        }
        if let RoomChange::Opened { name, topic, keep, slow_ms } = change {
            return self.open_room(deed, name, topic, *keep, *slow_ms);
        }
        let room = self.open_room_of(deed.chat)?;
        match change {
            // It was done where there was no room yet.
            RoomChange::Opened { .. } => Ok(()),
            RoomChange::Set { keep, slow_ms, name, topic } => {
                check_owner(&room, deed.sender)?;
                let set = Room {
                    // What is not shown now is not to be shown when it keeps more.
                    passed: room.hidden_upto(deed.seq - 1),
                    keep: keep.unwrap_or(room.keep),
                    slow_ms: slow_ms.unwrap_or(room.slow_ms),
                    name: name.clone().unwrap_or(room.name),
                    topic: topic.clone().unwrap_or(room.topic),
                    ..room
                };
                self.put_room(deed.chat, &set);
                Ok(())
            }
            RoomChange::Moderators { users, taken_back } => {
                check_owner(&room, deed.sender)?;
                self.set_moderators(deed, room, users, !taken_back)
            }
            RoomChange::Muted { users, until_ms } => {
                self.mute_in_room(deed, room, users, *until_ms)
            }
        }
    }

    fn open_room(
        &mut self,
        deed: &Deed<'_>,
        name: &str,
        topic: &str,
        keep: u32,
        slow_ms: u32,
    ) -> Result<(), Halt> {
        if self.rules.rooms == Rooms::Nobody {
            return refuse(RejectCode::NotAllowed, "nobody opens rooms here");
        }
        if deed.seq != 1 {
            return refuse(RejectCode::AlreadyExists, "the room is there already");
        }
        let open = self.rooms_open(deed.sender)?;
        if open >= ROOMS_PER_USER_MAX {
            let reason = format!("you have {ROOMS_PER_USER_MAX} rooms open, which is the most");
            return refuse(RejectCode::LimitReached, reason);
        }
        self.put(key::rooms_of(deed.sender), number(open + 1));
        let room = Room {
            name: name.to_owned(),
            owner: deed.sender.clone(),
            topic: topic.to_owned(),
            keep: if keep == 0 { ROOM_KEEP_DEFAULT } else { keep },
            slow_ms,
            opened_ms: self.now_ms,
            closed: false,
            people: 0,
            passed: 0,
        };
        self.put_room(deed.chat, &room);
        Ok(())
    }

    /// Closes a room for good. Its name stays taken, and what is kept may still be read.
    pub(super) fn close_room(&mut self, deed: &Deed<'_>) -> Result<(), Halt> {
        let room = self.open_room_of(deed.chat)?;
        check_owner(&room, deed.sender)?;
        let open = self.rooms_open(deed.sender)?;
        self.put(key::rooms_of(deed.sender), number(open.saturating_sub(1)));
        self.put_room(deed.chat, &Room { closed: true, ..room });
        Ok(())
    }

    fn rooms_open(&self, user: &UserId) -> Result<u64, ReadError> {
        let value = self.get(&key::rooms_of(user))?;
        Ok(value.map(|value| as_number(&value)).transpose()?.unwrap_or(0))
    }

    pub(super) fn room_row(&self, chat: &ChatId) -> Result<Option<Room>, ReadError> {
        let value = self.get(&key::room(chat))?;
        Ok(value.map(|value| Room::decode(&value)).transpose()?)
    }

    /// What a room shows of its log, to any user; also once it is closed.
    pub(super) fn room_spans(&mut self, chat: &ChatId) -> Result<Option<Spans>, ReadError> {
        let Some(room) = self.room_row(chat)? else { return Ok(None) };
        let head = self.head(chat)?;
        Ok(Some(Spans::starting_at(room.hidden_upto(head) + 1)))
    }

    pub(super) fn open_room_of(&self, chat: &ChatId) -> Result<Room, Halt> {
        match self.room_row(chat)? {
            Some(room) if !room.closed => Ok(room),
            _ => no_such_chat(),
        }
    }

    pub(super) fn put_room(&mut self, chat: &ChatId, room: &Room) {
        self.rooms_at_hand().gates.set(chat, RoomGate::of(room));
        self.put(key::room(chat), room.encode());
    }

    /// What stands in the way of each message to a room, if there is one.
    pub(super) fn room_gate(&mut self, chat: &ChatId) -> Result<Option<RoomGate>, ReadError> {
        if let Some(gate) = self.rooms_at_hand().gates.get(chat) {
            return Ok(Some(gate));
        }
        let gate = self.room_row(chat)?.as_ref().map(RoomGate::of);
        if let Some(gate) = gate {
            self.rooms_at_hand().gates.set(chat, gate);
        }
        Ok(gate)
    }

    /// The entry `seq` has come: what is more than the room keeps goes, the oldest first.
    pub(super) fn trim_room(&mut self, chat: &ChatId, seq: u64) -> Result<(), ReadError> {
        let of = || chat.to_string();
        let gate = self.room_gate(chat)?;
        let gate = gate.ok_or_else(|| ReadError::Missing { what: "the room", of: of() })?;
        let early = u64::from(planted::is(Bug::RoomForgetsEarly) && seq > gate.keep.into());
        let upto = seq.saturating_sub(gate.keep.max(1).into()).max(gate.passed) + early;
        // No room keeps more, nor ever did: before that is nothing.
        let gone = match self.rooms_at_hand().gone.get(chat) {
            Some(gone) => gone,
            None => seq.saturating_sub(u64::from(ROOM_KEEP_MAX) + 1),
        };
        let mut next = gone + 1;
        for _ in 0..GONE_PER_ENTRY {
            if next > upto {
                break;
            }
            next = match self.remove_first(chat, next, upto)? {
                Some(removed) => removed + 1,
                None => upto + 1,
            };
        }
        self.rooms_at_hand().gone.set(chat, next - 1);
        Ok(())
    }

    /// Takes the first entry from one seq up to another away: its parts, and how it is found.
    fn remove_first(
        &mut self,
        chat: &ChatId,
        from: u64,
        upto: u64,
    ) -> Result<Option<u64>, ReadError> {
        let first = self.rows(&key::entries(chat, from, upto), 1)?;
        let Some((row, _)) = first.first() else { return Ok(None) };
        let (seq, _) = key::seq_and_part(row)?;
        let mut joiner = Joiner::default();
        for (row, value) in self.rows(&key::entries(chat, seq, seq), PARTS_MAX)? {
            let (_, part) = key::seq_and_part(&row)?;
            if let Some(body) = joiner.take(part, &value)? {
                self.remove_traces(&Entry::decode(body)?)?;
            }
            self.remove(row);
        }
        Ok(Some(seq))
    }

    /// What else is kept for an entry that goes.
    fn remove_traces(&mut self, entry: &Entry) -> Result<(), ReadError> {
        self.remove(key::dedup(&entry.chat, &entry.sender, &entry.id));
        let Some((content, context)) = content_of(entry) else { return Ok(()) };
        // Versions before this one noted it for rooms, too.
        if calls(&context) {
            self.remove(key::own::mention(&entry.chat, entry.seq));
        }
        match content {
            Content::File(sent) => self.remove_reference(&sent.file, &entry.chat, entry.seq),
            _ => Ok(()),
        }
    }
}

fn check_owner(room: &Room, user: &UserId) -> Result<(), Halt> {
    if room.owner == *user {
        return Ok(());
    }
    refuse(RejectCode::NotAllowed, "only the owner may do that")
}
