//! What a user has set for itself, in the model: maps and sets. Must never know of a row, nor of a
//! removal that is forgotten: the runs here are too short for that.

use std::collections::{BTreeMap, BTreeSet};

use packetboat_proto::code::RejectCode;
use packetboat_proto::packet::ContactState;

use super::standing::Refused;

/// What a user sets of a chat.
#[derive(Clone, Copy, Debug)]
pub(super) enum Setting {
    /// Pins it at a place; 0: no more.
    Pin(u32),
    /// Writes so many letters; 0: no more.
    Draft(usize),
    /// Hides these seqs.
    Hide(u64, u64),
}

/// What users have set, each by the revision that it was set by.
#[derive(Clone, Debug, Default)]
pub struct OwnState {
    pub(super) revision: u64,
    pub(super) pins: BTreeMap<usize, (u64, u32)>,
    pub(super) drafts: BTreeMap<usize, (u64, usize)>,
    pub(super) hidden: BTreeMap<usize, (u64, BTreeSet<u64>)>,
    /// Of users: how they stand to this one, and by how many letters it calls them.
    pub(super) contacts: BTreeMap<usize, (u64, (ContactState, usize))>,
    pub(super) blocks: BTreeMap<usize, (u64, bool)>,
}

impl OwnState {
    /// What is hidden of a chat.
    pub(super) fn hides(&self, to: usize, seq: u64) -> bool {
        self.hidden.get(&to).is_some_and(|(_, seqs)| seqs.contains(&seq))
    }

    /// Where a chat is pinned.
    pub(super) fn pin(&self, to: usize) -> u32 {
        self.pins.get(&to).map_or(0, |(_, place)| *place)
    }

    /// Something is known of another user: the revision that it has, and whether that is new.
    pub(super) fn know(&mut self, of: usize, known: (ContactState, usize)) -> (u64, bool) {
        let (revision, new) = put(&mut self.contacts, of, known, self.revision + 1);
        self.revision += u64::from(new);
        (revision, new)
    }

    /// Another user is blocked, or no more.
    pub(super) fn block(&mut self, of: usize, blocked: bool) -> (u64, bool) {
        let (revision, new) = put(&mut self.blocks, of, blocked, self.revision + 1);
        self.revision += u64::from(new);
        (revision, new)
    }

    /// Something is set of a chat, of which the last entry that the user sees is known: the
    /// revision that it has, and whether that is new.
    pub(super) fn set(&mut self, to: usize, setting: Setting, last: u64) -> Refused<(u64, bool)> {
        let next = self.revision + 1;
        let (revision, new) = match setting {
            Setting::Pin(place) => put(&mut self.pins, to, place, next),
            Setting::Draft(letters) => put(&mut self.drafts, to, letters, next),
            Setting::Hide(_, upto) if upto > last => return Err(RejectCode::Invalid),
            Setting::Hide(first, upto) => {
                let (_, mut seqs) = self.hidden.get(&to).cloned().unwrap_or_default();
                seqs.extend(first..=upto);
                put(&mut self.hidden, to, seqs, next)
            }
        };
        self.revision += u64::from(new);
        Ok((revision, new))
    }
}

/// Sets something; the revision that it has, and whether that is new.
fn put<T: PartialEq + Default>(
    items: &mut BTreeMap<usize, (u64, T)>,
    to: usize,
    value: T,
    next: u64,
) -> (u64, bool) {
    match items.get(&to) {
        Some((revision, known)) if *known == value => (*revision, false),
        None if value == T::default() => (0, false),
        _ => {
            items.insert(to, (next, value));
            (next, true)
        }
    }
}
