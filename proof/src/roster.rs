//! The groups and direct chats in which a proof's users talk, and who they take for members. Must
//! never be taken for the truth: the log has it, and these hear of nothing that was refused.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use packetboat_proto::content::GroupChange;
use packetboat_proto::id::{ChatId, UserId};

use crate::dice::Dice;

/// How often a user may come into a group. The server forgets the oldest of more than 16 times.
const JOINS_MAX: u32 = 12;

/// All chats of a proof.
#[derive(Debug)]
pub struct Roster {
    users: Vec<UserId>,
    directs: Vec<ChatId>,
    groups: Vec<Mutex<Group>>,
}

/// A group as its members take it to be.
#[derive(Debug)]
struct Group {
    chat: ChatId,
    owner: UserId,
    /// Whether each user is in, and how often it came in.
    users: BTreeMap<UserId, (bool, u32)>,
}

impl Roster {
    /// `groups` groups, each of which the next of the users owns, and direct chats of each user
    /// with the next `peers`.
    pub fn new(users: Vec<UserId>, peers: usize, groups: usize, dice: &mut Dice) -> Self {
        let mut directs = Vec::new();
        for (at, user) in users.iter().enumerate() {
            for step in 1..=peers {
                let chat = ChatId::direct(user, &users[(at + step) % users.len()]);
                if !directs.contains(&chat) {
                    directs.push(chat);
                }
            }
        }
        let groups = (0..groups).map(|number| {
            let chat = ChatId::group(&format!("g{number}")).expect("it is short");
            let owner = users[number % users.len()].clone();
            let others = users.iter().filter(|user| **user != owner);
            let joined = others.map(|user| (user.clone(), (dice.chance(600), 1)));
            Mutex::new(Group { chat, users: joined.collect(), owner })
        });
        let groups = groups.collect();
        Self { users, directs, groups }
    }

    /// Everybody.
    pub fn users(&self) -> &[UserId] {
        &self.users
    }

    /// The groups, who makes each, and how.
    pub fn founding(&self) -> Vec<(ChatId, UserId, GroupChange)> {
        let found = |group: &Mutex<Group>| {
            let group = lock(group);
            let members = group.members();
            let change = GroupChange::Created { name: group.chat.to_string(), members };
            (group.chat.clone(), group.owner.clone(), change)
        };
        self.groups.iter().map(found).collect()
    }

    /// The chats that may be a user's.
    pub fn chats_of(&self, user: &UserId) -> Vec<ChatId> {
        let directs = self.directs.iter().filter(|chat| chat.peer_of(user).is_some());
        let groups = self.groups.iter().map(|group| lock(group).chat.clone());
        directs.cloned().chain(groups).collect()
    }

    /// One of a user's chats to talk in; now and then a group that it may be no member of.
    pub fn chat_for(&self, user: &UserId, dice: &mut Dice) -> ChatId {
        let stray = dice.chance(20);
        let mut chats: Vec<ChatId> =
            self.directs.iter().filter(|chat| chat.peer_of(user).is_some()).cloned().collect();
        for group in &self.groups {
            let group = lock(group);
            if stray || group.has(user) {
                chats.push(group.chat.clone());
            }
        }
        dice.pick(&chats).expect("everybody has a direct chat").clone()
    }

    /// A change that a user may make to a group, taken for made; `None`: there is none just now.
    pub fn change_for(&self, user: &UserId, dice: &mut Dice) -> Option<(ChatId, GroupChange)> {
        let mut group = lock(dice.pick(&self.groups)?);
        if !group.has(user) {
            return None;
        }
        let change = if group.owner == *user { group.rule(dice) } else { group.leave(user, dice) };
        Some((group.chat.clone(), change?))
    }
}

fn lock(group: &Mutex<Group>) -> MutexGuard<'_, Group> {
    // Each change is made whole.
    group.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Group {
    fn has(&self, user: &UserId) -> bool {
        self.owner == *user || self.users.get(user).is_some_and(|(is_in, _)| *is_in)
    }

    fn members(&self) -> Vec<UserId> {
        let members = self.users.iter().filter(|(_, (is_in, _))| *is_in);
        members.map(|(user, _)| user.clone()).collect()
    }

    /// What an owner does.
    fn rule(&mut self, dice: &mut Dice) -> Option<GroupChange> {
        if dice.chance(100) {
            return Some(GroupChange::Renamed(format!("{} {}", self.chat, dice.below(1000))));
        }
        if dice.chance(50) {
            let next = dice.pick(&self.members())?.clone();
            let (_, joins) = self.users.remove(&next)?;
            let last = std::mem::replace(&mut self.owner, next.clone());
            self.users.insert(last, (false, joins));
            return Some(GroupChange::Left { new_owner: Some(next) });
        }
        let users: Vec<UserId> = self.users.keys().cloned().collect();
        let user = dice.pick(&users)?.clone();
        let (is_in, joins) = self.users.get_mut(&user)?;
        if *is_in {
            *is_in = false;
            return Some(GroupChange::Removed(vec![user]));
        }
        if *joins >= JOINS_MAX {
            return None;
        }
        *joins += 1;
        *is_in = true;
        Some(GroupChange::Added(vec![user]))
    }

    fn leave(&mut self, user: &UserId, dice: &mut Dice) -> Option<GroupChange> {
        if !dice.chance(300) {
            return None;
        }
        self.users.get_mut(user)?.0 = false;
        Some(GroupChange::Left { new_owner: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_keeps_an_owner_and_nobody_comes_in_too_often() {
        let mut dice = Dice::new(5);
        let users: Vec<UserId> = (0..6).map(|n| UserId::new(&format!("u{n}")).unwrap()).collect();
        let roster = Roster::new(users.clone(), 2, 3, &mut dice);
        let mut joins: BTreeMap<(ChatId, UserId), u32> = BTreeMap::new();
        for turn in 0..5000 {
            let made = roster.change_for(&users[turn % 6], &mut dice);
            if let Some((chat, GroupChange::Added(added))) = made {
                *joins.entry((chat, added[0].clone())).or_default() += 1;
            }
        }
        assert!(joins.len() > 6 && joins.values().all(|count| *count <= JOINS_MAX));
        for group in &roster.groups {
            let group = lock(group);
            assert!(!group.users.contains_key(&group.owner));
            assert_eq!(group.users.len(), 5);
        }
    }
}
