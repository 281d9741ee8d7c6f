//! Who comes into a group by itself, or asks to. Must never tell one who may do neither that there
//! is such a group.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::JoinProof;
use packetboat_proto::id::{ChatId, InviteId, UserId};
use packetboat_proto::limits::{INVITES_MAX, MEMBERS_PER_CHANGE_MAX};
use packetboat_proto::packet::{Invitation, JoinNews, JoinState, JoinWay};
use packetboat_proto::planted::{self, Bug};

use super::group::Deed;
use super::turn::{Halt, Turn, no_such_chat, refuse};
use crate::store::act::Acted;
use crate::store::read_error::ReadError;
use crate::store::record::Group;
use crate::store::record::invite::{Asking, InviteRecord, decode_invites, is_proved, way_in};
use crate::store::{Effect, Role, key};

/// Those who ask to come into a group, and those who were refused, at a time.
const ASKINGS_MAX: u32 = 1_000;
/// How long one who was refused cannot ask again, in milliseconds: a week.
const REFUSED_MS: u64 = 7 * 24 * 3_600_000;
/// Operations of an act about coming in: those that it names, the invitations that have run out, or
/// as many who were refused long ago; the group, and one row more.
pub(super) const JOINING_OPERATIONS_MAX: usize =
    if INVITES_MAX > MEMBERS_PER_CHANGE_MAX { INVITES_MAX } else { MEMBERS_PER_CHANGE_MAX } + 2;

/// A way into a group.
struct WayIn {
    /// The invitation; `None`: by the group's rule.
    by: Option<InviteRecord>,
    /// It lets one ask only.
    asks: bool,
}

impl Turn<'_> {
    /// The group, for one who lets others in.
    fn group_to_let_into(&self, user: &UserId, chat: &ChatId) -> Result<Group, Halt> {
        let Some(group) = self.live_group(chat)? else { return no_such_chat() };
        if !self.is_member(chat, user)? {
            return no_such_chat();
        }
        if group.lets_add(self.needed_place(user, chat)?.rank) {
            return Ok(group);
        }
        refuse(RejectCode::NotAllowed, "only the owner and the admins may do that")
    }

    fn live_group(&self, chat: &ChatId) -> Result<Option<Group>, ReadError> {
        Ok(self.group(chat)?.filter(Group::lives))
    }

    pub(super) fn invite(
        &mut self,
        user: &UserId,
        chat: &ChatId,
        invitation: &Invitation,
    ) -> Result<Acted, Halt> {
        self.group_to_let_into(user, chat)?;
        let before = self.invitation(chat, invitation.key.id)?;
        let made_by = match &before {
            Some(before) => before.made.made_by.clone(),
            None => Some(user.clone()),
        };
        let made = Invitation { made_by, ..invitation.clone() };
        let record = InviteRecord { made, used: 0 };
        if record.is_over(self.now_ms) {
            return refuse(RejectCode::Invalid, "the invitation would have run out already");
        }
        match &before {
            Some(before) => self.check_invite_of(user, chat, &before.made)?,
            None => self.make_room_for_invite(chat)?,
        }
        // Asked again: what came in by it since stays counted.
        if before.is_none_or(|before| before.made != record.made) {
            self.put_invitation(chat, &record);
        }
        Ok(Acted::Done)
    }

    /// Takes away what has run out, when there are as many as may be.
    fn make_room_for_invite(&mut self, chat: &ChatId) -> Result<(), Halt> {
        let invitations = self.invitations(chat)?;
        if invitations.len() < INVITES_MAX {
            return Ok(());
        }
        let mut over = invitations;
        over.retain(|invitation| invitation.is_over(self.now_ms));
        if over.is_empty() {
            let reason = format!("a group has at most {INVITES_MAX} invitations");
            return refuse(RejectCode::LimitReached, reason);
        }
        for invitation in over {
            self.remove(key::invite(chat, invitation.made.key.id));
        }
        Ok(())
    }

    fn invitations(&self, chat: &ChatId) -> Result<Vec<InviteRecord>, ReadError> {
        decode_invites(&self.rows(&key::invites(chat), INVITES_MAX)?)
    }

    fn invitation(&self, chat: &ChatId, id: InviteId) -> Result<Option<InviteRecord>, ReadError> {
        let value = self.get(&key::invite(chat, id))?;
        Ok(value.map(|value| InviteRecord::decode(id, &value)).transpose()?)
    }

    fn put_invitation(&mut self, chat: &ChatId, record: &InviteRecord) {
        self.put(key::invite(chat, record.made.key.id), record.encode());
    }

    fn asking(&self, chat: &ChatId, user: &UserId) -> Result<Option<Asking>, ReadError> {
        let value = self.get(&key::asking(chat, user))?;
        Ok(value.map(|value| Asking::from_value(&value)).transpose()?)
    }

    /// An invitation is its maker's, the owner's and the admins'.
    fn check_invite_of(
        &self,
        user: &UserId,
        chat: &ChatId,
        invitation: &Invitation,
    ) -> Result<(), Halt> {
        if invitation.made_by.as_ref() == Some(user)
            || self.needed_place(user, chat)?.rank != Role::Member
        {
            return Ok(());
        }
        refuse(RejectCode::NotAllowed, "the invitation is another member's")
    }

    pub(super) fn uninvite(
        &mut self,
        user: &UserId,
        chat: &ChatId,
        id: InviteId,
    ) -> Result<Acted, Halt> {
        self.group_to_let_into(user, chat)?;
        if let Some(invitation) = self.invitation(chat, id)? {
            self.check_invite_of(user, chat, &invitation.made)?;
            self.remove(key::invite(chat, id));
        }
        Ok(Acted::Done)
    }

    /// How one who is no member may come in, if at all.
    fn way_in(
        &self,
        user: &UserId,
        chat: &ChatId,
        group: &Group,
        by: Option<&JoinProof>,
    ) -> Result<WayIn, Halt> {
        let rule = group.rules.join_rule;
        let by = match by {
            Some(by) => Some(self.proved(user, chat, by)?),
            None => None,
        };
        match way_in(rule, by.as_ref().map(|by| &by.made)) {
            Some(way) => Ok(WayIn { by, asks: way == JoinWay::Ask }),
            None => no_such_chat(),
        }
    }

    /// An invitation that the user knows, and that has not run out.
    fn proved(&self, user: &UserId, chat: &ChatId, by: &JoinProof) -> Result<InviteRecord, Halt> {
        let Some(invitation) = self.invitation(chat, by.invite)? else { return no_such_chat() };
        if !is_proved(&invitation.made.key, chat, user, by) {
            return no_such_chat();
        }
        if invitation.is_over(self.now_ms) || self.is_of_one_put_out(chat, &invitation.made)? {
            return refuse(RejectCode::InviteOver, "the invitation has run out");
        }
        Ok(invitation)
    }

    /// Whether it would let one who was put out come back, by another name.
    fn is_of_one_put_out(&self, chat: &ChatId, made: &Invitation) -> Result<bool, ReadError> {
        let Some(maker) = &made.made_by else { return Ok(false) };
        Ok(self.place(maker, chat)?.is_some_and(|place| place.barred))
    }

    /// The sender comes in.
    pub(super) fn join(&mut self, deed: &Deed<'_>, by: Option<&JoinProof>) -> Result<(), Halt> {
        let Deed { chat, sender, .. } = *deed;
        let Some(group) = self.live_group(chat)? else { return no_such_chat() };
        if self.is_member(chat, sender)? {
            return refuse(RejectCode::MemberMismatch, "you are a member already");
        }
        let way = self.way_in(sender, chat, &group, by)?;
        if self.place(sender, chat)?.is_some_and(|place| place.barred) {
            return refuse(RejectCode::NotAllowed, "you were put out: somebody has to add you");
        }
        if way.asks {
            return refuse(RejectCode::InviteOver, "you may only ask to come in");
        }
        self.add(deed, group, std::slice::from_ref(sender))?;
        let counted = |by: &InviteRecord| by.made.uses != 0 && !planted::is(Bug::LinkUsesUncounted);
        if let Some(by) = way.by.filter(counted) {
            self.put_invitation(chat, &InviteRecord { used: by.used + 1, ..by });
        }
        Ok(())
    }

    pub(super) fn ask_to_join(
        &mut self,
        user: &UserId,
        chat: &ChatId,
        by: Option<&JoinProof>,
    ) -> Result<Acted, Halt> {
        let Some(group) = self.live_group(chat)? else { return no_such_chat() };
        if self.is_member(chat, user)? {
            return Ok(Acted::Asked(JoinState::Member));
        }
        let way = self.way_in(user, chat, &group, by)?;
        let group = match self.asking(chat, user)? {
            Some(Asking { refused: false, .. }) => return Ok(Acted::Asked(JoinState::Waiting)),
            Some(asking) if !self.is_forgotten(asking) => {
                return Ok(Acted::Asked(JoinState::Refused));
            }
            Some(_) => Group { refused: group.refused.saturating_sub(1), ..group },
            None => self.make_room_for_asker(chat, group)?,
        };
        let asking = Asking { at_ms: self.now_ms, refused: false };
        self.put(key::asking(chat, user), asking.to_value());
        let mut to: Vec<UserId> = group.owner.iter().cloned().collect();
        to.extend(way.by.and_then(|by| by.made.made_by).filter(|maker| !to.contains(maker)));
        self.put_group(chat, &Group { waiting: group.waiting + 1, ..group });
        self.tell_of_joining(to, chat, user, JoinState::Waiting);
        Ok(Acted::Asked(JoinState::Waiting))
    }

    /// Whether one who was refused may ask again.
    fn is_forgotten(&self, asking: Asking) -> bool {
        asking.refused && self.now_ms >= asking.at_ms.saturating_add(REFUSED_MS)
    }

    /// Takes away who was refused long ago, when there are as many as may be.
    fn make_room_for_asker(&mut self, chat: &ChatId, mut group: Group) -> Result<Group, Halt> {
        if group.waiting + group.refused < ASKINGS_MAX {
            return Ok(group);
        }
        let now_ms = self.now_ms;
        let is_full = self.full_until().get(chat).is_some_and(|until| now_ms < until);
        let forgotten = if is_full { Vec::new() } else { self.forgotten(chat)? };
        if forgotten.is_empty() {
            let reason = format!("at most {ASKINGS_MAX} ask to come into a group");
            return refuse(RejectCode::LimitReached, reason);
        }
        for row in forgotten {
            self.remove(row);
            group.refused = group.refused.saturating_sub(1);
        }
        Ok(group)
    }

    /// The rows of some who were refused long ago. Who asks in vain is not to have all of them read
    /// each time: it is noted before when there will be none.
    fn forgotten(&mut self, chat: &ChatId) -> Result<Vec<Vec<u8>>, ReadError> {
        let (mut forgotten, mut first_ms) = (Vec::new(), self.now_ms);
        for (row, value) in self.rows(&key::askings(chat, None), ASKINGS_MAX as usize)? {
            let asking = Asking::from_value(&value)?;
            if self.is_forgotten(asking) {
                forgotten.push(row);
            } else if asking.refused {
                first_ms = first_ms.min(asking.at_ms);
            }
        }
        if forgotten.len() <= MEMBERS_PER_CHANGE_MAX {
            self.full_until().set(chat, first_ms.saturating_add(REFUSED_MS));
        }
        forgotten.truncate(MEMBERS_PER_CHANGE_MAX);
        Ok(forgotten)
    }

    fn tell_of_joining(&mut self, to: Vec<UserId>, chat: &ChatId, user: &UserId, state: JoinState) {
        let (chat, user) = (chat.clone(), user.clone());
        self.emit(Effect::Joining { to, news: JoinNews { chat, user, state: Some(state) } });
    }

    pub(super) fn refuse_join(
        &mut self,
        user: &UserId,
        chat: &ChatId,
        users: &[UserId],
    ) -> Result<Acted, Halt> {
        let mut group = self.group_to_let_into(user, chat)?;
        let waiting = group.waiting;
        for asker in users {
            if self.asking(chat, asker)?.is_none_or(|asking| asking.refused) {
                continue;
            }
            self.put(
                key::asking(chat, asker),
                Asking { at_ms: self.now_ms, refused: true }.to_value(),
            );
            group.waiting = group.waiting.saturating_sub(1);
            group.refused += 1;
            self.tell_of_joining(vec![asker.clone()], chat, asker, JoinState::Refused);
        }
        if group.waiting != waiting {
            self.put_group(chat, &group);
        }
        Ok(Acted::Done)
    }

    /// Who has come in asks no more.
    pub(super) fn answer_askers(
        &mut self,
        chat: &ChatId,
        mut group: Group,
        users: &[UserId],
    ) -> Result<Group, ReadError> {
        if group.waiting + group.refused == 0 {
            return Ok(group);
        }
        for user in users {
            let Some(asking) = self.asking(chat, user)? else { continue };
            let count = if asking.refused { &mut group.refused } else { &mut group.waiting };
            *count = count.saturating_sub(1);
            self.remove(key::asking(chat, user));
        }
        Ok(group)
    }
}
