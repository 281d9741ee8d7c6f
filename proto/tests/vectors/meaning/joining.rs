//! What is said about coming into a group, as JSON. Must never leave out a field.

use packetboat_proto::content::{JoinProof, JoinRule};
use packetboat_proto::packet::{
    GroupCard, Invitation, JoinNews, JoinRequest, JoinState, JoinWay, Joined, Joining,
};
use serde_json::{Value, json};

use crate::line::hex;

pub(super) fn of_proof(proof: Option<&JoinProof>) -> Value {
    proof.map_or(
        Value::Null,
        |by| json!({ "invite": hex(by.invite.as_bytes()), "proof": hex(&by.proof) }),
    )
}

pub(super) fn of_rule(rule: JoinRule) -> &'static str {
    match rule {
        JoinRule::Invited => "INVITED",
        JoinRule::Ask => "ASK",
        JoinRule::Anyone => "ANYONE",
    }
}

fn of_invitation(invitation: &Invitation) -> Value {
    json!({
        "key": {
            "id": hex(invitation.key.id.as_bytes()),
            "secret": hex(&invitation.key.secret),
        },
        "expires_ms": invitation.expires_ms,
        "uses": invitation.uses,
        "asks": invitation.asks,
        "made_by": invitation.made_by.as_ref().map(ToString::to_string).unwrap_or_default(),
    })
}

fn of_state(state: Option<JoinState>) -> &'static str {
    match state {
        None => "UNSPECIFIED",
        Some(JoinState::Waiting) => "WAITING",
        Some(JoinState::Refused) => "REFUSED",
        Some(JoinState::Member) => "MEMBER",
    }
}

pub(super) fn of_news(news: &JoinNews) -> Value {
    json!({ "join": {
        "chat": news.chat.as_str(),
        "user": news.user.as_str(),
        "state": of_state(news.state),
    } })
}

pub(super) fn of_question(joining: &Joining) -> Value {
    match joining {
        Joining::Card { chat, proof } => {
            json!({ "card": { "chat": chat.as_str(), "proof": of_proof(proof.as_ref()) } })
        }
        Joining::Invite { chat, invitation } => json!({ "invite": {
            "chat": chat.as_str(),
            "invitation": of_invitation(invitation),
        } }),
        Joining::Uninvite { chat, id } => {
            json!({ "uninvite": { "chat": chat.as_str(), "id": hex(id.as_bytes()) } })
        }
        Joining::Invites { chat } => json!({ "invites": { "chat": chat.as_str() } }),
        Joining::Ask { chat, proof } => {
            json!({ "ask_to_join": { "chat": chat.as_str(), "proof": of_proof(proof.as_ref()) } })
        }
        Joining::Requests { chat, after, limit } => json!({ "join_requests": {
            "chat": chat.as_str(),
            "after": after.as_ref().map(ToString::to_string).unwrap_or_default(),
            "limit": limit,
        } }),
        Joining::Refuse { chat, users } => json!({ "refuse_join": {
            "chat": chat.as_str(),
            "users": users.iter().map(ToString::to_string).collect::<Vec<_>>(),
        } }),
    }
}

pub(super) fn of_answer(joined: &Joined) -> Value {
    match joined {
        Joined::Card(card) => json!({ "card": of_card(card) }),
        Joined::Invite => json!({ "invite": {} }),
        Joined::Uninvite => json!({ "uninvite": {} }),
        Joined::Invites(invitations) => json!({ "invites": {
            "invitations": invitations.iter().map(of_invitation).collect::<Vec<_>>(),
        } }),
        Joined::Ask(state) => json!({ "ask_to_join": { "state": of_state(*state) } }),
        Joined::Requests { requests, more } => json!({ "join_requests": {
            "requests": requests.iter().map(of_request).collect::<Vec<_>>(),
            "more": more,
        } }),
        Joined::Refuse => json!({ "refuse_join": {} }),
    }
}

fn of_request(request: &JoinRequest) -> Value {
    json!({ "user": request.user.as_str(), "at_ms": request.at_ms })
}

fn of_card(card: &GroupCard) -> Value {
    json!({
        "chat": card.chat.as_str(),
        "name": card.name,
        "topic": card.topic,
        "avatar": card.avatar,
        "members": card.members,
        "way": match card.way {
            None => "UNSPECIFIED",
            Some(JoinWay::Member) => "MEMBER",
            Some(JoinWay::Join) => "JOIN",
            Some(JoinWay::Ask) => "ASK",
        },
    })
}
