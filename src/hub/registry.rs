//! Who is connected here: seats by user, and by group. Must never be asked who is a member of
//! something: it knows the connected only.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use ahash::HashMap;
use packetboat_proto::id::{ChatId, ChatKind, DeviceId, SessionId, UserId};
use packetboat_proto::limits::ROOMS_PER_SESSION_MAX;

use super::blocks::Blocks;
use super::keys::Keys;
use super::mailbox::Mailbox;
use super::policy::{Connected, DevicePolicy};
use super::presence::There;
use super::receipts::{Receipts, ReceiptsError};
use super::rooms::Rooms;
use super::seats::{Seat, Seats};

/// Why a session is not let into a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinError {
    /// It is in as many as it may be.
    TooMany,
    /// It has no seat any more.
    Gone,
}

/// Who is connected here.
#[derive(Debug, Default)]
pub struct Registry {
    /// In the order in which they came.
    standing: HashMap<SessionId, (u64, Arc<Mailbox>)>,
    came: u64,
    users: HashMap<UserId, Seats>,
    groups: HashMap<ChatId, Vec<Arc<Mailbox>>>,
    rooms: Rooms,
    blocks: Blocks,
    receipts: Receipts,
    keys: Keys,
    seated: usize,
    draining: bool,
}

impl Registry {
    /// Lets a session in that has no device yet.
    pub fn enter(&mut self, mailbox: Arc<Mailbox>) {
        if self.draining {
            mailbox.drain();
        }
        self.came += 1;
        self.standing.insert(mailbox.session(), (self.came, mailbox));
    }

    /// Gives a session its device; an older session of it loses its seat, and its mailbox is
    /// returned. Nothing happens if the session has left meanwhile.
    pub fn seat(
        &mut self,
        session: SessionId,
        user: &UserId,
        who: Connected<'_>,
        groups: Vec<ChatId>,
    ) -> Option<Arc<Mailbox>> {
        let (came, mailbox) = self.standing.remove(&session)?;
        let older = self.unseat_device(user, who.device);
        mailbox.set_device(who.device);
        for group in &groups {
            self.groups.entry(group.clone()).or_default().push(Arc::clone(&mailbox));
        }
        let seat = Seat { came, mailbox, platform: who.platform.into(), groups, away: false };
        let seats = match self.users.remove(user) {
            None => Seats::One(seat),
            Some(others) => others.with(seat),
        };
        self.users.insert(user.clone(), seats);
        self.seated += 1;
        older
    }

    /// All whom a user blocks; of one who is not connected nothing is kept.
    pub(super) fn set_blocks(&mut self, user: &UserId, blocked: Vec<UserId>) {
        for other in &blocked {
            self.watch_no_keys(other, user);
        }
        if self.users.contains_key(user) {
            self.blocks.set_all(user, blocked);
        }
    }

    /// A user blocks another, or does so no more.
    pub(super) fn set_block(&mut self, user: &UserId, other: &UserId, blocked: bool) {
        if blocked {
            self.watch_no_keys(other, user);
        }
        if self.users.contains_key(user) {
            self.blocks.set(user, other, blocked);
        }
    }

    /// Whether one of two users blocks the other, as far as they are connected.
    pub(super) fn are_apart(&self, user: &UserId, other: &UserId) -> bool {
        self.blocks.has(user, other) || self.blocks.has(other, user)
    }

    /// A session is told of a user's keys from now on, unless that one blocks its user.
    pub(super) fn watch_keys(&mut self, user: &UserId, session: SessionId, of: &UserId) {
        if self.blocks.has(of, user) {
            return;
        }
        // Without a seat it is about to end.
        if let Some(mailbox) = self.mailbox(user, session) {
            self.keys.watch(&mailbox, of);
        }
    }

    fn watch_no_keys(&mut self, user: &UserId, of: &UserId) {
        let sessions = self.seats(user.as_str()).iter().map(|seat| seat.mailbox.session());
        for session in sessions.collect::<Vec<_>>() {
            self.keys.unwatch(session, of);
        }
    }

    /// The mailbox of a session that has no device yet.
    pub fn standing(&self, session: SessionId) -> Option<&Arc<Mailbox>> {
        self.standing.get(&session).map(|(_, mailbox)| mailbox)
    }

    /// Whether the device has a session that came later than this one: then this is the older of
    /// the two, however late it says whose it is.
    pub fn is_outdated(&self, session: SessionId, user: &UserId, device: &DeviceId) -> bool {
        let Some((came, _)) = self.standing.get(&session) else { return false };
        let mut seats = self.seats(user.as_str()).iter();
        seats.any(|seat| seat.mailbox.device() == Some(device) && seat.came > *came)
    }

    /// Whether a device of the user is connected with which another may not be at a time.
    pub fn has_rival(&self, user: &UserId, who: Connected<'_>, policy: DevicePolicy) -> bool {
        self.seats(user.as_str()).iter().any(|seat| seat.is_rival(who, policy))
    }

    /// Takes the seat of one with which another device may not be connected at a time; its mailbox.
    pub fn oust_rival(
        &mut self,
        user: &UserId,
        who: Connected<'_>,
        policy: DevicePolicy,
    ) -> Option<Arc<Mailbox>> {
        self.unseat(user, |seat| seat.is_rival(who, policy)).map(|seat| seat.mailbox)
    }

    /// Takes the seat of a device; its mailbox.
    pub fn unseat_device(&mut self, user: &UserId, device: &DeviceId) -> Option<Arc<Mailbox>> {
        self.unseat(user, |seat| seat.mailbox.device() == Some(device)).map(|seat| seat.mailbox)
    }

    /// Lets a session out, which has named itself `user`, if it has named itself. Whether it had
    /// a seat.
    pub fn leave(&mut self, session: SessionId, user: Option<&UserId>) -> bool {
        self.standing.remove(&session);
        let unseat = |user| self.unseat(user, |seat| seat.mailbox.session() == session);
        user.and_then(unseat).is_some()
    }

    fn unseat(&mut self, user: &UserId, gone: impl Fn(&Seat) -> bool) -> Option<Seat> {
        let (user, seats) = self.users.remove_entry(user)?;
        let (left, seat) = seats.without(gone);
        match left {
            Some(left) => drop(self.users.insert(user, left)),
            None => self.blocks.forget(&user),
        }
        let seat = seat?;
        self.seated -= 1;
        self.receipts.leave(seat.mailbox.session());
        self.keys.leave(seat.mailbox.session());
        for chat in &seat.groups {
            let session = seat.mailbox.session();
            match chat.kind() {
                ChatKind::Room(_) => self.rooms.leave(chat, session),
                _ => remove_from(&mut self.groups, chat, session),
            }
        }
        Some(seat)
    }

    /// Seats the sessions of `users` in a group.
    pub fn join(&mut self, chat: &ChatId, users: &[UserId]) {
        for user in users {
            let seats = self.users.get_mut(user).map_or(&mut [][..], Seats::all_mut);
            for seat in seats.iter_mut().filter(|seat| !seat.groups.contains(chat)) {
                seat.groups.push(chat.clone());
                self.groups.entry(chat.clone()).or_default().push(Arc::clone(&seat.mailbox));
            }
        }
    }

    /// Takes the sessions of `users` out of a group.
    pub fn part(&mut self, chat: &ChatId, users: &[UserId]) {
        for user in users {
            let seats = self.users.get_mut(user).map_or(&mut [][..], Seats::all_mut);
            for seat in seats {
                seat.groups.retain(|group| group != chat);
                remove_from(&mut self.groups, chat, seat.mailbox.session());
                self.receipts.part(chat, seat.mailbox.session());
            }
        }
    }

    /// Lets a session of a user into a room, in which it may be already.
    pub fn join_room(
        &mut self,
        user: &UserId,
        session: SessionId,
        room: &ChatId,
    ) -> Result<(), JoinError> {
        let seat = seat_in(&mut self.users, user, session).ok_or(JoinError::Gone)?;
        if !seat.groups.contains(room) {
            seat.groups.retain(|chat| !chat.is_room() || self.rooms.is_in(session, chat));
            let rooms = seat.groups.iter().filter(|chat| chat.is_room()).count();
            if rooms >= ROOMS_PER_SESSION_MAX {
                return Err(JoinError::TooMany);
            }
            seat.groups.push(room.clone());
        }
        let mailbox = Arc::clone(&seat.mailbox);
        self.rooms.join(room, &mailbox);
        Ok(())
    }

    /// Lets a session of a user out of a room.
    pub fn leave_room(&mut self, user: &UserId, session: SessionId, room: &ChatId) {
        if let Some(seat) = self.seat_of(user, session) {
            seat.groups.retain(|chat| chat != room);
            self.rooms.leave(room, session);
        }
    }

    /// A session of a user is told of receipts of groups from now on, and of others no more.
    pub fn watch_receipts(
        &mut self,
        user: &UserId,
        session: SessionId,
        add: &[ChatId],
        remove: &[ChatId],
    ) -> Result<(), ReceiptsError> {
        let seat = seat_in(&mut self.users, user, session).ok_or(ReceiptsError::NoSeat)?;
        // A seat may name a group that is over.
        let is_in = |chat| seat.groups.contains(chat) && self.groups.contains_key(chat);
        if !add.iter().all(is_in) {
            return Err(ReceiptsError::NoSeat);
        }
        let mailbox = Arc::clone(&seat.mailbox);
        self.receipts.watch(&mailbox, add, remove)
    }

    /// The sessions of a user are told of no receipts any more.
    pub fn watch_no_receipts(&mut self, user: &UserId) {
        for seat in self.users.get(user).map_or(&[][..], Seats::all) {
            self.receipts.leave(seat.mailbox.session());
        }
    }

    /// Which sessions are told of whose keys.
    pub(super) fn keys_mut(&mut self) -> &mut Keys {
        &mut self.keys
    }

    /// Which sessions are told of which groups.
    pub(super) fn receipts_mut(&mut self) -> &mut Receipts {
        &mut self.receipts
    }

    /// Who listens to which room.
    pub(super) fn rooms_mut(&mut self) -> &mut Rooms {
        &mut self.rooms
    }

    fn seat_of(&mut self, user: &UserId, session: SessionId) -> Option<&mut Seat> {
        seat_in(&mut self.users, user, session)
    }

    /// The mailbox of a session of a user.
    pub fn mailbox(&mut self, user: &UserId, session: SessionId) -> Option<Arc<Mailbox>> {
        self.seat_of(user, session).map(|seat| Arc::clone(&seat.mailbox))
    }

    /// Whether a session's user is away from it. Whether that is news.
    pub fn set_away(&mut self, user: &UserId, session: SessionId, away: bool) -> bool {
        let seat = self.seat_of(user, session);
        seat.is_some_and(|seat| std::mem::replace(&mut seat.away, away) != away)
    }

    /// Whether a user is there, over all of its sessions.
    pub fn there(&self, user: &UserId) -> There {
        let seats = self.seats(user.as_str());
        let online = !seats.is_empty();
        There { online, away: online && seats.iter().all(|seat| seat.away) }
    }

    /// A group or a room is over. Seats may go on naming it, which counts for nothing: to look at
    /// all of them would take long.
    pub fn dissolve(&mut self, chat: &ChatId) {
        self.groups.remove(chat);
        for mailbox in self.rooms.of(chat) {
            mailbox.room_over(chat);
        }
        self.rooms.close(chat);
        self.receipts.close(chat);
    }

    /// How many sessions a user has here.
    pub fn count(&self, user: &UserId) -> usize {
        self.seats(user.as_str()).len()
    }

    /// The mailboxes of a user.
    pub fn of_user(&self, user: &str) -> impl Iterator<Item = &Arc<Mailbox>> {
        self.seats(user).iter().map(|seat| &seat.mailbox)
    }

    fn seats(&self, user: &str) -> &[Seat] {
        self.users.get(user).map_or(&[], Seats::all)
    }

    /// The mailboxes that an entry of a chat concerns.
    pub fn of_chat(&self, chat: &ChatId) -> impl Iterator<Item = &Arc<Mailbox>> {
        let (one, other, group) = match chat.kind() {
            ChatKind::Direct(one, other) if one == other => (self.seats(one), &[][..], &[][..]),
            ChatKind::Direct(one, other) => (self.seats(one), self.seats(other), &[][..]),
            ChatKind::Group(_) => {
                (&[][..], &[][..], self.groups.get(chat).map_or(&[][..], Vec::as_slice))
            }
            ChatKind::Room(_) => (&[][..], &[][..], self.rooms.of(chat)),
        };
        one.iter().chain(other).map(|seat| &seat.mailbox).chain(group)
    }

    /// Every session, seated or not.
    pub fn sessions(&self) -> usize {
        self.standing.len() + self.seated
    }

    /// Tells every session that the server stops, and every one that comes later. In order, so that
    /// a run with the same inputs is the same.
    pub fn drain(&mut self) {
        self.draining = true;
        let seats = self.users.values().flat_map(Seats::all).map(|seat| &seat.mailbox);
        let standing = self.standing.values().map(|(_, mailbox)| mailbox);
        let mut all: Vec<_> = standing.chain(seats).collect();
        all.sort_unstable_by_key(|mailbox| mailbox.session());
        for mailbox in all {
            mailbox.drain();
        }
    }
}

fn seat_in<'s>(
    users: &'s mut HashMap<UserId, Seats>,
    user: &UserId,
    session: SessionId,
) -> Option<&'s mut Seat> {
    let seats = users.get_mut(user)?.all_mut();
    seats.iter_mut().find(|seat| seat.mailbox.session() == session)
}

fn remove_from(
    groups: &mut HashMap<ChatId, Vec<Arc<Mailbox>>>,
    group: &ChatId,
    session: SessionId,
) {
    if let Entry::Occupied(mut room) = groups.entry(group.clone()) {
        room.get_mut().retain(|mailbox| mailbox.session() != session);
        if room.get().is_empty() {
            room.remove();
        }
    }
}

#[cfg(test)]
mod tests;
