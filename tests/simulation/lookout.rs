//! Who is there, away or gone, as others are told of it. Whoever watches a user, and may see it, is
//! told how it is in the end, and who may not is told nothing; what users say of themselves stays
//! until they say otherwise. Must never judge a notice by when it came: it may be late.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use packetboat_client::{Client, Notice, OwnState, Presence, Visibility};
use packetboat_proof::history::Device;
use packetboat_proto::id::UserId;

use crate::latest::Latest;
use crate::people::People;

/// To whom users show themselves, in turn.
const SHOWN_TO: [Visibility; 3] = [Visibility::Everyone, Visibility::Contacts, Visibility::Nobody];

/// One start of a device's app.
pub type Session = (Device, u64);

/// What users were told of each other.
#[derive(Clone, Default)]
pub struct Lookout {
    book: Arc<Mutex<Book>>,
    people: People,
}

#[derive(Default)]
struct Book {
    views: BTreeMap<Session, View>,
    /// What each user says of itself: to whom it is shown hangs on that.
    statuses: BTreeMap<UserId, Latest>,
    wrong: Vec<String>,
    /// Users who were seen rightly in the end.
    seen: u64,
    /// Those of them of whom a notice told so.
    by_notice: u64,
}

/// What one start of an app was told.
#[derive(Default)]
struct View {
    watched: BTreeSet<UserId>,
    /// As they were when it began to watch them.
    first: BTreeMap<UserId, Presence>,
    /// The last that it was told since.
    told: BTreeMap<UserId, Presence>,
    /// It was told that something is missing.
    missed: bool,
}

/// What somebody does.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Watches some.
    Watch(Vec<UserId>),
    /// Watches some no more.
    Unwatch(Vec<UserId>),
    /// Is away, or is not.
    Away(bool),
    /// Says something of itself.
    Say,
    /// Looks at some.
    Look(Vec<UserId>),
}

/// How a user is, with what it shows of itself.
struct Truth {
    online: bool,
    away: bool,
    status: String,
    visible_to: Visibility,
}

fn shown_to(value: u64) -> Visibility {
    SHOWN_TO[usize::try_from(value % 3).expect("it is below 3")]
}

impl Lookout {
    /// Of people who stand to each other as these do.
    pub fn of(people: People) -> Self {
        Self { book: Arc::default(), people }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no panic")
    }

    /// Does it, as far as there is a server; what does not come about is no fault.
    pub async fn act(self, client: Client, session: Session, deed: Deed) {
        match deed {
            Deed::Watch(users) => {
                if let Ok(first) = client.watch(users, Vec::new()).await {
                    let mut book = self.book();
                    let view = book.views.entry(session).or_default();
                    let is_anew =
                        |user: &UserId| first.iter().any(|presence| presence.user == *user);
                    if view.watched.iter().all(is_anew) {
                        // Whatever was missing is in the answer.
                        view.missed = false;
                    }
                    for presence in first {
                        view.watched.insert(presence.user.clone());
                        view.told.remove(&presence.user);
                        view.first.insert(presence.user.clone(), presence);
                    }
                }
            }
            Deed::Unwatch(users) => {
                // Whatever is answered, it may watch them no more.
                let asked = client.watch(Vec::new(), users.clone()).await;
                drop(asked);
                let mut book = self.book();
                let view = book.views.entry(session).or_default();
                view.watched.retain(|user| !users.contains(user));
            }
            Deed::Away(away) => drop(client.set_away(away).await),
            Deed::Say => {
                let user = client.user().clone();
                let value = self.book().statuses.entry(user.clone()).or_default().begin();
                if client.set_profile(&value.to_string(), shown_to(value)).await.is_ok() {
                    self.book().statuses.entry(user).or_default().done(value);
                }
            }
            Deed::Look(users) => {
                let since = self.people.now();
                let Ok(found) = client.presence(users).await else { return };
                for presence in found {
                    let (user, viewer) = (&presence.user, client.user());
                    let hidden = presence == Presence::hidden(user.clone());
                    if !hidden && self.people.has_blocked(user, viewer, since) {
                        self.book().wrong.push(format!("{viewer} was shown {presence:?}, blocked"));
                    }
                }
            }
        }
    }

    /// An app is told something.
    pub fn told(&self, session: &Session, notice: &Notice) {
        let mut book = self.book();
        let Some(view) = book.views.get_mut(session) else { return };
        match notice {
            Notice::Presence(presence) => {
                view.told.insert(presence.user.clone(), presence.clone());
            }
            Notice::Missed => view.missed = true,
            _ => {}
        }
    }

    /// What is wrong with what they are told in the end, given a client of each device that is
    /// there, how its app was started, and whether it is away; and what each user has set.
    pub async fn judge(
        &self,
        there: &[(Session, Client, bool)],
        own: &BTreeMap<UserId, OwnState>,
    ) -> Vec<String> {
        let mut wrong = self.book().wrong.clone();
        let mut truths = BTreeMap::new();
        for user in own.keys() {
            match self.truth(user, there).await {
                Ok(truth) => drop(truths.insert(user.clone(), truth)),
                Err(why) => wrong.push(format!("what {user} says of itself: {why}")),
            }
        }
        for (session, client, _) in there {
            let Some((users, missed)) = self
                .book()
                .views
                .get(session)
                .map(|view| (view.watched.iter().cloned().collect::<Vec<_>>(), view.missed))
            else {
                continue;
            };
            let again = if missed { client.presence(users.clone()).await.ok() } else { None };
            for (at, user) in users.iter().enumerate() {
                let Some(truth) = truths.get(user) else { continue };
                let expected = truth.to(client.user(), user, own);
                let mut book = self.book();
                let view = &book.views[session];
                let ways = match &again {
                    Some(again) => [again.get(at), None],
                    // An answer may be read before the notices that came before it.
                    None => [view.told.get(user), view.first.get(user)],
                };
                if ways.into_iter().flatten().any(|told| same(told, &expected)) {
                    let is_told = again.is_none()
                        && view.told.get(user).is_some_and(|told| same(told, &expected));
                    book.seen += u64::from(expected.online);
                    book.by_notice += u64::from(expected.online && is_told);
                } else {
                    let (device, _) = session;
                    wrong.push(format!("{device} was told {ways:?}, and it is {expected:?}"));
                }
            }
        }
        wrong
    }

    /// How often somebody was seen rightly in the end.
    pub fn seen(&self) -> u64 {
        self.book().seen
    }

    /// How often a notice told so.
    pub fn by_notice(&self) -> u64 {
        self.book().by_notice
    }

    /// How a user is, as it sees itself and as is known of its devices.
    async fn truth(
        &self,
        user: &UserId,
        there: &[(Session, Client, bool)],
    ) -> Result<Truth, String> {
        let own = || there.iter().filter(|(_, client, _)| client.user() == user);
        let Some((_, client, _)) = own().next() else {
            return Err("it has no device here".to_owned());
        };
        let found = client.presence(vec![user.clone()]).await.map_err(|error| error.to_string())?;
        let status = found.first().map(|own| own.status.clone()).unwrap_or_default();
        let value = if status.is_empty() { None } else { Some(status.parse().unwrap_or(u64::MAX)) };
        let wrong = self.book().statuses.entry(user.clone()).or_default().wrong(value);
        match wrong {
            Some(wrong) => Err(wrong),
            None => Ok(Truth {
                online: true,
                away: own().all(|(_, _, away)| *away),
                status,
                visible_to: value.map_or(Visibility::Everyone, shown_to),
            }),
        }
    }
}

impl Truth {
    /// What a viewer is to be told of it.
    fn to(&self, viewer: &UserId, user: &UserId, own: &BTreeMap<UserId, OwnState>) -> Presence {
        let state = own[user].people();
        let contact = state.contact(viewer).state == packetboat_client::ContactState::Contact;
        let sees = match self.visible_to {
            _ if viewer == user => true,
            _ if state.blocks(viewer) => false,
            Visibility::Everyone => true,
            Visibility::Contacts => contact,
            Visibility::Nobody => false,
        };
        let hidden = Presence::hidden(user.clone());
        if !sees {
            return hidden;
        }
        Presence { online: self.online, away: self.away, status: self.status.clone(), ..hidden }
    }
}

/// Whether it is what is to be told; the last time that somebody was seen is not known.
fn same(told: &Presence, expected: &Presence) -> bool {
    let last_seen_ms = if expected.online { told.last_seen_ms } else { 0 };
    *told == Presence { last_seen_ms, ..expected.clone() }
}
