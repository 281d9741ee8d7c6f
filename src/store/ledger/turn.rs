//! One batch in the making: what is stored, under what the batch will change, so that a command
//! sees what the ones before it did. Must never show a write of a batch that failed: after one, the
//! turn's caches must not be used again.

use ahash::{HashMap, HashSet};
use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::id::{ChatId, MessageId, UserId};
use packetboat_proto::packet::ReceiptRule;
use packetboat_proto::planted::{self, Bug};
use thiserror::Error;

use crate::store::backend::{Backend, Row};
use crate::store::batch::Batch;
use crate::store::key::{self, KeyRange};
use crate::store::read_error::ReadError;
use crate::store::recent::Recent;
use crate::store::record::{AccountRow, Group, Member, Place, as_number, number};
use crate::store::rules::{Rules, UnknownUsers};
use crate::store::{Effect, Refusal};

use super::allowance::Allowance;
use super::room_cache::RoomCache;
use super::ways::Ways;

/// Users whose number of chats is kept at hand, and whether they hide what they read, and up to
/// twice as many.
const COUNTS_CACHED: usize = 32_768;
/// Groups of which it is kept at hand who may write, and up to twice as many.
const GATES_CACHED: usize = 32_768;

/// What stands in the way of each message to a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    pub(super) only_admins_write: bool,
    pub(super) dissolved: bool,
}

impl Gate {
    fn of(group: &Group) -> Self {
        Self { only_admins_write: group.rules.only_admins_write, dissolved: group.dissolved }
    }
}

/// What the ledger keeps from turn to turn; all of it can be read again.
#[derive(Debug)]
pub(crate) struct Caches {
    heads: Recent<ChatId, u64>,
    /// The greatest message id of a sender in a chat, by the first part of their keys.
    newest: Recent<Vec<u8>, Option<MessageId>>,
    chats: Recent<UserId, u32>,
    gates: Recent<ChatId, Gate>,
    rooms: RoomCache,
    ways: Ways,
    receipts: Recent<UserId, ReceiptRule>,
    claims: Recent<UserId, Allowance>,
    /// Groups that many ask to come into: before then nobody makes room who was refused.
    askings: Recent<ChatId, u64>,
}

impl Caches {
    /// For the heads of at least `chats`, and the newest ids of as many senders in them; at most
    /// of twice as many.
    pub(crate) fn new(chats: usize) -> Self {
        Self {
            heads: Recent::keeping(chats),
            newest: Recent::keeping(chats),
            chats: Recent::keeping(COUNTS_CACHED),
            gates: Recent::keeping(GATES_CACHED),
            rooms: RoomCache::default(),
            ways: Ways::keeping(chats),
            receipts: Recent::keeping(COUNTS_CACHED),
            claims: Recent::keeping(COUNTS_CACHED),
            askings: Recent::keeping(COUNTS_CACHED),
        }
    }
}

/// What a turn has come to.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// What is to be written.
    pub(crate) batch: Batch,
    /// What others are to learn once it is durable.
    pub(crate) effects: Vec<Effect>,
    /// Where the logs that grow ended before.
    pub(crate) heads_before: HashMap<ChatId, u64>,
    /// Whose own state changes.
    pub(crate) owners: HashSet<UserId>,
}

/// Why a command ends early: refused, with nothing changed; or the store cannot be read.
#[derive(Debug, Error)]
pub(crate) enum Halt {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// A refusal as an error.
pub(super) fn refuse<T>(code: RejectCode, reason: impl Into<String>) -> Result<T, Halt> {
    Err(Refusal::new(code, reason).into())
}

/// The same answer for a user who is not there and one who is not there for the one that asks.
pub(super) fn unknown_user<T>(user: &UserId) -> Result<T, Halt> {
    refuse(RejectCode::UnknownUser, format!("there is no user {user}"))
}

/// The same answer for a chat that is not there and one that is not the sender's.
pub(super) fn no_such_chat<T>() -> Result<T, Halt> {
    refuse(RejectCode::NoSuchChat, "there is no such chat, or it is not yours")
}

/// One batch in the making.
pub(crate) struct Turn<'a> {
    backend: &'a dyn Backend,
    caches: &'a mut Caches,
    work: Work,
    /// What the operator has set.
    pub(super) rules: &'a Rules,
    /// The time of all that is done in this turn.
    pub(super) now_ms: u64,
    /// The disk is nearly full: nothing new is taken.
    pub(super) full: bool,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(
        backend: &'a dyn Backend,
        caches: &'a mut Caches,
        rules: &'a Rules,
        now_ms: u64,
        full: bool,
    ) -> Self {
        Self { backend, caches, work: Work::default(), rules, now_ms, full }
    }

    /// Goes on with what has been done for this batch.
    pub(crate) fn after(self, work: Work) -> Self {
        Self { work, ..self }
    }

    pub(crate) fn finish(self) -> Work {
        self.work
    }

    /// Operations that still fit into the batch.
    pub(crate) fn room(&self) -> usize {
        self.work.batch.room()
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        match self.work.batch.get(key) {
            Some(written) => Ok(written.map(<[u8]>::to_vec)),
            None => Ok(self.backend.get(key)?),
        }
    }

    pub(super) fn put(&mut self, key: Vec<u8>, value: impl Into<Bytes>) {
        self.work.batch.put(key, value);
    }

    /// What this turn writes over or removes is to be erased, not only to be found no more.
    pub(super) fn erase_soon(&mut self) {
        self.work.batch.erase();
    }

    pub(super) fn remove(&mut self, key: Vec<u8>) {
        self.work.batch.remove(key);
    }

    pub(super) fn emit(&mut self, effect: Effect) {
        self.work.effects.push(effect);
    }

    /// The first rows of a range, at most `limit`.
    pub(super) fn rows(&self, range: &KeyRange, limit: usize) -> Result<Vec<Row>, ReadError> {
        use std::ops::ControlFlow::{Break, Continue};
        let mut rows = Vec::new();
        let mut ours = self.work.batch.range(&range.from, &range.to).peekable();
        let mut take = |key: &[u8], value: &[u8]| {
            rows.push((key.to_vec(), value.to_vec()));
            rows.len() >= limit
        };
        let mut done = limit == 0;
        self.backend.scan(&range.from, &range.to, &mut |key, value| {
            while let Some((our_key, our_value)) = ours.next_if(|(our_key, _)| *our_key < key) {
                done = done || our_value.is_some_and(|value| take(our_key, value));
                if done {
                    return Break(());
                }
            }
            done = done
                || match ours.next_if(|(our_key, _)| *our_key == key) {
                    Some((_, our_value)) => our_value.is_some_and(|value| take(key, value)),
                    None => take(key, value),
                };
            if done { Break(()) } else { Continue(()) }
        })?;
        for (key, value) in ours {
            if done {
                break;
            }
            done = value.is_some_and(|value| take(key, value));
        }
        Ok(rows)
    }

    /// The last key of a range whose last row is never removed; else one that is no lower.
    fn last_key(&self, range: &KeyRange) -> Result<Option<Vec<u8>>, ReadError> {
        let ours = self.work.batch.range(&range.from, &range.to).next_back();
        let ours = ours.map(|(key, _)| key.to_vec());
        Ok(ours.max(self.backend.last_key(&range.from, &range.to)?))
    }

    /// The seq under a message's key, if it was accepted before. Ids mostly go up, and one above
    /// all of its sender in its chat is new: then nothing is read. So is each of a chat that has
    /// no entry yet.
    pub(super) fn seq_of(&mut self, by_id: &[u8], head: u64) -> Result<Option<u64>, ReadError> {
        let (of_sender, id) = key::split_dedup(by_id);
        let newest = if let Some(newest) = self.caches.newest.get(of_sender) {
            newest
        } else {
            let dedups = key::dedups(of_sender);
            let last = if head == 0 { None } else { self.last_key(&dedups)? };
            let newest = last.map(|last| key::split_dedup(&last).1);
            self.caches.newest.set(of_sender, newest);
            newest
        };
        if Some(id) > newest {
            return Ok(None);
        }
        Ok(self.get(by_id)?.map(|seq| as_number(&seq)).transpose()?)
    }

    /// A message was accepted.
    pub(super) fn put_seq_of(&mut self, by_id: Vec<u8>, seq: u64) {
        let (of_sender, id) = key::split_dedup(&by_id);
        // What is not at hand must not be taken for the first one.
        if let Some(newest) = self.caches.newest.get(of_sender) {
            self.caches.newest.set(of_sender, newest.max(Some(id)));
        }
        if !planted::is(Bug::DedupRowSkipped) {
            self.put(by_id, number(seq));
        }
    }

    /// Where a chat's log ends.
    pub(super) fn head(&mut self, chat: &ChatId) -> Result<u64, ReadError> {
        if let Some(head) = self.caches.heads.get(chat) {
            return Ok(head);
        }
        let last =
            if planted::is(Bug::HeadFromMemory) { None } else { self.last_key(&key::log(chat))? };
        let head = match last {
            Some(last) => key::seq_and_part(&last)?.0,
            None => 0,
        };
        self.caches.heads.set(chat, head);
        Ok(head)
    }

    /// A chat's log has one entry more.
    pub(super) fn raise_head(&mut self, chat: &ChatId, seq: u64) {
        if !self.work.heads_before.contains_key(chat) {
            self.work.heads_before.insert(chat.clone(), seq - 1);
        }
        self.caches.heads.set(chat, seq);
    }

    /// A user's own state changes.
    pub(super) fn note_own(&mut self, user: &UserId) {
        self.work.owners.insert(user.clone());
    }

    /// Whether others are told what a user has read.
    pub(super) fn receipt_rule(&mut self, user: &UserId) -> Result<ReceiptRule, ReadError> {
        if let Some(rule) = self.caches.receipts.get(user) {
            return Ok(rule);
        }
        let rule = self.profile(user)?.unwrap_or_default().receipts;
        self.caches.receipts.set(user, rule);
        Ok(rule)
    }

    /// That is from now on so.
    pub(super) fn keep_receipt_rule(&mut self, user: &UserId, rule: ReceiptRule) {
        self.caches.receipts.set(user, rule);
    }

    /// How many keys users may claim still.
    pub(super) fn allowances(&mut self) -> &mut Recent<UserId, Allowance> {
        &mut self.caches.claims
    }

    /// Until when nobody who was refused makes room for who asks to come into groups.
    pub(super) fn full_until(&mut self) -> &mut Recent<ChatId, u64> {
        &mut self.caches.askings
    }

    /// What is at hand of rooms.
    pub(super) fn rooms_at_hand(&mut self) -> &mut RoomCache {
        &mut self.caches.rooms
    }

    /// What is at hand of who may write to whom.
    pub(super) fn ways_at_hand(&mut self) -> &mut Ways {
        &mut self.caches.ways
    }

    pub(super) fn place(&self, user: &UserId, chat: &ChatId) -> Result<Option<Place>, ReadError> {
        let value = self.get(&key::place(user, chat))?;
        Ok(value.map(|value| Place::decode(&value)).transpose()?)
    }

    pub(super) fn put_place(&mut self, user: &UserId, chat: &ChatId, place: &Place) {
        self.put(key::place(user, chat), place.encode());
    }

    pub(super) fn is_member(&self, chat: &ChatId, user: &UserId) -> Result<bool, ReadError> {
        Ok(self.get(&key::member(chat, user))?.is_some())
    }

    pub(super) fn member(&self, chat: &ChatId, user: &UserId) -> Result<Option<Member>, ReadError> {
        let value = self.get(&key::member(chat, user))?;
        Ok(value.map(|value| Member::from_value(&value)).transpose()?)
    }

    pub(super) fn group(&self, chat: &ChatId) -> Result<Option<Group>, ReadError> {
        let value = self.get(&key::group(chat))?;
        Ok(value.map(|value| Group::decode(&value)).transpose()?)
    }

    pub(super) fn put_group(&mut self, chat: &ChatId, group: &Group) {
        self.caches.gates.set(chat, Gate::of(group));
        self.put(key::group(chat), group.encode());
    }

    /// What stands in the way of each message to a group.
    pub(super) fn gate(&mut self, chat: &ChatId) -> Result<Gate, ReadError> {
        if let Some(gate) = self.caches.gates.get(chat) {
            return Ok(gate);
        }
        let group = self.group(chat)?;
        let of = || chat.to_string();
        let group = group.ok_or_else(|| ReadError::Missing { what: "the group", of: of() })?;
        let gate = Gate::of(&group);
        self.caches.gates.set(chat, gate);
        Ok(gate)
    }

    pub(super) fn account_row(&self, user: &UserId) -> Result<Option<AccountRow>, ReadError> {
        let value = self.get(&key::account(user))?;
        Ok(value.map(|value| AccountRow::from_value(&value)).transpose()?)
    }

    /// The user was here once, or has an account.
    fn is_known(&self, user: &UserId) -> Result<bool, ReadError> {
        if self.get(&key::user(user))?.is_some() {
            return Ok(true);
        }
        Ok(self.account_row(user)?.is_some_and(|account| !account.hash.is_empty()))
    }

    /// Refuses a user who was never here, if the operator wants that.
    pub(super) fn check_known(&self, user: &UserId) -> Result<(), Halt> {
        if self.rules.unknown_users == UnknownUsers::Keep || self.is_known(user)? {
            return Ok(());
        }
        unknown_user(user)
    }

    /// Refuses a user who is in as many chats as one may be.
    pub(super) fn check_room_for_chat(&mut self, user: &UserId) -> Result<(), Halt> {
        if self.chats_of(user)? < self.rules.chats_per_user_max {
            return Ok(());
        }
        let max = self.rules.chats_per_user_max;
        refuse(RejectCode::LimitReached, format!("{user} is in {max} chats, which is the most"))
    }

    /// Counted once by a scan that stops at the bound, and kept at hand from then on: a row for
    /// the number would make a change of 100 members larger than one commit.
    fn chats_of(&mut self, user: &UserId) -> Result<u32, ReadError> {
        if let Some(count) = self.caches.chats.get(user) {
            return Ok(count);
        }
        let bound = self.rules.chats_per_user_max;
        let range = key::places(user, None);
        let mut count: u32 = 0;
        self.backend.scan(&range.from, &range.to, &mut |_, _| {
            count += 1;
            if count < bound {
                std::ops::ControlFlow::Continue(())
            } else {
                std::ops::ControlFlow::Break(())
            }
        })?;
        // A place is never removed, so what the batch has beside the stored ones is new.
        let ours = self.work.batch.range(&range.from, &range.to);
        for (place, _) in ours {
            if count >= bound {
                break;
            }
            count += u32::from(self.backend.get(place)?.is_none());
        }
        self.caches.chats.set(user, count);
        Ok(count)
    }

    /// The user is in one chat more than before.
    pub(super) fn count_chat(&mut self, user: &UserId) {
        if let Some(count) = self.caches.chats.get(user) {
            self.caches.chats.set(user, count + 1);
        }
    }
}
