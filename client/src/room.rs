//! What a client does in rooms: it joins and leaves, and its owner and moderators change them. Must
//! never keep a picture of a room: the server is asked.

use packetboat_proto::content::{Content, RoomChange};
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::packet::{Answer, Operation, RoomState};

use crate::client::Client;
use crate::error::{RequestError, SendError};
use crate::sending::Sending;

impl Client {
    /// Listens to a room: its entries come from after [`RoomState::head`] on, as long as there is a
    /// connection. After a lost one the client joins again by itself, and tells what was missed.
    pub async fn join(&self, room: &ChatId) -> Result<RoomState, RequestError> {
        match self.ask(Operation::RoomJoin { room: room.clone() }).await? {
            Answer::RoomJoin(state) => Ok(state),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// Listens to a room no more.
    pub async fn leave_room(&self, room: &ChatId) -> Result<(), RequestError> {
        match self.ask(Operation::RoomLeave { room: room.clone() }).await? {
            Answer::RoomLeave => Ok(()),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// How a room is, whether or not it is listened to.
    pub async fn room(&self, room: &ChatId) -> Result<RoomState, RequestError> {
        match self.ask(Operation::Room { room: room.clone() }).await? {
            Answer::Room(state) => Ok(state),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// Opens a room, or changes one. Its owner may; [`RoomChange::Muted`] its moderators too.
    pub async fn change_room(
        &self,
        room: &ChatId,
        change: RoomChange,
    ) -> Result<Sending, SendError> {
        self.send(room, &Content::Room(change)).await
    }

    /// Makes at most 100 users moderators.
    pub async fn add_moderators(
        &self,
        room: &ChatId,
        users: Vec<UserId>,
    ) -> Result<Sending, SendError> {
        self.change_room(room, RoomChange::Moderators { users, taken_back: false }).await
    }
}
