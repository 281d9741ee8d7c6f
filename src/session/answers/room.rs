//! What is asked of rooms. Must never read how far a room is before the session is in it: what
//! comes in between would be neither delivered nor told.

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::{ChatId, SessionId, UserId};
use packetboat_proto::limits::ROOMS_PER_SESSION_MAX;
use packetboat_proto::packet::{Answer, RoomState};

use crate::hub::registry::JoinError;
use crate::session::house::House;
use crate::store::{Refusal, RoomView, Store, StoreError};

/// Lets a session into a room, and tells how the room is.
pub(super) async fn join<S: Store>(
    house: &House<S>,
    user: &UserId,
    session: SessionId,
    room: ChatId,
) -> Result<Answer, StoreError> {
    let joined = house.hub.join_room(user, session, &room);
    joined.map_err(|error| match error {
        JoinError::TooMany => {
            let reason = format!("a session is in at most {ROOMS_PER_SESSION_MAX} rooms");
            Refusal::new(RejectCode::LimitReached, reason)
        }
        JoinError::Gone => Refusal::new(RejectCode::Unavailable, "the session has been replaced"),
    })?;
    let state = state(house, user, room.clone()).await;
    if state.is_err() {
        house.hub.leave_room(user, session, &room);
    }
    Ok(Answer::RoomJoin(state?))
}

/// How a room is.
pub(super) async fn state<S: Store>(
    house: &House<S>,
    user: &UserId,
    room: ChatId,
) -> Result<RoomState, StoreError> {
    let view = house.store.room(user.clone(), room.clone()).await?;
    let RoomView { name, topic, head, first, keep, slow_ms, role, muted_until_ms } = view;
    let listeners = house.hub.listeners(&room);
    Ok(RoomState { room, name, topic, listeners, head, first, keep, slow_ms, role, muted_until_ms })
}
