//! Rooms in sentences for people. Must never hold a character that a terminal obeys.

use packetboat_client::{Role, RoomChange, RoomEvent, RoomState};

use super::names;
use crate::clean;

/// What a change of a room says.
pub(super) fn changed(change: &RoomChange) -> String {
    match change {
        RoomChange::Opened { name, .. } => format!("opened the room “{}”", clean::line(name)),
        RoomChange::Set { keep, slow_ms, name, topic } => {
            let keep = keep.map(|keep| format!("it keeps {keep} entries"));
            let slow = slow_ms.map(|ms| match ms {
                0 => "it is not slow".to_owned(),
                ms => format!("one message every {ms} ms"),
            });
            let name = name.as_ref().map(|name| format!("it is called “{}”", clean::line(name)));
            let topic = topic.as_ref().map(|topic| match topic.as_str() {
                "" => "it has no topic".to_owned(),
                topic => format!("its topic is “{}”", clean::line(topic)),
            });
            let parts: Vec<_> = [keep, slow, name, topic].into_iter().flatten().collect();
            format!("set the room: {}", parts.join(", "))
        }
        RoomChange::Moderators { users, taken_back: false } => {
            format!("made moderators of {}", names(users))
        }
        RoomChange::Moderators { users, .. } => format!("made listeners of {}", names(users)),
        RoomChange::Muted { users, until_ms: 0 } => format!("lets {} write again", names(users)),
        RoomChange::Muted { users, .. } => format!("made {} mute for a while", names(users)),
    }
}

/// How a room is.
pub(crate) fn state(state: &RoomState) -> String {
    let role = match state.role {
        Some(Role::Owner) => ", yours",
        Some(_) => ", you moderate it",
        None => "",
    };
    let (name, topic) = (clean::line(&state.name), clean::line(&state.topic));
    let slow =
        if state.slow_ms == 0 { String::new() } else { format!(", slow {} ms", state.slow_ms) };
    format!(
        "{} “{name}” {topic}\n    {} listening, entries {} to {} (keeps {}){slow}{role}",
        state.room, state.listeners, state.first, state.head, state.keep,
    )
}

/// What became of a room.
pub(crate) fn event(event: &RoomEvent) -> String {
    match event {
        RoomEvent::Missed { room, first, last } => {
            format!("{room}: entries {first} to {last} were missed; its history may have them")
        }
        RoomEvent::Joined(state) => format!("{}: joined again", state.room),
        RoomEvent::Left { room, verdict } => {
            format!("{room}: left: {}", clean::line(&verdict.reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_a_room_are_sentences() {
        let users = || vec!["bob".parse().unwrap()];
        let set = RoomChange::Set {
            keep: Some(5),
            slow_ms: Some(0),
            name: None,
            topic: Some("a\u{202e}".into()),
        };
        let said = "set the room: it keeps 5 entries, it is not slow, its topic is “a\u{fffd}”";
        assert_eq!(changed(&set), said);
        let moderators = RoomChange::Moderators { users: users(), taken_back: false };
        assert_eq!(changed(&moderators), "made moderators of bob");
        let free = RoomChange::Muted { users: users(), until_ms: 0 };
        assert_eq!(changed(&free), "lets bob write again");
    }
}
