//! `group`: making and changing groups, and who is in them. Must never change more than one entry
//! can.

use std::time::Duration;

use packetboat_client::{ChatId, Content, GroupChange, Role};

use super::joining;
use super::send::{Drafts, post};
use crate::account::Account;
use crate::clock::{self, Clock};
use crate::command::group::{GroupCommand, GroupRule};
use crate::failure::Failure;
use crate::format::{json, text};
use crate::out::Out;
use crate::visit::{Visit, visit};

/// Does what is asked of a group.
pub(crate) async fn run(
    account: &Account,
    command: GroupCommand,
    timeout: Option<Duration>,
    out: &mut Out,
) -> Result<(), Failure> {
    let (group, change) = match command {
        GroupCommand::Members { group } => {
            return visit(account, timeout, async |visit| members(visit, &group, out).await).await;
        }
        GroupCommand::Joining(command) => {
            return joining::run(account, command, timeout, out).await;
        }
        GroupCommand::Create { group, name, members } => {
            let id = || group.as_str().trim_start_matches("group:").to_owned();
            let name = name.unwrap_or_else(id);
            (group, GroupChange::Created { name, members })
        }
        GroupCommand::Add { group, users } => (group, GroupChange::Added(users)),
        GroupCommand::Remove { group, users } => (group, GroupChange::Removed(users)),
        GroupCommand::Leave { group, to } => (group, GroupChange::Left { new_owner: to }),
        GroupCommand::Rename { group, name } => (group, GroupChange::Renamed(name)),
        GroupCommand::Describe { group, topic, avatar } => {
            (group, GroupChange::Described { topic, avatar })
        }
        GroupCommand::Rules { group, rules } => {
            (group, GroupChange::RulesSet(GroupRule::all(&rules)))
        }
        GroupCommand::Promote { group, users } => {
            (group, GroupChange::RolesGiven { users, role: Role::Admin })
        }
        GroupCommand::Demote { group, users } => {
            (group, GroupChange::RolesGiven { users, role: Role::Member })
        }
        GroupCommand::HandOver { group, user } => (group, GroupChange::OwnerChanged(user)),
        GroupCommand::Mute { group, users, minutes } => {
            let until_ms = clock::after_minutes(clock::now_ms(), minutes);
            (group, GroupChange::Muted { users, until_ms })
        }
        GroupCommand::Unmute { group, users } => (group, GroupChange::Muted { users, until_ms: 0 }),
        GroupCommand::Dissolve { group } => (group, GroupChange::Dissolved),
    };
    let content = Content::Group(change).encode();
    // What the server would refuse all the same is refused here with a better sentence.
    Content::decode(&content, usize::MAX).map_err(|error| Failure::Usage(error.to_string()))?;
    post(account, &group, Drafts::One(Some(content)), timeout, out).await
}

async fn members(visit: &mut Visit, group: &ChatId, out: &mut Out) -> Result<(), Failure> {
    out.note(text::members::head())?;
    let (clock, mut after) = (Clock::system(), None);
    loop {
        let page = visit.ask(async |client| client.members(group, after.clone(), 0).await).await?;
        for member in &page.items {
            out.put(|| json::member(group, member), || text::members::member(&clock, member))?;
        }
        after = page.items.last().map(|member| member.user.clone());
        if after.is_none() || !page.more {
            return Ok(());
        }
    }
}
