//! Who may do what in a group: roles, the owner, the mute. Must never leave a group without an
//! owner, nor with two.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::Role;
use packetboat_proto::id::{ChatId, UserId};

use super::group::Deed;
use super::turn::{Halt, Turn, no_such_chat, refuse};
use crate::calendar;
use crate::store::record::{Group, Member, Place};

impl Turn<'_> {
    /// Makes admins of members, or members of admins.
    pub(super) fn give_role(
        &mut self,
        deed: &Deed<'_>,
        users: &[UserId],
        role: Role,
    ) -> Result<(), Halt> {
        // Only the owner comes here: another one would be named among the users.
        if role == Role::Owner || users.contains(deed.sender) {
            return refuse(
                RejectCode::Invalid,
                "the owner stays the owner, or hands the group over",
            );
        }
        for (user, place) in self.subjects(deed, Role::Owner, users)? {
            self.put_place(user, deed.chat, &Place { rank: role, ..place });
        }
        Ok(())
    }

    /// Gives the group to another member; who had it is an admin.
    pub(super) fn hand_over_group(
        &mut self,
        deed: &Deed<'_>,
        own: Place,
        group: Group,
        user: &UserId,
    ) -> Result<(), Halt> {
        if user == deed.sender {
            return refuse(RejectCode::Invalid, "you are the owner");
        }
        for (user, place) in self.subjects(deed, Role::Owner, std::slice::from_ref(user))? {
            self.put_place(user, deed.chat, &Place { rank: Role::Owner, ..place });
        }
        self.put_place(deed.sender, deed.chat, &Place { rank: Role::Admin, ..own });
        self.put_group(deed.chat, &Group { owner: Some(user.clone()), ..group });
        Ok(())
    }

    /// Members may not write until a time.
    pub(super) fn mute(
        &mut self,
        deed: &Deed<'_>,
        rank: Role,
        users: &[UserId],
        until_ms: u64,
    ) -> Result<(), Halt> {
        if users.contains(deed.sender) {
            return refuse(RejectCode::Invalid, "nobody is made mute by oneself");
        }
        for (user, place) in self.subjects(deed, rank, users)? {
            self.put_member(user, deed.chat, &Place { muted_until_ms: until_ms, ..place });
        }
        Ok(())
    }

    /// Refuses who is not in a group, and everybody once it is dissolved.
    pub(super) fn check_is_in(&mut self, chat: &ChatId, user: &UserId) -> Result<Member, Halt> {
        let Some(member) = self.member(chat, user)? else { return no_such_chat() };
        if self.gate(chat)?.dissolved { no_such_chat() } else { Ok(member) }
    }

    /// Refuses who may not write to a group now.
    pub(super) fn check_may_write(&mut self, chat: &ChatId, user: &UserId) -> Result<(), Halt> {
        let member = self.check_is_in(chat, user)?;
        let gate = self.gate(chat)?;
        if member.muted_until_ms > self.now_ms {
            return refuse(RejectCode::Muted, mute_until(member.muted_until_ms));
        }
        if gate.only_admins_write && self.needed_place(user, chat)?.rank == Role::Member {
            return refuse(RejectCode::Muted, "only the owner and the admins write here");
        }
        Ok(())
    }
}

/// That a user may not write until a time, in words for people.
pub(super) fn mute_until(until_ms: u64) -> String {
    // A second later is too late for nobody, one too early is wrong.
    match calendar::utc(until_ms.saturating_add(999)) {
        Some(until) => format!("you are mute until {until}"),
        None => "you are mute for good".to_owned(),
    }
}
