//! The directory of keys: what a device publishes, and what is claimed of it. Must never give a
//! one-time key to two claims, nor look into a key.

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::{ChatId, ClaimId, DeviceId, UserId};
use packetboat_proto::limits::{ONE_TIME_KEYS_MAX, ONE_TIME_KEYS_PER_PUBLISH_MAX};
use packetboat_proto::packet::{
    DeviceKeys, KeyBundle, KeysNews, KeysState, OneTimeKey, PublishKeys,
};
use packetboat_proto::planted::{self, Bug};

use super::allowance::Allowance;
use super::turn::{Halt, Turn, refuse};
use crate::store::Effect;
use crate::store::key::keys as key;
use crate::store::read_error::ReadError;
use crate::store::record::keys::{Bundle, Given};

/// One-time keys with which a device is told that it has few left.
const KEYS_LOW: u32 = 10;
/// Given keys of a device that are remembered, each with its claim: whoever asks again is given the
/// same.
const GIVEN_KEPT: u8 = 64;
/// Operations to take the keys of a device away: the bundle, and all that stands behind it.
pub(super) const KEYS_TAKEN_OPERATIONS_MAX: usize =
    1 + ONE_TIME_KEYS_MAX as usize + GIVEN_KEPT as usize;
/// Operations of one change: those, and what is new.
pub(super) const KEYS_OPERATIONS_MAX: usize =
    KEYS_TAKEN_OPERATIONS_MAX + ONE_TIME_KEYS_PER_PUBLISH_MAX;

impl Turn<'_> {
    /// The keys of a device are these from now on, and more one-time keys.
    pub(super) fn publish_keys(
        &mut self,
        user: &UserId,
        device: &DeviceId,
        keys: &PublishKeys,
    ) -> Result<KeysState, Halt> {
        // Its session may have asked just before it was told.
        if self.device_row(user, device)?.is_none() {
            return refuse(RejectCode::NotAllowed, "the device was logged out");
        }
        let before = self.bundle(user, device)?;
        if keys.identity.is_empty() {
            return Ok(self.take_keys_away(user, device, before)?);
        }
        check(keys)?;
        let before = before.unwrap_or_default();
        let stays = before.identity == keys.identity;
        // What was taken before is passed over: it may have been given since.
        let new: Vec<&OneTimeKey> =
            keys.one_time.iter().filter(|key| key.id > before.highest).collect();
        let kept = if stays { before.left } else { 0 };
        let left = kept + u32::try_from(new.len()).unwrap_or(u32::MAX);
        if left > ONE_TIME_KEYS_MAX {
            let reason = format!("a device has at most {ONE_TIME_KEYS_MAX} one-time keys");
            return refuse(RejectCode::LimitReached, reason);
        }
        if !stays {
            self.clear_keys(user, device)?;
        }
        for one in &new {
            self.put(key::one_time(user, device, one.id), one.key.clone());
        }
        let bundle = Bundle {
            identity: keys.identity.clone(),
            proof: keys.proof.clone(),
            prekey: keys.prekey.clone(),
            left,
            highest: new.last().map_or(before.highest, |one| one.id),
            given: before.given,
        };
        if bundle != before {
            self.put(key::bundle(user, device), bundle.to_value());
        }
        if !stays {
            self.tell_of_keys(user, device, &bundle, None);
        }
        Ok(KeysState { left, highest: bundle.highest })
    }

    /// A device has no keys any more. How high its ids were is remembered: it may come back.
    fn take_keys_away(
        &mut self,
        user: &UserId,
        device: &DeviceId,
        before: Option<Bundle>,
    ) -> Result<KeysState, ReadError> {
        let Some(Bundle { identity, highest, given, .. }) = before else {
            return Ok(KeysState::default());
        };
        if !identity.is_empty() {
            self.clear_keys(user, device)?;
            let bundle = Bundle { highest, given, ..Bundle::default() };
            self.put(key::bundle(user, device), bundle.to_value());
            self.tell_of_keys(user, device, &bundle, None);
        }
        Ok(KeysState { left: 0, highest })
    }

    /// A device is gone: nothing of its keys stays, for if it comes again it is another.
    pub(super) fn remove_keys(
        &mut self,
        user: &UserId,
        device: &DeviceId,
    ) -> Result<(), ReadError> {
        if let Some(before) = self.bundle(user, device)? {
            self.take_keys_away(user, device, Some(before))?;
            self.remove(key::bundle(user, device));
        }
        Ok(())
    }

    fn clear_keys(&mut self, user: &UserId, device: &DeviceId) -> Result<(), ReadError> {
        for (row, _) in self.rows(&key::behind(user, device), KEYS_OPERATIONS_MAX)? {
            self.remove(row);
        }
        Ok(())
    }

    fn bundle(&self, user: &UserId, device: &DeviceId) -> Result<Option<Bundle>, ReadError> {
        let value = self.get(&key::bundle(user, device))?;
        Ok(value.map(|value| Bundle::from_value(&value)).transpose()?)
    }

    fn tell_of_keys(
        &mut self,
        user: &UserId,
        device: &DeviceId,
        bundle: &Bundle,
        state: Option<KeysState>,
    ) {
        let (identity, proof) = (bundle.identity.clone(), bundle.proof.clone());
        let device = DeviceKeys { device: device.clone(), identity, proof, state };
        self.emit(Effect::Keys(KeysNews { user: user.clone(), device }));
    }

    /// Gives one who may write to a user what that takes: the lowest one-time key of the device, if
    /// there is one left.
    pub(super) fn claim_key(
        &mut self,
        claimer: &UserId,
        claim: ClaimId,
        (of, device): (&UserId, &DeviceId),
    ) -> Result<KeyBundle, Halt> {
        let no_keys = || refuse(RejectCode::NoKeys, format!("{of} has no such device with keys"));
        let tells = self.rules.tell_blocked || self.tells_strangers();
        if !tells && self.blocks(of, claimer)? {
            // As of a user who is not there.
            return no_keys();
        }
        self.check_may_write_to(&ChatId::direct(of, claimer), claimer)?;
        let bundle = self.bundle(of, device)?.filter(|bundle| !bundle.identity.is_empty());
        let Some(bundle) = bundle else { return no_keys() };
        let mut one_time = self.given_to(claimer, claim, (of, device))?;
        if one_time.is_none() {
            one_time = self.give((claimer, claim), (of, device), &bundle)?;
        }
        let Bundle { identity, prekey, .. } = bundle;
        Ok(KeyBundle { identity, prekey, one_time })
    }

    /// What a claim was given before.
    fn given_to(
        &self,
        claimer: &UserId,
        claim: ClaimId,
        (of, device): (&UserId, &DeviceId),
    ) -> Result<Option<OneTimeKey>, ReadError> {
        for (_, value) in self.rows(&key::givens(of, device), GIVEN_KEPT.into())? {
            let given = Given::from_value(&value)?;
            if given.claim == claim && given.to == *claimer {
                return Ok(Some(given.key));
            }
        }
        Ok(None)
    }

    /// Takes the lowest one-time key of a device out, and remembers who has it.
    fn give(
        &mut self,
        (to, claim): (&UserId, ClaimId),
        (of, device): (&UserId, &DeviceId),
        bundle: &Bundle,
    ) -> Result<Option<OneTimeKey>, Halt> {
        let Some((row, value)) = self.rows(&key::one_times(of, device), 1)?.pop() else {
            return Ok(None);
        };
        self.check_allowance(to)?;
        let id = key::last_key_id(&row).map_err(ReadError::from)?;
        let key = OneTimeKey { id, key: value.into() };
        let given = Given { to: to.clone(), claim, key };
        let slot = u8::try_from(bundle.given % u64::from(GIVEN_KEPT)).unwrap_or(0);
        if !planted::is(Bug::KeyGivenTwice) {
            self.remove(row);
        }
        self.put(key::given(of, device, slot), given.to_value());
        let (left, times) = (bundle.left.saturating_sub(1), bundle.given + 1);
        let bundle = Bundle { left, given: times, ..bundle.clone() };
        self.put(key::bundle(of, device), bundle.to_value());
        if left <= KEYS_LOW {
            let state = KeysState { left, highest: bundle.highest };
            self.tell_of_keys(of, device, &bundle, Some(state));
        }
        Ok(Some(given.key))
    }

    /// Refuses who claims too much in too short a time.
    fn check_allowance(&mut self, claimer: &UserId) -> Result<(), Halt> {
        let now_ms = self.now_ms;
        let allowances = self.allowances();
        let before = allowances.get(claimer).unwrap_or(Allowance::full(now_ms));
        let Some(after) = before.used(now_ms) else {
            return refuse(RejectCode::RateLimited, "too many keys were claimed just now");
        };
        allowances.set(claimer, after);
        Ok(())
    }
}

fn check(keys: &PublishKeys) -> Result<(), Halt> {
    let ascending = keys.one_time.windows(2).all(|pair| pair[0].id < pair[1].id);
    if !ascending || keys.one_time.iter().any(|one| one.key.is_empty()) {
        return refuse(RejectCode::Invalid, "one-time keys have bytes, and ids that go up");
    }
    if keys.prekey.is_empty() {
        return refuse(RejectCode::Invalid, "a device with keys has a prekey");
    }
    Ok(())
}
