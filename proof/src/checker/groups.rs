//! Who was in one group with whom at a time, and who may have been: a log has an order, and no
//! clock. Must never take for certain what happened between a send and its first sighting.

use std::collections::HashMap;

use packetboat_proto::content::{Content, GroupChange};
use packetboat_proto::id::{ChatKind, UserId};

use super::digest::{At, Digest};
use super::truth::Truth;

/// When a change was made: after the first, and before the second.
type When = (At, At);

/// A user is in a group from one change to another.
#[derive(Clone, Copy, Debug)]
struct Stay {
    came: When,
    went: Option<When>,
}

/// Of one group; `None`: it is not known who is in it.
type Stays = Option<HashMap<UserId, Vec<Stay>>>;

/// All groups.
pub(super) struct Groups(Vec<Stays>);

impl Groups {
    pub(super) fn of(digest: &Digest<'_>, truth: &Truth<'_>) -> Self {
        let all = digest.chats.iter().zip(&truth.logs);
        let groups =
            all.filter(|(chat, log)| matches!(chat.kind(), ChatKind::Group(_)) && !log.is_empty());
        let stays = groups.map(|(_, log)| {
            log.contains_key(&1).then(|| {
                let mut stays = HashMap::new();
                for known in log.values() {
                    let when = (digest.sends[known.send].at, known.since);
                    if let Ok(Content::Group(change)) = Content::decode(known.content, usize::MAX) {
                        apply(&mut stays, known.name.sender, when, change);
                    }
                }
                stays
            })
        });
        Self(stays.collect())
    }

    fn any(&self, one: &UserId, other: &UserId, both: impl Fn(Stay, Stay) -> bool) -> bool {
        self.0.iter().flatten().any(|group| {
            let of = |user| group.get(user).map_or(&[][..], Vec::as_slice);
            of(one).iter().any(|stay| of(other).iter().any(|with| both(*stay, *with)))
        })
    }

    /// Whether two may have been in one group at some time of that.
    pub(super) fn may_share(&self, one: &UserId, other: &UserId, (from, to): (At, At)) -> bool {
        let end = |stay: Stay| stay.went.map_or(At::MAX, |(_, before)| before);
        let met = |one: Stay, other: Stay| {
            from.max(one.came.0).max(other.came.0) <= to.min(end(one)).min(end(other))
        };
        self.0.iter().any(Option::is_none) || self.any(one, other, met)
    }

    /// Whether two were in one group all that time, for certain.
    pub(super) fn share(&self, one: &UserId, other: &UserId, (from, to): (At, At)) -> bool {
        let all = |stay: Stay| stay.came.1 < from && stay.went.is_none_or(|(after, _)| to < after);
        self.any(one, other, |one, other| all(one) && all(other))
    }
}

fn apply(stays: &mut HashMap<UserId, Vec<Stay>>, sender: &UserId, when: When, change: GroupChange) {
    let (come, go): (Vec<UserId>, Vec<UserId>) = match change {
        GroupChange::Created { members, .. } => {
            (members.into_iter().chain([sender.clone()]).collect(), Vec::new())
        }
        GroupChange::Added(users) => (users, Vec::new()),
        GroupChange::Joined(_) => (vec![sender.clone()], Vec::new()),
        GroupChange::Removed(users) => (Vec::new(), users),
        GroupChange::Left { .. } => (Vec::new(), vec![sender.clone()]),
        GroupChange::Dissolved => (Vec::new(), stays.keys().cloned().collect()),
        _ => return,
    };
    for user in come {
        let stays = stays.entry(user).or_default();
        if stays.last().is_none_or(|stay| stay.went.is_some()) {
            stays.push(Stay { came: when, went: None });
        }
    }
    for user in go {
        if let Some(stay) = stays.get_mut(&user).and_then(|stays| stays.last_mut()) {
            stay.went.get_or_insert(when);
        }
    }
}
