//! What is said that is more than a text, drawn from a run's numbers. Must never know who says it.

use fastrand::Rng;
use packetboat_proto::content::{
    Alteration, Body, Content, Context, GroupChange, GroupRules, JoinRule, Role,
};
use packetboat_proto::id::UserId;

/// An edit, recall, reaction, pin or answer of what may be at `seq`.
pub fn alteration(rng: &mut Rng, seq: u64, ids: u128) -> (Content, Context) {
    let new = Body::Text(format!("edit {ids}"));
    let reaction = ["+1", "⚓"][rng.usize(0..2)].to_owned();
    let context = Context { reply_to: seq, thread: seq, ..Context::default() };
    let flag = rng.bool();
    match rng.u8(0..8) {
        0 | 1 => (Content::Entry(Alteration::Edited { seq, new }), Context::default()),
        2..=4 => (Content::Entry(Alteration::Recalled { seq }), Context::default()),
        5 => {
            let reacted = Alteration::Reacted { seq, reaction, taken_back: flag };
            (Content::Entry(reacted), Context::default())
        }
        6 => {
            let pinned = Alteration::Pinned { seq, unpinned: flag };
            (Content::Entry(pinned), Context::default())
        }
        _ => (Content::text(format!("answer {ids}")), context),
    }
}

/// A change to a group that may be allowed, about some users or one.
pub fn group_change(rng: &mut Rng, some: Vec<UserId>, one: Vec<UserId>) -> GroupChange {
    match rng.u8(0..22) {
        0..=5 => GroupChange::Created { name: "crew".to_owned(), members: some },
        6..=8 => GroupChange::Added(one),
        9..=11 => GroupChange::Removed(one),
        12 => GroupChange::Left { new_owner: rng.bool().then(|| one[0].clone()) },
        13 => GroupChange::Renamed("mates".to_owned()),
        14 => GroupChange::Described { topic: Some("sails".to_owned()), avatar: None },
        15 | 16 => GroupChange::RulesSet(GroupRules {
            members_add: rng.bool(),
            only_admins_write: rng.u8(0..4) == 0,
            history_for_all: rng.bool(),
            join_rule: if rng.bool() { JoinRule::Anyone } else { JoinRule::Invited },
        }),
        17 if rng.bool() => GroupChange::OwnerChanged(one[0].clone()),
        17 => GroupChange::RolesGiven { users: one, role: Role::Admin },
        18 => {
            let until_ms = if rng.bool() { u64::MAX } else { 0 };
            GroupChange::Muted { users: one, until_ms }
        }
        19 | 20 => GroupChange::Joined(None),
        _ if rng.u8(0..4) == 0 => GroupChange::Dissolved,
        _ => GroupChange::RolesGiven { users: one, role: Role::Member },
    }
}
