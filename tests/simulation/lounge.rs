//! The room of a run, and what was said in it. Nothing of a room is owed, so it is no part of the
//! history; but what comes is in order and once, is the same for all, and what was accepted is in
//! the log for as long as it is kept. Must never be judged while something is still said.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use packetboat_client::{Alteration, Client, Content, Entry, RequestError, RoomChange};
use packetboat_proof::history::Device;
use packetboat_proto::code::RejectCode;
use packetboat_proto::id::{ChatId, MessageId};
use packetboat_proto::packet::Edge;

/// Entries that the room keeps.
const KEEP: u32 = 5;
/// More than it keeps.
const PAGE_ITEMS: u32 = 50;

/// The room of a run.
#[derive(Clone, Default)]
pub struct Lounge(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    /// How far each start of a device was.
    heard: BTreeMap<(Device, u64), u64>,
    /// Which message has which place.
    places: BTreeMap<u64, MessageId>,
    accepted: BTreeMap<u64, MessageId>,
    taken_back: BTreeSet<u64>,
    wrong: Vec<String>,
}

/// What somebody does.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    /// Listens no more.
    Leave,
    /// Listens, opens the room if nobody has, and says something a few times.
    Talk,
    /// Listens, and takes the last message back, if it may.
    TakeBack,
}

/// How often somebody talks at once.
pub const TALKS: usize = 4;

impl Lounge {
    /// Its room.
    pub fn room() -> ChatId {
        ChatId::room("lounge").expect("a good id")
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("no panic")
    }

    /// Does it, with messages of these names, as far as there is a server; what does not come about
    /// is no fault.
    pub async fn act(self, client: Client, deed: Deed, ids: [MessageId; TALKS]) {
        let room = Self::room();
        let [first, rest @ ..] = ids;
        match deed {
            Deed::Leave => drop(client.leave_room(&room).await),
            Deed::Talk => {
                if client.join(&room).await.is_err() {
                    let (name, topic) = ("lounge".to_owned(), String::new());
                    let opened = RoomChange::Opened { name, topic, keep: KEEP, slow_ms: 0 };
                    self.say(&client, first, &Content::Room(opened)).await;
                    drop(client.join(&room).await);
                }
                for id in rest {
                    self.say(&client, id, &Content::text(format!("{id}"))).await;
                }
            }
            Deed::TakeBack => {
                drop(client.join(&room).await);
                let last = self.book().places.last_key_value().map_or(1, |(seq, _)| *seq);
                let back = Content::Entry(Alteration::Recalled { seq: last });
                if self.say(&client, first, &back).await {
                    self.book().taken_back.insert(last);
                }
            }
        }
    }

    /// Whether it was accepted.
    async fn say(&self, client: &Client, id: MessageId, content: &Content) -> bool {
        let sending = client.send_with_id(&Self::room(), id, content.encode()).await;
        let Ok(sending) = sending else { return false };
        let Ok(accepted) = sending.await else { return false };
        let mut book = self.book();
        book.place(accepted.seq, id);
        book.accepted.insert(accepted.seq, id);
        true
    }

    /// A device was handed an entry, since it was started that often.
    pub fn heard(&self, who: &Device, start: u64, entry: &Entry) {
        let mut book = self.book();
        book.place(entry.seq, entry.id);
        let before = book.heard.insert((who.clone(), start), entry.seq).unwrap_or(0);
        if entry.seq <= before {
            book.wrong.push(format!("{who} heard {} of the lounge behind {before}", entry.seq));
        }
    }

    /// What is wrong with all of it, given somebody who can read.
    pub async fn judge(&self, client: &Client) -> Vec<String> {
        let (accepted, taken_back) = {
            let book = self.book();
            (book.accepted.clone(), book.taken_back.clone())
        };
        let mut wrong = self.book().wrong.clone();
        let page = client.history(&Self::room(), Edge::After(0), PAGE_ITEMS).await;
        let kept = match page {
            Ok(page) => page.items,
            Err(RequestError::Refused(verdict))
                if verdict.reject_code() == Some(RejectCode::NoSuchChat) && accepted.is_empty() =>
            {
                return wrong;
            }
            Err(error) => {
                wrong.push(format!("the lounge could not be read: {error}"));
                return wrong;
            }
        };
        let first = kept.first().map_or(u64::MAX, |entry| entry.seq);
        let seqs: Vec<u64> = kept.iter().map(|entry| entry.seq).collect();
        let whole = first == 1 || seqs.len() == KEEP as usize;
        if !whole
            || seqs.len() > KEEP as usize
            || !seqs.iter().copied().eq((first..).take(seqs.len()))
        {
            wrong.push(format!("the lounge keeps {seqs:?}"));
        }
        for entry in kept.iter().filter(|entry| taken_back.contains(&entry.seq)) {
            if !matches!(Content::decode(&entry.content, usize::MAX), Ok(Content::Erased(_))) {
                wrong.push(format!("{} of the lounge was taken back, and can be read", entry.seq));
            }
        }
        let there = |seq: u64, id| kept.iter().any(|entry| entry.seq == seq && entry.id == id);
        for (seq, id) in accepted.range(first..).filter(|(seq, id)| !there(**seq, **id)) {
            wrong.push(format!("{id} was accepted as {seq} of the lounge, and is not there"));
        }
        let last = kept.last().map_or(0, |entry| entry.seq);
        if accepted.last_key_value().is_some_and(|(seq, _)| *seq > last) {
            wrong.push(format!("the lounge ends at {last}, before what was accepted"));
        }
        wrong
    }
}

impl Book {
    fn place(&mut self, seq: u64, id: MessageId) {
        let there = *self.places.entry(seq).or_insert(id);
        if there != id {
            self.wrong
                .push(format!("{seq} of the lounge is {there} for one, and {id} for another"));
        }
    }
}
