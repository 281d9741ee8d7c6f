//! `room`: opening and changing rooms, and how they are. Must never change more than one entry can.

use std::time::Duration;

use packetboat_client::{Content, GroupChange, RoomChange};

use super::send::{Drafts, post};
use crate::account::Account;
use crate::clock;
use crate::command::room::RoomCommand;
use crate::failure::Failure;
use crate::format::{json, text};
use crate::out::Out;
use crate::visit::visit;

/// Does what is asked of a room.
pub(crate) async fn run(
    account: &Account,
    command: RoomCommand,
    timeout: Option<Duration>,
    out: &mut Out,
) -> Result<(), Failure> {
    let (room, change) = match command {
        RoomCommand::State { room } => {
            let state = visit(account, timeout, async |visit| {
                visit.ask(async |client| client.room(&room).await).await
            });
            let state = state.await?;
            return out.put(|| json::room::state(&state), || text::room::state(&state));
        }
        RoomCommand::Open { room, name, topic, keep, slow_ms } => {
            let id = || room.as_str().trim_start_matches("room:").to_owned();
            let name = name.unwrap_or_else(id);
            (room, RoomChange::Opened { name, topic, keep, slow_ms }.into())
        }
        RoomCommand::Set { room, name, topic, keep, slow_ms } => {
            (room, RoomChange::Set { keep, slow_ms, name, topic }.into())
        }
        RoomCommand::Promote { room, users } => {
            (room, RoomChange::Moderators { users, taken_back: false }.into())
        }
        RoomCommand::Demote { room, users } => {
            (room, RoomChange::Moderators { users, taken_back: true }.into())
        }
        RoomCommand::Mute { room, users, minutes } => {
            let until_ms = clock::after_minutes(clock::now_ms(), minutes);
            (room, RoomChange::Muted { users, until_ms }.into())
        }
        RoomCommand::Unmute { room, users } => {
            (room, RoomChange::Muted { users, until_ms: 0 }.into())
        }
        RoomCommand::Close { room } => (room, Content::Group(GroupChange::Dissolved)),
    };
    // What the server would refuse all the same is refused here with a better sentence.
    Content::decode(&change.encode(), usize::MAX)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    post(account, &room, Drafts::One(Some(change.encode())), timeout, out).await
}
