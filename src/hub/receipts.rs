//! Which sessions are told that receipts of a group have moved, and of which groups there is news.
//! Must never tell a session that has no seat in the group.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use ahash::{HashMap, HashSet};
use packetboat_proto::id::{ChatId, SessionId};
use packetboat_proto::limits::RECEIPTS_WATCHED_MAX;

use super::crowd::Crowd;
use super::mailbox::Mailbox;

/// Which sessions are told of which groups.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    crowds: HashMap<ChatId, Crowd>,
    watched: HashMap<SessionId, Vec<ChatId>>,
    /// Groups whose receipts have moved since that was told.
    moved: HashSet<ChatId>,
}

/// Why a session is not told of receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptsError {
    /// It would watch more groups than it may.
    TooMany,
    /// It has no seat in one of them.
    NoSeat,
}

impl Receipts {
    /// A session is told of groups from now on, and of others no more: all of it is done, or
    /// nothing.
    pub(super) fn watch(
        &mut self,
        mailbox: &Arc<Mailbox>,
        add: &[ChatId],
        remove: &[ChatId],
    ) -> Result<(), ReceiptsError> {
        let session = mailbox.session();
        let mut watched = self.watched.get(&session).cloned().unwrap_or_default();
        watched.retain(|group| !remove.contains(group));
        for group in add {
            if !watched.contains(group) {
                watched.push(group.clone());
            }
        }
        if watched.len() > RECEIPTS_WATCHED_MAX {
            return Err(ReceiptsError::TooMany);
        }
        for group in remove.iter().filter(|group| !add.contains(group)) {
            self.part(group, session);
        }
        for group in add {
            self.crowds.entry(group.clone()).or_default().add(mailbox);
        }
        if !watched.is_empty() {
            self.watched.insert(session, watched);
        }
        Ok(())
    }

    /// A session is told of no group any more.
    pub(super) fn leave(&mut self, session: SessionId) {
        for group in self.watched.remove(&session).unwrap_or_default() {
            self.put_out(&group, session);
        }
    }

    /// A session is told of one group no more.
    pub(super) fn part(&mut self, group: &ChatId, session: SessionId) {
        let Entry::Occupied(mut watched) = self.watched.entry(session) else { return };
        watched.get_mut().retain(|other| other != group);
        if watched.get().is_empty() {
            watched.remove();
        }
        self.put_out(group, session);
    }

    fn put_out(&mut self, group: &ChatId, session: SessionId) {
        let Entry::Occupied(mut crowd) = self.crowds.entry(group.clone()) else { return };
        crowd.get_mut().remove(session);
        if crowd.get().mailboxes().is_empty() {
            crowd.remove();
            self.moved.remove(group);
        }
    }

    /// A group is over.
    pub(super) fn close(&mut self, group: &ChatId) {
        self.moved.remove(group);
        let Some(crowd) = self.crowds.remove(group) else { return };
        for mailbox in crowd.mailboxes() {
            self.part(group, mailbox.session());
        }
    }

    /// Receipts of a chat have moved. Whether that is news to anybody.
    pub(super) fn touch(&mut self, chat: &ChatId) -> bool {
        self.crowds.contains_key(chat) && self.moved.insert(chat.clone())
    }

    /// One of the groups of which there is news, with those to tell.
    pub(super) fn next_moved(&mut self) -> Option<(ChatId, &[Arc<Mailbox>])> {
        let group = self.moved.iter().next().cloned()?;
        self.moved.remove(&group);
        let to = self.crowds.get(&group).map_or(&[][..], Crowd::mailboxes);
        Some((group, to))
    }

    /// Whether there is news of any group.
    pub(super) fn has_moved(&self) -> bool {
        !self.moved.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox(number: u8) -> Arc<Mailbox> {
        Arc::new(Mailbox::new(SessionId::from([number; 16])))
    }

    fn group(name: &str) -> ChatId {
        ChatId::group(name).unwrap()
    }

    fn told(receipts: &mut Receipts) -> Vec<(ChatId, usize)> {
        let mut told = Vec::new();
        while let Some((group, to)) = receipts.next_moved() {
            let to = to.len();
            told.push((group, to));
        }
        told
    }

    #[test]
    fn news_is_told_once_and_only_where_somebody_watches() {
        let (mut receipts, crew) = (Receipts::default(), group("crew"));
        assert!(!receipts.touch(&crew), "nobody watches");
        for number in [1, 2, 2] {
            receipts.watch(&mailbox(number), std::slice::from_ref(&crew), &[]).unwrap();
        }
        assert!(receipts.touch(&crew) && !receipts.touch(&crew), "the second move is no news");
        assert_eq!(told(&mut receipts), [(crew.clone(), 2)]);
        assert!(!receipts.has_moved() && receipts.touch(&crew));
    }

    #[test]
    fn nothing_is_kept_for_who_watches_no_more() {
        let (mut receipts, crew, deck) = (Receipts::default(), group("crew"), group("deck"));
        let both = [crew.clone(), deck.clone()];
        for number in 1..=4 {
            receipts.watch(&mailbox(number), &both, &[]).unwrap();
        }
        assert!(receipts.touch(&crew) && receipts.touch(&deck));
        receipts.leave(SessionId::from([1; 16]));
        receipts.watch(&mailbox(2), &[], &both).unwrap();
        receipts.part(&deck, SessionId::from([3; 16]));
        receipts.close(&deck);
        assert_eq!(told(&mut receipts), [(crew.clone(), 2)]);
        receipts.leave(SessionId::from([3; 16]));
        receipts.leave(SessionId::from([4; 16]));
        assert!(receipts.crowds.is_empty() && receipts.watched.is_empty());
    }

    #[test]
    fn a_session_watches_so_many_groups_and_no_more() {
        let (mut receipts, mailbox) = (Receipts::default(), mailbox(1));
        let groups: Vec<ChatId> =
            (0..=RECEIPTS_WATCHED_MAX).map(|at| group(&format!("g{at}"))).collect();
        let (most, last) = groups.split_at(RECEIPTS_WATCHED_MAX);
        receipts.watch(&mailbox, most, &[]).unwrap();
        assert_eq!(receipts.watch(&mailbox, last, &[]), Err(ReceiptsError::TooMany));
        assert!(!receipts.touch(&last[0]), "nothing of it was done");
        receipts.watch(&mailbox, last, &most[..1]).unwrap();
        assert!(receipts.touch(&last[0]) && !receipts.touch(&most[0]));
    }
}
