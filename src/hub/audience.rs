//! Which sessions are told of what. Must never keep anything of which nobody is told, nor anything
//! for a session that is told of nothing.

use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::Arc;

use ahash::HashMap;
use packetboat_proto::id::SessionId;

use super::crowd::Crowd;
use super::mailbox::Mailbox;

/// Which sessions are told of what.
#[derive(Debug)]
pub(super) struct Audience<K> {
    crowds: HashMap<K, Crowd>,
    /// What each is told of, in the order in which it began.
    told: HashMap<SessionId, Vec<K>>,
}

impl<K> Default for Audience<K> {
    fn default() -> Self {
        Self { crowds: HashMap::default(), told: HashMap::default() }
    }
}

impl<K: Hash + Eq + Clone> Audience<K> {
    /// What a session is told of.
    pub(super) fn told(&self, session: SessionId) -> &[K] {
        self.told.get(&session).map_or(&[], Vec::as_slice)
    }

    /// Those who are told of something.
    pub(super) fn of(&self, what: &K) -> &[Arc<Mailbox>] {
        self.crowds.get(what).map_or(&[], Crowd::mailboxes)
    }

    /// A session is told of something from now on.
    pub(super) fn add(&mut self, mailbox: &Arc<Mailbox>, what: &K) {
        let told = self.told.entry(mailbox.session()).or_default();
        if !told.contains(what) {
            told.push(what.clone());
            self.crowds.entry(what.clone()).or_default().add(mailbox);
        }
    }

    /// A session is told of something no more.
    pub(super) fn remove(&mut self, session: SessionId, what: &K) {
        let Entry::Occupied(mut told) = self.told.entry(session) else { return };
        told.get_mut().retain(|other| other != what);
        if told.get().is_empty() {
            told.remove();
        }
        self.put_out(session, what);
    }

    /// A session is told of nothing any more.
    pub(super) fn leave(&mut self, session: SessionId) {
        for what in self.told.remove(&session).unwrap_or_default() {
            self.put_out(session, &what);
        }
    }

    /// Nobody is told of something any more.
    pub(super) fn close(&mut self, what: &K) {
        for mailbox in self.of(what).to_vec() {
            self.remove(mailbox.session(), what);
        }
    }

    fn put_out(&mut self, session: SessionId, what: &K) {
        let Entry::Occupied(mut crowd) = self.crowds.entry(what.clone()) else { return };
        crowd.get_mut().remove(session);
        if crowd.get().mailboxes().is_empty() {
            crowd.remove();
        }
    }

    /// Whether nobody is told of anything.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.crowds.is_empty() && self.told.is_empty()
    }
}
