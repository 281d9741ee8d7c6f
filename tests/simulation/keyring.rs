//! The keys of a run, and to which claims they were given. They are no part of the history; but no
//! one-time key is ever given to two claims, whatever went wrong meanwhile, and the same claim is
//! given the same again. Must never judge a claim that was not answered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use packetboat_client::{ClaimId, Client, DeviceId, KeyBundle, OneTimeKey, PublishKeys, UserId};
use packetboat_proof::history::Device;

/// Keys that a device publishes at once.
const BATCH: u64 = 5;

/// The keys of a run.
#[derive(Clone, Default)]
pub struct Keyring(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    /// To whom each key of a device was given: by claimer and claim.
    given: BTreeMap<(UserId, DeviceId, u64), (UserId, ClaimId)>,
    claims: u128,
    wrong: Vec<String>,
}

impl Keyring {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("no panic")
    }

    /// Publishes keys or claims one, as the dice say.
    pub async fn act(self, client: Client, own: Device, of: Device, dice: u8) {
        match dice % 3 {
            0 => self.publish(client, own, dice >= 192).await,
            _ => self.claim(client, of).await,
        }
    }

    /// A device publishes keys, in the order of their ids; what does not come about is no fault.
    async fn publish(self, client: Client, own: Device, again: bool) {
        let Ok(page) = client.keys(&own.user, None, 0).await else { return };
        let before = page.items.into_iter().find(|keys| keys.device == own.name);
        let highest = before.and_then(|keys| keys.state).map_or(0, |state| state.highest);
        // What was published once may be published again.
        let first = if again { 1 } else { highest + 1 };
        let one = |id: u64| OneTimeKey { id, key: format!("{id} of {own}").into() };
        let keys = PublishKeys {
            identity: format!("{own}").into(),
            proof: "".into(),
            prekey: "prekey".into(),
            one_time: (first..first + BATCH).map(one).collect(),
        };
        drop(client.publish_keys(keys).await);
    }

    /// A user claims a key of a device, and once more with the same claim.
    async fn claim(self, client: Client, of: Device) {
        let claim = self.book().next_claim();
        for _ in 0..2 {
            if let Ok(bundle) = client.claim_key(claim, &of.user, &of.name).await {
                self.book().note(client.user(), claim, &of, bundle);
            }
        }
    }

    /// What is wrong.
    pub fn judge(&self) -> Vec<String> {
        self.book().wrong.clone()
    }
}

impl Book {
    fn next_claim(&mut self) -> ClaimId {
        self.claims += 1;
        ClaimId::from(self.claims.to_be_bytes())
    }

    fn note(&mut self, by: &UserId, claim: ClaimId, of: &Device, bundle: KeyBundle) {
        let Some(OneTimeKey { id, key }) = bundle.one_time else { return };
        if key != format!("{id} of {of}") || bundle.identity != format!("{of}") {
            self.wrong.push(format!("{by} was given something else for key {id} of {of}"));
        }
        let whose = (of.user.clone(), of.name.clone(), id);
        let to = (by.clone(), claim);
        let there = self.given.entry(whose).or_insert_with(|| to.clone());
        if *there != to {
            self.wrong.push(format!("key {id} of {of} was given to {there:?} and {to:?}"));
        }
    }
}
