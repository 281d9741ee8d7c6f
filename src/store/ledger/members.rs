//! Who comes into a group, and who goes. Must never write before everything is checked.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{GroupRules, Role};
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::planted::{self, Bug};

use super::group::Deed;
use super::turn::{Halt, Turn, refuse};
use crate::store::Effect;
use crate::store::key;
use crate::store::read_error::ReadError;
use crate::store::record::{Group, Member, Place};

impl Turn<'_> {
    /// Makes a group of its sender and others.
    pub(super) fn create(
        &mut self,
        deed: &Deed<'_>,
        name: &str,
        members: &[UserId],
    ) -> Result<(), Halt> {
        let Deed { chat, sender, seq } = *deed;
        if seq != 1 {
            return refuse(RejectCode::AlreadyExists, "the group is there already");
        }
        if members.contains(sender) {
            let reason = format!("{sender} is in the group as its owner");
            return refuse(RejectCode::MemberMismatch, reason);
        }
        let total = self.checked_total(1, members)?;
        self.check_room_for_chat(sender)?;
        for user in members {
            self.check_known(user)?;
            self.check_not_blocked(user, deed.sender)?;
            self.check_room_for_chat(user)?;
        }
        let owner = Place { rank: Role::Owner, ..Place::enter(None, seq, false) };
        self.put_member(sender, chat, &owner);
        self.count_chat(sender);
        self.bring_in(deed, members, false)?;
        let group = Group {
            name: name.to_owned(),
            owner: Some(sender.clone()),
            members: total,
            created_ms: self.now_ms,
            topic: String::new(),
            avatar: String::new(),
            rules: GroupRules::default(),
            dissolved: false,
            waiting: 0,
            refused: 0,
        };
        self.put_group(chat, &group);
        let users = std::iter::once(sender).chain(members).cloned().collect();
        self.ways_at_hand().move_members();
        self.emit(Effect::Joined { chat: chat.clone(), users });
        Ok(())
    }

    pub(super) fn add(
        &mut self,
        deed: &Deed<'_>,
        group: Group,
        users: &[UserId],
    ) -> Result<(), Halt> {
        let chat = deed.chat;
        for user in users {
            if self.is_member(chat, user)? {
                let reason = format!("{user} is a member already");
                return refuse(RejectCode::MemberMismatch, reason);
            }
        }
        let members = self.checked_total(group.members, users)?;
        let all = group.rules.history_for_all;
        for user in users {
            self.check_known(user)?;
            self.check_not_blocked(user, deed.sender)?;
            match self.place(user, chat)? {
                // Who comes back has a place already, and is counted.
                Some(place) => self.check_forgets_nothing((user, chat), &place, all)?,
                None => self.check_room_for_chat(user)?,
            }
        }
        self.bring_in(deed, users, all)?;
        let group = self.answer_askers(chat, group, users)?;
        self.put_group(chat, &Group { members, ..group });
        self.ways_at_hand().move_members();
        self.emit(Effect::Joined { chat: chat.clone(), users: users.to_vec() });
        Ok(())
    }

    pub(super) fn put_out(
        &mut self,
        deed: &Deed<'_>,
        rank: Role,
        group: Group,
        users: &[UserId],
    ) -> Result<(), Halt> {
        if users.contains(deed.sender) {
            return refuse(RejectCode::Invalid, "who wants out leaves");
        }
        let out = self.subjects(deed, rank, users)?;
        let gone = u32::try_from(out.len()).unwrap_or(u32::MAX);
        for (user, place) in out {
            self.close_place(deed, user, Place { barred: true, ..place });
        }
        let members = group.members.saturating_sub(gone);
        self.put_group(deed.chat, &Group { members, ..group });
        Ok(())
    }

    /// The members that a change is about: the admins and the owner are subject to the owner alone.
    pub(super) fn subjects<'u>(
        &self,
        deed: &Deed<'_>,
        rank: Role,
        users: &'u [UserId],
    ) -> Result<Vec<(&'u UserId, Place)>, Halt> {
        let mut subjects = Vec::with_capacity(users.len());
        for user in users {
            if !self.is_member(deed.chat, user)? {
                let reason = format!("{user} is not a member");
                return refuse(RejectCode::MemberMismatch, reason);
            }
            subjects.push((user, self.needed_place(user, deed.chat)?));
        }
        match subjects.iter().find(|(_, place)| rank != Role::Owner && place.rank != Role::Member) {
            Some((user, _)) => {
                let reason = format!("only the owner may do that to {user}");
                refuse(RejectCode::NotAllowed, reason)
            }
            None => Ok(subjects),
        }
    }

    pub(super) fn leave(
        &mut self,
        deed: &Deed<'_>,
        own: Place,
        group: Group,
        new_owner: Option<&UserId>,
    ) -> Result<(), Halt> {
        let Deed { chat, sender, .. } = *deed;
        let owns = own.rank == Role::Owner;
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
            let place = self.needed_place(heir, chat)?;
            self.put_place(heir, chat, &Place { rank: Role::Owner, ..place });
        }
        self.close_place(deed, sender, own);
        let owner = if owns { heir.cloned() } else { group.owner };
        let members = group.members.saturating_sub(1);
        self.put_group(chat, &Group { owner, members, ..group });
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

    /// Refuses who comes in again so often that it would lose entries that no device of it has had.
    fn check_forgets_nothing(
        &self,
        (user, chat): (&UserId, &ChatId),
        place: &Place,
        all: bool,
    ) -> Result<(), Halt> {
        let Some(last) = place.spans.going().filter(|last| !all && *last > place.delivered) else {
            return Ok(());
        };
        // A device may have begun behind it, and have nothing of it to acknowledge.
        let devices = key::device::devices(user, None);
        for (row, _) in self.rows(&devices, self.rules.devices_per_user_max as usize)? {
            let device = key::device::last_device(&row).map_err(ReadError::from)?;
            if self.cursor(user, &device, chat, place)? >= last {
                return Ok(());
            }
        }
        let reason = format!("{user} has yet to receive what it was there for the first times");
        refuse(RejectCode::LimitReached, reason)
    }

    /// Makes members of users who are none; `all`: they see what was before.
    fn bring_in(&mut self, deed: &Deed<'_>, users: &[UserId], all: bool) -> Result<(), Halt> {
        for user in users {
            let before = self.place(user, deed.chat)?;
            if before.is_none() {
                self.count_chat(user);
            }
            self.put_member(user, deed.chat, &Place::enter(before, deed.seq, all));
        }
        Ok(())
    }

    /// Writes both rows of a member.
    pub(super) fn put_member(&mut self, user: &UserId, chat: &ChatId, place: &Place) {
        self.put_place(user, chat, place);
        let member = Member { muted_until_ms: place.muted_until_ms };
        self.put(key::member(chat, user), member.to_value());
    }

    /// The entry is the last that the user sees.
    fn close_place(&mut self, deed: &Deed<'_>, user: &UserId, mut place: Place) {
        place.spans.close(deed.seq + u64::from(planted::is(Bug::SpanEndsLate)));
        place.rank = Role::Member;
        self.put_place(user, deed.chat, &place);
        self.remove(key::member(deed.chat, user));
        if !planted::is(Bug::OldGroupStillCounts) {
            self.ways_at_hand().move_members();
        }
    }

    pub(super) fn needed_place(&self, user: &UserId, chat: &ChatId) -> Result<Place, ReadError> {
        let place = self.place(user, chat)?;
        let of = || format!("{user} in {chat}");
        place.ok_or_else(|| ReadError::Missing { what: "the place", of: of() })
    }
}
