//! Which sessions are told that receipts of a group have moved, and of which groups there is news.
//! Must never tell a session that has no seat in the group.

use std::sync::Arc;

use ahash::HashSet;
use packetboat_proto::id::{ChatId, SessionId};
use packetboat_proto::limits::RECEIPTS_WATCHED_MAX;

use super::audience::Audience;
use super::mailbox::Mailbox;

/// Which sessions are told of which groups.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    audience: Audience<ChatId>,
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
        let told = self.audience.told(session).iter().filter(|group| !remove.contains(group));
        let watched: HashSet<&ChatId> = told.chain(add).collect();
        if watched.len() > RECEIPTS_WATCHED_MAX {
            return Err(ReceiptsError::TooMany);
        }
        for group in remove {
            self.audience.remove(session, group);
        }
        for group in add {
            self.audience.add(mailbox, group);
        }
        Ok(())
    }

    /// A session is told of no group any more.
    pub(super) fn leave(&mut self, session: SessionId) {
        self.audience.leave(session);
    }

    /// A session is told of one group no more.
    pub(super) fn part(&mut self, group: &ChatId, session: SessionId) {
        self.audience.remove(session, group);
    }

    /// A group is over.
    pub(super) fn close(&mut self, group: &ChatId) {
        self.audience.close(group);
    }

    /// Receipts of a chat have moved. Whether that is news to anybody.
    pub(super) fn touch(&mut self, chat: &ChatId) -> bool {
        !self.audience.of(chat).is_empty() && self.moved.insert(chat.clone())
    }

    /// One of the groups of which there is news, with those to tell.
    pub(super) fn next_moved(&mut self) -> Option<(ChatId, &[Arc<Mailbox>])> {
        let group = self.moved.iter().next().cloned()?;
        self.moved.remove(&group);
        let to = self.audience.of(&group);
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
        let told: Vec<_> = told(&mut receipts).into_iter().filter(|(_, to)| *to > 0).collect();
        assert_eq!(told, [(crew.clone(), 2)]);
        receipts.leave(SessionId::from([3; 16]));
        receipts.leave(SessionId::from([4; 16]));
        assert!(receipts.audience.is_empty());
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
