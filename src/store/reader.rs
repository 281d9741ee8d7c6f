//! Reads for the sessions, on blocking threads, beside the committer. Must never show an entry that
//! is not durable: the only way to a log's head is `Reader::head`.

mod contact;
mod device;
mod due;
mod file;
mod history;
mod joining;
mod keys;
mod lag;
mod own;
mod profile;
mod receipt;
mod recent;
mod room;
mod schedule;
#[cfg(feature = "search")]
mod search;
mod thread;
mod view;

use std::ops::ControlFlow;
use std::sync::Arc;

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::{ChatId, DeviceId, UserId};

use super::backend::{Backend, Row};
use super::horizon::Horizon;
use super::key::{self, KeyRange};
use super::read_error::ReadError;
use super::record::{AccountRow, Group, Place};
use super::{Account, Refusal, StoreError};

/// What is said of a chat that is not there, and of one that is not the asker's.
const NOT_YOURS: &str = "there is no such chat, or it is not yours";

/// The reading side of the store.
pub(crate) struct Reader {
    backend: Arc<dyn Backend>,
    horizon: Arc<Horizon>,
}

/// Rows, and whether there are more behind them.
struct Rows {
    rows: Vec<Row>,
    more: bool,
}

impl Reader {
    pub(crate) fn new(backend: Arc<dyn Backend>, horizon: Arc<Horizon>) -> Self {
        Self { backend, horizon }
    }

    /// The last durable seq of a chat. First the head, then the horizon: see there.
    fn head(&self, chat: &ChatId) -> Result<u64, ReadError> {
        let range = key::log(chat);
        let head = match self.backend.last_key(&range.from, &range.to)? {
            Some(last) => key::seq_and_part(&last)?.0,
            None => return Ok(0),
        };
        Ok(self.horizon.durable(chat, head))
    }

    /// The last durable seq that a user may see.
    fn last_visible(&self, place: &Place, chat: &ChatId) -> Result<u64, ReadError> {
        // Also for one who is out: the entry that says so may not be durable yet.
        Ok(place.spans.last(self.head(chat)?))
    }

    fn place(&self, user: &UserId, chat: &ChatId) -> Result<Option<Place>, ReadError> {
        let value = self.backend.get(&key::place(user, chat))?;
        Ok(value.map(|value| Place::decode(&value)).transpose()?)
    }

    /// A user's place in a chat, or the refusal that tells nothing of a chat that is not theirs.
    /// A direct chat is its users' from the start, before anything is written to it.
    fn own_place(&self, user: &UserId, chat: &ChatId) -> Result<Place, StoreError> {
        match self.place(user, chat)? {
            Some(place) => Ok(place),
            None if chat.peer_of(user).is_some() => Ok(Place::starting_at(1)),
            None => Err(refusal(RejectCode::NoSuchChat, NOT_YOURS.to_owned())),
        }
    }

    /// A user's place in a chat that it is in now.
    fn place_in(&self, user: &UserId, chat: &ChatId) -> Result<Place, StoreError> {
        let over = self.group(chat)?.is_some_and(|group| group.dissolved);
        let place = self.own_place(user, chat)?;
        if over || !place.spans.is_open() {
            let reason = "you are not a member any more".to_owned();
            return Err(refusal(RejectCode::NotAllowed, reason));
        }
        Ok(place)
    }

    /// What a device has had: its cursor, or that it has had nothing.
    fn cursor(
        &self,
        user: &UserId,
        device: &DeviceId,
        chat: &ChatId,
        place: &Place,
    ) -> Result<u64, ReadError> {
        let cursor = self.backend.get(&key::device::cursor(user, device, chat))?;
        Ok(place.had_by(cursor.as_deref())?)
    }

    fn group(&self, chat: &ChatId) -> Result<Option<Group>, ReadError> {
        let value = self.backend.get(&key::group(chat))?;
        Ok(value.map(|value| Group::decode(&value)).transpose()?)
    }

    /// The first rows of a range, at most `limit`. They are taken out before anything else is
    /// read: a backend is not called from within its scan.
    fn rows(&self, range: &KeyRange, limit: usize) -> Result<Rows, ReadError> {
        let (mut rows, mut more) = (Vec::new(), false);
        self.backend.scan(&range.from, &range.to, &mut |key, value| {
            if rows.len() == limit {
                more = true;
                return ControlFlow::Break(());
            }
            rows.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })?;
        Ok(Rows { rows, more })
    }

    /// A scan that what it finds can end.
    fn try_scan(
        &self,
        range: &KeyRange,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, ReadError>,
    ) -> Result<(), ReadError> {
        let mut fault = None;
        self.backend.scan(&range.from, &range.to, &mut |key, value| {
            visit(key, value).unwrap_or_else(|error| {
                fault = Some(error);
                ControlFlow::Break(())
            })
        })?;
        fault.map_or(Ok(()), Err)
    }

    /// A user's account, if there is one.
    pub(crate) fn account(&self, user: &UserId) -> Result<Option<Account>, StoreError> {
        let Some(value) = self.backend.get(&key::account(user)).map_err(ReadError::from)? else {
            return Ok(None);
        };
        let row = AccountRow::from_value(&value).map_err(ReadError::from)?;
        let there = !row.hash.is_empty();
        Ok(there.then_some(Account { hash: row.hash, generation: row.generation }))
    }

    /// The users with an account.
    pub(crate) fn accounts(
        &self,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let mut users = Vec::new();
        self.try_scan(&key::accounts(after), |row, value| {
            if users.len() >= limit {
                return Ok(ControlFlow::Break(()));
            }
            if !AccountRow::from_value(value)?.hash.is_empty() {
                users.push(key::last_user(row)?);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(users)
    }
}

fn refusal(code: RejectCode, reason: String) -> StoreError {
    StoreError::Refused(Refusal::new(code, reason))
}

#[cfg(test)]
mod tests;
