//! Who sees what of a chat, by what its log says. To teach it a new kind of entry that brings
//! users in or puts them out, add it to `Membership::apply`; for a new kind of chat, to `of`.
//! Must never look at who was given an entry.

use std::collections::HashMap;

use bytes::Bytes;
use packetboat_proto::content::{Content, GroupChange};
use packetboat_proto::id::{ChatId, ChatKind, UserId};

/// Times in a chat that a server remembers of one user: what is older is not owed any more.
const SPANS_MAX: usize = 16;

/// From one seq to another, both of which are seen; to the last of all while the user is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first that is seen.
    pub from: u64,
    /// The last one.
    pub to: u64,
}

/// The times in which users were in a chat.
#[derive(Debug)]
pub enum Membership {
    /// What says so is not known: nobody is owed anything, nor forbidden.
    Unknown,
    /// By user.
    Known {
        /// What each is owed, and what each may see.
        users: HashMap<UserId, Times>,
        /// Who comes in sees what was before.
        history_for_all: bool,
    },
}

/// Of one user, in order.
#[derive(Clone, Debug, Default)]
pub struct Times {
    owed: Vec<Span>,
    sight: Vec<Span>,
}

impl Times {
    fn come(&mut self, seq: u64, all: bool) {
        let span = Span { from: seq, to: u64::MAX };
        if self.owed.last().is_none_or(|last| last.to != u64::MAX) {
            self.owed.push(span);
            self.sight.push(span);
            if all {
                self.sight = vec![Span { from: 1, ..span }];
            }
        }
    }

    fn go(&mut self, seq: u64) {
        for last in [self.owed.last_mut(), self.sight.last_mut()].into_iter().flatten() {
            last.to = last.to.min(seq);
        }
    }
}

impl Membership {
    /// Derives it from the entries of a chat that are known, in order.
    pub fn of<'a>(
        chat: &ChatId,
        log: impl IntoIterator<Item = (u64, &'a UserId, &'a Bytes)>,
    ) -> Self {
        match chat.kind() {
            ChatKind::Direct(low, high) => {
                let mut always = Times::default();
                always.come(1, false);
                let user = |name| UserId::new(name).expect("a chat id holds checked user ids");
                let users = [low, high].map(|name| (user(name), always.clone())).into();
                Self::Known { users, history_for_all: false }
            }
            ChatKind::Group(_) => Self::of_group(log),
            ChatKind::Room(_) => Self::Unknown,
        }
    }

    fn of_group<'a>(log: impl IntoIterator<Item = (u64, &'a UserId, &'a Bytes)>) -> Self {
        let mut membership = Self::Unknown;
        for (seq, sender, content) in log {
            if let Ok(Content::Group(change)) = Content::decode(content, usize::MAX) {
                membership.apply(seq, sender, change);
            }
        }
        membership
    }

    fn apply(&mut self, seq: u64, sender: &UserId, change: GroupChange) {
        match change {
            GroupChange::Created { members, .. } if seq == 1 => {
                *self = Self::Known { users: HashMap::new(), history_for_all: false };
                self.bring_in(members.into_iter().chain([sender.clone()]), seq);
            }
            GroupChange::Added(users) => self.bring_in(users, seq),
            GroupChange::Removed(users) => self.put_out(users, seq),
            GroupChange::Joined(_) => self.bring_in([sender.clone()], seq),
            GroupChange::Left { .. } => self.put_out([sender.clone()], seq),
            GroupChange::RulesSet(rules) => {
                if let Self::Known { history_for_all, .. } = self {
                    *history_for_all = rules.history_for_all;
                }
            }
            GroupChange::Created { .. }
            | GroupChange::Renamed(_)
            | GroupChange::Described { .. }
            | GroupChange::RolesGiven { .. }
            | GroupChange::OwnerChanged(_)
            | GroupChange::Muted { .. }
            | GroupChange::Dissolved => {}
        }
    }

    fn bring_in(&mut self, users: impl IntoIterator<Item = UserId>, seq: u64) {
        let Self::Known { users: known, history_for_all } = self else { return };
        for user in users {
            known.entry(user).or_default().come(seq, *history_for_all);
        }
    }

    fn put_out(&mut self, users: impl IntoIterator<Item = UserId>, seq: u64) {
        let Self::Known { users: known, .. } = self else { return };
        for user in users {
            if let Some(times) = known.get_mut(&user) {
                times.go(seq);
            }
        }
    }

    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// Whether a user may see what is at `seq`.
    pub fn may_see(&self, user: &UserId, seq: u64) -> bool {
        let Self::Known { users, .. } = self else { return true };
        let Some(spans) = users.get(user).map(|times| &times.sight) else { return false };
        let behind = spans.partition_point(|span| span.from <= seq);
        behind > 0 && seq <= spans[behind - 1].to
    }

    /// Whether a user is to see what is at `seq`.
    pub fn is_owed(&self, user: &UserId, seq: u64) -> bool {
        self.owed(user).iter().any(|span| span.from <= seq && seq <= span.to)
    }

    /// What a user is to see.
    pub fn owed(&self, user: &UserId) -> &[Span] {
        let Self::Known { users, .. } = self else { return &[] };
        let spans = users.get(user).map_or(&[][..], |times| times.owed.as_slice());
        &spans[spans.len().saturating_sub(SPANS_MAX)..]
    }

    /// Whether a user is in, at the end of the log.
    pub fn is_in(&self, user: &UserId) -> bool {
        self.owed(user).last().is_some_and(|span| span.to == u64::MAX)
    }

    /// Who was ever in.
    pub fn users(&self) -> impl Iterator<Item = &UserId> {
        let users = match self {
            Self::Known { users, .. } => Some(users),
            Self::Unknown => None,
        };
        users.into_iter().flat_map(HashMap::keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use packetboat_proto::content::GroupRules;

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    fn span(from: u64, to: u64) -> Span {
        Span { from, to }
    }

    fn of(changes: Vec<(&str, GroupChange)>) -> Membership {
        let log: Vec<(UserId, Bytes)> = changes
            .into_iter()
            .map(|(by, change)| (user(by), Content::Group(change).encode()))
            .collect();
        let log = (1..).zip(&log).map(|(seq, (sender, content))| (seq, sender, content));
        Membership::of(&ChatId::new("group:g").unwrap(), log)
    }

    #[test]
    fn who_comes_and_goes_sees_the_entries_of_coming_and_going() {
        let created = GroupChange::Created { name: "G".into(), members: vec![user("bob")] };
        let group = of(vec![
            ("ann", created.clone()),
            ("ann", GroupChange::Added(vec![user("cid")])),
            ("ann", GroupChange::Removed(vec![user("bob")])),
            ("ann", created),
            ("ann", GroupChange::Added(vec![user("bob"), user("cid")])),
            ("cid", GroupChange::Left { new_owner: None }),
        ]);
        assert_eq!(group.owed(&user("ann")), [span(1, u64::MAX)]);
        assert_eq!(group.owed(&user("bob")), [span(1, 3), span(5, u64::MAX)]);
        assert_eq!(group.owed(&user("cid")), [span(2, 6)]);
        let seen = (0..8).filter(|seq| group.may_see(&user("bob"), *seq)).collect::<Vec<_>>();
        assert_eq!(seen, [1, 2, 3, 5, 6, 7]);
        assert!(!group.may_see(&user("dan"), 1) && group.owed(&user("dan")).is_empty());
        let are_in = ["ann", "bob", "cid", "dan"].map(|name| group.is_in(&user(name)));
        assert_eq!(are_in, [true, true, false, false]);
    }

    #[test]
    fn a_group_whose_first_entry_is_not_known_is_not_judged() {
        let group = of(vec![("ann", GroupChange::Added(vec![user("bob")]))]);
        assert!(group.is_unknown() && group.may_see(&user("dan"), 9));
        assert_eq!(group.users().count(), 0);
    }

    #[test]
    fn only_the_last_times_in_a_chat_are_owed() {
        let created = GroupChange::Created { name: "G".into(), members: Vec::new() };
        let mut changes = vec![("ann", created)];
        for _ in 0..=SPANS_MAX {
            changes.push(("ann", GroupChange::Added(vec![user("bob")])));
            changes.push(("ann", GroupChange::Removed(vec![user("bob")])));
        }
        let group = of(changes);
        assert_eq!(group.owed(&user("bob")).len(), SPANS_MAX);
        assert_eq!(group.owed(&user("bob"))[0], span(4, 5));
        assert!(group.may_see(&user("bob"), 2));
    }

    #[test]
    fn with_the_history_one_may_see_what_one_is_not_owed() {
        let rules = GroupRules { history_for_all: true, ..GroupRules::default() };
        let group = of(vec![
            ("ann", GroupChange::Created { name: "G".into(), members: Vec::new() }),
            ("ann", GroupChange::RulesSet(rules)),
            ("ann", GroupChange::Added(vec![user("bob")])),
            ("ann", GroupChange::Removed(vec![user("bob")])),
        ]);
        let bob = user("bob");
        assert_eq!(group.owed(&bob), [Span { from: 3, to: 4 }]);
        assert!(group.may_see(&bob, 1) && group.may_see(&bob, 4) && !group.may_see(&bob, 5));
    }
}
