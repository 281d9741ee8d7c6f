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
    standing: HashMap<SessionId, Arc<Mailbox>>,
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
        self.standing.insert(mailbox.session(), mailbox);
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
        let mailbox = self.standing.remove(&session)?;
        let older = self.unseat_device(user, who.device);
        mailbox.set_device(who.device);
        for group in &groups {
            self.groups.entry(group.clone()).or_default().push(Arc::clone(&mailbox));
        }
        let seat = Seat { mailbox, platform: who.platform.into(), groups, away: false };
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
        self.standing.get(&session)
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
        let Some(seat) = self.seat_of(user, session) else { return Err(JoinError::Gone) };
        if !seat.groups.contains(room) {
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
        let seat = self.seat_of(user, session).ok_or(ReceiptsError::NoSeat)?;
        if !add.iter().all(|chat| !chat.is_room() && seat.groups.contains(chat)) {
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
        let seats = self.users.get_mut(user)?.all_mut();
        seats.iter_mut().find(|seat| seat.mailbox.session() == session)
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

    /// A group or a room is over. Its sessions may go on naming it: it is never heard of again.
    pub fn dissolve(&mut self, chat: &ChatId) {
        self.groups.remove(chat);
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

    /// Tells every session that the server stops, and every one that comes later.
    pub fn drain(&mut self) {
        self.draining = true;
        let seats = self.users.values().flat_map(Seats::all).map(|seat| &seat.mailbox);
        for mailbox in self.standing.values().chain(seats) {
            mailbox.drain();
        }
    }
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
mod tests {
    use super::*;

    fn user(text: &str) -> UserId {
        UserId::new(text).unwrap()
    }

    fn chat(text: &str) -> ChatId {
        ChatId::new(text).unwrap()
    }

    fn session(number: u8) -> SessionId {
        SessionId::from([number; 16])
    }

    fn mailbox(number: u8) -> Arc<Mailbox> {
        Arc::new(Mailbox::new(session(number)))
    }

    fn on(device: &DeviceId) -> Connected<'_> {
        Connected { device, platform: "" }
    }

    fn seat(registry: &mut Registry, number: u8, name: &str, device: &str, groups: &[&str]) {
        registry.enter(mailbox(number));
        let groups = groups.iter().map(|group| chat(group)).collect();
        registry.seat(session(number), &user(name), on(&DeviceId::new(device).unwrap()), groups);
    }

    fn found(registry: &Registry, of: &str) -> Vec<u8> {
        let mut found: Vec<u8> =
            registry.of_chat(&chat(of)).map(|mailbox| mailbox.session().as_bytes()[0]).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn a_direct_chat_concerns_all_sessions_of_both() {
        let mut registry = Registry::default();
        seat(&mut registry, 1, "a", "x", &[]);
        seat(&mut registry, 2, "a", "y", &[]);
        seat(&mut registry, 3, "b", "x", &[]);
        seat(&mut registry, 4, "c", "x", &[]);
        assert_eq!(found(&registry, "dm:a:b"), [1, 2, 3]);
        assert_eq!(found(&registry, "dm:a:a"), [1, 2]);
        assert!(found(&registry, "dm:d:e").is_empty());
    }

    #[test]
    fn a_newer_session_takes_the_seat_of_its_device() {
        let mut registry = Registry::default();
        seat(&mut registry, 1, "a", "x", &["group:g"]);
        registry.enter(mailbox(2));
        let device = DeviceId::new("x").unwrap();
        let older = registry.seat(session(2), &user("a"), on(&device), vec![chat("group:g")]);
        assert_eq!(older.map(|mailbox| mailbox.session()), Some(session(1)));
        assert_eq!(found(&registry, "group:g"), [2]);
        assert!(!registry.leave(session(1), Some(&user("a"))));
        assert_eq!(found(&registry, "dm:a:a"), [2]);
    }

    #[test]
    fn a_session_that_left_before_its_claim_gets_no_seat() {
        let mut registry = Registry::default();
        seat(&mut registry, 1, "a", "x", &[]);
        let device = DeviceId::new("x").unwrap();
        assert!(registry.seat(session(9), &user("a"), on(&device), Vec::new()).is_none());
        assert_eq!(found(&registry, "dm:a:a"), [1]);
    }

    #[test]
    fn who_is_put_out_of_a_group_is_not_found_in_it() {
        let mut registry = Registry::default();
        seat(&mut registry, 1, "a", "x", &["group:g"]);
        seat(&mut registry, 2, "b", "x", &[]);
        registry.join(&chat("group:g"), &[user("b"), user("nobody")]);
        registry.join(&chat("group:g"), &[user("b")]);
        assert_eq!(found(&registry, "group:g"), [1, 2]);
        registry.part(&chat("group:g"), &[user("a")]);
        assert_eq!(found(&registry, "group:g"), [2]);
        assert!(registry.leave(session(2), Some(&user("b"))));
        assert!(found(&registry, "group:g").is_empty());
        assert!(registry.groups.is_empty());
        assert_eq!(registry.sessions(), 1);
    }

    #[test]
    fn a_session_that_names_another_user_takes_no_seat_away() {
        let mut registry = Registry::default();
        seat(&mut registry, 1, "a", "x", &[]);
        registry.enter(mailbox(2));
        assert!(!registry.leave(session(2), Some(&user("a"))));
        assert_eq!((found(&registry, "dm:a:a"), registry.sessions()), (vec![1], 1));
    }

    #[test]
    fn a_session_that_leaves_or_is_replaced_is_in_no_room() {
        let mut registry = Registry::default();
        seat(&mut registry, 1, "a", "x", &[]);
        seat(&mut registry, 2, "b", "x", &[]);
        let lobby = chat("room:lobby");
        for (number, name) in [(1, "a"), (1, "a"), (2, "b")] {
            registry.join_room(&user(name), session(number), &lobby).unwrap();
        }
        assert_eq!(registry.join_room(&user("a"), session(2), &lobby), Err(JoinError::Gone));
        assert_eq!(found(&registry, "room:lobby"), [1, 2]);
        registry.enter(mailbox(3));
        registry.seat(session(3), &user("a"), on(&DeviceId::new("x").unwrap()), Vec::new());
        assert_eq!(found(&registry, "room:lobby"), [2], "a newer session joins by itself");
        registry.leave(session(2), Some(&user("b")));
        assert!(found(&registry, "room:lobby").is_empty() && !registry.rooms.has_changed());
    }

    #[test]
    fn a_user_is_away_when_all_of_its_sessions_are() {
        let mut registry = Registry::default();
        seat(&mut registry, 1, "a", "x", &[]);
        seat(&mut registry, 2, "a", "y", &[]);
        let away = |registry: &Registry| registry.there(&user("a")).away;
        assert!(registry.set_away(&user("a"), session(1), true) && !away(&registry));
        assert!(registry.set_away(&user("a"), session(2), true) && away(&registry));
        assert!(!registry.set_away(&user("a"), session(2), true), "it is no news");
        registry.leave(session(1), Some(&user("a")));
        registry.leave(session(2), Some(&user("a")));
        assert_eq!(registry.there(&user("a")), There::default());
    }

    #[test]
    fn sessions_of_one_user_come_and_go_by_themselves() {
        let mut registry = Registry::default();
        for number in 1..=3 {
            seat(&mut registry, number, "a", &format!("d{number}"), &["group:g"]);
        }
        assert_eq!((registry.count(&user("a")), registry.sessions()), (3, 3));
        for (leaves, left) in [(2, vec![1, 3]), (1, vec![3]), (3, vec![])] {
            assert!(registry.leave(session(leaves), Some(&user("a"))));
            assert!(!registry.leave(session(leaves), Some(&user("a"))));
            assert_eq!(found(&registry, "dm:a:b"), left);
            assert_eq!(found(&registry, "group:g"), left);
        }
        assert!(registry.users.is_empty() && registry.sessions() == 0);
    }

    #[test]
    fn whoever_is_here_or_comes_later_is_told_that_the_server_stops() {
        use std::task::{Context, Poll, Waker};

        use crate::hub::mailbox::{News, Wanted};

        let mut registry = Registry::default();
        let boxes = [1, 2, 3].map(mailbox);
        for mailbox in &boxes[..2] {
            registry.enter(Arc::clone(mailbox));
        }
        registry.seat(session(1), &user("a"), on(&DeviceId::new("x").unwrap()), Vec::new());
        registry.drain();
        registry.enter(Arc::clone(&boxes[2]));
        for mailbox in boxes {
            let news = mailbox.poll_news(&Context::from_waker(Waker::noop()), Wanted::Nothing);
            assert_eq!(news, Poll::Ready(News::Drain));
        }
    }
}
