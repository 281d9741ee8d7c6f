//! Reads beside a recall, as it can come between any two looks of a reader at a backend.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use packetboat_proto::content::{Content, Erasure};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, MessageId, UserId};

use super::*;
use crate::store::backend::BackendError;
use crate::store::backend::Visit;
use crate::store::batch::Batch;
use crate::store::memory::MemoryBackend;
use crate::store::parts::Whole;
use crate::store::{Edge, PageLimit, Stretch};

/// Entries of the log, each of three parts.
const ENTRIES: u64 = 3;
const WIDE: PageLimit = PageLimit { items: usize::MAX, bytes: usize::MAX };

/// A backend that shows its rows one by one, and is written to behind so many of them.
struct Between {
    rows: MemoryBackend,
    left: AtomicUsize,
    next: Mutex<Option<Batch>>,
}

impl Between {
    /// A row was looked at.
    fn looked(&self) {
        let last =
            self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if last == Ok(1)
            && let Some(batch) = self.next.lock().unwrap().take()
        {
            self.rows.commit(batch).unwrap();
        }
    }
}

impl Backend for Between {
    fn apply(&self, batch: Batch) -> Result<(), BackendError> {
        self.rows.apply(batch)
    }

    fn sync(&self) -> Result<(), BackendError> {
        self.rows.sync()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        let found = self.rows.get(key);
        self.looked();
        found
    }

    /// Row by row, as the steps of packed rows can be.
    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), BackendError> {
        let mut from = from.to_vec();
        loop {
            let mut row = None;
            self.rows.scan(&from, to, &mut |key, value| {
                row = Some((key.to_vec(), value.to_vec()));
                ControlFlow::Break(())
            })?;
            self.looked();
            let Some((key, value)) = row else { return Ok(()) };
            if visit(&key, &value).is_break() {
                return Ok(());
            }
            from = [key, vec![0]].concat();
        }
    }

    fn last_key(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.rows.last_key(from, to)
    }

    fn free_bytes(&self) -> Result<Option<u64>, BackendError> {
        Ok(None)
    }
}

fn chat() -> ChatId {
    ChatId::new("dm:ann:bob").unwrap()
}

fn bob() -> UserId {
    UserId::new("bob").unwrap()
}

fn entry(seq: u64, content: &Content) -> Entry {
    let sender = UserId::new("ann").unwrap();
    let (id, content) = (MessageId::from([1; 16]), content.encode());
    Entry { chat: chat(), seq, sender, id, at_ms: 5, content }
}

fn long(seq: u64) -> Content {
    Content::text(seq.to_string().repeat(9_000))
}

/// What recalls these, all in one batch.
fn recall(seqs: &[u64]) -> Batch {
    let mut batch = Batch::default();
    for seq in seqs {
        let left = entry(*seq, &Content::Erased(Erasure::Recalled { by: ENTRIES }));
        for (part, value) in Whole::new(&entry(*seq, &long(*seq))).split().map(|(part, _)| {
            (part, Whole::new(&left).split().find(|(of, _)| *of == part).map(|(_, value)| value))
        }) {
            match value {
                Some(value) => batch.put(key::entry(&chat(), *seq, part), value),
                None => batch.remove(key::entry(&chat(), *seq, part)),
            }
        }
    }
    batch
}

/// A reader that finds a recall behind so many looks.
fn reader(looks: usize, recalled: &[u64]) -> Reader {
    let rows = MemoryBackend::default();
    let mut batch = Batch::default();
    for seq in 1..=ENTRIES {
        for (part, value) in Whole::new(&entry(seq, &long(seq))).split() {
            batch.put(key::entry(&chat(), seq, part), value);
        }
    }
    let place = Place::starting_at(1);
    batch.put(key::place(&bob(), &chat()), place.encode());
    rows.commit(batch).unwrap();
    let next = Mutex::new(Some(recall(recalled)));
    let backend = Between { rows, left: AtomicUsize::new(looks), next };
    Reader::new(Arc::new(backend), Arc::default())
}

fn check(found: Vec<crate::store::Logged>, recalled: &[u64]) {
    let seqs: Vec<u64> = found.iter().map(|logged| logged.seq).collect();
    assert_eq!(seqs, (1..=ENTRIES).collect::<Vec<_>>());
    for logged in found {
        let found = Entry::decode(logged.body).unwrap();
        let left = entry(logged.seq, &Content::Erased(Erasure::Recalled { by: ENTRIES }));
        let said = entry(logged.seq, &long(logged.seq));
        let may_be_left = recalled.contains(&logged.seq) && found == left;
        assert!(may_be_left || found == said, "{} is whole", logged.seq);
    }
}

#[test]
fn a_recall_between_any_two_looks_leaves_every_entry_whole() {
    let every: [&[u64]; 5] = [&[1], &[2], &[3], &[1, 2], &[1, 2, 3]];
    for recalled in every {
        for looks in 1..24 {
            for edge in [Edge::After(0), Edge::Before(0)] {
                let page = reader(looks, recalled).history(&bob(), &chat(), edge, WIDE, 9);
                check(page.unwrap().unwrap().items, recalled);
            }
            let stretch = Stretch { chat: chat(), after: 0, upto: ENTRIES };
            let reads = reader(looks, recalled).stretches(&bob(), vec![stretch], WIDE, 9);
            check(reads.unwrap().unwrap().remove(0).entries, recalled);
        }
    }
}

#[test]
fn a_hole_is_one_however_often_it_is_looked_at() {
    let reader = reader(usize::MAX, &[]);
    let mut batch = Batch::default();
    batch.remove(key::entry(&chat(), 2, 1));
    reader.backend.commit(batch).unwrap();
    for edge in [Edge::After(0), Edge::Before(0)] {
        assert!(reader.history(&bob(), &chat(), edge, WIDE, 9).is_err());
    }
}
