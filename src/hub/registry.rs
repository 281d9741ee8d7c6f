//! Who is connected here: seats by user, and by group. Must never be asked who is a member of
//! something: it knows the connected only.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use packetboat_proto::id::{ChatId, ChatKind, DeviceId, SessionId, UserId};

use super::mailbox::Mailbox;

/// A connected session that has its device.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The session.
    pub session: SessionId,
    /// Where to leave what is for it.
    pub mailbox: Arc<Mailbox>,
}

#[derive(Debug)]
struct Seated {
    user: UserId,
    device: DeviceId,
    groups: Vec<ChatId>,
}

/// Who is connected here.
#[derive(Debug, Default)]
pub struct Registry {
    standing: HashMap<SessionId, Arc<Mailbox>>,
    seated: HashMap<SessionId, Seated>,
    users: HashMap<UserId, Vec<Seat>>,
    groups: HashMap<ChatId, Vec<Seat>>,
}

impl Registry {
    /// Lets a session in that has no device yet.
    pub fn enter(&mut self, session: SessionId, mailbox: Arc<Mailbox>) {
        self.standing.insert(session, mailbox);
    }

    /// Gives a session its device; an older session of it loses its seat and is returned.
    /// Nothing happens if the session has left meanwhile.
    pub fn seat(
        &mut self,
        session: SessionId,
        user: &UserId,
        device: &DeviceId,
        groups: Vec<ChatId>,
    ) -> Option<Seat> {
        let mailbox = self.standing.remove(&session)?;
        let older = self.users.get(user).into_iter().flatten().find(|seat| {
            let seated = self.seated.get(&seat.session);
            seated.is_some_and(|seated| seated.device == *device)
        });
        let older = older.cloned();
        if let Some(older) = &older {
            self.leave(older.session);
        }
        let seat = Seat { session, mailbox };
        for group in &groups {
            self.groups.entry(group.clone()).or_default().push(seat.clone());
        }
        self.users.entry(user.clone()).or_default().push(seat);
        let seated = Seated { user: user.clone(), device: device.clone(), groups };
        self.seated.insert(session, seated);
        older
    }

    /// Lets a session out. Its user, if it had a seat.
    pub fn leave(&mut self, session: SessionId) -> Option<UserId> {
        self.standing.remove(&session);
        let seated = self.seated.remove(&session)?;
        for group in &seated.groups {
            remove_seats(&mut self.groups, group, |seat| seat.session == session);
        }
        remove_seats(&mut self.users, &seated.user, |seat| seat.session == session);
        Some(seated.user)
    }

    /// Seats the sessions of `users` in a group.
    pub fn join(&mut self, chat: &ChatId, users: &[UserId]) {
        for seat in users.iter().filter_map(|user| self.users.get(user)).flatten() {
            let Some(seated) = self.seated.get_mut(&seat.session) else {
                continue;
            };
            if !seated.groups.contains(chat) {
                seated.groups.push(chat.clone());
                self.groups.entry(chat.clone()).or_default().push(seat.clone());
            }
        }
    }

    /// Takes the sessions of `users` out of a group.
    pub fn part(&mut self, chat: &ChatId, users: &[UserId]) {
        for seat in users.iter().filter_map(|user| self.users.get(user)).flatten() {
            if let Some(seated) = self.seated.get_mut(&seat.session) {
                seated.groups.retain(|group| group != chat);
            }
            remove_seats(&mut self.groups, chat, |other| other.session == seat.session);
        }
    }

    /// The seats of a user.
    pub fn of_user(&self, user: &str) -> &[Seat] {
        self.users.get(user).map_or(&[], Vec::as_slice)
    }

    /// The seats that an entry of a chat concerns.
    pub fn of_chat(&self, chat: &ChatId) -> impl Iterator<Item = &Seat> {
        let (first, second) = match chat.kind() {
            ChatKind::Direct(one, other) if one == other => (self.of_user(one), &[][..]),
            ChatKind::Direct(one, other) => (self.of_user(one), self.of_user(other)),
            ChatKind::Group(_) | ChatKind::Room(_) => {
                (self.groups.get(chat).map_or(&[][..], Vec::as_slice), &[][..])
            }
        };
        first.iter().chain(second)
    }

    /// Every session, seated or not.
    pub fn sessions(&self) -> usize {
        self.standing.len() + self.seated.len()
    }
}

fn remove_seats<K: Clone + Eq + std::hash::Hash>(
    rooms: &mut HashMap<K, Vec<Seat>>,
    key: &K,
    gone: impl Fn(&Seat) -> bool,
) {
    if let Entry::Occupied(mut room) = rooms.entry(key.clone()) {
        room.get_mut().retain(|seat| !gone(seat));
        if room.get().is_empty() {
            room.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::mailbox::MailboxLimits;

    fn user(text: &str) -> UserId {
        UserId::new(text).unwrap()
    }

    fn chat(text: &str) -> ChatId {
        ChatId::new(text).unwrap()
    }

    fn session(number: u8) -> SessionId {
        SessionId::from([number; 16])
    }

    fn seat(registry: &mut Registry, number: u8, name: &str, device: &str, groups: &[&str]) {
        let mailbox = Mailbox::new(MailboxLimits { entries: 1, bytes: 1 });
        registry.enter(session(number), Arc::new(mailbox));
        let groups = groups.iter().map(|group| chat(group)).collect();
        registry.seat(session(number), &user(name), &DeviceId::new(device).unwrap(), groups);
    }

    fn found(registry: &Registry, of: &str) -> Vec<u8> {
        let mut found: Vec<u8> =
            registry.of_chat(&chat(of)).map(|seat| seat.session.as_bytes()[0]).collect();
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
        let mailbox = Arc::new(Mailbox::new(MailboxLimits { entries: 1, bytes: 1 }));
        registry.enter(session(2), mailbox);
        let device = DeviceId::new("x").unwrap();
        let older = registry.seat(session(2), &user("a"), &device, vec![chat("group:g")]);
        assert_eq!(older.map(|seat| seat.session), Some(session(1)));
        assert_eq!(found(&registry, "group:g"), [2]);
        assert_eq!(registry.leave(session(1)), None);
        assert_eq!(found(&registry, "dm:a:a"), [2]);
    }

    #[test]
    fn a_session_that_left_before_its_claim_gets_no_seat() {
        let mut registry = Registry::default();
        seat(&mut registry, 1, "a", "x", &[]);
        let device = DeviceId::new("x").unwrap();
        assert!(registry.seat(session(9), &user("a"), &device, Vec::new()).is_none());
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
        assert_eq!(registry.leave(session(2)), Some(user("b")));
        assert!(found(&registry, "group:g").is_empty());
        assert!(registry.groups.is_empty());
        assert_eq!(registry.sessions(), 1);
    }
}
