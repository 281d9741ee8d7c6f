//! What an app keeps over its crashes. Must never be told what the app did not have in its hands.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use packetboat_proto::id::{ChatId, MessageId};

/// Accepted messages that are kept, to be sent once more.
const ACCEPTED_MAX: usize = 64;

/// A message as its sender keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Where to.
    pub chat: ChatId,
    /// How its sender names it.
    pub id: MessageId,
    /// The encoded content.
    pub content: Bytes,
}

/// What devices did and saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sends that were accepted.
    pub accepted: u64,
    /// Sends that were refused.
    pub rejected: u64,
    /// Sends whose app ended before the answer.
    pub unknown: u64,
    /// Entries handed over.
    pub delivered: u64,
    /// Apps ended without a word.
    pub crashes: u64,
    /// Apps whose place a newer session took.
    pub replaced: u64,
}

#[derive(Debug, Default)]
pub(super) struct Book {
    /// How far the app came in each chat.
    pub(super) cursors: HashMap<ChatId, u64>,
    /// Messages without an outcome, in order.
    pub(super) outbox: BTreeMap<u64, Draft>,
    /// What each id names: a device that used one for two contents would take the answer to the
    /// one for the answer to the other.
    named: HashMap<(ChatId, MessageId), Bytes>,
    next: u64,
    accepted: VecDeque<Draft>,
    runs: u64,
}

impl Book {
    /// What a start goes on from, and which run of the app it is, from 1.
    pub(super) fn open(&mut self) -> (HashMap<ChatId, u64>, Vec<(u64, Draft)>, u64) {
        self.runs += 1;
        let outbox = self.outbox.iter().map(|(place, draft)| (*place, draft.clone()));
        (self.cursors.clone(), outbox.collect(), self.runs)
    }

    /// Puts a message into the outbox; `None` if one of that name is there, or the name is that of
    /// another content.
    pub(super) fn put(&mut self, draft: Draft) -> Option<u64> {
        let name = (draft.chat.clone(), draft.id);
        let named = self.named.entry(name).or_insert_with(|| draft.content.clone());
        if *named != draft.content {
            return None;
        }
        let same = |other: &Draft| other.chat == draft.chat && other.id == draft.id;
        if self.outbox.values().any(same) {
            return None;
        }
        let place = self.next;
        self.next += 1;
        self.outbox.insert(place, draft);
        Some(place)
    }

    /// Keeps one that was accepted.
    pub(super) fn keep(&mut self, draft: Draft) {
        if self.accepted.len() == ACCEPTED_MAX {
            self.accepted.pop_front();
        }
        self.accepted.push_back(draft);
    }

    pub(super) fn accepted(&self) -> Vec<Draft> {
        self.accepted.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(number: u8, text: &'static str) -> Draft {
        let (chat, id) = (ChatId::group("g").unwrap(), MessageId::from([number; 16]));
        Draft { chat, id, content: Bytes::from_static(text.as_bytes()) }
    }

    #[test]
    fn a_start_goes_on_with_what_has_no_outcome_in_its_order() {
        let mut book = Book::default();
        let places: Vec<u64> = (0..3).map(|number| book.put(draft(number, "x")).unwrap()).collect();
        book.outbox.remove(&places[1]);
        book.cursors.insert(ChatId::group("g").unwrap(), 7);
        let (cursors, outbox, run) = book.open();
        assert_eq!((cursors.len(), run), (1, 1));
        assert_eq!(outbox, [(places[0], draft(0, "x")), (places[2], draft(2, "x"))]);
        assert_eq!(book.open().2, 2);
    }

    #[test]
    fn a_name_is_on_its_way_once_and_stays_with_its_content() {
        let mut book = Book::default();
        let place = book.put(draft(1, "x")).unwrap();
        assert_eq!(book.put(draft(1, "x")), None);
        book.outbox.remove(&place);
        assert_eq!(book.put(draft(1, "y")), None);
        assert!(book.put(draft(1, "x")).is_some());
    }
}
