//! What `/group`, `/join` and `/card` mean.

use clap::ValueEnum;
use packetboat_client::{ChatId, Content, GroupChange, GroupRules, InviteLink, Role};

use super::super::event::Door;
use super::{Line, named, split, table, users};
use crate::clock;
use crate::command::group::{GroupRule, INVITE_MINUTES_DEFAULT, invite_ends};
use crate::command::target::{group, room};

/// To come in, into a group or a room, or to look at a group before.
pub(super) fn enter(verb: &str, rest: &str) -> Result<Option<Line>, String> {
    if rest.is_empty() {
        return Ok(None);
    }
    if verb == "join" && !names_group(rest) {
        return room(rest).map(|room| Some(Line::Join(room))).map_err(|error| error.to_string());
    }
    let link = rest.parse::<InviteLink>().map_err(|error| error.to_string())?;
    let door = if verb == "join" { Door::Enter(link) } else { Door::Card(link) };
    Ok(Some(Line::Door(door)))
}

/// A link, or a group as it is named elsewhere; a bare name is a room's.
fn names_group(text: &str) -> bool {
    text.contains('/') || text.starts_with('#') || text.starts_with("group:")
}

/// To make a group, or to do something about the open one.
pub(super) fn change(
    command: &str,
    open: Option<&ChatId>,
    now_ms: u64,
) -> Result<Option<Line>, String> {
    let (verb, rest) = split(command);
    let name = format!("group {verb}");
    if !table::has(&name) {
        return Err(format!("there is no /{name}; /help tells what there is"));
    }
    let line = match verb {
        "create" => {
            let (id, members) = split(rest);
            let group = group(id).map_err(|error| error.to_string())?;
            let name = group.as_str().trim_start_matches("group:").to_owned();
            let created = GroupChange::Created { name, members: users(members)? };
            return sendable(group, created).map(Some);
        }
        "invite" | "invites" | "uninvite" | "requests" | "refuse" => {
            door(verb, rest, group_of(open)?, now_ms)?
        }
        _ => match meant(verb, rest, now_ms)? {
            Some(change) => Some(sendable(group_of(open)?, change)?),
            None => None,
        },
    };
    line.map(Some).ok_or_else(|| table::usage(&name))
}

fn meant(verb: &str, rest: &str, now_ms: u64) -> Result<Option<GroupChange>, String> {
    let described = |topic, avatar| GroupChange::Described { topic, avatar };
    Ok(Some(match verb {
        "add" | "remove" | "promote" | "demote" | "unmute" if rest.is_empty() => return Ok(None),
        "add" => GroupChange::Added(users(rest)?),
        "remove" => GroupChange::Removed(users(rest)?),
        "promote" => GroupChange::RolesGiven { users: users(rest)?, role: Role::Admin },
        "demote" => GroupChange::RolesGiven { users: users(rest)?, role: Role::Member },
        "unmute" => GroupChange::Muted { users: users(rest)?, until_ms: 0 },
        "mute" => {
            let (minutes, rest) = split(rest);
            let Ok(minutes) = minutes.parse() else { return Ok(None) };
            let until_ms = clock::after_minutes(now_ms, minutes);
            GroupChange::Muted { users: users(rest)?, until_ms }
        }
        "rename" => GroupChange::Renamed(rest.to_owned()),
        "topic" => described(Some(rest.to_owned()), None),
        "avatar" => described(None, Some(rest.to_owned())),
        "rules" => match rules(rest) {
            Some(rules) => GroupChange::RulesSet(rules),
            None => return Ok(None),
        },
        "handover" => GroupChange::OwnerChanged(named(rest)?),
        "leave" if rest.is_empty() => GroupChange::Left { new_owner: None },
        "leave" => GroupChange::Left { new_owner: Some(named(rest)?) },
        "dissolve" if rest.is_empty() => GroupChange::Dissolved,
        _ => return Ok(None),
    }))
}

fn sendable(group: ChatId, change: GroupChange) -> Result<Line, String> {
    match Content::decode(&Content::Group(change.clone()).encode(), usize::MAX) {
        Ok(_) => Ok(Line::Change(group, change)),
        Err(error) => Err(error.to_string()),
    }
}

fn door(verb: &str, rest: &str, group: ChatId, now_ms: u64) -> Result<Option<Line>, String> {
    Ok(match verb {
        "invite" => invitation(rest, group, now_ms),
        "invites" if rest.is_empty() => Some(Line::Door(Door::Invites(group))),
        "requests" if rest.is_empty() => Some(Line::Door(Door::Requests(group))),
        "uninvite" => match (rest.parse(), rest.parse::<InviteLink>()) {
            (Ok(nth), _) if nth > 0 => Some(Line::Uninvite(nth)),
            (_, Ok(InviteLink { group, key: Some(key) })) => {
                Some(Line::Door(Door::Uninvite { group, id: key.id }))
            }
            _ => None,
        },
        "refuse" if !rest.is_empty() => {
            Some(Line::Door(Door::Refuse { group, users: users(rest)? }))
        }
        _ => None,
    })
}

/// For how long, how often, and for what a link is good, each once if at all.
fn invitation(rest: &str, group: ChatId, now_ms: u64) -> Option<Line> {
    let (mut minutes, mut uses, mut asks) = (None, None, false);
    let mut words = rest.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "uses" if uses.is_none() => uses = Some(words.next()?.parse().ok()?),
            "asks" if !asks => asks = true,
            number if minutes.is_none() => minutes = Some(number.parse().ok()?),
            _ => return None,
        }
    }
    let expires_ms = invite_ends(now_ms, minutes.unwrap_or(INVITE_MINUTES_DEFAULT));
    let uses = uses.unwrap_or(0);
    Some(Line::Door(Door::Invite { group, expires_ms, uses, asks }))
}

/// The rules that are named, and no other.
fn rules(text: &str) -> Option<GroupRules> {
    let named = text.split_whitespace().map(|rule| GroupRule::from_str(rule, false));
    Some(GroupRule::all(&named.collect::<Result<Vec<_>, _>>().ok()?))
}

/// The open group.
pub(super) fn group_of(open: Option<&ChatId>) -> Result<ChatId, String> {
    let group = open.filter(|chat| chat.as_str().starts_with("group:"));
    group.cloned().ok_or_else(|| "open a group first".to_owned())
}
