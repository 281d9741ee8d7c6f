//! Who has had an entry and who has read it, from the cursors of a chat's members. Must never tell
//! what one has read who hides it, nor anything to one who hides it.

use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::packet::{Readers, ReceiptRule, ReceiptState};
use packetboat_proto::planted::{self, Bug};

use super::Reader;
use crate::store::StoreError;
use crate::store::key;
use crate::store::read_error::ReadError;
use crate::store::receipt::ReadersQuery;
use crate::store::record::Place;
use crate::store::record::profile::ProfileRow;
use crate::store::tally::{Progress, Tally, Viewer};

/// Members that are read at once.
const MEMBERS_PER_SCAN: usize = 256;
/// Members that one question looks at.
const MEMBERS_EXAMINED_MAX: usize = 2_048;
/// Members of a chat in which they are counted for each question.
const COUNTED_AT_ONCE_MAX: u32 = 128;

impl Reader {
    /// Whether others are told what a user has read.
    pub(super) fn receipt_rule(&self, user: &UserId) -> Result<ReceiptRule, ReadError> {
        let row = self.backend.get(&key::profile(user))?;
        let row = row.map(|value| ProfileRow::decode(&value)).transpose()?;
        Ok(row.unwrap_or_default().receipts)
    }

    /// What `viewer`, with that rule, is told of what a member has read.
    pub(super) fn told_read(
        &self,
        (viewer, rule): (&UserId, ReceiptRule),
        member: &UserId,
        place: &Place,
    ) -> Result<Option<u64>, ReadError> {
        if viewer == member {
            return Ok(Some(place.read));
        }
        let told = rule == ReceiptRule::Told
            && place.read > 0
            && self.receipt_rule(member)? == ReceiptRule::Told;
        Ok(told.then_some(place.read))
    }

    /// One who asks for the receipts of a chat, and all of them if there are few.
    pub(crate) fn viewer(
        &self,
        user: &UserId,
        chat: &ChatId,
    ) -> Result<(Viewer, Option<Tally>), StoreError> {
        let place = self.place_in(user, chat)?;
        Ok(self.viewer_at(user, chat, &place)?)
    }

    fn viewer_at(
        &self,
        user: &UserId,
        chat: &ChatId,
        place: &Place,
    ) -> Result<(Viewer, Option<Tally>), ReadError> {
        let rule = self.receipt_rule(user)?;
        let mut own = Tally::default();
        own.add(&progress(place, rule == ReceiptRule::Told));
        let viewer = Viewer {
            own: own.done(),
            spans: place.spans.clone(),
            head: self.last_visible(place, chat)?,
            hidden: rule == ReceiptRule::Hidden,
        };
        let members = self.group(chat)?.map_or(0, |group| group.members);
        let few = members <= COUNTED_AT_ONCE_MAX;
        Ok((viewer, few.then(|| self.tally(chat)).transpose()?))
    }

    /// How far all members of a chat are.
    pub(crate) fn tally(&self, chat: &ChatId) -> Result<Tally, ReadError> {
        let (mut tally, mut after) = (Tally::default(), None);
        loop {
            let found = self.rows(&key::members(chat, after.as_ref()), MEMBERS_PER_SCAN)?;
            for (row, _) in &found.rows {
                let member = key::last_user(row)?;
                // Between the two reads the member may have been put out.
                if let Some(place) = self.place(&member, chat)?.filter(|it| it.spans.is_open()) {
                    let told = self.receipt_rule(&member)? == ReceiptRule::Told;
                    let told = told || planted::is(Bug::ReceiptsShowHidden);
                    tally.add(&progress(&place, told));
                }
                after = Some(member);
            }
            if !found.more {
                return Ok(tally.done());
            }
        }
    }

    /// Some of the other members with whom an entry has come so far.
    pub(crate) fn readers(
        &self,
        user: &UserId,
        query: &ReadersQuery,
        limit: usize,
    ) -> Result<Readers, StoreError> {
        let place = self.place_in(user, &query.chat)?;
        let head = self.last_visible(&place, &query.chat)?;
        if query.seq > head || !place.spans.holds(query.seq) {
            return Ok(Readers::default());
        }
        Ok(self.readers_of(user, query, limit.max(1))?)
    }

    fn readers_of(
        &self,
        user: &UserId,
        query: &ReadersQuery,
        limit: usize,
    ) -> Result<Readers, ReadError> {
        let ReadersQuery { chat, seq, state, after } = query;
        let rule = self.receipt_rule(user)?;
        let mut page = Readers { users: Vec::new(), next: after.clone() };
        for _ in 0..MEMBERS_EXAMINED_MAX / MEMBERS_PER_SCAN {
            let found = self.rows(&key::members(chat, page.next.as_ref()), MEMBERS_PER_SCAN)?;
            for (row, _) in &found.rows {
                if page.users.len() == limit {
                    return Ok(page);
                }
                let member = key::last_user(row)?;
                let place = self.place(&member, chat)?.filter(|place| place.spans.is_open());
                if let Some(place) = place.filter(|it| it.spans.holds(*seq) && member != *user) {
                    let read = self.told_read((user, rule), &member, &place)?;
                    let is_so = state_of(&place, read, *seq) == *state;
                    page.users.extend(is_so.then(|| member.clone()));
                }
                page.next = Some(member);
            }
            if !found.more {
                return Ok(Readers { next: None, ..page });
            }
        }
        Ok(page)
    }
}

fn progress(place: &Place, told: bool) -> Progress<'_> {
    let (delivered, read) = (place.delivered, told.then_some(place.read));
    Progress { spans: &place.spans, delivered, read }
}

/// How far an entry has come with a member.
fn state_of(place: &Place, read: Option<u64>, seq: u64) -> ReceiptState {
    match read {
        Some(read) if seq <= read => ReceiptState::Read,
        _ if seq <= place.delivered => ReceiptState::Delivered,
        _ => ReceiptState::Waiting,
    }
}
