//! Who may say what in a room: its owner, its moderators, the mute, and how often the others. Must
//! never let the owner be made anything else.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Alteration, Role};
use packetboat_proto::id::{ChatId, UserId};

use super::group::Deed;
use super::rights::mute_until;
use super::turn::{Halt, Turn, no_such_chat, refuse};
use crate::store::key;
use crate::store::read_error::ReadError;
use crate::store::record::room::{Person, Room};
use crate::store::{Draft, Reference, Refusal};

/// Users with a role or a mute in one room.
const PEOPLE_MAX: u32 = 10_000;

impl Turn<'_> {
    /// Users are moderators, or no more.
    pub(super) fn set_moderators(
        &mut self,
        deed: &Deed<'_>,
        room: Room,
        users: &[UserId],
        moderator: bool,
    ) -> Result<(), Halt> {
        let people = self.subjects_in_room(deed, &room, users)?;
        let people = people.into_iter().map(|(user, was)| (user, was, Person { moderator, ..was }));
        self.put_people(deed.chat, room, people.collect())
    }

    /// Users may not write until a time.
    pub(super) fn mute_in_room(
        &mut self,
        deed: &Deed<'_>,
        room: Room,
        users: &[UserId],
        until_ms: u64,
    ) -> Result<(), Halt> {
        let owns = room.owner == *deed.sender;
        if !owns && !self.person(deed.chat, deed.sender)?.moderator {
            return refuse(RejectCode::NotAllowed, "only the owner and the moderators may do that");
        }
        let people = self.subjects_in_room(deed, &room, users)?;
        if let Some((user, _)) = people.iter().find(|(_, person)| !owns && person.moderator) {
            let reason = format!("only the owner may do that to {user}");
            return refuse(RejectCode::NotAllowed, reason);
        }
        let muted = |was| Person { muted_until_ms: until_ms, ..was };
        let people = people.into_iter().map(|(user, was)| (user, was, muted(was)));
        self.put_people(deed.chat, room, people.collect())
    }

    fn subjects_in_room<'u>(
        &self,
        deed: &Deed<'_>,
        room: &Room,
        users: &'u [UserId],
    ) -> Result<Vec<(&'u UserId, Person)>, Halt> {
        if users.contains(&room.owner) || users.contains(deed.sender) {
            return refuse(RejectCode::Invalid, "nobody does that to the owner, nor to oneself");
        }
        let person = |user| Ok((user, self.person(deed.chat, user)?));
        users.iter().map(person).collect()
    }

    /// A row stands for who is something; one that says nothing goes.
    fn put_people(
        &mut self,
        chat: &ChatId,
        room: Room,
        people: Vec<(&UserId, Person, Person)>,
    ) -> Result<(), Halt> {
        let plain = Person::default();
        let mut count = room.people;
        for (_, was, is) in &people {
            count += u32::from(*was == plain && *is != plain);
            count = count.saturating_sub(u32::from(*was != plain && *is == plain));
        }
        if count > PEOPLE_MAX && count > room.people {
            let reason = format!("a room has at most {PEOPLE_MAX} moderators and mute users");
            return refuse(RejectCode::LimitReached, reason);
        }
        for (user, was, is) in people {
            if is != plain {
                self.put(key::person(chat, user), is.to_value());
            } else if was != plain {
                self.remove(key::person(chat, user));
            }
        }
        self.put_room(chat, &Room { people: count, ..room });
        Ok(())
    }

    fn person(&self, chat: &ChatId, user: &UserId) -> Result<Person, ReadError> {
        let value = self.get(&key::person(chat, user))?;
        Ok(value.map(|value| Person::from_value(&value)).transpose()?.unwrap_or_default())
    }

    /// Refuses what is said to no open room, or refers to its entries in a way that would keep more
    /// than the log does, or for another time.
    pub(super) fn check_is_said_in_rooms(
        &mut self,
        chat: &ChatId,
        draft: &Draft,
    ) -> Result<(), Halt> {
        if self.room_gate(chat)?.is_none_or(|gate| gate.closed) {
            return no_such_chat();
        }
        let unsupported = match &draft.refers {
            Some(Reference::Context(context)) => {
                context.thread != 0 || context.expires_after_ms != 0
            }
            Some(Reference::Alteration(alteration)) => {
                matches!(alteration, Alteration::Edited { .. } | Alteration::Pinned { .. })
            }
            None => false,
        };
        if unsupported {
            let reason = "in a room nothing is edited, pinned or expires, and there are no threads";
            return refuse(RejectCode::Unsupported, reason);
        }
        Ok(())
    }

    /// What a user is in a room: the owner, an admin if it is a moderator, or one of many.
    pub(super) fn rank_in_room(&self, user: &UserId, chat: &ChatId) -> Result<Role, ReadError> {
        if self.room_row(chat)?.is_some_and(|room| room.owner == *user) {
            return Ok(Role::Owner);
        }
        Ok(if self.person(chat, user)?.moderator { Role::Admin } else { Role::Member })
    }

    /// Refuses who may not write to a room now; else it has written.
    pub(super) fn check_may_speak(
        &mut self,
        chat: &ChatId,
        user: &UserId,
        by_id: &[u8],
    ) -> Result<(), Halt> {
        let gate = self.room_gate(chat)?.filter(|gate| !gate.closed);
        let Some(gate) = gate else { return no_such_chat() };
        let person = self.person(chat, user)?;
        if person.muted_until_ms > self.now_ms {
            return refuse(RejectCode::Muted, mute_until(person.muted_until_ms));
        }
        if gate.slow_ms == 0 || person.moderator || self.open_room_of(chat)?.owner == *user {
            return Ok(());
        }
        let (speaker, _) = key::split_dedup(by_id);
        let now_ms = self.now_ms;
        let spoke = self.rooms_at_hand().spoke.get(speaker);
        let left = spoke.map_or(0, |at| (at + u64::from(gate.slow_ms)).saturating_sub(now_ms));
        if left > 0 {
            let reason = format!("the room is slow: write again in {left} ms");
            let after_ms = u32::try_from(left).unwrap_or(u32::MAX);
            let refusal = Refusal { after_ms, ..Refusal::new(RejectCode::SlowMode, reason) };
            return Err(refusal.into());
        }
        self.rooms_at_hand().spoke.set(speaker, now_ms);
        Ok(())
    }
}
