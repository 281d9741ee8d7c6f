//! The keys of a run, and to which claims they were given. They are no part of the history; but no
//! one-time key is ever given to two claims, whatever went wrong meanwhile, the same claim is
//! given the same again, and nobody is given anything of a device that was logged out. Must never
//! judge a claim that was not answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use packetboat_client::{ClaimId, Client, KeyBundle, OneTimeKey, PublishKeys, UserId};
use packetboat_proof::history::Device;

/// Keys that a device publishes at once.
const BATCH: u64 = 5;

/// The keys of a run.
#[derive(Clone, Default)]
pub struct Keyring(Arc<Mutex<Book>>);

/// What a device says that it is, between two log-outs: they may be had by its keys alone.
type Identity = String;

#[derive(Default)]
struct Book {
    /// To whom each key was given: by claimer and claim.
    given: BTreeMap<(Identity, u64), (UserId, ClaimId)>,
    /// Who each device is now.
    eras: BTreeMap<Device, Era>,
    /// Who was published and perhaps will be once more, since it was not answered.
    unsure: BTreeMap<Identity, usize>,
    /// Whose keys may have begun anew meanwhile: nothing is said of them.
    doubtful: BTreeSet<Identity>,
    /// Who is gone for good, and since when.
    gone: BTreeMap<Identity, u128>,
    /// Counts claims.
    claims: u128,
    wrong: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Era {
    number: u64,
    /// A log-out of it is under way, or was not answered.
    leaving: u32,
}

/// Devices that are being logged out, and who each of them was.
pub struct Leaving(Vec<(Device, Identity)>);

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
        let identity = self.book().begin(&own);
        let one = |id: u64| OneTimeKey { id, key: format!("{id} of {identity}").into() };
        let keys = PublishKeys {
            identity: identity.clone().into(),
            proof: "".into(),
            prekey: "prekey".into(),
            one_time: (first..first + BATCH).map(one).collect(),
        };
        if client.publish_keys(keys).await.is_ok() {
            *self.book().unsure.entry(identity).or_default() -= 1;
        }
    }

    /// A user claims a key of a device, and once more with the same claim.
    async fn claim(self, client: Client, of: Device) {
        let claim = self.book().next_claim();
        for _ in 0..2 {
            let since = self.book().claims;
            if let Ok(bundle) = client.claim_key(claim, &of.user, &of.name).await {
                self.book().note((client.user(), claim), since, &of, bundle);
            }
        }
    }

    /// Devices are about to be logged out.
    pub fn leave(&self, devices: Vec<Device>) -> Leaving {
        let mut book = self.book();
        let who = devices.into_iter().map(|device| {
            let identity = book.identity(&device);
            if book.unsure.get(&identity).is_some_and(|times| *times > 0) {
                book.doubtful.insert(identity.clone());
            }
            let era = book.eras.entry(device.clone()).or_default();
            (era.number, era.leaving) = (era.number + 1, era.leaving + 1);
            (device, identity)
        });
        Leaving(who.collect())
    }

    /// They were.
    pub fn left(&self, Leaving(who): Leaving) {
        let mut book = self.book();
        let since = book.next_tick();
        for (device, identity) in who {
            let era = book.eras.entry(device).or_default();
            (era.number, era.leaving) = (era.number + 1, era.leaving - 1);
            if !book.doubtful.contains(&identity) {
                book.gone.entry(identity).or_insert(since);
            }
        }
    }

    /// A device was told that it is logged out: nothing that it has published stays, nor comes.
    pub fn ended(&self, device: &Device) {
        let mut book = self.book();
        let since = book.next_tick();
        let of = format!("{device} ");
        let published: Vec<Identity> =
            book.unsure.keys().filter(|identity| identity.starts_with(&of)).cloned().collect();
        for identity in published {
            book.gone.entry(identity).or_insert(since);
        }
        book.eras.entry(device.clone()).or_default().number += 1;
    }

    /// A device was forgotten, and goes on as a new one: what it has asked for is asked for again,
    /// and may be done for the new one.
    pub fn forgotten(&self, device: &Device) {
        let mut book = self.book();
        let since = book.next_tick();
        let of = format!("{device} ");
        let published: Vec<(Identity, usize)> = book
            .unsure
            .iter()
            .filter(|(of_it, _)| of_it.starts_with(&of))
            .map(|(identity, times)| (identity.clone(), *times))
            .collect();
        for (identity, times) in published {
            if times > 0 {
                book.doubtful.insert(identity);
            } else {
                book.gone.entry(identity).or_insert(since);
            }
        }
        book.eras.entry(device.clone()).or_default().number += 1;
    }

    /// What is wrong.
    pub fn judge(&self) -> Vec<String> {
        self.book().wrong.clone()
    }
}

impl Book {
    /// Counts what happens to keys.
    fn next_tick(&mut self) -> u128 {
        self.claims += 1;
        self.claims
    }

    fn next_claim(&mut self) -> ClaimId {
        ClaimId::from(self.next_tick().to_be_bytes())
    }

    fn identity(&self, device: &Device) -> Identity {
        let era = self.eras.get(device).copied().unwrap_or_default();
        format!("{device} {}", era.number)
    }

    /// A device begins to publish keys: who it is.
    fn begin(&mut self, own: &Device) -> Identity {
        let identity = self.identity(own);
        *self.unsure.entry(identity.clone()).or_default() += 1;
        // It may be logged out before that is done, or between this and the next time.
        if self.eras.get(own).is_some_and(|era| era.leaving > 0) {
            self.doubtful.insert(identity.clone());
        }
        identity
    }

    fn note(
        &mut self,
        (by, claim): (&UserId, ClaimId),
        since: u128,
        of: &Device,
        bundle: KeyBundle,
    ) {
        let identity = String::from_utf8_lossy(&bundle.identity).into_owned();
        if !identity.starts_with(&format!("{of} ")) {
            self.wrong.push(format!("{by} was told that {of} is {identity}"));
        }
        if self.gone.get(&identity).is_some_and(|gone| *gone <= since) {
            self.wrong.push(format!("{by} was given keys of {identity}, which was logged out"));
        }
        let Some(OneTimeKey { id, key }) = bundle.one_time else { return };
        if key != format!("{id} of {identity}") {
            self.wrong.push(format!("{by} was given something else for key {id} of {identity}"));
        }
        if self.doubtful.contains(&identity) {
            return;
        }
        let to = (by.clone(), claim);
        let there = self.given.entry((identity.clone(), id)).or_insert_with(|| to.clone());
        if *there != to {
            self.wrong.push(format!("key {id} of {identity} was given to {there:?} and {to:?}"));
        }
    }
}
