//! A user's chats and their members, as that user sees them. Must never count beyond its bounds:
//! a long log that was never read costs as much as a short one.

use packetboat_proto::content::GroupRules;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, DeviceId, UserId};
use packetboat_proto::seqs::SeqSet;

use super::Reader;
use super::due::Overdue;
use crate::store::key;
use crate::store::parts;
use crate::store::read_error::ReadError;
use crate::store::record::Place;
use crate::store::{ChatView, MemberView, Page, Role, StoreError};

/// Entries that are looked at to tell who sent those that are not read yet. Where there are
/// more, all of them count as unread, which is a bound from above.
const UNREAD_SCAN_MAX: u64 = 1_000;
/// Chats that are read at once: those that the user is out of are passed over.
pub(super) const CHATS_PER_SCAN: usize = 128;

impl Reader {
    /// The user's chats, without those that the user is out of.
    pub(crate) fn chats(
        &self,
        user: &UserId,
        device: &DeviceId,
        after: Option<&ChatId>,
        limit: usize,
        now_ms: u64,
    ) -> Result<Page<ChatView>, StoreError> {
        let overdue = self.overdue(now_ms)?;
        Ok(self.chat_page((user, device), after.cloned(), limit.max(1), &overdue)?)
    }

    fn chat_page(
        &self,
        (user, device): (&UserId, &DeviceId),
        mut after: Option<ChatId>,
        limit: usize,
        overdue: &Overdue,
    ) -> Result<Page<ChatView>, ReadError> {
        let mut items = Vec::new();
        loop {
            let found = self.rows(&key::places(user, after.as_ref()), CHATS_PER_SCAN)?;
            for (row, value) in &found.rows {
                let (chat, place) = (key::last_chat(row)?, Place::decode(value)?);
                if !place.spans.is_open() {
                    continue;
                }
                if items.len() == limit {
                    return Ok(Page { items, more: true });
                }
                let view = self.view((user, device), chat, &place, overdue)?;
                // Dissolved since.
                items.extend(view.role.is_some().then_some(view));
            }
            if !found.more {
                return Ok(Page { items, more: false });
            }
            let last = found.rows.last().map(|(row, _)| key::last_chat(row)).transpose()?;
            after = last.or(after);
        }
    }

    /// One chat of the user's.
    pub(crate) fn chat(
        &self,
        user: &UserId,
        device: &DeviceId,
        chat: ChatId,
        now_ms: u64,
    ) -> Result<ChatView, StoreError> {
        let place = self.own_place(user, &chat)?;
        Ok(self.view((user, device), chat, &place, &self.overdue(now_ms)?)?)
    }

    pub(super) fn view(
        &self,
        (user, device): (&UserId, &DeviceId),
        chat: ChatId,
        place: &Place,
        overdue: &Overdue,
    ) -> Result<ChatView, ReadError> {
        let head = self.last_visible(place, &chat)?;
        let own = self.own_of_chat(user, &chat)?;
        let gone = overdue.with(&chat, own.hidden);
        let mut view = ChatView {
            head,
            delivered: self.cursor(user, device, &chat, place)?,
            read: place.before_unread(),
            unread: self.unread(user, &chat, place, head, &gone)?,
            name: String::new(),
            members: 0,
            role: place.role(),
            peer_delivered: 0,
            peer_read: 0,
            last_at_ms: 0,
            topic: String::new(),
            avatar: String::new(),
            rules: GroupRules::default(),
            muted_until_ms: place.muted_until_ms,
            join_requests: 0,
            marks: own.marks,
            mentions: self.mentions(user, &chat, place, head, &gone)?,
            last: None,
            chat,
        };
        if head > 0 {
            view.last_at_ms = Entry::decode(self.entry(&view.chat, head)?)?.at_ms;
        }
        if let Some(group) = self.group(&view.chat)? {
            view.role = view.role.filter(|_| !group.dissolved);
            if view.role.is_some_and(|rank| group.lets_add(rank)) {
                view.join_requests = group.waiting;
            }
            (view.name, view.topic, view.avatar) = (group.name, group.topic, group.avatar);
            (view.members, view.rules) = (group.members, group.rules);
        }
        if let Some(peer) = view.chat.peer_of(user)
            && let Some(place) = self.place(&peer, &view.chat)?
        {
            view.peer_delivered = place.delivered;
            if place.read > 0 {
                let own = (user, self.receipt_rule(user)?);
                view.peer_read = self.told_read(own, &peer, &place)?.unwrap_or(0);
            }
        }
        Ok(view)
    }

    /// Entries of others after what the user has read, without those in which there is nothing to
    /// read, and those that are gone for it: it has hidden them, or their time is over.
    fn unread(
        &self,
        user: &UserId,
        chat: &ChatId,
        place: &Place,
        head: u64,
        gone: &SeqSet,
    ) -> Result<u64, ReadError> {
        let after = place.before_unread();
        let visible = place.spans.count(after, head);
        if head.saturating_sub(after) > UNREAD_SCAN_MAX {
            return Ok(visible);
        }
        let mut passed = 0;
        for (first, last) in place.spans.between(after, head) {
            self.try_scan(&key::entries(chat, first, last), |row, value| {
                let (seq, part) = key::seq_and_part(row)?;
                let by_user = parts::sender_of(value) == Some(user.as_str());
                let skipped = by_user || parts::is_silent(value) || gone.holds(seq);
                passed += u64::from(part == 0 && skipped);
                Ok(std::ops::ControlFlow::Continue(()))
            })?;
        }
        Ok(visible - passed)
    }

    /// The members of a chat, for one of them.
    pub(crate) fn members(
        &self,
        user: &UserId,
        chat: &ChatId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Page<MemberView>, StoreError> {
        self.place_in(user, chat)?;
        if let Some(peer) = chat.peer_of(user)
            && self.place(user, chat)?.is_none()
        {
            return Ok(unwritten_members(user, peer, after, limit));
        }
        let found = self.rows(&key::members(chat, after), limit.max(1))?;
        let rule = self.receipt_rule(user)?;
        let mut items = Vec::with_capacity(found.rows.len());
        for (row, _) in &found.rows {
            let member = key::last_user(row).map_err(ReadError::from)?;
            // Between the two reads the member may have been put out.
            let Some(place) = self.place(&member, chat)? else {
                continue;
            };
            let Some(role) = place.role() else { continue };
            let delivered = place.delivered;
            let read = self.told_read((user, rule), &member, &place)?.unwrap_or(0);
            let muted_until_ms = place.muted_until_ms;
            items.push(MemberView { user: member, role, delivered, read, muted_until_ms });
        }
        Ok(Page { items, more: found.more })
    }
}

/// The members of a direct chat that nothing was written to yet.
fn unwritten_members(
    user: &UserId,
    peer: UserId,
    after: Option<&UserId>,
    limit: usize,
) -> Page<MemberView> {
    let mut users = vec![user.clone(), peer];
    users.sort();
    users.dedup();
    users.retain(|user| after.is_none_or(|after| user > after));
    let more = users.len() > limit.max(1);
    users.truncate(limit.max(1));
    let member =
        |user| MemberView { user, role: Role::Member, delivered: 0, read: 0, muted_until_ms: 0 };
    Page { items: users.into_iter().map(member).collect(), more }
}
