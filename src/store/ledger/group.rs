//! Who may change a group, and how. Must never write before everything is checked.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{GroupChange, Role};
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::limits::MEMBERS_PER_CHANGE_MAX;

use super::turn::{Halt, Turn, no_such_chat, refuse};
use crate::store::Effect;
use crate::store::read_error::ReadError;
use crate::store::record::{Group, Place};

/// Operations for each user whom a change names: the place, the member, and that it asked.
pub(super) const CHANGE_OPERATIONS_PER_USER: usize = 3;

/// The most operations of a change: the users that it names, the sender, the group, and the
/// invitation.
pub(super) const fn change_operations_max(users: usize) -> usize {
    (users + 1) * CHANGE_OPERATIONS_PER_USER + 2
}

/// What others are to learn behind the entry that says so.
pub(super) enum Behind {
    Nothing,
    Left(Vec<UserId>),
    Dissolved,
}

impl Behind {
    pub(super) fn effect(self, chat: &ChatId) -> Option<Effect> {
        match self {
            Self::Nothing => None,
            Self::Left(users) => Some(Effect::Left { chat: chat.clone(), users }),
            Self::Dissolved => Some(Effect::Dissolved { chat: chat.clone() }),
        }
    }
}

/// Where a change is made, and by whom.
pub(super) struct Deed<'a> {
    pub(super) chat: &'a ChatId,
    pub(super) sender: &'a UserId,
    /// The entry that says so will be here.
    pub(super) seq: u64,
}

/// A commit has to hold what a change does.
fn check_count(change: &GroupChange) -> Result<(), Halt> {
    if change.users().len() <= MEMBERS_PER_CHANGE_MAX {
        return Ok(());
    }
    let reason = format!("a change names at most {MEMBERS_PER_CHANGE_MAX} users");
    refuse(RejectCode::Invalid, reason)
}

/// What a member needs to be for a change.
fn needed(change: &GroupChange, group: &Group) -> Role {
    match change {
        GroupChange::Created { .. } | GroupChange::Left { .. } | GroupChange::Joined(_) => {
            Role::Member
        }
        GroupChange::Added(_) if group.rules.members_add => Role::Member,
        GroupChange::Added(_)
        | GroupChange::Removed(_)
        | GroupChange::Renamed(_)
        | GroupChange::Described { .. }
        | GroupChange::RulesSet(_)
        | GroupChange::Muted { .. } => Role::Admin,
        GroupChange::RolesGiven { .. } | GroupChange::OwnerChanged(_) | GroupChange::Dissolved => {
            Role::Owner
        }
    }
}

fn check_role(has: Role, needed: Role) -> Result<(), Halt> {
    match (needed, has) {
        (Role::Member, _) | (Role::Admin, Role::Admin | Role::Owner) | (_, Role::Owner) => Ok(()),
        (Role::Admin, Role::Member) => {
            refuse(RejectCode::NotAllowed, "only the owner and the admins may do that")
        }
        (Role::Owner, _) => refuse(RejectCode::NotAllowed, "only the owner may do that"),
    }
}

impl Turn<'_> {
    /// Does what a change says.
    pub(super) fn change_group(
        &mut self,
        deed: &Deed<'_>,
        change: &GroupChange,
    ) -> Result<Behind, Halt> {
        check_count(change)?;
        if let GroupChange::Created { name, members } = change {
            self.create(deed, name, members)?;
            return Ok(Behind::Nothing);
        }
        if let GroupChange::Joined(by) = change {
            self.join(deed, by.as_ref())?;
            return Ok(Behind::Nothing);
        }
        let Deed { chat, sender, .. } = *deed;
        if !self.is_member(chat, sender)? {
            return no_such_chat();
        }
        let group = self.group(chat)?;
        let of = || chat.to_string();
        let group = group.ok_or_else(|| ReadError::Missing { what: "the group", of: of() })?;
        if group.dissolved {
            return no_such_chat();
        }
        let own = self.needed_place(sender, chat)?;
        check_role(own.rank, needed(change, &group))?;
        self.change_as(deed, own, group, change)
    }

    /// Does what a member may do.
    fn change_as(
        &mut self,
        deed: &Deed<'_>,
        own: Place,
        group: Group,
        change: &GroupChange,
    ) -> Result<Behind, Halt> {
        let chat = deed.chat;
        match change {
            // These were done for one who is no member yet.
            GroupChange::Created { .. } | GroupChange::Joined(_) => {}
            GroupChange::Added(users) => self.add(deed, group, users)?,
            GroupChange::Removed(users) => {
                self.put_out(deed, own.rank, group, users)?;
                return Ok(Behind::Left(users.clone()));
            }
            GroupChange::Left { new_owner } => {
                self.leave(deed, own, group, new_owner.as_ref())?;
                return Ok(Behind::Left(vec![deed.sender.clone()]));
            }
            GroupChange::Renamed(name) => {
                self.put_group(chat, &Group { name: name.clone(), ..group });
            }
            GroupChange::Described { topic, avatar } => {
                let topic = topic.clone().unwrap_or(group.topic);
                let avatar = avatar.clone().unwrap_or(group.avatar);
                self.put_group(chat, &Group { topic, avatar, ..group });
            }
            GroupChange::RulesSet(rules) => self.put_group(chat, &Group { rules: *rules, ..group }),
            GroupChange::RolesGiven { users, role } => self.give_role(deed, users, *role)?,
            GroupChange::OwnerChanged(user) => self.hand_over_group(deed, own, group, user)?,
            GroupChange::Muted { users, until_ms } => {
                self.mute(deed, own.rank, users, *until_ms)?;
            }
            GroupChange::Dissolved => {
                let over = Group { owner: None, members: 0, dissolved: true, ..group };
                self.put_group(chat, &over);
                self.ways_at_hand().move_members();
                return Ok(Behind::Dissolved);
            }
        }
        Ok(Behind::Nothing)
    }
}
