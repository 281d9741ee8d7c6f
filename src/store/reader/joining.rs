//! Who may come into a group, and who asks to. Must never tell one who may do neither that there is
//! such a group, nor a member who lets nobody in what its invitations are.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::JoinProof;
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::limits::INVITES_MAX;
use packetboat_proto::packet::{GroupCard, Invitation, JoinRequest, JoinWay};

use super::{NOT_YOURS, Reader, refusal};
use crate::store::read_error::ReadError;
use crate::store::record::Group;
use crate::store::record::invite::{Asking, InviteRecord, decode_invites, is_proved, way_in};
use crate::store::{Page, StoreError, key};

impl Reader {
    /// What the user may see of a group before it comes in.
    pub(crate) fn card(
        &self,
        user: &UserId,
        chat: &ChatId,
        by: Option<&JoinProof>,
    ) -> Result<GroupCard, StoreError> {
        let no_such_chat = || refusal(RejectCode::NoSuchChat, NOT_YOURS.to_owned());
        let group = self.group(chat)?.filter(Group::lives);
        let group = group.ok_or_else(no_such_chat)?;
        let way = self.way_in(user, chat, &group, by)?.ok_or_else(no_such_chat)?;
        let Group { name, topic, avatar, members, .. } = group;
        Ok(GroupCard { chat: chat.clone(), name, topic, avatar, members, way: Some(way) })
    }

    fn way_in(
        &self,
        user: &UserId,
        chat: &ChatId,
        group: &Group,
        by: Option<&JoinProof>,
    ) -> Result<Option<JoinWay>, ReadError> {
        if self.place(user, chat)?.is_some_and(|place| place.spans.is_open()) {
            return Ok(Some(JoinWay::Member));
        }
        let Some(by) = by else { return Ok(way_in(group.rules.join_rule, None)) };
        let Some(value) = self.backend.get(&key::invite(chat, by.invite))? else {
            return Ok(None);
        };
        let invitation = InviteRecord::decode(by.invite, &value)?.made;
        let proved = is_proved(&invitation.key, chat, user, by);
        Ok(way_in(group.rules.join_rule, Some(&invitation)).filter(|_| proved))
    }

    /// Refuses who lets nobody into the group.
    fn check_lets_in(&self, user: &UserId, chat: &ChatId) -> Result<(), StoreError> {
        let place = self.own_place(user, chat)?;
        let group = self.group(chat)?.filter(Group::lives);
        let open = place.spans.is_open();
        let Some(group) = group.filter(|_| open) else {
            return Err(refusal(RejectCode::NoSuchChat, NOT_YOURS.to_owned()));
        };
        if group.lets_add(place.rank) {
            return Ok(());
        }
        let reason = "only the owner and the admins may do that";
        Err(refusal(RejectCode::NotAllowed, reason.to_owned()))
    }

    /// The invitations to a group, in order of id.
    pub(crate) fn invitations(
        &self,
        user: &UserId,
        chat: &ChatId,
    ) -> Result<Vec<Invitation>, StoreError> {
        self.check_lets_in(user, chat)?;
        let found = self.rows(&key::invites(chat), INVITES_MAX)?;
        Ok(decode_invites(&found.rows)?.into_iter().filter_map(InviteRecord::shown).collect())
    }

    /// Who asks to come into a group, in order of user id.
    pub(crate) fn join_requests(
        &self,
        user: &UserId,
        chat: &ChatId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Page<JoinRequest>, StoreError> {
        self.check_lets_in(user, chat)?;
        Ok(self.askings(chat, after, limit.max(1))?)
    }

    fn askings(
        &self,
        chat: &ChatId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Page<JoinRequest>, ReadError> {
        use std::ops::ControlFlow::{Break, Continue};
        let mut page = Page { items: Vec::new(), more: false };
        self.try_scan(&key::askings(chat, after), |row, value| {
            let asking = Asking::from_value(value)?;
            if asking.refused {
                return Ok(Continue(()));
            }
            if page.items.len() == limit {
                page.more = true;
                return Ok(Break(()));
            }
            page.items.push(JoinRequest { user: key::last_user(row)?, at_ms: asking.at_ms });
            Ok(Continue(()))
        })?;
        Ok(page)
    }
}
