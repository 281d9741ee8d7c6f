//! What a client does to groups: each is a message whose content is a change. Must never keep a
//! picture of a group: the log has it.

use packetboat_proto::content::{Content, GroupChange, GroupRules, Role};
use packetboat_proto::id::{ChatId, UserId};

use crate::client::Client;
use crate::error::SendError;
use crate::sending::Sending;

impl Client {
    /// Makes a group of the user, who owns it, and at most 100 others.
    pub async fn create_group(
        &self,
        group: &ChatId,
        name: &str,
        members: Vec<UserId>,
    ) -> Result<Sending, SendError> {
        let name = name.to_owned();
        self.change(group, GroupChange::Created { name, members }).await
    }

    /// Adds at most 100 users. Only the owner and the admins may, unless the rules let all members.
    pub async fn add_members(
        &self,
        group: &ChatId,
        users: Vec<UserId>,
    ) -> Result<Sending, SendError> {
        self.change(group, GroupChange::Added(users)).await
    }

    /// Puts at most 100 users out. Only the owner and the admins may; admins only the owner.
    pub async fn remove_members(
        &self,
        group: &ChatId,
        users: Vec<UserId>,
    ) -> Result<Sending, SendError> {
        self.change(group, GroupChange::Removed(users)).await
    }

    /// Leaves. An owner who leaves others behind names the next one.
    pub async fn leave(
        &self,
        group: &ChatId,
        new_owner: Option<UserId>,
    ) -> Result<Sending, SendError> {
        self.change(group, GroupChange::Left { new_owner }).await
    }

    /// Calls the group differently. Only the owner and the admins may.
    pub async fn rename(&self, group: &ChatId, name: &str) -> Result<Sending, SendError> {
        self.change(group, GroupChange::Renamed(name.to_owned())).await
    }

    /// Says what the group is about (at most 512 bytes), and what its picture is (at most 256);
    /// `None` leaves it as it is. Only the owner and the admins may.
    pub async fn describe(
        &self,
        group: &ChatId,
        topic: Option<String>,
        avatar: Option<String>,
    ) -> Result<Sending, SendError> {
        self.change(group, GroupChange::Described { topic, avatar }).await
    }

    /// Sets what holds in the group. Only the owner and the admins may.
    pub async fn set_rules(&self, group: &ChatId, rules: GroupRules) -> Result<Sending, SendError> {
        self.change(group, GroupChange::RulesSet(rules)).await
    }

    /// Makes at most 100 members admins, or members again. Only the owner may.
    pub async fn give_role(
        &self,
        group: &ChatId,
        users: Vec<UserId>,
        role: Role,
    ) -> Result<Sending, SendError> {
        self.change(group, GroupChange::RolesGiven { users, role }).await
    }

    /// Gives the group to another member. Only the owner may, and is an admin then.
    pub async fn hand_over(&self, group: &ChatId, to: UserId) -> Result<Sending, SendError> {
        self.change(group, GroupChange::OwnerChanged(to)).await
    }

    /// Lets at most 100 members not write until a time, in milliseconds of Unix time; 0 lets them
    /// write again. Only the owner and the admins may.
    pub async fn mute(
        &self,
        group: &ChatId,
        users: Vec<UserId>,
        until_ms: u64,
    ) -> Result<Sending, SendError> {
        self.change(group, GroupChange::Muted { users, until_ms }).await
    }

    /// Ends the group for all; its log may still be read. Only the owner may.
    pub async fn dissolve(&self, group: &ChatId) -> Result<Sending, SendError> {
        self.change(group, GroupChange::Dissolved).await
    }

    async fn change(&self, group: &ChatId, change: GroupChange) -> Result<Sending, SendError> {
        self.send(group, &Content::Group(change)).await
    }
}
