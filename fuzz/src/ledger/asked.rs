//! What is asked of the model by a request: to come in, accounts. Must never look at a hash.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::Role;
use packetboat_proto::packet::JoinState;

use super::links::{Made, Pass};
use super::model::{CHATS, Told, World};
use super::standing::Refused;

/// Nobody comes into a direct chat, nor into a room that there is not.
fn check_group(to: usize) -> Refused<()> {
    if CHATS[to].starts_with("group:") { Ok(()) } else { Err(RejectCode::NoSuchChat) }
}

impl World {
    /// Somebody asks to come into a chat.
    pub fn ask(
        &mut self,
        (by, to): (usize, usize),
        pass: Option<Pass>,
        (now_ms, full): (u64, bool),
        told: &mut Vec<Told>,
    ) -> Refused<JoinState> {
        if full {
            return Err(RejectCode::StoreFull);
        }
        check_group(to)?;
        let (state, new) = self.rooms[to].standing.ask(by, pass, now_ms)?;
        told.extend(new.then_some(Told::Asked(to, by)));
        Ok(state)
    }

    /// Somebody makes an invitation, or takes it back.
    pub fn change_link(
        &mut self,
        (by, to): (usize, usize),
        link: u8,
        made: Option<Made>,
        (now_ms, full): (u64, bool),
    ) -> Refused<()> {
        if full {
            return Err(RejectCode::StoreFull);
        }
        check_group(to)?;
        let standing = &mut self.rooms[to].standing;
        standing.check_lets_in(by)?;
        let is_plain = standing.rank(by) == Role::Member;
        match made {
            Some(made) => standing.links.make((by, is_plain), link, made, now_ms),
            None => standing.links.take_back((by, is_plain), link),
        }
    }

    /// Somebody does not let them into a chat.
    pub fn refuse(
        &mut self,
        (by, to): (usize, usize),
        users: &[usize],
        (now_ms, full): (u64, bool),
        told: &mut Vec<Told>,
    ) -> Refused<()> {
        if full {
            return Err(RejectCode::StoreFull);
        }
        check_group(to)?;
        let refused = self.rooms[to].standing.refuse(by, users, now_ms)?;
        told.extend(refused.into_iter().map(|user| Told::NotLetIn(to, user)));
        Ok(())
    }

    /// An account is made or changed.
    pub fn set_account(&mut self, user: usize, bytes: usize, new: bool) -> Refused<()> {
        if !(1..=256).contains(&bytes) {
            return Err(RejectCode::Invalid);
        }
        let (there, changes) = self.accounts.get(&user).copied().unwrap_or_default();
        match (there, new) {
            (true, true) => Err(RejectCode::AlreadyExists),
            (false, false) => Err(RejectCode::UnknownUser),
            _ => {
                self.accounts.insert(user, (true, changes + 1));
                Ok(())
            }
        }
    }

    /// An account is removed.
    pub fn remove_account(&mut self, user: usize) -> Refused<()> {
        match self.accounts.get_mut(&user) {
            Some((there, _)) if *there => {
                *there = false;
                Ok(())
            }
            _ => Err(RejectCode::UnknownUser),
        }
    }
}
