//! Who is in a chat of the model, and as what. Must never know what is written there.

use std::collections::BTreeSet;

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{GroupRules, Role};

/// What is done, or why not.
pub(super) type Refused<T> = Result<T, RejectCode>;

/// Who is in a chat, and what they may do.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Who is in it.
    pub members: BTreeSet<usize>,
    /// Who may do everything.
    pub owner: Option<usize>,
    /// Who may do much.
    pub admins: BTreeSet<usize>,
    /// What holds in it.
    pub rules: GroupRules,
    /// Nothing is said any more.
    pub over: bool,
}

impl Standing {
    /// What one of the members is.
    pub fn rank(&self, user: usize) -> Role {
        match (self.owner == Some(user), self.admins.contains(&user)) {
            (true, _) => Role::Owner,
            (false, true) => Role::Admin,
            (false, false) => Role::Member,
        }
    }

    /// Whether all of them are members.
    pub fn all_in(&self, users: &[usize]) -> Refused<()> {
        let all = users.iter().all(|user| self.members.contains(user));
        if all { Ok(()) } else { Err(RejectCode::MemberMismatch) }
    }

    /// Whether one of this rank may do something to all of them.
    pub fn may_touch(&self, rank: Role, users: &[usize]) -> Refused<()> {
        self.all_in(users)?;
        let plain = users.iter().all(|user| self.rank(*user) == Role::Member);
        if plain || rank == Role::Owner { Ok(()) } else { Err(RejectCode::NotAllowed) }
    }
}
