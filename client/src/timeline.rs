//! A chat as people see it, folded from its entries: what a message says now, who reacted, what is
//! pinned. Pure. Must never depend on the order in which entries come: pages of history may come
//! before, between and behind what is delivered, in any order and more than once.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use packetboat_proto::content::{
    Alteration, Body, Content, Context, FileSent, GroupChange, RoomChange,
};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{MessageId, UserId};
use packetboat_proto::seqs::SeqSet;

/// Entries that a timeline keeps, unless it is told another number.
pub const TIMELINE_ENTRIES: usize = 1_000;

/// The entries of one chat with the highest seqs, as many as are kept. What lies below is forgotten
/// for good: to look back further, an app begins another timeline there.
#[derive(Clone, Debug)]
pub struct Timeline {
    entries: BTreeMap<u64, Held>,
    kept: usize,
    hidden: SeqSet,
}

/// An entry, read once.
#[derive(Clone, Debug)]
struct Held {
    sender: UserId,
    id: MessageId,
    at_ms: u64,
    said: Sense,
}

/// What an entry says by itself.
#[derive(Clone, Debug)]
enum Sense {
    Body(Body, Context),
    File(FileSent, Context),
    Alteration(Alteration),
    Group(GroupChange),
    Room(RoomChange),
    Erased { by: u64 },
    Unknown(Bytes),
}

/// A chat as people see it, as far as the kept entries tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// What was said, in order of seq; entries that only change others are not among it.
    pub messages: Vec<Shown>,
    /// The seqs of what is pinned, ascending; also of what lies below the kept entries.
    pub pins: Vec<u64>,
}

/// A message as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its place.
    pub seq: u64,
    /// Who sent it.
    pub sender: UserId,
    /// How its sender named it.
    pub id: MessageId,
    /// When the server took it, in milliseconds of Unix time.
    pub at_ms: u64,
    /// What it says now.
    pub said: Said,
    /// What it answers, its thread, where it was said before.
    pub context: Context,
    /// The seq of the last edit, if it was edited.
    pub edited: Option<u64>,
    /// Who reacts, and how.
    pub reactions: BTreeMap<String, BTreeSet<UserId>>,
    /// It is pinned.
    pub pinned: bool,
}

/// What a message says now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A text or data.
    Body(Body),
    /// A file.
    File(FileSent),
    /// The group changed.
    Group(GroupChange),
    /// The room changed.
    Room(RoomChange),
    /// It was recalled, by the entry of that seq.
    Recalled {
        /// The seq.
        by: u64,
    },
    /// Something of a later version; its bytes.
    Unknown(Bytes),
}

impl Default for Timeline {
    fn default() -> Self {
        Self::keeping(TIMELINE_ENTRIES)
    }
}

impl Timeline {
    /// An empty one, for so many entries.
    pub fn keeping(entries: usize) -> Self {
        Self { entries: BTreeMap::new(), kept: entries.max(1), hidden: SeqSet::default() }
    }

    /// Takes an entry of the chat.
    pub fn insert(&mut self, entry: &Entry) {
        let said = Sense::of(&entry.content);
        let held = Held { sender: entry.sender.clone(), id: entry.id, at_ms: entry.at_ms, said };
        match self.entries.get_mut(&entry.seq) {
            // What is known to be erased is not brought back by a page that is older.
            Some(known) if matches!(known.said, Sense::Erased { .. }) => {}
            Some(known) => *known = held,
            None => drop(self.entries.insert(entry.seq, held)),
        }
        while self.entries.len() > self.kept {
            self.entries.pop_first();
        }
    }

    /// What the user has deleted for itself: it is not shown, but what it does to other entries
    /// it does.
    pub fn hide(&mut self, seqs: SeqSet) {
        self.hidden = seqs;
    }

    /// How many entries are kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The chat as people see it.
    pub fn view(&self) -> View {
        let changes = Changes::of(&self.entries);
        let shown = |(seq, held): (&u64, &Held)| changes.shown(*seq, held);
        let seen = self.entries.iter().filter(|(seq, _)| !self.hidden.holds(**seq));
        let messages = seen.filter_map(shown).collect();
        View { messages, pins: changes.pins.into_iter().collect() }
    }
}

impl Sense {
    fn of(content: &Bytes) -> Self {
        match Content::decode_whole(content, usize::MAX) {
            Ok((Content::Entry(alteration), _)) => Self::Alteration(alteration),
            Ok((Content::Group(change), _)) => Self::Group(change),
            Ok((Content::Room(change), _)) => Self::Room(change),
            Ok((Content::File(sent), context)) => Self::File(sent, context),
            Ok((Content::Erased { by }, _)) => Self::Erased { by },
            Ok((Content::Text(body), context)) => Self::Body(Body::Text(body), context),
            Ok((Content::Data { media_type, body }, context)) => {
                Self::Body(Body::Data { media_type, body }, context)
            }
            Err(_) => Self::Unknown(content.clone()),
        }
    }
}

/// What entries do to others.
#[derive(Default)]
struct Changes<'a> {
    /// By what was recalled: the recall.
    recalls: BTreeMap<u64, u64>,
    /// By the recall: what was recalled.
    recalled: BTreeMap<u64, u64>,
    /// By what was edited: the last edit.
    edits: BTreeMap<u64, (u64, &'a UserId, &'a Body)>,
    reactions: BTreeMap<u64, BTreeMap<String, BTreeSet<UserId>>>,
    pins: BTreeSet<u64>,
}

impl<'a> Changes<'a> {
    /// In order of seq, so that the last one counts.
    fn of(entries: &'a BTreeMap<u64, Held>) -> Self {
        let mut changes = Self::default();
        for (seq, held) in entries {
            if let Sense::Alteration(alteration) = &held.said {
                changes.take(*seq, &held.sender, alteration);
            }
        }
        for recalled in changes.recalls.keys() {
            changes.pins.remove(recalled);
        }
        changes
    }

    fn take(&mut self, seq: u64, sender: &'a UserId, alteration: &'a Alteration) {
        match alteration {
            Alteration::Edited { seq: of, new } => drop(self.edits.insert(*of, (seq, sender, new))),
            Alteration::Recalled { seq: of } => {
                self.recalls.insert(*of, seq);
                self.recalled.insert(seq, *of);
            }
            Alteration::Reacted { seq: of, reaction, taken_back } => {
                let all = self.reactions.entry(*of).or_default();
                let users = all.entry(reaction.clone()).or_default();
                if *taken_back {
                    users.remove(sender);
                } else {
                    users.insert(sender.clone());
                }
                if users.is_empty() {
                    all.remove(reaction);
                }
            }
            Alteration::Pinned { seq: of, unpinned: false } => drop(self.pins.insert(*of)),
            Alteration::Pinned { seq: of, unpinned: true } => drop(self.pins.remove(of)),
        }
    }

    fn shown(&self, seq: u64, held: &Held) -> Option<Shown> {
        let mut shown = Shown {
            seq,
            sender: held.sender.clone(),
            id: held.id,
            at_ms: held.at_ms,
            said: Said::Recalled { by: 0 },
            context: Context::default(),
            edited: None,
            reactions: BTreeMap::new(),
            pinned: false,
        };
        match (&held.said, self.recalls.get(&seq)) {
            (Sense::Alteration(_), _) => return None,
            // What a recall left of an edit: what it recalled is another entry.
            (Sense::Erased { by }, _) if self.recalled.get(by).is_some_and(|of| *of != seq) => {
                return None;
            }
            (Sense::Erased { by }, _) | (_, Some(by)) => shown.said = Said::Recalled { by: *by },
            (Sense::Group(change), None) => shown.said = Said::Group(change.clone()),
            (Sense::Room(change), None) => shown.said = Said::Room(change.clone()),
            (Sense::Unknown(bytes), None) => shown.said = Said::Unknown(bytes.clone()),
            (Sense::Body(body, context), None) => {
                let edit = self.edits.get(&seq).filter(|(_, by, _)| **by == held.sender);
                shown.edited = edit.map(|(seq, ..)| *seq);
                shown.said = Said::Body(edit.map_or(body, |(.., new)| new).clone());
                self.dress(&mut shown, context);
            }
            (Sense::File(sent, context), None) => {
                shown.said = Said::File(sent.clone());
                self.dress(&mut shown, context);
            }
        }
        Some(shown)
    }

    /// What a message has beside what it says.
    fn dress(&self, shown: &mut Shown, context: &Context) {
        shown.context = context.clone();
        shown.reactions = self.reactions.get(&shown.seq).cloned().unwrap_or_default();
        shown.pinned = self.pins.contains(&shown.seq);
    }
}

#[cfg(test)]
#[path = "timeline/tests.rs"]
mod tests;
