//! Devices that are logged out and come back, and people who come to know or block each other. Must
//! never let a device come back that was not told, as if it had been.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use packetboat_client::{Client, OwnState};
use packetboat_proof::checker::Strangers;
use packetboat_proto::id::{ChatId, UserId};

use super::World;
use crate::berths::Moored;
use crate::people::Deed;
use crate::person::Person;

impl World {
    /// A device of the same user is logged out, perhaps the one that asks; or all others are.
    pub(super) fn log_out(&mut self, by: usize) {
        let Some(client) = self.people[by].client().cloned() else { return };
        let user = self.people[by].device.user.clone();
        let own = self.people.iter().filter(|person| person.device.user == user);
        let others = self.rng.u8(0..3) == 0;
        let mut gone: Vec<&Person> =
            own.filter(|person| !others || person.device != self.people[by].device).collect();
        if !others {
            gone = vec![gone[self.rng.usize(0..gone.len())]];
        }
        let counts: Vec<_> = gone.iter().map(|person| person.may_be_out()).collect();
        let devices: Vec<_> = gone.iter().map(|person| person.device.clone()).collect();
        let (keyring, name) =
            (self.judges.keyring.clone(), devices.first().map(|one| one.name.clone()));
        let leaving = keyring.leave(devices);
        self.standings.spawn(async move {
            let done = match name {
                Some(name) if !others => client.log_out(&name).await,
                _ => client.log_out_others().await,
            };
            if done.is_ok() {
                keyring.left(leaving);
                for count in counts {
                    count.fetch_sub(1, Ordering::Relaxed);
                }
            }
        });
    }

    /// Devices that were told that they are logged out come back, some or all of them; of those
    /// that were told that another one stays, only some do.
    pub(super) async fn bring_back(&mut self, all: bool) {
        for person in &mut self.people {
            let may = person.is_out() || (person.aside().is_some() && !all);
            if may && (all || self.rng.u8(0..4) == 0) {
                person.end().await;
                person.wake();
            }
        }
    }

    /// Somebody does something about another.
    pub(super) fn relate(&mut self, by: usize) {
        let Some(client) = self.people[by].client().cloned() else { return };
        let others: Vec<&UserId> =
            self.users.iter().filter(|user| *user != client.user()).collect();
        let other = others[self.rng.usize(0..others.len())].clone();
        let must_know = self.plan.bars().strangers != Strangers::Write;
        let deed = match self.rng.u8(0..12) {
            0..=2 => Deed::Want,
            3..=6 if must_know => Deed::Want,
            3 => Deed::End,
            4 => Deed::Name,
            5..=7 if self.plan.blocks => Deed::Block(true),
            _ => Deed::Block(false),
        };
        let (people, recorder) = (self.judges.people.clone(), self.recorder.clone());
        self.standings.spawn(people.act(client, recorder, other, deed));
    }

    /// What was to be sent to a chat later may have been refused.
    pub(super) fn was_barred(&self, chat: &ChatId) -> bool {
        self.plan.bars().strangers != Strangers::Write || self.judges.people.was_barred(chat)
    }

    /// What each user has set for itself; why that is not to be had of some.
    pub(super) async fn own_states(&self) -> (BTreeMap<UserId, OwnState>, Vec<String>) {
        let (mut own, mut faults) = (BTreeMap::new(), Vec::new());
        for (user, client) in self.clients() {
            let mut state = OwnState::default();
            match client.sync_own(&mut state).await {
                Ok(()) => drop(own.insert(user, state)),
                Err(error) => faults.push(format!("{user} could not read who it knows: {error}")),
            }
        }
        (own, faults)
    }

    /// A client of each user, of a device that is there.
    pub(super) fn clients(&self) -> BTreeMap<UserId, Client> {
        let there = self.people.iter().filter(|person| person.moored().away.is_none());
        let clients = there.filter_map(|person| person.client().cloned());
        clients.map(|client| (client.user().clone(), client)).collect()
    }

    /// What is wrong with what users are told of their devices.
    pub(super) async fn judge_devices(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let clients = self.clients();
        for user in &self.users {
            let own = self.people.iter().filter(|person| person.device.user == *user);
            let moored: Vec<Moored> = own.map(Person::moored).collect();
            let Some(client) = clients.get(user) else {
                faults.push(format!("{user} has no device that is there: {moored:?}"));
                continue;
            };
            match client.devices(None, 0).await {
                Ok(page) => {
                    let online = page.items.into_iter().filter(|device| device.online);
                    let online: BTreeSet<_> = online.map(|device| device.device).collect();
                    faults.extend(self.judges.berths.judge(&moored, &online));
                }
                Err(error) => faults.push(format!("{user} was not told its devices: {error}")),
            }
        }
        faults
    }
}
