//! The sessions that listen to one room: many thousands, who come and go by themselves. Must never
//! look at all of them for one that leaves.

use std::sync::Arc;

use ahash::HashMap;
use packetboat_proto::id::SessionId;

use super::mailbox::Mailbox;

/// The sessions that listen to one room.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    mailboxes: Vec<Arc<Mailbox>>,
    /// Where each stands among them.
    places: HashMap<SessionId, usize>,
    /// How many were told of last.
    told: usize,
}

impl Crowd {
    /// Lets one in, which may be in already.
    pub(super) fn add(&mut self, mailbox: &Arc<Mailbox>) {
        let next = self.mailboxes.len();
        self.places.entry(mailbox.session()).or_insert_with(|| {
            self.mailboxes.push(Arc::clone(mailbox));
            next
        });
    }

    /// Lets one out, if it is in.
    pub(super) fn remove(&mut self, session: SessionId) {
        let Some(place) = self.places.remove(&session) else { return };
        self.mailboxes.swap_remove(place);
        if let Some(moved) = self.mailboxes.get(place) {
            self.places.insert(moved.session(), place);
        }
    }

    /// Whether one is in.
    pub(super) fn has(&self, session: SessionId) -> bool {
        self.places.contains_key(&session)
    }

    /// All of them.
    pub(super) fn mailboxes(&self) -> &[Arc<Mailbox>] {
        &self.mailboxes
    }

    /// How many there are, if that is another number than was told last.
    pub(super) fn recount(&mut self) -> Option<usize> {
        let count = self.mailboxes.len();
        (std::mem::replace(&mut self.told, count) != count).then_some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox(number: u8) -> Arc<Mailbox> {
        Arc::new(Mailbox::new(SessionId::from([number; 16])))
    }

    fn numbers(crowd: &Crowd) -> Vec<u8> {
        let mut numbers: Vec<u8> =
            crowd.mailboxes().iter().map(|mailbox| mailbox.session().as_bytes()[0]).collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn whoever_leaves_is_not_found_and_the_others_are() {
        let mut crowd = Crowd::default();
        for number in [1, 2, 3, 2, 4] {
            crowd.add(&mailbox(number));
        }
        assert_eq!(numbers(&crowd), [1, 2, 3, 4]);
        for (leaves, left) in [(1, vec![2, 3, 4]), (4, vec![2, 3]), (9, vec![2, 3]), (2, vec![3])] {
            crowd.remove(SessionId::from([leaves; 16]));
            assert_eq!(numbers(&crowd), left);
        }
        crowd.remove(SessionId::from([3; 16]));
        assert!(crowd.mailboxes().is_empty() && crowd.places.is_empty());
    }

    #[test]
    fn a_count_is_told_when_it_is_another() {
        let mut crowd = Crowd::default();
        crowd.add(&mailbox(1));
        assert_eq!((crowd.recount(), crowd.recount()), (Some(1), None));
        crowd.add(&mailbox(2));
        crowd.remove(SessionId::from([1; 16]));
        assert_eq!(crowd.recount(), None, "one came and one went");
    }
}
