//! Who knows whom, who wants to hear nothing of whom, and so who may write to whom. Must never let
//! one who is blocked learn it by another answer than that for a user who is not there, unless the
//! operator wants that.

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::packet::{Block, Contact, ContactState, Item, SetContact};
use packetboat_proto::planted::{self, Bug};

use super::own::ITEM_OPERATIONS;
use super::turn::{Halt, Turn, refuse, unknown_user};
use super::ways::{Bar, Way};
use crate::store::act::Acted;
use crate::store::read_error::ReadError;
use crate::store::record::Place;
use crate::store::record::own::{OwnHead, contact_in, decode_item, is_block};
use crate::store::rules::WhoWrites;
use crate::store::{Effect, Relation, key};

/// Users who ask a user to be a contact, at a time.
const ASKS_MAX: u32 = 1_000;
/// Users whom a user blocks.
pub(crate) const BLOCKS_MAX: u32 = 1_000;
/// Groups of a user that are looked at for one that another is in, too.
const COMMON_GROUPS_SCAN_MAX: usize = 1_000;
/// Operations to change how two users stand to each other: an item of each.
pub(super) const CONTACT_OPERATIONS_MAX: usize = 2 * ITEM_OPERATIONS;

impl Turn<'_> {
    /// What a user knows of another.
    fn contact(&self, user: &UserId, other: &UserId) -> Result<Contact, ReadError> {
        Ok(contact_in(self.get(&key::own::contact(user, other))?, other)?)
    }

    /// Whether a user blocks another.
    pub(super) fn blocks(&self, user: &UserId, other: &UserId) -> Result<bool, ReadError> {
        Ok(is_block(self.get(&key::own::block(user, other))?)?)
    }

    /// The users whom a user blocks.
    pub(super) fn blocked_by(&self, user: &UserId) -> Result<Vec<UserId>, ReadError> {
        let mut blocked = Vec::new();
        // Few: of those that are taken back, no more are kept than removals are.
        for (_, value) in self.rows(&key::own::blocks(user), usize::MAX)? {
            if let Some(Item::Block(Block { user, blocked: true })) = decode_item(value)?.item {
                blocked.push(user);
            }
        }
        Ok(blocked)
    }

    /// Refuses who wants something of a user that has blocked it.
    pub(super) fn check_not_blocked(&self, by: &UserId, user: &UserId) -> Result<(), Halt> {
        if self.blocks(by, user)? { self.refuse_blocked(by) } else { Ok(()) }
    }

    /// The same answer as for a user who is not there.
    fn refuse_blocked<T>(&self, by: &UserId) -> Result<T, Halt> {
        if self.rules.tell_blocked {
            return refuse(RejectCode::Blocked, format!("{by} has blocked you"));
        }
        unknown_user(by)
    }

    /// Changes what a user knows of another.
    pub(super) fn set_contact(&mut self, user: &UserId, set: &SetContact) -> Result<Acted, Halt> {
        let other = &set.user;
        if user == other {
            return refuse(RejectCode::Invalid, "nobody is a contact of oneself");
        }
        let mut own = self.contact(user, other)?;
        let mut theirs = self.contact(other, user)?;
        let before = own.state;
        match (set.wanted, before) {
            (Some(true), ContactState::None) => {
                self.check_not_blocked(other, user)?;
                self.check_blocks_not(user, other)?;
                self.check_known(other)?;
                (own.state, theirs.state) = (ContactState::Asked, ContactState::Asks);
            }
            (Some(true), ContactState::Asks) => {
                self.check_not_blocked(other, user)?;
                self.check_blocks_not(user, other)?;
                (own.state, theirs.state) = (ContactState::Contact, ContactState::Contact);
            }
            (Some(false), _) => (own.state, theirs.state) = Default::default(),
            (Some(true), ContactState::Asked | ContactState::Contact) | (None, _) => {}
        }
        if let Some(name) = &set.name {
            own.name.clone_from(name);
        }
        self.check_contact(user, &own)?;
        if own.state != before {
            self.check_contact(other, &theirs)?;
            self.put_contact(other, theirs)?;
        }
        let revision = self.put_contact(user, own)?;
        if before != ContactState::None || set.wanted == Some(true) {
            self.related(user, other)?;
        }
        Ok(Acted::Set(revision))
    }

    fn check_blocks_not(&self, user: &UserId, other: &UserId) -> Result<(), Halt> {
        if self.blocks(user, other)? {
            return refuse(RejectCode::Blocked, format!("you have blocked {other}"));
        }
        Ok(())
    }

    /// Refuses a user who has no room for that, before anything is written of either.
    fn check_contact(&self, user: &UserId, contact: &Contact) -> Result<(), Halt> {
        let was_asked = self.contact(user, &contact.user)?.state == ContactState::Asks;
        let is_new = contact.state == ContactState::Asks && !was_asked;
        if is_new && self.own_head(user)?.asks >= ASKS_MAX {
            let reason = format!("at most {ASKS_MAX} ask a user to be a contact");
            return refuse(RejectCode::LimitReached, reason);
        }
        self.check_room_for_item(user, &Item::Contact(contact.clone()))
    }

    /// Keeps it, and counts who asks.
    fn put_contact(&mut self, user: &UserId, contact: Contact) -> Result<u64, Halt> {
        let asks = |contact: &Contact| u32::from(contact.state == ContactState::Asks);
        let (was, is) = (asks(&self.contact(user, &contact.user)?), asks(&contact));
        if was == is {
            return self.set_item(user, Item::Contact(contact));
        }
        let revision = self.set_item(user, Item::Contact(contact))?;
        let head = self.own_head(user)?;
        let asks = (head.asks + is).saturating_sub(was);
        self.put(key::own::own(user), OwnHead { asks, ..head }.to_value());
        Ok(revision)
    }

    /// A user wants to hear nothing of another, or does so again.
    pub(super) fn set_block(&mut self, user: &UserId, block: &Block) -> Result<Acted, Halt> {
        let other = &block.user;
        if user == other {
            return refuse(RejectCode::Invalid, "nobody blocks oneself");
        }
        let was = self.blocks(user, other)?;
        if was == block.blocked {
            return self.set_item(user, Item::Block(block.clone())).map(Acted::Set);
        }
        let blocks = self.own_head(user)?.blocks;
        if block.blocked && blocks >= BLOCKS_MAX {
            let reason = format!("a user blocks at most {BLOCKS_MAX} others");
            return refuse(RejectCode::LimitReached, reason);
        }
        let revision = self.set_item(user, Item::Block(block.clone()))?;
        let head = self.own_head(user)?;
        let blocks = if block.blocked { blocks + 1 } else { blocks.saturating_sub(1) };
        self.put(key::own::own(user), OwnHead { blocks, ..head }.to_value());
        self.related(user, other)?;
        Ok(Acted::Set(revision))
    }

    /// Two users stand to each other otherwise than before.
    fn related(&mut self, user: &UserId, other: &UserId) -> Result<(), ReadError> {
        let chat = ChatId::direct(user, other);
        let (low, high) = if user < other { (user, other) } else { (other, user) };
        if !planted::is(Bug::BlockForgottenByCache) {
            self.way(&chat, low, high)?;
        }
        for (of, to) in [(user, other), (other, user)] {
            let contact = self.contact(of, to)?.state == ContactState::Contact;
            let relation = Relation { contact, blocked: self.blocks(of, to)? };
            self.emit(Effect::Related { user: of.clone(), other: to.clone(), relation });
        }
        Ok(())
    }

    /// Refuses who may not write to the other user of a direct chat.
    pub(super) fn check_may_write_to(
        &mut self,
        chat: &ChatId,
        sender: &UserId,
    ) -> Result<(), Halt> {
        let Some(other) = chat.peer_of(sender).filter(|other| other != sender) else {
            return Ok(());
        };
        let (low, high) = if *sender < other { (sender, &other) } else { (&other, sender) };
        let way = match self.ways_at_hand().get(chat) {
            Some(way) => way,
            None => self.way(chat, low, high)?,
        };
        match way.bars[usize::from(sender == high)] {
            None => Ok(()),
            Some(Bar::Blocked) if self.tells_strangers() => refuse_stranger(&other),
            Some(Bar::Blocked) => self.refuse_blocked(&other),
            Some(Bar::Blocks) => refuse(RejectCode::Blocked, format!("you have blocked {other}")),
            Some(Bar::Stranger) => refuse_stranger(&other),
        }
    }

    /// Whether who writes to a user who is not there, or to one who has blocked it, is told that
    /// they do not know each other.
    pub(super) fn tells_strangers(&self) -> bool {
        !self.rules.tell_blocked && self.rules.who_writes != WhoWrites::Anyone
    }

    /// Looks who may write to whom, and keeps that at hand.
    fn way(&mut self, chat: &ChatId, low: &UserId, high: &UserId) -> Result<Way, ReadError> {
        let blocks = [self.blocks(low, high)?, self.blocks(high, low)?];
        let must_know = self.rules.who_writes != WhoWrites::Anyone;
        let strange = must_know && self.contact(low, high)?.state != ContactState::Contact;
        // Then it hangs on the groups that both are in, and they come and go.
        let by_groups = strange && self.rules.who_writes == WhoWrites::ContactsOrGroups;
        let strange = strange && !(by_groups && self.are_in_one_group(low, high)?);
        let bar = |at: usize| match (blocks[1 - at], blocks[at]) {
            (true, _) => Some(Bar::Blocked),
            (false, true) => Some(Bar::Blocks),
            (false, false) => strange.then_some(Bar::Stranger),
        };
        let bars = [bar(0), bar(1)];
        let ways = self.ways_at_hand();
        let way = Way { bars, as_of: by_groups.then_some(ways.moves()) };
        ways.set(chat, way);
        Ok(way)
    }

    fn are_in_one_group(&self, low: &UserId, high: &UserId) -> Result<bool, ReadError> {
        for (row, value) in self.rows(&key::places_in_groups(low), COMMON_GROUPS_SCAN_MAX)? {
            let chat = key::last_chat(&row)?;
            let both = Place::decode(&value)?.spans.is_open() && self.is_member(&chat, high)?;
            if both && self.group(&chat)?.is_some_and(|group| group.lives()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn refuse_stranger<T>(other: &UserId) -> Result<T, Halt> {
    refuse(RejectCode::NotAllowed, format!("{other} is no contact of yours"))
}
