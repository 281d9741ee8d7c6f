//! What `/join`, `/part` and `/room` mean.

use packetboat_client::{ChatId, Content, GroupChange, RoomChange};

use super::{Line, split, users};
use crate::clock;
use crate::command::target::room;

/// To listen to a room.
pub(super) fn join(name: &str) -> Result<Line, String> {
    room(name).map(Line::Join).map_err(|error| error.to_string())
}

/// To listen to the open room no more.
pub(super) fn part(open: Option<&ChatId>) -> Result<Line, String> {
    room_of(open).map(Line::Part)
}

/// To open a room, or to change the open one.
pub(super) fn change(command: &str, open: Option<&ChatId>, now_ms: u64) -> Result<Line, String> {
    let (verb, rest) = split(command);
    let set = |keep, slow_ms, name, topic| RoomChange::Set { keep, slow_ms, name, topic };
    let number = |text: &str| text.parse().map_err(|_| format!("/room {verb} NUMBER"));
    let (room, change) = match verb {
        "open" => {
            let room = room(rest).map_err(|error| error.to_string())?;
            let name = room.as_str().trim_start_matches("room:").to_owned();
            let opened = RoomChange::Opened { name, topic: String::new(), keep: 0, slow_ms: 0 };
            (room, Content::Room(opened))
        }
        "keep" => (room_of(open)?, set(Some(number(rest)?), None, None, None).into()),
        "slow" => (room_of(open)?, set(None, Some(number(rest)?), None, None).into()),
        "rename" => (room_of(open)?, set(None, None, Some(rest.to_owned()), None).into()),
        "topic" => (room_of(open)?, set(None, None, None, Some(rest.to_owned())).into()),
        "promote" | "demote" => {
            let taken_back = verb == "demote";
            (room_of(open)?, RoomChange::Moderators { users: users(rest)?, taken_back }.into())
        }
        "mute" => {
            let (minutes, rest) = split(rest);
            let minutes = minutes.parse().map_err(|_| "/room mute MINUTES USERS".to_owned())?;
            let until_ms = clock::after_minutes(now_ms, minutes);
            (room_of(open)?, RoomChange::Muted { users: users(rest)?, until_ms }.into())
        }
        "unmute" => (room_of(open)?, RoomChange::Muted { users: users(rest)?, until_ms: 0 }.into()),
        "close" if rest.is_empty() => (room_of(open)?, Content::Group(GroupChange::Dissolved)),
        _ => return Err("/help tells what /room can do".to_owned()),
    };
    match Content::decode(&change.encode(), usize::MAX) {
        Ok(_) => Ok(Line::ChangeRoom(room, change)),
        Err(error) => Err(error.to_string()),
    }
}

fn room_of(open: Option<&ChatId>) -> Result<ChatId, String> {
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
        let closed = Line::ChangeRoom(lobby(), Content::Group(GroupChange::Dissolved));
        assert_eq!(parse("/room close", Some(&lobby()), 0), Ok(closed));
    }

    #[test]
    fn what_cannot_be_is_told_before_it_is_sent() {
        for line in ["/join", "/join a/b", "/part", "/room slow 5", "/room", "/room open"] {
            assert!(parse(line, None, 0).is_err(), "{line}");
        }
        for line in ["/room keep 0", "/room keep 1001", "/room mute bob", "/room rename"] {
            assert!(parse(line, Some(&lobby()), 0).is_err(), "{line}");
        }
    }
}
