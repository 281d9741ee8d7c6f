//! Invitations to the groups of a run, and who asks to come in. Who came in by what is judged by
//! the checker; here it is that nobody is listed who never asked, or is in, and that whoever is
//! told to wait is listed. Must never make one
//! invitation in two ways, nor take one back that may still be made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use fastrand::Rng;
use packetboat_client::{
    Client, Invitation, InviteKey, InviteLink, JoinState, RequestError, prove,
};
use packetboat_proof::history::{Event, Recorder};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Content, GroupChange};
use packetboat_proto::id::{ChatId, InviteId, UserId};

/// The doors of a run.
#[derive(Clone, Default)]
pub struct Doors(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    links: Vec<Link>,
    asked: BTreeSet<(ChatId, UserId)>,
    /// How many were listed as asking when that was judged.
    listed: u64,
}

#[derive(Clone)]
struct Link {
    group: ChatId,
    made: Invitation,
    /// It was answered that it is made, and no request to make it is under way.
    is_made: bool,
}

/// What somebody does at a door.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    /// Makes an invitation, perhaps of few uses or for some time.
    Invite,
    /// Takes one back.
    Uninvite,
    /// Asks to come in.
    Ask,
    /// Does not let in who asks.
    Refuse,
}

impl Doors {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("no panic")
    }

    fn link(
        &self,
        rng: &mut Rng,
        group: &ChatId,
        will_do: impl Fn(&Link) -> bool,
    ) -> Option<usize> {
        let book = self.book();
        let links = book.links.iter().enumerate();
        let of = links.filter(|(_, link)| link.group == *group && will_do(link));
        rng.choice(of.map(|(at, _)| at).collect::<Vec<_>>())
    }

    /// Whether somebody has made a link to a group.
    pub fn has_link(&self, group: &ChatId) -> bool {
        self.book().links.iter().any(|link| link.group == *group && link.is_made)
    }

    /// What a user says to come into a group: by a link, by another's, or by none.
    pub fn joining(&self, rng: &mut Rng, group: &ChatId, user: &UserId) -> Content {
        let any = rng.u8(0..8) == 0;
        let link = self
            .link(rng, group, |link| any || link.is_made)
            .map(|at| self.book().links[at].clone());
        let proof = link.filter(|_| rng.u8(0..8) > 0).map(|link| {
            let mut proof = prove(&link.made.key, group, user);
            proof.proof[0] ^= u8::from(rng.u8(0..8) == 0);
            proof
        });
        Content::Group(GroupChange::Joined(proof))
    }

    /// Does it, as far as there is a server; what does not come about is no fault.
    pub async fn act(
        self,
        (client, recorder): (Client, Recorder),
        group: ChatId,
        deed: Deed,
        (mut rng, now_ms, jump_ms): (Rng, u64, u64),
    ) {
        match deed {
            Deed::Invite => {
                let (at, invitation) = self.make(&mut rng, &group, (now_ms, jump_ms));
                recorder.add(Event::Inviting {
                    by: client.user().clone(),
                    chat: group.clone(),
                    invitation: invitation.clone(),
                });
                let mut asked = vec![client.invite(&group, invitation.clone()).await];
                if rng.bool() {
                    // Who did not see the answer asks again: nothing changes by that.
                    asked.push(client.invite(&group, invitation).await);
                }
                let is_over = |asked: &Result<(), RequestError>| {
                    matches!(asked, Ok(()) | Err(RequestError::Refused(_)))
                };
                self.book().links[at].is_made =
                    asked.iter().all(is_over) && asked.iter().any(Result::is_ok);
            }
            Deed::Uninvite => {
                let Some(at) = self.link(&mut rng, &group, |link| link.is_made) else { return };
                let id = self.book().links[at].made.key.id;
                if client.uninvite(&group, id).await.is_ok() {
                    recorder.add(Event::Uninvited { chat: group, id });
                }
            }
            Deed::Ask => {
                self.book().asked.insert((group.clone(), client.user().clone()));
                let at = self.link(&mut rng, &group, |_| true);
                let key = at.map(|at| self.book().links[at].made.key);
                drop(client.ask_to_join(&InviteLink { group, key }).await);
            }
            Deed::Refuse => {
                let Ok(page) = client.join_requests(&group, None, 0).await else { return };
                let users = page.items.into_iter().map(|request| request.user).collect();
                drop(client.refuse_join(&group, users).await);
            }
        }
    }

    /// A new link, and what it is made as.
    fn make(
        &self,
        rng: &mut Rng,
        group: &ChatId,
        (now_ms, jump_ms): (u64, u64),
    ) -> (usize, Invitation) {
        let mut book = self.book();
        let at = book.links.len();
        let id = InviteId::from((at as u64).to_be_bytes());
        let made = Invitation {
            key: InviteKey { id, secret: rng.u128(..).to_be_bytes() },
            expires_ms: if rng.bool() { 0 } else { now_ms + rng.u64(1..jump_ms) },
            uses: if rng.bool() { 1 } else { rng.u32(0..3) },
            asks: rng.u8(0..6) == 0,
            made_by: None,
        };
        book.links.push(Link { group: group.clone(), made: made.clone(), is_made: false });
        (at, made)
    }

    /// At peace, whoever is not in a group asks to come in, and is listed once it is told so: what
    /// is wrong with that. `members` are those who are in.
    pub async fn knock(
        &self,
        recorder: &Recorder,
        clients: &BTreeMap<UserId, Client>,
        group: &ChatId,
        members: &BTreeSet<UserId>,
    ) -> Vec<String> {
        let (key, invitation) = self.make_to_ask(group);
        let (mut wrong, mut waiting, mut host) = (Vec::new(), Vec::new(), None);
        for client in members.iter().filter_map(|user| clients.get(user)) {
            recorder.add(Event::Inviting {
                by: client.user().clone(),
                chat: group.clone(),
                invitation: invitation.clone(),
            });
            if client.invite(group, invitation.clone()).await.is_ok() {
                host = Some(client);
                break;
            }
        }
        let Some(host) = host else { return wrong };
        let link = InviteLink { group: group.clone(), key: Some(key) };
        for (user, client) in clients.iter().filter(|(user, _)| !members.contains(*user)) {
            self.book().asked.insert((group.clone(), user.clone()));
            match client.ask_to_join(&link).await {
                Ok(JoinState::Waiting) => waiting.push(user),
                Ok(JoinState::Member) => wrong.push(format!("{user} is said to be in {group}")),
                // Who was put out stays out, and who was refused asks no more for a week.
                Ok(JoinState::Refused) => {}
                Err(RequestError::Refused(verdict))
                    if verdict.reject_code() == Some(RejectCode::NotAllowed) => {}
                Err(error) => wrong.push(format!("{user} cannot ask to come in: {error}")),
            }
        }
        let Ok(page) = host.join_requests(group, None, 0).await else {
            wrong.push(format!("who invites into {group} is not told who asks to come in"));
            return wrong;
        };
        let is_listed = |user: &UserId| page.items.iter().any(|asks| asks.user == *user);
        for user in waiting.into_iter().filter(|user| !is_listed(user)) {
            wrong.push(format!("{user} waits to come into {group}, and is not listed"));
        }
        wrong
    }

    /// A new link, by which whoever has it may ask.
    fn make_to_ask(&self, group: &ChatId) -> (InviteKey, Invitation) {
        let mut book = self.book();
        let number = book.links.len() as u64;
        let secret = (u128::from(number) + 1).to_be_bytes();
        let key = InviteKey { id: InviteId::from(number.to_be_bytes()), secret };
        let made = Invitation { key, expires_ms: 0, uses: 0, asks: true, made_by: None };
        book.links.push(Link { group: group.clone(), made: made.clone(), is_made: true });
        (key, made)
    }

    /// What is wrong with who is listed as asking to come into a group, for one who is told.
    pub async fn judge(
        &self,
        client: &Client,
        group: &ChatId,
        members: &BTreeSet<UserId>,
    ) -> Vec<String> {
        let Ok(page) = client.join_requests(group, None, 0).await else { return Vec::new() };
        let listed: BTreeSet<UserId> = page.items.into_iter().map(|asks| asks.user).collect();
        let mut book = self.book();
        book.listed += listed.len() as u64;
        let mut wrong = Vec::new();
        for user in &listed {
            if members.contains(user) || !book.asked.contains(&(group.clone(), user.clone())) {
                wrong.push(format!("{user} is said to ask to come into {group}"));
            }
        }
        wrong
    }
    /// How many were listed as asking to come in when that was judged.
    pub fn listed(&self) -> u64 {
        self.book().listed
    }
}
