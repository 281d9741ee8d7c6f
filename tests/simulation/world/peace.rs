//! The end of a run: nothing goes wrong any more, all comes to rest, and is judged. Must never
//! judge one who is still on its way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use packetboat::devices::LOOK_EVERY;
use packetboat_client::{Client, OwnState};
use packetboat_proof::history::{Device, Event};
use packetboat_proto::content::{Content, Forwarded, GroupChange};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, ChatKind, UserId};
use tokio::time::{Instant, sleep, timeout};

use super::{JUMP_MS, World};
use crate::lookout::Session;
use crate::person::Person;
use crate::reckoning::{self, Logs};

/// How long everything may take to come to rest once nothing goes wrong any more.
const LIVENESS: Duration = Duration::from_mins(10);
/// Nothing new for so long is rest: longer than any wait of either side.
const REST: Duration = Duration::from_secs(25);
/// How often it is looked whether the server's process has ended.
const LOOK: Duration = Duration::from_millis(500);
/// Further than all jumps back together, and than anything stays which expires.
const AFTER_ALL_MS: i64 = 1_000 * JUMP_MS;
/// What others are told of is told within this.
const NEWS: Duration = Duration::from_secs(5);
/// Between two signals of a device: more come through than that.
const BETWEEN_SIGNALS: Duration = Duration::from_millis(250);
/// The server looks at all devices at least once within this.
const FORGETTING: Duration = Duration::from_secs(LOOK_EVERY.as_secs() + 5);
/// What may be missing of the time in which a device is not forgotten.
const SEEN_WITHIN: Duration = Duration::from_mins(3);

impl World {
    /// Nothing goes wrong any more: everything must come to rest, and every log be read.
    pub(super) async fn heal(&mut self) -> Vec<String> {
        self.log.note("nothing goes wrong any more".to_owned());
        self.network.set_open(true);
        self.disk.set_full(false);
        self.disk.heal();
        if let Some(bay) = self.harbour.bay() {
            bay.heal();
        }
        self.harbour.look();
        self.harbour.launch();
        for person in &mut self.people {
            person.wake();
        }
        let mut faults = Vec::new();
        if timeout(LIVENESS, self.rest()).await.is_err() {
            faults.push(format!("not everything came to rest within {} s", LIVENESS.as_secs()));
        }
        if !self.harbour.look() {
            faults.push("the server ended by itself".to_owned());
        }
        if let Some(client) = self.clients().values().next() {
            faults.extend(self.judges.lounge.judge(client).await);
        }
        faults.extend(self.judge_devices().await);
        let (own, unread) = self.own_states().await;
        faults.extend(unread);
        faults.extend(self.judges.people.judge(&own));
        for (session, client) in self.there() {
            faults.extend(self.judges.notes.judge(&client, &session.0).await);
        }
        faults.extend(self.judge_news(&own).await);
        faults.extend(self.pass_time().await);
        faults.extend(self.read_logs(&own).await);
        let forget = Duration::from_millis(self.plan.forget_ms).saturating_sub(SEEN_WITHIN);
        let came = |from, to| self.harbour.came(from, to);
        faults.extend(self.judges.berths.judge_forgotten(forget, came));
        (self.met.parted, self.met.forgotten) =
            (self.judges.berths.parted(), self.judges.berths.forgotten());
        faults
    }

    /// The devices that are there, and their clients.
    fn there(&self) -> Vec<(Session, Client)> {
        let there = self.people.iter().filter(|person| person.moored().away.is_none());
        there.filter_map(|person| Some((person.session(), person.client()?.clone()))).collect()
    }

    /// Everybody says whether it is away, and types everywhere: then all must know, and nobody who
    /// may not.
    async fn judge_news(&mut self, own: &BTreeMap<UserId, OwnState>) -> Vec<String> {
        let (mut faults, mut there) = (Vec::new(), Vec::new());
        for (session, client) in self.there() {
            let away = self.rng.bool();
            if let Err(error) = client.set_away(away).await {
                faults.push(format!("{} could not say that it is away: {error}", session.0));
            }
            there.push((session, client, away));
        }
        let (members, wrong) = self.members().await;
        faults.extend(wrong);
        self.judges.whispers.be_at_peace();
        for chat in &self.chats {
            for (_, client, _) in &there {
                self.judges.whispers.give(client, chat);
            }
            sleep(BETWEEN_SIGNALS).await;
        }
        sleep(NEWS).await;
        faults.extend(self.judges.lookout.judge(&there, own).await);
        faults.extend(self.judges.whispers.judge(own, &members));
        self.met.seen = self.judges.lookout.seen();
        self.met.told = self.judges.lookout.by_notice();
        self.met.heard = self.judges.whispers.count();
        self.met.in_peace = self.judges.whispers.in_peace();
        self.met.listed = self.judges.doors.listed();
        faults
    }

    /// Who is in which group, as its members are told; and what is wrong with who asks to come in.
    async fn members(&self) -> (BTreeMap<ChatId, BTreeSet<UserId>>, Vec<String>) {
        let (clients, mut members, mut faults) = (self.clients(), BTreeMap::new(), Vec::new());
        for chat in self.chats.iter().filter(|chat| matches!(chat.kind(), ChatKind::Group(_))) {
            let doors = &self.judges.doors;
            for client in clients.values() {
                let Ok(page) = client.members(chat, None, 0).await else { continue };
                let users: BTreeSet<UserId> =
                    page.items.into_iter().map(|member| member.user).collect();
                if !members.contains_key(chat) {
                    faults.extend(doors.knock(&self.recorder, &clients, chat, &users).await);
                }
                faults.extend(doors.judge(client, chat, &users).await);
                members.insert(chat.clone(), users);
            }
        }
        (members, faults)
    }

    /// Whatever way the clock has jumped, the time of all that expires is over then, and of all
    /// that was to be sent has come. Who is away then, and may be forgotten, is, and comes back.
    /// Who was told that another one stays takes its place.
    async fn pass_time(&mut self) -> Vec<String> {
        let mut faults = Vec::new();
        let forgets = Duration::from_millis(self.plan.forget_ms)
            < Duration::from_millis(AFTER_ALL_MS.unsigned_abs());
        if forgets {
            let gone = self.leave_some().await;
            // When they went is noted once the server knows.
            sleep(NEWS).await;
            let most_of_it = self.plan.forget_ms * 3 / 4;
            self.harbour.jump(i64::try_from(most_of_it).unwrap_or(i64::MAX));
            sleep(FORGETTING).await;
            let all = |known: &BTreeSet<Device>| gone.iter().all(|device| known.contains(device));
            faults.extend(self.judge_known(all).await);
        }
        self.harbour.jump(AFTER_ALL_MS);
        sleep(REST).await;
        if forgets {
            sleep(FORGETTING).await;
            let there = self.there().into_iter().map(|((device, _), _)| device);
            let there: BTreeSet<Device> = there.collect();
            faults.extend(self.judge_known(|known| *known == there).await);
        }
        let waiting: Vec<usize> =
            (0..self.people.len()).filter(|at| self.people[*at].moored().away.is_some()).collect();
        for at in &waiting {
            let (user, moored) = (self.people[*at].device.user.clone(), self.people[*at].moored());
            let berths = self.judges.berths.clone();
            let own = self.people.iter_mut().filter(|person| person.device.user == user);
            for person in own.filter(|person| berths.part(&person.moored(), &moored)) {
                person.end().await;
            }
            // The server knows by now who has gone.
            sleep(NEWS).await;
            self.people[*at].end().await;
            self.people[*at].wake();
        }
        if !waiting.is_empty() && timeout(LIVENESS, self.rest()).await.is_err() {
            faults.push("who was away did not come to rest".to_owned());
        }
        faults
    }

    /// Of each user that has two devices here one goes: which.
    async fn leave_some(&mut self) -> Vec<Device> {
        let (mut staying, mut gone) = (BTreeSet::new(), Vec::new());
        for person in self.people.iter_mut().filter(|person| person.moored().away.is_none()) {
            if !staying.insert(person.device.user.clone()) {
                person.end().await;
                gone.push(person.device.clone());
            }
        }
        gone
    }

    /// Which devices are known still.
    async fn judge_known(&self, right: impl Fn(&BTreeSet<Device>) -> bool) -> Vec<String> {
        let (mut faults, mut known) = (Vec::new(), BTreeSet::new());
        for (user, client) in self.clients() {
            match client.devices(None, 0).await {
                Ok(page) => {
                    let names = page.items.into_iter().map(|device| device.device);
                    known.extend(names.map(|name| Device { user: user.clone(), name }));
                }
                Err(error) => faults.push(format!("{user} was not told its devices: {error}")),
            }
        }
        if !right(&known) {
            let there = self.there().into_iter().map(|((device, _), _)| device);
            let there: Vec<Device> = there.collect();
            faults.push(format!("{known:?} are known, and of them {there:?} are here"));
        }
        faults
    }

    /// All logs, and what is counted in them.
    async fn read_logs(&mut self, own: &BTreeMap<UserId, OwnState>) -> Vec<String> {
        let (mut faults, mut logs) = (Vec::new(), Logs::default());
        let there = self.people.iter().filter(|person| person.moored().away.is_none());
        let readers: BTreeMap<UserId, &Person> =
            there.map(|person| (person.device.user.clone(), person)).collect();
        for (reader, person) in &readers {
            for chat in &self.chats {
                match person.log(chat).await {
                    Ok(Some(entries)) => {
                        if !self.was_barred(chat) {
                            faults.extend(self.judges.promised.broken(reader, chat, &entries));
                        }
                        logs.add(reader, chat, &entries);
                        self.judges.hold.read(reader, chat, &entries);
                        self.judges.spyglass.read(reader, chat, &entries);
                        let (reader, chat) = (reader.clone(), chat.clone());
                        self.recorder.add(Event::Log { reader, chat, entries });
                    }
                    Ok(None) => {}
                    Err(why) => faults.push(format!("{reader} could not read {chat}: {why}")),
                }
            }
        }
        let (wrong, mentions, receipts) = reckoning::judge(&logs, &self.clients(), own).await;
        faults.extend(wrong);
        let was_in = |chat: &ChatId, user: &UserId| !logs.membership(chat).owed(user).is_empty();
        faults.extend(self.judges.whispers.judge_ever(was_in));
        (self.met.mentions, self.met.receipts) = (mentions, receipts);
        for entry in logs.entries() {
            self.met.forwarded += u64::from(is_forwarded(entry));
            self.met.joined += u64::from(is_join(entry));
        }
        if self.plan.search {
            let (wrong, found) = self.judges.spyglass.judge(&self.clients(), own).await;
            faults.extend(wrong);
            self.met.found = found;
        }
        faults.extend(self.judge_files(&logs).await);
        faults
    }

    async fn rest(&mut self) {
        while self.standings.join_next().await.is_some() {}
        self.bring_back(true).await;
        for person in &mut self.people {
            person.settled().await;
        }
        let (mut seen, mut since) = (self.recorder.len(), Instant::now());
        while since.elapsed() < REST {
            sleep(LOOK).await;
            self.bring_back(true).await;
            let now = self.recorder.len();
            if now != seen {
                (seen, since) = (now, Instant::now());
            }
        }
    }
}

fn is_forwarded(entry: &Entry) -> bool {
    let decoded = Content::decode_whole(&entry.content, usize::MAX);
    decoded.is_ok_and(|(_, context)| matches!(context.forwarded, Some(Forwarded::From(_))))
}

fn is_join(entry: &Entry) -> bool {
    let content = Content::decode(&entry.content, usize::MAX);
    matches!(content, Ok(Content::Group(GroupChange::Joined(Some(_)))))
}
