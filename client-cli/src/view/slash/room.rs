//! What `/room` means, and which room is the open one.

use packetboat_client::{ChatId, Content, GroupChange, RoomChange};

use super::{Line, split, table, users};
use crate::clock;
use crate::command::target::room;

/// To open a room, to change the open one, or to look at one.
pub(super) fn change(
    command: &str,
    open: Option<&ChatId>,
    now_ms: u64,
) -> Result<Option<Line>, String> {
    let (verb, rest) = split(command);
    if verb.starts_with('%') {
        return room(command).map(|room| Some(Line::About(room))).map_err(|why| why.to_string());
    }
    let name = format!("room {verb}");
    if !table::has(&name) {
        return Err(format!("there is no /{name}; /help tells what there is"));
    }
    let (room, change) = if verb == "open" {
        let room = room(rest).map_err(|error| error.to_string())?;
        let name = room.as_str().trim_start_matches("room:").to_owned();
        let opened = RoomChange::Opened { name, topic: String::new(), keep: 0, slow_ms: 0 };
        (room, opened.into())
    } else {
        let change = meant(verb, rest, now_ms)?.ok_or_else(|| table::usage(&name))?;
        (room_of(open)?, change)
    };
    match Content::decode(&change.encode(), usize::MAX) {
        Ok(_) => Ok(Some(Line::ChangeRoom(room, change))),
        Err(error) => Err(error.to_string()),
    }
}

fn meant(verb: &str, rest: &str, now_ms: u64) -> Result<Option<Content>, String> {
    let set = |keep, slow_ms, name, topic| RoomChange::Set { keep, slow_ms, name, topic };
    let text = || Some(rest.to_owned());
    let change = match verb {
        "keep" => rest.parse().ok().map(|keep| set(Some(keep), None, None, None)),
        "slow" => rest.parse().ok().map(|slow_ms| set(None, Some(slow_ms), None, None)),
        "rename" => Some(set(None, None, text(), None)),
        "topic" => Some(set(None, None, None, text())),
        "promote" | "demote" | "unmute" if rest.is_empty() => None,
        "promote" | "demote" => {
            let taken_back = verb == "demote";
            Some(RoomChange::Moderators { users: users(rest)?, taken_back })
        }
        "mute" => {
            let (minutes, rest) = split(rest);
            let Ok(minutes) = minutes.parse() else { return Ok(None) };
            let until_ms = clock::after_minutes(now_ms, minutes);
            Some(RoomChange::Muted { users: users(rest)?, until_ms })
        }
        "unmute" => Some(RoomChange::Muted { users: users(rest)?, until_ms: 0 }),
        "close" if rest.is_empty() => return Ok(Some(Content::Group(GroupChange::Dissolved))),
        _ => None,
    };
    Ok(change.map(Content::from))
}

/// The open room.
pub(super) fn room_of(open: Option<&ChatId>) -> Result<ChatId, String> {
    open.filter(|chat| chat.is_room()).cloned().ok_or_else(|| "/join a room first".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn lobby() -> ChatId {
        "room:lobby".parse().unwrap()
    }

    #[test]
    fn rooms_are_joined_left_and_changed() {
        for line in ["/join lobby", "/join %lobby", "/join room:lobby"] {
            assert_eq!(parse(line, None, 0), Ok(Line::Join(lobby())), "{line}");
        }
        assert_eq!(parse("/part", Some(&lobby()), 0), Ok(Line::Part(lobby())));
        let change = |line: &str| match parse(line, Some(&lobby()), 0) {
            Ok(Line::ChangeRoom(room, Content::Room(change))) if room == lobby() => change,
            other => panic!("{line}: {other:?}"),
        };
        let users = || vec!["bob".parse().unwrap()];
        let slow = RoomChange::Set { keep: None, slow_ms: Some(500), name: None, topic: None };
        assert_eq!(change("/room slow 500"), slow);
        let muted = RoomChange::Muted { users: users(), until_ms: 300_000 };
        assert_eq!(change("/room mute 5 bob"), muted);
        let demoted = RoomChange::Moderators { users: users(), taken_back: true };
        assert_eq!(change("/room demote bob"), demoted);
        assert_eq!(parse("/room", Some(&lobby()), 0), Ok(Line::About(lobby())));
        assert_eq!(parse("/room %lobby", None, 0), Ok(Line::About(lobby())));
        let closed = Line::ChangeRoom(lobby(), Content::Group(GroupChange::Dissolved));
        assert_eq!(parse("/room close", Some(&lobby()), 0), Ok(closed));
    }

    #[test]
    fn what_cannot_be_is_told_before_it_is_sent() {
        for line in ["/join", "/join a/b", "/part", "/room slow 5", "/room", "/room open"] {
            assert!(parse(line, None, 0).is_err(), "{line}");
        }
        for line in
            ["/room keep 0", "/room keep 1001", "/room mute bob", "/room rename", "/room %a/b"]
        {
            assert!(parse(line, Some(&lobby()), 0).is_err(), "{line}");
        }
    }
}
