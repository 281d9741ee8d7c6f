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

    /// Puts a message into the outbox; `None` if one of that name is there.
    pub(super) fn put(&mut self, draft: Draft) -> Option<u64> {
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
