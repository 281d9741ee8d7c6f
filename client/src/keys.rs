//! The directory of keys: a device publishes its own, and claims those of others. Must never look
//! into a key, nor keep a private one.

use bytes::Bytes;
use packetboat_proto::id::{ClaimId, DeviceId, UserId};
use packetboat_proto::limits::{
    BODY_BYTES_LOWEST, BODY_OVERHEAD_BYTES, ONE_TIME_KEYS_PER_PUBLISH_MAX,
};
use packetboat_proto::packet::{
    Answer, AskKeys, DeviceKeys, KeyBundle, Keys, KeysState, OneTimeKey, Operation, PublishKeys,
};

use crate::client::{Client, Page};
use crate::error::RequestError;

/// Bytes of what one request publishes: it fits every server's bodies.
const PUBLISH_BYTES_MAX: usize = (BODY_BYTES_LOWEST - BODY_OVERHEAD_BYTES) as usize;
/// Bytes of a one-time key beside the key itself, at most.
const ONE_TIME_OVERHEAD_BYTES: usize = 32;

/// A claim's id at random. Who claims again after an error uses the same: it is given the same key.
pub fn new_claim() -> ClaimId {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has a source of random bytes");
    ClaimId::from(bytes)
}

impl Client {
    /// Says what the keys of this device are, and gives more one-time keys; in several requests if
    /// they are many. Their ids go up, from above [`KeysState::highest`]: what is no higher is
    /// passed over, so after an error all of it may be given again. An empty identity takes all
    /// keys away.
    pub async fn publish_keys(&self, keys: PublishKeys) -> Result<KeysState, RequestError> {
        let mut rest = keys.one_time.clone();
        loop {
            let later = rest.split_off(fitting(&keys, &rest));
            let some = PublishKeys { one_time: rest, ..keys.clone() };
            let Keys::Published(state) = self.ask_keys(AskKeys::Publish(some)).await? else {
                return Err(RequestError::Unexpected);
            };
            if later.is_empty() {
                return Ok(state);
            }
            rest = later;
        }
    }

    /// What it takes to write to a device, with a one-time key of its own if there is one left.
    pub async fn claim_key(
        &self,
        claim: ClaimId,
        user: &UserId,
        device: &DeviceId,
    ) -> Result<KeyBundle, RequestError> {
        let (user, device) = (user.clone(), device.clone());
        match self.ask_keys(AskKeys::Claim { claim, user, device }).await? {
            Keys::Claimed(bundle) => Ok(bundle),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// A page of a user's devices that have keys, in order of device id. Until the connection ends
    /// the app is told by [`Notice::Keys`](crate::Notice) when they change: after each
    /// [`Event::Connected`](crate::Event) it asks again for those that it writes to.
    pub async fn keys(
        &self,
        user: &UserId,
        after: Option<DeviceId>,
        limit: u32,
    ) -> Result<Page<DeviceKeys>, RequestError> {
        match self.ask_keys(AskKeys::Devices { user: user.clone(), after, limit }).await? {
            Keys::Devices { devices, more } => Ok(Page { items: devices, more }),
            _ => Err(RequestError::Unexpected),
        }
    }

    async fn ask_keys(&self, asked: AskKeys) -> Result<Keys, RequestError> {
        match self.ask(Operation::Keys(asked)).await? {
            Answer::Keys(keys) => Ok(keys),
            _ => Err(RequestError::Unexpected),
        }
    }
}

/// How many one-time keys go into one request; at least one.
fn fitting(keys: &PublishKeys, one_time: &[OneTimeKey]) -> usize {
    let fixed = [&keys.identity, &keys.proof, &keys.prekey];
    let mut bytes: usize = fixed.into_iter().map(Bytes::len).sum();
    let fits = one_time.iter().take(ONE_TIME_KEYS_PER_PUBLISH_MAX).take_while(|one| {
        bytes += one.key.len() + ONE_TIME_OVERHEAD_BYTES;
        bytes <= PUBLISH_BYTES_MAX
    });
    fits.count().max(1).min(one_time.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_holds_what_fits_the_smallest_body_and_at_least_one_key() {
        let fitted = |bytes: usize, count: usize| {
            let one = OneTimeKey { id: 1, key: vec![7; bytes].into() };
            let keys = PublishKeys { prekey: vec![7; 2_048].into(), ..PublishKeys::default() };
            fitting(&keys, &vec![one; count])
        };
        assert_eq!((fitted(32, 0), fitted(32, 3), fitted(32, 500)), (0, 3, 100));
        assert_eq!(fitted(2_048, 100), 6);
        assert_eq!(fitted(100_000, 2), 1, "the server says that it is too large");
    }
}
