//! What a connection alone has, made from choices: rooms that are listened to, users who are
//! watched, what users show of themselves. Must never make what a peer would have to refuse.

use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::limits::{
    GROUP_NAME_BYTES_MAX, GROUP_TOPIC_BYTES_MAX, PRESENCE_USERS_MAX, STATUS_BYTES_MAX,
};
use packetboat_proto::packet::{
    Answer, Operation, Presence, Profile, RoomCount, RoomState, Visibility,
};

use super::{count, role};
use crate::choices::Choices;

const ROOMS: [&str; 3] = ["a", "lounge", "A.b_c-9"];

fn room(choices: &mut Choices<'_>) -> ChatId {
    ChatId::room(choices.one_of(&ROOMS)).expect("a good name")
}

fn users(choices: &mut Choices<'_>) -> Vec<UserId> {
    let count = count(choices, PRESENCE_USERS_MAX);
    (0..count).map(|_| choices.user()).collect()
}

/// How a user is.
pub(super) fn presence(choices: &mut Choices<'_>) -> Presence {
    Presence {
        user: choices.user(),
        online: choices.flag(),
        away: choices.flag(),
        status: choices.text(STATUS_BYTES_MAX),
        last_seen_ms: choices.number(),
    }
}

/// How many listen to a room.
pub(super) fn listeners(choices: &mut Choices<'_>) -> RoomCount {
    RoomCount { room: room(choices), listeners: choices.number_32() }
}

fn state(choices: &mut Choices<'_>) -> RoomState {
    RoomState {
        room: room(choices),
        name: choices.text(GROUP_NAME_BYTES_MAX),
        topic: choices.text(GROUP_TOPIC_BYTES_MAX),
        listeners: choices.number_32(),
        head: choices.number(),
        first: choices.number(),
        keep: choices.number_32(),
        slow_ms: choices.number_32(),
        role: role(choices),
        muted_until_ms: choices.number(),
    }
}

/// A question.
pub(super) fn question(choices: &mut Choices<'_>) -> Operation {
    let shown_to =
        [None, Some(Visibility::Everyone), Some(Visibility::Contacts), Some(Visibility::Nobody)];
    match choices.byte() % 7 {
        1 => Operation::RoomJoin { room: room(choices) },
        2 => Operation::RoomLeave { room: room(choices) },
        3 => Operation::Room { room: room(choices) },
        4 => Operation::Watch { add: users(choices), remove: users(choices) },
        5 => Operation::SetPresence { away: choices.flag() },
        6 => Operation::SetProfile(Profile {
            status: choices.text(STATUS_BYTES_MAX),
            visible_to: choices.one_of(&shown_to),
        }),
        _ => Operation::Presence { users: users(choices) },
    }
}

/// An answer, with a list of `count` users if it has one.
pub(super) fn answer(choices: &mut Choices<'_>, count: usize) -> Answer {
    match choices.byte() % 7 {
        1 => Answer::RoomJoin(state(choices)),
        2 => Answer::RoomLeave,
        3 => Answer::Room(state(choices)),
        4 => Answer::Watch((0..count).map(|_| presence(choices)).collect()),
        5 => Answer::SetPresence,
        6 => Answer::SetProfile,
        _ => Answer::Presence((0..count).map(|_| presence(choices)).collect()),
    }
}
