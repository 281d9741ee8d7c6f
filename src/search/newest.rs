//! The newest of what has the words, within what a user may see. The index knows of nobody's
//! rights: must never let anything through that is outside the stretches handed in.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::Arc;

use ahash::HashMap;
use packetboat_proto::packet::SearchPlace;
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::{Column, StrColumn};
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

use super::index::{AT_MS, CHAT, SEQ};
use crate::store::said::Seen;

/// When an entry was stored, which of the chats it is in, and its seq: the order of what is found.
type Rank = (u64, usize, u64);

/// Collects the newest.
pub(super) struct Newest {
    /// In order of their ids.
    chats: Arc<[Seen]>,
    before: Rank,
    limit: usize,
}

impl Newest {
    /// At most so many, behind a place. The chats are in order of their ids.
    pub(super) fn new(chats: Arc<[Seen]>, before: Option<&SearchPlace>, limit: usize) -> Self {
        let before = before.map_or((u64::MAX, usize::MAX, u64::MAX), |place| {
            match chats.binary_search_by(|(chat, _)| chat.cmp(&place.chat)) {
                Ok(at) => (place.at_ms, at, place.seq),
                // It is in none of them: those before it come after it.
                Err(at) => (place.at_ms, at, 0),
            }
        });
        Self { chats, before, limit }
    }
}

/// The highest ranks.
struct Highest {
    limit: usize,
    ranks: BinaryHeap<Reverse<Rank>>,
}

impl Highest {
    fn push(&mut self, rank: Rank) {
        if self.ranks.len() < self.limit {
            self.ranks.push(Reverse(rank));
        } else if let Some(mut lowest) = self.ranks.peek_mut()
            && rank > lowest.0
        {
            *lowest = Reverse(rank);
        }
    }
}

impl Collector for Newest {
    type Fruit = Vec<SearchPlace>;
    type Child = InSegment;

    fn for_segment(
        &self,
        _: SegmentOrdinal,
        segment: &SegmentReader,
    ) -> tantivy::Result<Self::Child> {
        let columns = segment.fast_fields();
        // One of them is not there: no entry is, but how far chats were read.
        let columns =
            match (columns.str(CHAT)?, columns.column_opt(SEQ)?, columns.column_opt(AT_MS)?) {
                (Some(chat), Some(seq), Some(at_ms)) => Some(Columns { chat, seq, at_ms }),
                _ => None,
            };
        Ok(InSegment {
            columns,
            chats: Arc::clone(&self.chats),
            known: HashMap::default(),
            name: String::new(),
            before: self.before,
            highest: Highest { limit: self.limit, ranks: BinaryHeap::new() },
            fault: None,
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(
        &self,
        fruits: Vec<io::Result<Vec<Rank>>>,
    ) -> tantivy::Result<Vec<SearchPlace>> {
        let mut highest = Highest { limit: self.limit, ranks: BinaryHeap::new() };
        for fruit in fruits {
            fruit?.into_iter().for_each(|rank| highest.push(rank));
        }
        let ranks = highest.ranks.into_sorted_vec().into_iter();
        Ok(ranks
            .map(|Reverse((at_ms, at, seq))| {
                let (chat, _) = &self.chats[at];
                SearchPlace { at_ms, chat: chat.clone(), seq }
            })
            .collect())
    }
}

struct Columns {
    chat: StrColumn,
    seq: Column<u64>,
    at_ms: Column<u64>,
}

/// Collects those of one segment.
pub(super) struct InSegment {
    columns: Option<Columns>,
    chats: Arc<[Seen]>,
    /// Which of the chats a number of this segment stands for.
    known: HashMap<u64, Option<usize>>,
    name: String,
    before: Rank,
    highest: Highest,
    fault: Option<io::Error>,
}

impl InSegment {
    fn rank(&mut self, doc: DocId) -> io::Result<Option<Rank>> {
        let Some(Columns { chat, seq, at_ms }) = &self.columns else { return Ok(None) };
        let (Some(number), Some(seq), Some(at_ms)) =
            (chat.ords().first(doc), seq.first(doc), at_ms.first(doc))
        else {
            return Ok(None);
        };
        let at = if let Some(known) = self.known.get(&number) {
            *known
        } else {
            let is_there = chat.ord_to_str(number, &mut self.name)?;
            let found = self.chats.binary_search_by(|(chat, _)| chat.as_str().cmp(&self.name));
            let at = found.ok().filter(|_| is_there);
            self.known.insert(number, at);
            at
        };
        let Some(at) = at else { return Ok(None) };
        let (_, stretches) = &self.chats[at];
        let is_seen = stretches.iter().any(|(first, last)| (*first..=*last).contains(&seq));
        let rank = (at_ms, at, seq);
        Ok((is_seen && rank < self.before).then_some(rank))
    }
}

impl SegmentCollector for InSegment {
    type Fruit = io::Result<Vec<Rank>>;

    fn collect(&mut self, doc: DocId, _: Score) {
        if self.fault.is_some() {
            return;
        }
        match self.rank(doc) {
            Ok(Some(rank)) => self.highest.push(rank),
            Ok(None) => {}
            Err(fault) => self.fault = Some(fault),
        }
    }

    fn harvest(self) -> Self::Fruit {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self.highest.ranks.into_iter().map(|Reverse(rank)| rank).collect()),
        }
    }
}
