//! Reads rooms, whose logs forget their oldest entries while they are read. Must never show more
//! than a room keeps, nor take what has just gone for damage.

use std::ops::ControlFlow;

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::Role;
use packetboat_proto::id::{ChatId, UserId};

use super::{Reader, refusal};
use crate::store::key;
use crate::store::read_error::ReadError;
use crate::store::record::room::{Person, Room};
use crate::store::spans::Spans;
use crate::store::{Edge, Logged, Page, PageLimit, RoomView, StoreError};

/// How often a page is read again of which the first entries went meanwhile.
const TRIES_MAX: usize = 8;

impl Reader {
    fn room_row(&self, room: &ChatId) -> Result<Option<Room>, ReadError> {
        let value = self.backend.get(&key::room(room))?;
        Ok(value.map(|value| Room::decode(&value)).transpose()?)
    }

    /// A room that is open, for any user.
    pub(crate) fn room(&self, user: &UserId, room: &ChatId) -> Result<RoomView, StoreError> {
        match self.room_row(room)? {
            Some(row) if !row.closed => Ok(self.room_view(user, room, row)?),
            _ => Err(no_such_room()),
        }
    }

    fn room_view(&self, user: &UserId, room: &ChatId, row: Room) -> Result<RoomView, ReadError> {
        let person = self.backend.get(&key::person(room, user))?;
        let person = person.map(|value| Person::from_value(&value)).transpose()?;
        let Person { moderator, muted_until_ms } = person.unwrap_or_default();
        let role = match (row.owner == *user, moderator) {
            (true, _) => Some(Role::Owner),
            (false, true) => Some(Role::Admin),
            (false, false) => None,
        };
        let head = self.head(room)?;
        let first = self.first_kept(room, &row, head)?;
        let Room { name, topic, keep, slow_ms, .. } = row;
        Ok(RoomView { name, topic, head, first, keep, slow_ms, role, muted_until_ms })
    }

    /// The first entry that is kept; behind the head if all of them have just gone.
    fn first_kept(&self, room: &ChatId, row: &Room, head: u64) -> Result<u64, ReadError> {
        let lowest = row.hidden_upto(head) + 1;
        let mut first = head + 1;
        self.try_scan(&key::entries(room, lowest, head.max(lowest)), |row, _| {
            first = key::seq_and_part(row)?.0;
            Ok(ControlFlow::Break(()))
        })?;
        Ok(first)
    }

    /// What a room shows of its log, to any user; also once it is closed.
    pub(super) fn room_spans(&self, room: &ChatId) -> Result<Spans, StoreError> {
        let row = self.room_row(room)?.ok_or_else(no_such_room)?;
        let head = self.head(room)?;
        Ok(Spans::starting_at(self.first_kept(room, &row, head)?.max(1)))
    }

    /// A page of what a room keeps, for any user; also once it is closed.
    pub(super) fn room_history(
        &self,
        room: &ChatId,
        edge: Edge,
        limit: PageLimit,
    ) -> Result<Page<Logged>, StoreError> {
        let row = self.room_row(room)?.ok_or_else(no_such_room)?;
        for _ in 1..TRIES_MAX {
            match self.kept_page(room, &row, edge, limit) {
                // Its first entries may have gone since it was looked where it begins.
                Err(ReadError::Hole { .. } | ReadError::Parts(_)) => {}
                page => return Ok(page?),
            }
        }
        Ok(self.kept_page(room, &row, edge, limit)?)
    }

    fn kept_page(
        &self,
        room: &ChatId,
        row: &Room,
        edge: Edge,
        limit: PageLimit,
    ) -> Result<Page<Logged>, ReadError> {
        let head = self.head(room)?;
        let first = self.first_kept(room, row, head)?;
        self.page_of(room, &Spans::starting_at(first.max(1)), head, edge, limit)
    }
}

fn no_such_room() -> StoreError {
    refusal(RejectCode::NoSuchChat, "there is no such room".to_owned())
}
