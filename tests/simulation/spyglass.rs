//! What people find by words, held against the logs that they read in the end. Must never look for
//! words as the server does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use packetboat_client::{Alteration, Body, Client, Content, Entry, Found, OwnState, RequestError};
use packetboat_proof::history::{Event, Recorder};
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::packet::SearchPlace;

/// In most of what is said, and in all that is edited.
const WORDS: [&str; 2] = ["of", "edit"];
/// Entries of a page.
const PAGE_ITEMS: u32 = 7;

/// What people find.
#[derive(Clone, Default)]
pub struct Spyglass(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    /// What each user reads in the end.
    logs: BTreeMap<UserId, Vec<(ChatId, Vec<Entry>)>>,
    wrong: Vec<String>,
}

impl Spyglass {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("no panic")
    }

    /// Looks for a word; what does not come about is no fault.
    pub async fn seek(
        self,
        client: Client,
        recorder: Recorder,
        word: String,
        chat: Option<ChatId>,
    ) {
        let Ok(found) = client.search(&word, chat.as_ref(), None, PAGE_ITEMS).await else { return };
        for entry in &found.entries {
            let elsewhere = chat.as_ref().is_some_and(|chat| *chat != entry.chat);
            if elsewhere || !says(entry, &word) {
                let (user, chat, seq) = (client.user(), &entry.chat, entry.seq);
                let what = format!("{user} looked for {word} and found {seq} of {chat}");
                self.book().wrong.push(what);
            }
        }
        recorder.add(Event::Page { reader: client.user().clone(), entries: found.entries });
    }

    /// A user has read a log in the end.
    pub fn read(&self, reader: &UserId, chat: &ChatId, entries: &[Entry]) {
        let mut book = self.book();
        book.logs.entry(reader.clone()).or_default().push((chat.clone(), entries.to_vec()));
    }

    /// What is wrong in the end, and how much was found: a user finds what its logs say, but for
    /// what it has hidden, and nothing else.
    pub async fn judge(
        &self,
        clients: &BTreeMap<UserId, Client>,
        own: &BTreeMap<UserId, OwnState>,
    ) -> (Vec<String>, u64) {
        let (logs, mut wrong) = {
            let mut book = self.book();
            (std::mem::take(&mut book.logs), book.wrong.clone())
        };
        let (mut number, nothing) = (0, OwnState::default());
        for (user, client) in clients {
            let own = own.get(user).unwrap_or(&nothing);
            let logs = logs.get(user).map_or(&[][..], Vec::as_slice);
            for word in WORDS {
                let expected = said(logs, own, word);
                match all(client, word).await {
                    Ok(found) => {
                        number += found.len() as u64;
                        let about = format!("{user}, looking for {word}, ");
                        wrong.extend(apart(&found, &expected).map(|what| about + &what));
                    }
                    Err(error) => wrong.push(format!("{user} cannot look for {word}: {error}")),
                }
            }
        }
        (wrong, number)
    }
}

/// What is found and not there, or more than once, or there and not found; both are in order.
fn apart(found: &[(ChatId, u64)], expected: &[(ChatId, u64)]) -> Option<String> {
    let not_in = |of: &[(ChatId, u64)], all: &[(ChatId, u64)]| -> Vec<String> {
        let rest = of.iter().filter(|place| all.binary_search(place).is_err());
        rest.map(|(chat, seq)| format!("{seq} of {chat}")).collect()
    };
    let (more, less) = (not_in(found, expected), not_in(expected, found));
    (found != expected).then(|| format!("finds {more:?} and misses {less:?}"))
}

/// All that is found, in order of the logs.
async fn all(client: &Client, word: &str) -> Result<Vec<(ChatId, u64)>, RequestError> {
    let (mut places, mut before): (_, Option<SearchPlace>) = (Vec::new(), None);
    loop {
        let page = client.search(word, None, before.as_ref(), PAGE_ITEMS).await?;
        let Found { entries, next } = page;
        places.extend(entries.into_iter().map(|entry| (entry.chat, entry.seq)));
        let Some(next) = next else { break };
        assert!(before.as_ref() != Some(&next), "a search goes on where it was");
        before = Some(next);
    }
    places.sort_unstable();
    Ok(places)
}

/// Where logs say a word: an entry, or the newest of its edits in its place.
fn said(logs: &[(ChatId, Vec<Entry>)], own: &OwnState, word: &str) -> Vec<(ChatId, u64)> {
    let mut places = Vec::new();
    for (chat, log) in logs {
        let mut newest: BTreeMap<u64, &Entry> = BTreeMap::new();
        for entry in log {
            match Content::decode(&entry.content, usize::MAX) {
                Ok(Content::Entry(Alteration::Edited { seq, .. })) => {
                    // Who has not seen what is edited sees no edit of it either.
                    newest.entry(seq).and_modify(|newest| *newest = entry);
                }
                Ok(Content::Text(_) | Content::File(_)) => drop(newest.insert(entry.seq, entry)),
                _ => {}
            }
        }
        let shown = newest.iter().filter(|(seq, _)| !own.hides(chat, **seq));
        let saying = shown.filter(|(_, entry)| says(entry, word));
        places.extend(saying.map(|(_, entry)| (chat.clone(), entry.seq)));
    }
    places.sort_unstable();
    places
}

fn says(entry: &Entry, word: &str) -> bool {
    match Content::decode(&entry.content, usize::MAX) {
        Ok(
            Content::Text(text) | Content::Entry(Alteration::Edited { new: Body::Text(text), .. }),
        ) => text.split(|letter: char| !letter.is_alphanumeric()).any(|one| one == word),
        _ => false,
    }
}
