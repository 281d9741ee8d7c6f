//! The directory of keys as sets, so simple that it is plainly right. Must never put an id back
//! that was taken once.

use std::collections::{BTreeMap, BTreeSet};

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::ClaimId;
use packetboat_proto::limits::ONE_TIME_KEYS_MAX;
use packetboat_proto::packet::{KeysState, OneTimeKey, PublishKeys};

use super::standing::Refused;

/// Given keys that a device remembers.
const REMEMBERED: usize = 64;
/// Claims that a user may make at once, and after how long one more.
const CLAIMS: u32 = 500;
const CLAIM_EVERY_MS: u64 = 1_000;

/// One-time keys left of which a device is told.
const LOW: u32 = 10;

/// What a claim is given.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    /// Who the device is.
    pub identity: u8,
    /// Its one-time key.
    pub id: Option<u64>,
    /// How many are left, if the device is told.
    pub low: Option<u32>,
}

/// The keys of a device.
#[derive(Clone, Debug, Default)]
struct Pile {
    /// Who it is; 0: nobody.
    identity: u8,
    /// What is not given yet.
    ids: BTreeSet<u64>,
    highest: u64,
    /// What was given since it is who it is: to whom, to which claim, what.
    given: Vec<(usize, u8, u64)>,
}

/// The keys of all devices.
#[derive(Clone, Debug, Default)]
pub struct Piles {
    of: BTreeMap<(usize, usize), Pile>,
    /// Claims that a user may make still, and since when it is so many.
    allowed: BTreeMap<usize, (u32, u64)>,
}

/// Keys that a device publishes: an identity, and ids from one on.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    /// 0: nobody.
    pub identity: u8,
    /// The first id.
    pub first: u64,
    /// How many.
    pub count: u64,
}

impl Batch {
    fn ids(self) -> std::ops::Range<u64> {
        self.first..self.first + self.count
    }

    /// As a request has it.
    pub fn keys(self) -> PublishKeys {
        if self.identity == 0 {
            return PublishKeys::default();
        }
        PublishKeys {
            identity: vec![self.identity].into(),
            proof: "proof".into(),
            prekey: "prekey".into(),
            one_time: self.ids().map(|id| one(self.identity, id)).collect(),
        }
    }
}

/// A claim's id.
pub(super) fn claim_id(claim: u8) -> ClaimId {
    ClaimId::from([claim; 16])
}

/// A one-time key.
pub(super) fn one(identity: u8, id: u64) -> OneTimeKey {
    OneTimeKey { id, key: format!("{identity} {id}").into() }
}

impl Piles {
    /// A device publishes keys: how many there are, and whether it is another one now.
    pub fn publish(
        &mut self,
        (by, on): (usize, usize),
        batch: Batch,
    ) -> Refused<(KeysState, bool)> {
        let pile = self.of.entry((by, on)).or_default();
        let stays = pile.identity == batch.identity;
        let mut ids = if stays { pile.ids.clone() } else { BTreeSet::new() };
        if batch.identity != 0 {
            ids.extend(batch.ids().filter(|id| *id > pile.highest));
        }
        if ids.len() > ONE_TIME_KEYS_MAX as usize {
            return Err(RejectCode::LimitReached);
        }
        pile.highest = pile.highest.max(ids.last().copied().unwrap_or(0));
        pile.ids = ids;
        if !stays {
            pile.identity = batch.identity;
            pile.given.clear();
        }
        Ok((KeysState { left: pile.left(), highest: pile.highest }, !stays))
    }

    /// A device is gone: whether it was somebody.
    pub(super) fn remove(&mut self, device: (usize, usize)) -> bool {
        self.of.remove(&device).is_some_and(|pile| pile.identity != 0)
    }

    /// A user claims a key of a device.
    pub fn claim(
        &mut self,
        (by, claim): (usize, u8),
        (of, on): (usize, usize),
        now_ms: u64,
    ) -> Refused<Given> {
        let pile = self.of.entry((of, on)).or_default();
        if pile.identity == 0 {
            return Err(RejectCode::NoKeys);
        }
        let mut last = pile.given.iter().rev().take(REMEMBERED);
        if let Some((_, _, id)) = last.find(|given| (given.0, given.1) == (by, claim)) {
            return Ok(Given { identity: pile.identity, id: Some(*id), low: None });
        }
        if pile.ids.is_empty() {
            return Ok(Given { identity: pile.identity, id: None, low: None });
        }
        let (left, since) = self.allowed.entry(by).or_insert((CLAIMS, now_ms));
        while *left < CLAIMS && now_ms >= *since + CLAIM_EVERY_MS {
            (*left, *since) = (*left + 1, *since + CLAIM_EVERY_MS);
        }
        if *left == CLAIMS {
            *since = now_ms;
        }
        *left = left.checked_sub(1).ok_or(RejectCode::RateLimited)?;
        let id = pile.ids.pop_first();
        pile.given.extend(id.map(|id| (by, claim, id)));
        let low = (id.is_some() && pile.left() <= LOW).then(|| pile.left());
        Ok(Given { identity: pile.identity, id, low })
    }

    /// The server starts again.
    pub fn restart(&mut self) {
        self.allowed.clear();
    }

    /// The devices of a user that have keys, and who each is.
    pub(super) fn of_user(&self, of: usize) -> impl Iterator<Item = (usize, u8, KeysState)> {
        let piles = self.of.range((of, 0)..(of + 1, 0));
        let there = piles.filter(|(_, pile)| pile.identity != 0);
        there.map(|((_, on), pile)| {
            (*on, pile.identity, KeysState { left: pile.left(), highest: pile.highest })
        })
    }
}

impl Pile {
    fn left(&self) -> u32 {
        u32::try_from(self.ids.len()).expect("there are few")
    }
}
