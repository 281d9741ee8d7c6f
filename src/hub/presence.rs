//! What one user is told of another's presence. Must never tell more than that user allows: here,
//! and in no other place, it is decided.

use packetboat_proto::id::UserId;
use packetboat_proto::packet::Presence;
use packetboat_proto::planted::{self, Bug};

use crate::store::{Profile, Relation, Visibility};

/// Whether a user is there, over all of its sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct There {
    /// At least one session is open.
    pub online: bool,
    /// So is at least one, and all of them are away.
    pub away: bool,
}

/// Whether `viewer` may be told of the presence of `user`, who has said to whom, and stands so to
/// `viewer`.
pub fn may_see_presence(
    viewer: &UserId,
    user: &UserId,
    visible_to: Visibility,
    relation: Relation,
) -> bool {
    match visible_to {
        _ if viewer == user => true,
        _ if relation.blocked => planted::is(Bug::PresenceShownToBlocked),
        Visibility::Everyone => true,
        Visibility::Contacts => relation.contact,
        Visibility::Nobody => false,
    }
}

/// What `viewer` is told of `user`.
pub fn presence_for(
    viewer: &UserId,
    user: &UserId,
    there: There,
    (profile, relation): (&Profile, Relation),
) -> Presence {
    if !may_see_presence(viewer, user, profile.visible_to, relation) {
        return Presence::hidden(user.clone());
    }
    Presence {
        user: user.clone(),
        online: there.online,
        away: there.away,
        status: profile.status.clone(),
        last_seen_ms: profile.last_seen_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_see_is_told_nothing_and_one_sees_oneself() {
        let (ann, bob) = (UserId::new("ann").unwrap(), UserId::new("bob").unwrap());
        let there = There { online: true, away: true };
        for (visible_to, contact, blocked, seen) in [
            (Visibility::Everyone, false, false, true),
            (Visibility::Everyone, true, true, false),
            (Visibility::Contacts, false, false, false),
            (Visibility::Contacts, true, false, true),
            (Visibility::Contacts, true, true, false),
            (Visibility::Nobody, true, false, false),
        ] {
            let relation = Relation { contact, blocked };
            let status = "at sea".into();
            let profile = Profile { last_seen_ms: 7, status, visible_to, ..Profile::default() };
            let told = presence_for(&ann, &bob, there, (&profile, relation));
            assert_eq!(told != Presence::hidden(bob.clone()), seen, "{visible_to:?} {relation:?}");
            assert!(presence_for(&bob, &bob, there, (&profile, relation)).away);
        }
    }
}
