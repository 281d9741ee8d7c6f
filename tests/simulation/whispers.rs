//! Who hears that somebody types: those who are in the chat, and no user who is blocked. Each
//! signal has a number, by which it is known what was said, and when. Must never expect one to
//! come: they may be lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use packetboat_client::{Client, OwnState, Signal, SignalKind};
use packetboat_proof::history::Device;
use packetboat_proto::id::{ChatId, ChatKind, UserId};

use crate::people::People;

/// What users hear of each other.
#[derive(Clone, Default)]
pub struct Whispers {
    book: Arc<Mutex<Book>>,
    people: People,
}

#[derive(Default)]
struct Book {
    given: BTreeMap<u64, Given>,
    /// Who heard something of a group, at any time.
    heard: BTreeSet<(ChatId, UserId)>,
    /// Since then nothing goes wrong any more.
    peace: Option<u64>,
    /// How often somebody heard something.
    count: u64,
    wrong: Vec<String>,
    /// What was heard in peace: by whom.
    last: Vec<(u64, UserId)>,
}

/// A signal that was given.
struct Given {
    by: UserId,
    chat: ChatId,
    /// When, as people count.
    at: u64,
}

impl Whispers {
    /// Of people who stand to each other as these do.
    pub fn of(people: People) -> Self {
        Self { book: Arc::default(), people }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no panic")
    }

    /// A user types, wherever that is.
    pub fn give(&self, client: &Client, chat: &ChatId) {
        let number = {
            let at = self.people.now();
            let mut book = self.book();
            let number = book.given.len() as u64;
            book.given.insert(number, Given { by: client.user().clone(), chat: chat.clone(), at });
            number
        };
        let data = number.to_be_bytes().to_vec().into();
        // Signals may be dropped, and none that is too large is given.
        let _ = client.signal(chat, SignalKind::Typing, data);
    }

    /// A device hears something.
    pub fn heard(&self, who: &Device, signal: &Signal) {
        let user = &who.user;
        let mut book = self.book();
        let number = <[u8; 8]>::try_from(&signal.data[..]).map_or(u64::MAX, u64::from_be_bytes);
        let Some(given) = book.given.get(&number) else {
            return book.wrong.push(format!("{who} heard {signal:?}, which nobody has given"));
        };
        let mut wrong = Vec::new();
        if (Some(&given.by), &given.chat) != (signal.sender.as_ref(), &signal.chat) {
            wrong
                .push(format!("{who} heard {signal:?}, which {} gave in {}", given.by, given.chat));
        }
        if !given.chat.is_room() && given.chat.peer_of(user).is_none() && is_direct(&given.chat) {
            wrong.push(format!("{who} heard that {} types in {}", given.by, given.chat));
        }
        let barred = |by: &UserId, other: &UserId| self.people.has_blocked(by, other, given.at);
        let apart = given.by != *user && (barred(user, &given.by) || barred(&given.by, user));
        if is_direct(&given.chat) && apart {
            wrong.push(format!("{who} heard that {} types, and one blocks the other", given.by));
        }
        let chat = given.chat.clone();
        book.wrong.extend(wrong);
        book.count += 1;
        if book.peace.is_some_and(|since| number >= since) {
            book.last.push((number, user.clone()));
        }
        book.heard.insert((chat, user.clone()));
    }

    /// From now on nobody comes or goes: who may hear is as it is then.
    pub fn be_at_peace(&self) {
        let mut book = self.book();
        book.peace = Some(book.given.len() as u64);
    }

    /// What is wrong, given what each user has set, and who is in which group, now and ever.
    pub fn judge(
        &self,
        own: &BTreeMap<UserId, OwnState>,
        members: &BTreeMap<ChatId, BTreeSet<UserId>>,
    ) -> Vec<String> {
        let book = self.book();
        let mut wrong = book.wrong.clone();
        let blocks =
            |by: &UserId, other: &UserId| own.get(by).is_some_and(|own| own.people().blocks(other));
        for (number, who) in &book.last {
            let Given { by, chat, .. } = &book.given[number];
            let may = if is_direct(chat) {
                by == who || !(blocks(by, who) || blocks(who, by))
            } else {
                let is_in = |user| members.get(chat).is_some_and(|users| users.contains(user));
                is_in(by) && is_in(who)
            };
            if !may {
                wrong.push(format!("{who} heard that {by} types in {chat}, and may not"));
            }
        }
        wrong
    }

    /// What is wrong, given who was ever in which group.
    pub fn judge_ever(&self, was_in: impl Fn(&ChatId, &UserId) -> bool) -> Vec<String> {
        let book = self.book();
        let groups =
            book.heard.iter().filter(|(chat, _)| matches!(chat.kind(), ChatKind::Group(_)));
        let outside = groups.filter(|(chat, user)| !was_in(chat, user));
        outside
            .map(|(chat, user)| format!("{user} heard who types in {chat}, never in it"))
            .collect()
    }

    /// How often somebody heard something of a group when nobody came or went any more.
    pub fn in_peace(&self) -> u64 {
        let book = self.book();
        let of_group = |number: &u64| matches!(book.given[number].chat.kind(), ChatKind::Group(_));
        book.last.iter().filter(|(number, _)| of_group(number)).count() as u64
    }

    /// How often somebody heard something.
    pub fn count(&self) -> u64 {
        self.book().count
    }
}

fn is_direct(chat: &ChatId) -> bool {
    matches!(chat.kind(), ChatKind::Direct(..))
}
