//! Who is in a chat of the model, and as what. Must never know what is written there.

use std::collections::{BTreeMap, BTreeSet};

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{GroupRules, JoinRule, Role};
use packetboat_proto::packet::JoinState;

use super::links::{Links, Pass};

/// How long one who was refused cannot ask again: a week.
const REFUSED_MS: u64 = 604_800_000;

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
    /// Who was put out.
    pub barred: BTreeSet<usize>,
    /// Who asks to come in, since when or when it was refused, and whether it was.
    pub askers: BTreeMap<usize, (u64, bool)>,
    /// Its invitations.
    pub links: Links,
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

    /// They come in.
    pub fn let_in(&mut self, users: &[usize]) {
        for user in users {
            self.members.insert(*user);
            self.barred.remove(user);
            self.askers.remove(user);
        }
    }

    /// They are put out.
    pub fn put_out(&mut self, users: &[usize]) {
        self.members.retain(|user| !users.contains(user));
        self.admins.retain(|user| !users.contains(user));
        self.barred.extend(users);
    }

    /// Whether there is anybody to come to.
    fn lives(&self) -> Refused<()> {
        let lives = !self.over && !self.members.is_empty();
        if lives { Ok(()) } else { Err(RejectCode::NoSuchChat) }
    }

    /// Whether one may come in by itself.
    pub fn check_open_to(&self, by: usize, pass: Option<Pass>, now_ms: u64) -> Refused<()> {
        self.lives()?;
        if self.members.contains(&by) {
            return Err(RejectCode::MemberMismatch);
        }
        let asks = self.way_in(by, pass, now_ms)?;
        match asks {
            _ if self.barred.contains(&by) => Err(RejectCode::NotAllowed),
            true => Err(RejectCode::InviteOver),
            false => Ok(()),
        }
    }

    /// Whether there is a way in, and it is to ask only.
    fn way_in(&self, by: usize, pass: Option<Pass>, now_ms: u64) -> Refused<bool> {
        match (pass, self.rules.join_rule) {
            (Some(pass), _) => self.links.way_in(by, pass, &self.barred, now_ms),
            (None, JoinRule::Invited) => Err(RejectCode::NoSuchChat),
            (None, JoinRule::Ask) => Ok(true),
            (None, JoinRule::Anyone) => Ok(false),
        }
    }

    /// One has come in by it.
    pub fn use_link(&mut self, pass: Option<Pass>) {
        if let Some(pass) = pass {
            self.links.used(pass);
        }
    }

    /// Whether one lets others in.
    pub fn check_lets_in(&self, by: usize) -> Refused<()> {
        self.lives()?;
        if !self.members.contains(&by) {
            return Err(RejectCode::NoSuchChat);
        }
        if self.rank(by) == Role::Member && !self.rules.members_add {
            return Err(RejectCode::NotAllowed);
        }
        Ok(())
    }

    /// One asks to come in: how it stands, and whether that is new.
    pub fn ask(
        &mut self,
        by: usize,
        pass: Option<Pass>,
        now_ms: u64,
    ) -> Refused<(JoinState, bool)> {
        self.lives()?;
        if self.members.contains(&by) {
            return Ok((JoinState::Member, false));
        }
        self.way_in(by, pass, now_ms)?;
        match self.askers.get(&by) {
            Some((_, false)) => Ok((JoinState::Waiting, false)),
            Some((at_ms, true)) if now_ms < at_ms + REFUSED_MS => Ok((JoinState::Refused, false)),
            Some(_) | None => {
                self.askers.insert(by, (now_ms, false));
                Ok((JoinState::Waiting, true))
            }
        }
    }

    /// Those of them who ask are not let in: who they are.
    pub fn refuse(&mut self, by: usize, users: &[usize], now_ms: u64) -> Refused<Vec<usize>> {
        self.check_lets_in(by)?;
        let waits = |user: &usize| self.askers.get(user).is_some_and(|(_, refused)| !refused);
        let refused: Vec<usize> = users.iter().copied().filter(waits).collect();
        self.askers.extend(refused.iter().map(|user| (*user, (now_ms, true))));
        Ok(refused)
    }

    /// How many wait for an answer.
    pub fn waiting(&self) -> usize {
        self.askers.values().filter(|(_, refused)| !refused).count()
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
