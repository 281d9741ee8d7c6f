//! `group invite` and its like: links to groups, and those who ask to come in. Must never print a
//! secret but in a link that the user asked for.

use std::time::Duration;

use packetboat_client::{
    ChatId, Client, Content, GroupChange, Invitation, InviteLink, JoinState, JoinWay, UserId, prove,
};
use serde_json::json;

use super::send::{Drafts, post};
use crate::account::Account;
use crate::clock::{self, Clock};
use crate::command::group::{JoiningCommand, invite_ends};
use crate::failure::Failure;
use crate::format::{json, text};
use crate::out::Out;
use crate::visit::{Visit, visit};

/// Does what is asked about coming into a group.
pub(crate) async fn run(
    account: &Account,
    command: JoiningCommand,
    timeout: Option<Duration>,
    out: &mut Out,
) -> Result<(), Failure> {
    if let JoiningCommand::Join { link } = command {
        return join(account, &link, timeout, out).await;
    }
    visit(account, timeout, async |visit| match &command {
        JoiningCommand::Invite { group, minutes, uses, ask } => {
            let until = invite_ends(clock::now_ms(), *minutes);
            invite(visit, group, (until, *uses, *ask), out).await
        }
        JoiningCommand::Invites { group } => invites(visit, group, out).await,
        JoiningCommand::Uninvite { link } => uninvite(visit, link, out).await,
        JoiningCommand::Card { link } | JoiningCommand::Join { link } => {
            card(visit, link, out).await
        }
        JoiningCommand::Requests { group } => requests(visit, group, out).await,
        JoiningCommand::Refuse { group, users } => refuse(visit, group, users, out).await,
    })
    .await
}

/// Makes a link, and prints it.
async fn invite(
    visit: &mut Visit,
    group: &ChatId,
    (expires_ms, uses, asks): (u64, u32, bool),
    out: &mut Out,
) -> Result<(), Failure> {
    let (link, invitation) = InviteLink::open(group, expires_ms);
    let invitation = Invitation { uses, asks, ..invitation };
    let made = || invitation.clone();
    visit.ask(async |client| client.invite(group, made()).await).await?;
    out.put(|| json::invitation(group, &invitation), || link.to_string())
}

/// Lists the links of a group.
async fn invites(visit: &mut Visit, group: &ChatId, out: &mut Out) -> Result<(), Failure> {
    let clock = Clock::system();
    for one in visit.ask(async |client| client.invitations(group).await).await? {
        out.put(|| json::invitation(group, &one), || text::invitation_lines(&clock, group, &one))?;
    }
    Ok(())
}

/// Takes a link back.
async fn uninvite(visit: &mut Visit, link: &InviteLink, out: &mut Out) -> Result<(), Failure> {
    let Some(key) = link.key else {
        return Err(Failure::Usage("that is no link, but a group's name".to_owned()));
    };
    visit.ask(async |client| client.uninvite(&link.group, key.id).await).await?;
    let of = json!({ "group": link.group.as_str(), "invite": key.id.to_string() });
    out.done(|| json::done::done("group uninvite", of))
}

/// Tells what group a link is for.
async fn card(visit: &mut Visit, link: &InviteLink, out: &mut Out) -> Result<(), Failure> {
    let card = visit.ask(async |client| client.card(link).await).await?;
    out.put(|| json::card(&card), || text::card(&card))
}

/// Comes in, or asks to.
async fn join(
    account: &Account,
    link: &InviteLink,
    timeout: Option<Duration>,
    out: &mut Out,
) -> Result<(), Failure> {
    let asked = visit(account, timeout, async |visit| knock(visit, link).await).await?;
    if let Some(state) = asked {
        let group = &link.group;
        return out.put(|| json::join_state(group, state), || text::join_state(group, state));
    }
    let by = link.key.as_ref().map(|key| prove(key, &link.group, &account.user));
    let joined = Content::Group(GroupChange::Joined(by));
    post(account, &link.group, Drafts::One(Some(joined.encode())), timeout, out).await
}

/// Asks to come in; `None`: there is no need to.
async fn knock(visit: &mut Visit, link: &InviteLink) -> Result<Option<JoinState>, Failure> {
    let card = visit.ask(async |client| client.card(link).await).await?;
    Ok(match card.way {
        Some(JoinWay::Member) => Some(JoinState::Member),
        Some(JoinWay::Join) => None,
        Some(JoinWay::Ask) | None => {
            Some(visit.ask(async |client| client.ask_to_join(link).await).await?)
        }
    })
}

/// Lists who asks to come in.
async fn requests(visit: &mut Visit, group: &ChatId, out: &mut Out) -> Result<(), Failure> {
    let clock = Clock::system();
    let mut after = None;
    loop {
        let ask = async |client: &Client| client.join_requests(group, after.clone(), 0).await;
        let page = visit.ask(ask).await?;
        for one in &page.items {
            out.put(|| json::join_request(group, one), || text::join_request(&clock, one))?;
        }
        after = page.items.last().map(|one| one.user.clone());
        if after.is_none() || !page.more {
            return Ok(());
        }
    }
}

/// Does not let in who asks.
async fn refuse(
    visit: &mut Visit,
    group: &ChatId,
    users: &[UserId],
    out: &mut Out,
) -> Result<(), Failure> {
    visit.ask(async |client| client.refuse_join(group, users.to_vec()).await).await?;
    let users: Vec<&str> = users.iter().map(UserId::as_str).collect();
    let of = json!({ "group": group.as_str(), "users": users });
    out.done(|| json::done::done("group refuse", of))
}
