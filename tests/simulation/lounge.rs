//! The room of a run, and what was said in it. Nothing of a room is owed, so it is no part of the
//! history; but what comes is in order and once, is the same for all, and what was accepted is in
//! the log for as long as it is kept. Must never be judged while something is still said.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use packetboat_client::{Client, Content, Entry, RequestError, RoomChange};
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
    wrong: Vec<String>,
}

/// What somebody does.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    /// Opens the room, if nobody has.
    Open,
    /// Listens.
    Join,
    /// Listens no more.
    Leave,
    /// Says something.
    Say,
}

impl Lounge {
    /// Its room.
    pub fn room() -> ChatId {
        ChatId::room("lounge").expect("a good id")
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("no panic")
    }

    /// Does it, as far as there is a server; what does not come about is no fault.
    pub async fn act(self, client: Client, deed: Deed, id: MessageId) {
        let room = Self::room();
        match deed {
            Deed::Open => {
                let (name, topic) = ("lounge".to_owned(), String::new());
                let opened = RoomChange::Opened { name, topic, keep: KEEP, slow_ms: 0 };
                self.say(&client, id, &Content::Room(opened)).await;
            }
            Deed::Join => drop(client.join(&room).await),
            Deed::Leave => drop(client.leave_room(&room).await),
            Deed::Say => self.say(&client, id, &Content::text(format!("{id}"))).await,
        }
    }

    async fn say(&self, client: &Client, id: MessageId, content: &Content) {
        let sending = client.send_with_id(&Self::room(), id, content.encode()).await;
        if let Ok(sending) = sending
            && let Ok(accepted) = sending.await
        {
            let mut book = self.book();
            book.place(accepted.seq, id);
            book.accepted.insert(accepted.seq, id);
        }
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
        let accepted = self.book().accepted.clone();
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
        if kept.len() > KEEP as usize || kept.windows(2).any(|pair| pair[1].seq != pair[0].seq + 1)
        {
            let seqs: Vec<u64> = kept.iter().map(|entry| entry.seq).collect();
            wrong.push(format!("the lounge keeps {seqs:?}"));
        }
        let first = kept.first().map_or(u64::MAX, |entry| entry.seq);
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
