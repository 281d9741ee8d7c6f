//! How the users of a run come to stand to each other: contacts, and who blocks whom. Who wrote to
//! whom is the history's; here is what their items say in the end. Must never be judged while
//! something is still set.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use packetboat_client::{Client, ContactState, OwnState, RequestError, SetContact};
use packetboat_proof::history::{Event, Recorder};
use packetboat_proto::code::{RejectCode, Retry};
use packetboat_proto::id::{ChatId, UserId};

/// What was done about whom.
#[derive(Clone, Default)]
pub struct People(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    /// Counts what begins and what ends.
    now: u64,
    blocks: BTreeMap<(UserId, UserId), Vec<Blocking>>,
    wrong: Vec<String>,
}

/// A user blocks another, or does so no more.
#[derive(Clone, Copy, Debug)]
struct Blocking {
    blocked: bool,
    begun: u64,
    /// When it was answered, if it was.
    done: Option<u64>,
}

/// What somebody does about another.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    /// Asks it, or accepts its wish.
    Want,
    /// Does not want it any more.
    End,
    /// Calls it something.
    Name,
    /// Wants to hear nothing of it, or does so again.
    Block(bool),
}

/// It may be done another time, whoever it is about.
fn may_pass(code: RejectCode) -> bool {
    code.retry() != Retry::Never
}

impl Book {
    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    /// Whether a user may block another in the end, or not.
    fn may_be(&self, of: &(UserId, UserId), blocked: bool) -> bool {
        let calls = self.blocks.get(of).map_or(&[][..], Vec::as_slice);
        let is_over = |done: u64| {
            calls
                .iter()
                .any(|call| call.blocked != blocked && call.begun > done && call.done.is_some())
        };
        let mut ways = calls.iter().filter(|call| call.blocked == blocked);
        let from_start = !blocked && !is_over(0);
        from_start || ways.any(|call| call.done.is_none_or(|done| !is_over(done)))
    }
}

impl People {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("no panic")
    }

    /// Does something about another; what does not come about is no fault.
    pub async fn act(self, client: Client, recorder: Recorder, other: UserId, deed: Deed) {
        let of = (client.user().clone(), other.clone());
        match deed {
            Deed::Want => {
                recorder.add(Event::Wanting { by: of.0, other: other.clone() });
                drop(client.want_contact(&other).await);
            }
            Deed::End => {
                let ended = client.end_contact(&other).await;
                if let Err(RequestError::Refused(why)) = ended
                    && why.reject_code().is_some_and(|code| !may_pass(code))
                {
                    let refused = format!("{} may not end with {other}: {}", of.0, why.reason);
                    self.book().wrong.push(refused);
                }
            }
            Deed::Name => {
                let name = Some("mate".to_owned());
                let set = SetContact { name, ..SetContact::of(other) };
                drop(client.set_contact(set).await);
            }
            Deed::Block(blocked) => {
                let call = recorder.block(&of.0, &other, blocked);
                let (at, begun) = {
                    let mut book = self.book();
                    let begun = book.tick();
                    let calls = book.blocks.entry(of.clone()).or_default();
                    calls.push(Blocking { blocked, begun, done: None });
                    (calls.len() - 1, begun)
                };
                if client.block(&other, blocked).await.is_ok() {
                    recorder.add(Event::Blocked { call });
                    let mut book = self.book();
                    let done = Some(book.tick());
                    let calls = book.blocks.entry(of).or_default();
                    calls[at] = Blocking { blocked, begun, done };
                }
            }
        }
    }

    /// A time, as blocks are counted.
    pub fn now(&self) -> u64 {
        self.book().tick()
    }

    /// Whether a user has blocked another since before a time, for certain: it was done, and
    /// nothing that ends it began since that began.
    pub fn has_blocked(&self, by: &UserId, other: &UserId, since: u64) -> bool {
        let book = self.book();
        let of = (by.clone(), other.clone());
        let calls = book.blocks.get(&of).map_or(&[][..], Vec::as_slice);
        let ends =
            |call: &Blocking, from: u64| !call.blocked && call.done.is_none_or(|done| done > from);
        calls.iter().any(|call| {
            let is_done = call.blocked && call.done.is_some_and(|done| done < since);
            is_done && !calls.iter().any(|end| ends(end, call.begun))
        })
    }

    /// Whether one of a direct chat's two ever blocked the other.
    pub fn was_barred(&self, chat: &ChatId) -> bool {
        let book = self.book();
        let mut of = book.blocks.iter().filter(|(_, calls)| calls.iter().any(|call| call.blocked));
        of.any(|((by, other), _)| ChatId::direct(by, other) == *chat)
    }

    /// What is wrong with what they have set of each other in the end.
    pub fn judge(&self, own: &BTreeMap<UserId, OwnState>) -> Vec<String> {
        let mut wrong = self.book().wrong.clone();
        for (user, state) in own {
            for (other, theirs) in own.iter().filter(|(other, _)| *other != user) {
                let there = state.people().contact(other).state;
                let back = theirs.people().contact(user).state;
                let expected = match there {
                    ContactState::Asked => ContactState::Asks,
                    ContactState::Asks => ContactState::Asked,
                    same @ (ContactState::None | ContactState::Contact) => same,
                };
                if back != expected {
                    wrong
                        .push(format!("{other} is {there:?} to {user}, and {user} {back:?} to it"));
                }
                let blocks = state.people().blocks(other);
                if !self.book().may_be(&(user.clone(), other.clone()), blocks) {
                    wrong.push(format!("{user} blocks {other}: {blocks}, and it is not so"));
                }
            }
        }
        wrong
    }
}
