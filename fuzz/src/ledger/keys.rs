//! The directory of keys as sets, so simple that it is plainly right. Must never put an id back
//! that was taken once.

use std::collections::{BTreeMap, BTreeSet};

use packetboat::store::proof::View;
use packetboat_proto::code::RejectCode;
use packetboat_proto::id::ClaimId;
use packetboat_proto::limits::ONE_TIME_KEYS_MAX;
use packetboat_proto::packet::{KeysState, OneTimeKey, PublishKeys};

use super::model::{DEVICES, NAMES, Told};
use super::names::{device, number, user};
use super::standing::Refused;

/// Given keys that a device remembers.
const REMEMBERED: usize = 64;
/// Claims that a user may make at once, and after how long one more.
const CLAIMS: u32 = 500;
const CLAIM_EVERY_MS: u64 = 1_000;

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
    /// A device publishes keys.
    pub fn publish(
        &mut self,
        (by, on): (usize, usize),
        batch: Batch,
        told: &mut Vec<Told>,
    ) -> Refused<KeysState> {
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
            told.push(Told::Keys(by, on, None));
        }
        Ok(KeysState { left: pile.left(), highest: pile.highest })
    }

    /// A user claims a key of a device: who that is, and what is given.
    pub fn claim(
        &mut self,
        (by, claim): (usize, u8),
        (of, on): (usize, usize),
        now_ms: u64,
        told: &mut Vec<Told>,
    ) -> Refused<(u8, Option<u64>)> {
        let pile = self.of.entry((of, on)).or_default();
        if pile.identity == 0 {
            return Err(RejectCode::NoKeys);
        }
        let mut last = pile.given.iter().rev().take(REMEMBERED);
        if let Some((_, _, id)) = last.find(|given| (given.0, given.1) == (by, claim)) {
            return Ok((pile.identity, Some(*id)));
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
        if let Some(id) = id {
            pile.given.push((by, claim, id));
            if pile.left() <= 10 {
                told.push(Told::Keys(of, on, Some(pile.left())));
            }
        }
        Ok((pile.identity, id))
    }

    /// The server starts again.
    pub fn restart(&mut self) {
        self.allowed.clear();
    }

    /// What everybody is told of everybody's keys.
    pub(super) fn compare(&self, view: &View) {
        for (by, of) in (0..NAMES.len()).flat_map(|by| (0..NAMES.len()).map(move |of| (by, of))) {
            let found = view.keys(&user(by), &user(of)).expect("what was written can be read");
            let found = found.items.into_iter().map(|keys| {
                let on = number(&DEVICES, keys.device.as_str());
                assert_eq!(keys.device, device(on));
                (on, keys.identity.to_vec(), keys.state)
            });
            let piles = (0..DEVICES.len()).filter_map(|on| Some((on, self.of.get(&(of, on))?)));
            let there = piles.filter(|(_, pile)| pile.identity != 0);
            let expected = there.map(|(on, pile)| {
                let state = KeysState { left: pile.left(), highest: pile.highest };
                (on, vec![pile.identity], (by == of).then_some(state))
            });
            assert!(expected.eq(found), "what {by} is told of the keys of {of}");
        }
    }
}

impl Pile {
    fn left(&self) -> u32 {
        u32::try_from(self.ids.len()).expect("there are few")
    }
}
