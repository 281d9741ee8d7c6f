//! A chat as people see it, folded from its entries: what a message says now, who reacted, what is
//! pinned. Pure. Must never depend on the order in which entries come: pages of history may come
//! before, between and behind what is delivered, in any order and more than once.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use packetboat_proto::content::{
    Alteration, Body, Content, Context, Erasure, FileSent, GroupChange, RoomChange,
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
    expires_ms: Option<u64>,
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
    Erased(Erasure),
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
    /// When its time is over, in milliseconds of Unix time, if it ever is.
    pub expires_ms: Option<u64>,
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
    /// Its time is over.
    Expired,
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
        let held = Held::of(entry);
        match self.entries.get_mut(&entry.seq) {
            // What is known to be erased is not brought back by a page that is older.
            Some(known) if matches!(known.said, Sense::Erased(_)) => {}
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

    /// The chat as people see it at a time, in milliseconds of Unix time. What has expired by then
    /// is forgotten, whatever the time is the next time.
    pub fn view(&mut self, now_ms: u64) -> View {
        self.forget(now_ms);
        let changes = Changes::of(&self.entries);
        let shown = |(seq, held): (&u64, &Held)| changes.shown(*seq, held);
        let seen = self.entries.iter().filter(|(seq, _)| !self.hidden.holds(**seq));
        let messages = seen.filter_map(shown).collect();
        View { messages, pins: changes.pins.into_iter().collect() }
    }

    /// When the next of what is kept expires, in milliseconds of Unix time: then the view changes
    /// though nothing comes.
    pub fn next_expiry_ms(&self) -> Option<u64> {
        let staying = self.entries.values().filter(|held| !matches!(held.said, Sense::Erased(_)));
        staying.filter_map(|held| held.expires_ms).min()
    }

    /// Forgets what has expired, and what its edits said.
    fn forget(&mut self, now_ms: u64) {
        let is_over = |(seq, held): (&u64, &Held)| held.is_over(*seq, now_ms).then_some(*seq);
        let over: BTreeSet<u64> = self.entries.iter().filter_map(is_over).collect();
        if over.is_empty() {
            return;
        }
        for (seq, held) in &mut self.entries {
            let of = match &held.said {
                Sense::Alteration(Alteration::Edited { seq: of, .. }) => *of,
                Sense::Body(..) | Sense::File(..) | Sense::Unknown(_) => *seq,
                Sense::Alteration(_) | Sense::Group(_) | Sense::Room(_) | Sense::Erased(_) => {
                    continue;
                }
            };
            if over.contains(&of) {
                held.said = Sense::Erased(Erasure::Expired { of });
            }
        }
    }
}

impl Held {
    fn of(entry: &Entry) -> Self {
        let content = &entry.content;
        let (said, context) = match Content::decode_whole(content, usize::MAX) {
            Ok((said, context)) => (Sense::of(said, &context), context),
            Err(_) => (Sense::Unknown(content.clone()), Context::default()),
        };
        let expires_ms = context.expires_ms(entry.at_ms);
        Self { sender: entry.sender.clone(), id: entry.id, at_ms: entry.at_ms, expires_ms, said }
    }

    /// Whether the time of this entry itself is over.
    fn is_over(&self, seq: u64, now_ms: u64) -> bool {
        self.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms)
            || matches!(self.said, Sense::Erased(Erasure::Expired { of }) if of == seq)
    }
}

impl Sense {
    fn of(content: Content, context: &Context) -> Self {
        match content {
            Content::Entry(alteration) => Self::Alteration(alteration),
            Content::Group(change) => Self::Group(change),
            Content::Room(change) => Self::Room(change),
            Content::Erased(erasure) => Self::Erased(erasure),
            Content::File(sent) => Self::File(sent, context.clone()),
            Content::Text(body) => Self::Body(Body::Text(body), context.clone()),
            Content::Data { media_type, body } => {
                Self::Body(Body::Data { media_type, body }, context.clone())
            }
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
        let is_gone = |seq: &u64| {
            let held = entries.get(seq).map(|held| &held.said);
            changes.recalls.contains_key(seq) || matches!(held, Some(Sense::Erased(_)))
        };
        changes.pins.retain(|seq| !is_gone(seq));
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

    /// Whether it is this entry that was recalled or has expired, as far as is known.
    fn is_of(&self, erasure: Erasure, seq: u64) -> bool {
        match erasure {
            Erasure::Recalled { by } => self.recalled.get(&by).is_none_or(|of| *of == seq),
            Erasure::Expired { of } => of == seq,
        }
    }

    fn shown(&self, seq: u64, held: &Held) -> Option<Shown> {
        let mut shown = Shown {
            seq,
            sender: held.sender.clone(),
            id: held.id,
            at_ms: held.at_ms,
            expires_ms: None,
            said: Said::Recalled { by: 0 },
            context: Context::default(),
            edited: None,
            reactions: BTreeMap::new(),
            pinned: false,
        };
        match (&held.said, self.recalls.get(&seq)) {
            (Sense::Alteration(_), _) => return None,
            // What is left of an edit: what was recalled, or has expired, is another entry.
            (Sense::Erased(erasure), _) if !self.is_of(*erasure, seq) => return None,
            (Sense::Erased(Erasure::Recalled { by }), _) | (_, Some(by)) => {
                shown.said = Said::Recalled { by: *by };
            }
            (Sense::Erased(Erasure::Expired { .. }), None) => shown.said = Said::Expired,
            (Sense::Group(change), None) => shown.said = Said::Group(change.clone()),
            (Sense::Room(change), None) => shown.said = Said::Room(change.clone()),
            (Sense::Unknown(bytes), None) => shown.said = Said::Unknown(bytes.clone()),
            (Sense::Body(body, context), None) => {
                let edit = self.edits.get(&seq).filter(|(_, by, _)| **by == held.sender);
                shown.edited = edit.map(|(seq, ..)| *seq);
                shown.said = Said::Body(edit.map_or(body, |(.., new)| new).clone());
                self.dress(&mut shown, held, context);
            }
            (Sense::File(sent, context), None) => {
                shown.said = Said::File(sent.clone());
                self.dress(&mut shown, held, context);
            }
        }
        Some(shown)
    }

    /// What a message has beside what it says.
    fn dress(&self, shown: &mut Shown, held: &Held, context: &Context) {
        shown.context = context.clone();
        shown.expires_ms = held.expires_ms;
        shown.reactions = self.reactions.get(&shown.seq).cloned().unwrap_or_default();
        shown.pinned = self.pins.contains(&shown.seq);
    }
}

#[cfg(test)]
#[path = "timeline/tests.rs"]
mod tests;
