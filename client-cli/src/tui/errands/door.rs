//! The errands about coming into a group. Must never show a link to anybody but who has asked for
//! it.

use packetboat_client::proto::limits::PAGE_ITEMS_MAX;
use packetboat_client::{ChatId, Client, Entered, GroupCard, Invitation, InviteLink, RequestError};

use crate::clock::Clock;
use crate::format::text;
use crate::view::{Answer, Door};

/// Does one.
pub(super) async fn run(client: &Client, door: Door) -> Answer {
    let done = match door {
        Door::Enter(link) => match client.enter(&link).await {
            Ok(entered) => return entered_as(link.group, &entered),
            Err(error) => return Answer::Failed(error.to_string()),
        },
        Door::Card(link) => client.card(&link).await.map(|card| told(&card)),
        Door::Invite { group, expires_ms, uses, asks } => {
            let (link, invitation) = InviteLink::open(&group, expires_ms);
            invite(client, &group, link, Invitation { uses, asks, ..invitation }).await
        }
        Door::Invites(group) => invites(client, &group).await,
        Door::Uninvite { group, id } => {
            let gone = client.uninvite(&group, id).await;
            gone.map(|()| Answer::Told("that link is good no more".to_owned()))
        }
        Door::Requests(group) => requests(client, &group).await,
        Door::Refuse { group, users } => {
            let refused = client.refuse_join(&group, users).await;
            refused.map(|()| Answer::Told("they are told".to_owned()))
        }
    };
    done.unwrap_or_else(|error| Answer::Failed(error.to_string()))
}

fn entered_as(group: ChatId, entered: &Entered) -> Answer {
    match entered {
        Entered::Joined(_) | Entered::Member => Answer::Entered(group),
        Entered::Waiting => Answer::Told(format!("you have asked to come into {group}")),
        Entered::Refused => Answer::Failed(format!("you are not let into {group}")),
    }
}

fn told(card: &GroupCard) -> Answer {
    Answer::Sheet { title: format!("What {} is", card.chat), lines: vec![text::card(card)] }
}

async fn invite(
    client: &Client,
    group: &ChatId,
    link: InviteLink,
    invitation: Invitation,
) -> Result<Answer, RequestError> {
    client.invite(group, invitation).await?;
    let title = format!("A link to {group}: /join brings in who has it");
    Ok(Answer::Sheet { title, lines: vec![link.to_string()] })
}

async fn invites(client: &Client, group: &ChatId) -> Result<Answer, RequestError> {
    let clock = Clock::system();
    let invitations = client.invitations(group).await?;
    let line = |(at, invitation): (usize, &Invitation)| {
        format!("{}  {}", at + 1, text::invitation(&clock, group, invitation))
    };
    let lines = invitations.iter().enumerate().map(line).collect();
    let ids = invitations.iter().map(|invitation| invitation.key.id).collect();
    Ok(Answer::Invites { group: group.clone(), ids, lines })
}

async fn requests(client: &Client, group: &ChatId) -> Result<Answer, RequestError> {
    let clock = Clock::system();
    let page = client.join_requests(group, None, PAGE_ITEMS_MAX).await?;
    let lines = page.items.iter().map(|request| text::join_request(&clock, request)).collect();
    Ok(Answer::Sheet { title: format!("Who asks to come into {group}"), lines })
}
