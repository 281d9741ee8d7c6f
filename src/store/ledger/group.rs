//! What a change to a group needs and does. Must never write before everything is checked.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::GroupChange;
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::limits::MEMBERS_PER_CHANGE_MAX;

use super::turn::{Halt, Turn, no_such_chat, refuse};
use crate::store::Effect;
use crate::store::key;
use crate::store::read_error::ReadError;
use crate::store::record::{Group, Place};
use packetboat_proto::planted::{self, Bug};

/// Operations for each user whom a change names: the place and the member.
pub(super) const CHANGE_OPERATIONS_PER_USER: usize = 2;

/// The most operations of a change: the users that it names, the sender, and the group.
pub(super) const fn change_operations_max(users: usize) -> usize {
    (users + 1) * CHANGE_OPERATIONS_PER_USER + 1
}

/// A commit has to hold what a change does.
fn check_count(change: &GroupChange) -> Result<(), Halt> {
    let users = match change {
        GroupChange::Created { members: users, .. }
        | GroupChange::Added(users)
        | GroupChange::Removed(users) => users.len(),
        GroupChange::Left { .. } | GroupChange::Renamed(_) => 0,
    };
    if users <= MEMBERS_PER_CHANGE_MAX {
        return Ok(());
    }
    let reason = format!("a change names at most {MEMBERS_PER_CHANGE_MAX} users");
    refuse(RejectCode::Invalid, reason)
}

impl Turn<'_> {
    /// Does what a change says, which will be the entry at `seq`; gives the users who are out.
    pub(super) fn change_group(
        &mut self,
        chat: &ChatId,
        sender: &UserId,
        change: &GroupChange,
        seq: u64,
    ) -> Result<Vec<UserId>, Halt> {
        check_count(change)?;
        if let GroupChange::Created { name, members } = change {
            self.create(chat, sender, name, members, seq)?;
            return Ok(Vec::new());
        }
        if !self.is_member(chat, sender)? {
            return no_such_chat();
        }
        let group = self.group(chat)?;
        let of = || chat.to_string();
        let group = group.ok_or_else(|| ReadError::Missing { what: "the group", of: of() })?;
        if let GroupChange::Left { new_owner } = change {
            self.leave(chat, sender, group, new_owner.as_ref(), seq)?;
            return Ok(vec![sender.clone()]);
        }
        if group.owner.as_ref() != Some(sender) {
            return refuse(RejectCode::NotAllowed, "only the owner may do that");
        }
        match change {
            GroupChange::Created { .. } | GroupChange::Left { .. } => Ok(Vec::new()),
            GroupChange::Added(users) => {
                self.add(chat, group, users, seq)?;
                Ok(Vec::new())
            }
            GroupChange::Removed(users) => {
                self.put_out(chat, sender, group, users, seq)?;
                Ok(users.clone())
            }
            GroupChange::Renamed(name) => {
                self.put(key::group(chat), Group { name: name.clone(), ..group }.encode());
                Ok(Vec::new())
            }
        }
    }

    fn create(
        &mut self,
        chat: &ChatId,
        sender: &UserId,
        name: &str,
        members: &[UserId],
        seq: u64,
    ) -> Result<(), Halt> {
        if seq != 1 {
            return refuse(RejectCode::AlreadyExists, "the group is there already");
        }
        if members.contains(sender) {
            let reason = format!("{sender} is in the group as its owner");
            return refuse(RejectCode::MemberMismatch, reason);
        }
        let total = self.checked_total(1, members)?;
        self.check_room_for_chat(sender)?;
        self.check_coming(members)?;
        let mut owner = Place::starting_at(seq);
        owner.owner = true;
        self.put_place(sender, chat, &owner);
        self.put(key::member(chat, sender), Vec::new());
        self.count_chat(sender);
        self.bring_in(chat, members, seq)?;
        let group = Group {
            name: name.to_owned(),
            owner: Some(sender.clone()),
            members: total,
            created_ms: self.now_ms,
        };
        self.put(key::group(chat), group.encode());
        let users = std::iter::once(sender).chain(members).cloned().collect();
        self.emit(Effect::Joined { chat: chat.clone(), users });
        Ok(())
    }

    fn add(&mut self, chat: &ChatId, group: Group, users: &[UserId], seq: u64) -> Result<(), Halt> {
        for user in users {
            if self.is_member(chat, user)? {
                let reason = format!("{user} is a member already");
                return refuse(RejectCode::MemberMismatch, reason);
            }
        }
        let members = self.checked_total(group.members, users)?;
        for user in users {
            self.check_known(user)?;
            // Who comes back has a place already, and is counted.
            if self.place(user, chat)?.is_none() {
                self.check_room_for_chat(user)?;
            }
        }
        self.bring_in(chat, users, seq)?;
        self.put(key::group(chat), Group { members, ..group }.encode());
        self.emit(Effect::Joined { chat: chat.clone(), users: users.to_vec() });
        Ok(())
    }

    fn put_out(
        &mut self,
        chat: &ChatId,
        sender: &UserId,
        group: Group,
        users: &[UserId],
        seq: u64,
    ) -> Result<(), Halt> {
        if users.contains(sender) {
            return refuse(RejectCode::Invalid, "who wants out leaves");
        }
        let mut out = Vec::with_capacity(users.len());
        for user in users {
            if !self.is_member(chat, user)? {
                let reason = format!("{user} is not a member");
                return refuse(RejectCode::MemberMismatch, reason);
            }
            out.push((user, self.needed_place(user, chat)?));
        }
        let gone = u32::try_from(out.len()).unwrap_or(u32::MAX);
        for (user, place) in out {
            self.close_place(chat, user, place, seq);
        }
        let members = group.members.saturating_sub(gone);
        self.put(key::group(chat), Group { members, ..group }.encode());
        Ok(())
    }

    fn leave(
        &mut self,
        chat: &ChatId,
        sender: &UserId,
        group: Group,
        new_owner: Option<&UserId>,
        seq: u64,
    ) -> Result<(), Halt> {
        let owns = group.owner.as_ref() == Some(sender);
        let alone = group.members <= 1;
        let heir = match new_owner {
            Some(_) if !owns => return refuse(RejectCode::Invalid, "only the owner names one"),
            Some(heir) if heir != sender && self.is_member(chat, heir)? => Some(heir),
            None if !owns || alone => None,
            Some(_) | None => {
                let reason = "the owner names a new one among the members before leaving";
                return refuse(RejectCode::OwnerNeeded, reason);
            }
        };
        if let Some(heir) = heir {
            let mut place = self.needed_place(heir, chat)?;
            place.owner = true;
            self.put_place(heir, chat, &place);
        }
        let place = self.needed_place(sender, chat)?;
        self.close_place(chat, sender, place, seq);
        let owner = if owns { heir.cloned() } else { group.owner };
        let members = group.members.saturating_sub(1);
        self.put(key::group(chat), Group { owner, members, ..group }.encode());
        Ok(())
    }

    fn checked_total(&self, before: u32, coming: &[UserId]) -> Result<u32, Halt> {
        let total = u32::try_from(coming.len()).unwrap_or(u32::MAX).saturating_add(before);
        let max = self.rules.group_members_max;
        if total > max {
            return refuse(RejectCode::LimitReached, format!("a group has at most {max} members"));
        }
        Ok(total)
    }

    fn check_coming(&mut self, users: &[UserId]) -> Result<(), Halt> {
        for user in users {
            self.check_known(user)?;
            self.check_room_for_chat(user)?;
        }
        Ok(())
    }

    /// Makes members of users who are none, from `seq` on.
    fn bring_in(&mut self, chat: &ChatId, users: &[UserId], seq: u64) -> Result<(), Halt> {
        for user in users {
            let place = if let Some(mut place) = self.place(user, chat)? {
                place.spans.open(seq);
                place
            } else {
                self.count_chat(user);
                Place::starting_at(seq)
            };
            self.put_place(user, chat, &place);
            self.put(key::member(chat, user), Vec::new());
        }
        Ok(())
    }

    /// `seq` is the last that the user sees.
    fn close_place(&mut self, chat: &ChatId, user: &UserId, mut place: Place, seq: u64) {
        place.spans.close(seq + u64::from(planted::is(Bug::SpanEndsLate)));
        place.owner = false;
        self.put_place(user, chat, &place);
        self.remove(key::member(chat, user));
    }

    fn needed_place(&self, user: &UserId, chat: &ChatId) -> Result<Place, ReadError> {
        let place = self.place(user, chat)?;
        let of = || format!("{user} in {chat}");
        place.ok_or_else(|| ReadError::Missing { what: "the place", of: of() })
    }
}
