//! What a client does to groups: each is a message whose content is a change. Must never keep a
//! picture of a group: the log has it.

use packetboat_proto::content::{Content, GroupChange};
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

    /// Adds at most 100 users. Only the owner may.
    pub async fn add_members(
        &self,
        group: &ChatId,
        users: Vec<UserId>,
    ) -> Result<Sending, SendError> {
        self.change(group, GroupChange::Added(users)).await
    }

    /// Puts at most 100 users out. Only the owner may.
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

    /// Calls the group differently. Only the owner may.
    pub async fn rename(&self, group: &ChatId, name: &str) -> Result<Sending, SendError> {
        self.change(group, GroupChange::Renamed(name.to_owned())).await
    }

    async fn change(&self, group: &ChatId, change: GroupChange) -> Result<Sending, SendError> {
        self.send(group, &Content::Group(change)).await
    }
}
