//! Contacts and blocks in the model, and who may write to whom by them. Must never keep what it has
//! found: each message is looked at anew.

use packetboat::store::act::Act;
use packetboat::store::rules::{UnknownUsers, WhoWrites};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::Alteration;
use packetboat_proto::packet::{Block, Contact, ContactState, Item, SetContact};

use super::model::{CHATS, NAMES, Told, What, World, pair};
use super::names::{number, user};
use super::own::OwnState;
use super::standing::Refused;

/// What becomes of messages to users who were never here, who writes to whom, and whether who is
/// blocked is told so.
pub(super) const RULES: [(UnknownUsers, WhoWrites, bool); 8] = [
    (UnknownUsers::Keep, WhoWrites::Anyone, false),
    (UnknownUsers::Reject, WhoWrites::Anyone, false),
    (UnknownUsers::Keep, WhoWrites::Anyone, true),
    (UnknownUsers::Reject, WhoWrites::Anyone, true),
    (UnknownUsers::Keep, WhoWrites::Contacts, false),
    (UnknownUsers::Reject, WhoWrites::ContactsOrGroups, true),
    (UnknownUsers::Keep, WhoWrites::ContactsOrGroups, false),
    (UnknownUsers::Reject, WhoWrites::Anyone, true),
];

/// What is asked of the store.
pub(super) fn wish(of: usize, wanted: Option<bool>, letters: Option<usize>) -> Act {
    let name = letters.map(|letters| "n".repeat(letters));
    Act::SetContact(SetContact { user: user(of), wanted, name })
}

/// The same of a block.
pub(super) fn block(of: usize, blocked: bool) -> Act {
    Act::SetBlock(Block { user: user(of), blocked })
}

impl World {
    fn known_as(&self, by: usize, of: usize) -> (ContactState, usize) {
        self.own[by].contacts.get(&of).map_or_else(Default::default, |(_, known)| *known)
    }

    /// Whether a user blocks another.
    pub(super) fn blocks(&self, by: usize, of: usize) -> bool {
        self.own[by].blocks.get(&of).is_some_and(|(_, blocked)| *blocked)
    }

    /// What one is told whom the other has blocked.
    fn not_blocked(&self, by: usize, of: usize) -> Refused<()> {
        match (self.blocks(of, by), self.rules.tell_blocked) {
            (false, _) => Ok(()),
            (true, true) => Err(RejectCode::Blocked),
            (true, false) => Err(RejectCode::UnknownUser),
        }
    }

    /// Whether nobody of the two has blocked the other.
    fn unbarred(&self, by: usize, of: usize) -> Refused<()> {
        self.not_blocked(by, of)?;
        if self.blocks(by, of) { Err(RejectCode::Blocked) } else { Ok(()) }
    }

    /// Whether a user may bring another into a group.
    pub(super) fn may_bring(&self, by: usize, of: usize) -> Refused<()> {
        self.known(of)?;
        self.not_blocked(by, of)
    }

    /// Where not everybody writes to everybody, who is blocked is answered as a stranger is.
    fn tells_strangers(&self) -> bool {
        !self.rules.tell_blocked && self.rules.who_writes != WhoWrites::Anyone
    }

    fn may_write_to(&self, by: usize, of: usize) -> Refused<()> {
        if by == of {
            return Ok(());
        }
        if self.blocks(of, by) && self.tells_strangers() {
            return Err(RejectCode::NotAllowed);
        }
        self.unbarred(by, of)?;
        let contacts = self.known_as(by, of).0 == ContactState::Contact;
        let in_group = || {
            let groups = self.rooms.iter().zip(CHATS).filter(|(_, to)| to.starts_with("group:"));
            let mut standings = groups.map(|(room, _)| &room.standing);
            standings.any(|it| !it.over && it.members.contains(&by) && it.members.contains(&of))
        };
        let knows = match self.rules.who_writes {
            WhoWrites::Anyone => true,
            WhoWrites::Contacts => contacts,
            WhoWrites::ContactsOrGroups => contacts || in_group(),
        };
        if knows { Ok(()) } else { Err(RejectCode::NotAllowed) }
    }

    /// Whether a user may say something in a chat, as far as that is about who is in it.
    pub(super) fn may_write(&self, by: usize, to: usize, what: &What) -> Refused<()> {
        let takes_back = matches!(what, What::Alter(Alteration::Recalled { .. }));
        match pair(to) {
            Some(pair) if !takes_back => {
                pair.into_iter().try_for_each(|of| self.may_write_to(by, of))
            }
            _ => Ok(()),
        }
    }

    /// Whether a user may claim the keys of another.
    pub(super) fn may_claim(&self, by: usize, of: usize) -> Refused<()> {
        let tells = self.rules.tell_blocked || self.tells_strangers();
        if self.blocks(of, by) && !tells {
            return Err(RejectCode::NoKeys);
        }
        self.may_write_to(by, of)
    }

    /// Somebody changes what it knows of another: the revision of that.
    pub(super) fn set_contact(
        &mut self,
        (by, of): (usize, usize),
        (wanted, letters): (Option<bool>, Option<usize>),
        full: bool,
        told: &mut Vec<Told>,
    ) -> Refused<u64> {
        if full {
            return Err(RejectCode::StoreFull);
        }
        if by == of {
            return Err(RejectCode::Invalid);
        }
        let (before, called) = self.known_as(by, of);
        let (back, name_back) = self.known_as(of, by);
        let (own, theirs) = match (wanted, before) {
            (Some(true), ContactState::None) => {
                self.unbarred(by, of)?;
                self.known(of)?;
                (ContactState::Asked, ContactState::Asks)
            }
            (Some(true), ContactState::Asks) => {
                self.unbarred(by, of)?;
                (ContactState::Contact, ContactState::Contact)
            }
            (Some(false), _) => (ContactState::None, ContactState::None),
            (Some(true) | None, _) => (before, back),
        };
        let (revision, new) = self.own[of].know(by, (theirs, name_back));
        told.extend(new.then_some(Told::Own(of, revision)));
        let (revision, new) = self.own[by].know(of, (own, letters.unwrap_or(called)));
        told.extend(new.then_some(Told::Own(by, revision)));
        if before != ContactState::None || wanted == Some(true) {
            self.tell_relations(by, of, told);
        }
        Ok(revision)
    }

    /// Somebody blocks another, or does so no more: the revision of that.
    pub(super) fn set_block(
        &mut self,
        (by, of): (usize, usize),
        blocked: bool,
        full: bool,
        told: &mut Vec<Told>,
    ) -> Refused<u64> {
        if full {
            return Err(RejectCode::StoreFull);
        }
        if by == of {
            return Err(RejectCode::Invalid);
        }
        let (revision, new) = self.own[by].block(of, blocked);
        if new {
            told.push(Told::Own(by, revision));
            self.tell_relations(by, of, told);
        }
        Ok(revision)
    }

    fn tell_relations(&self, by: usize, of: usize, told: &mut Vec<Told>) {
        for (by, of) in [(by, of), (of, by)] {
            let contact = self.known_as(by, of).0 == ContactState::Contact;
            told.push(Told::Related(by, of, contact, self.blocks(by, of)));
        }
    }
}

/// An item of a user's own state that is about another.
pub(super) fn find(found: &mut OwnState, revision: u64, item: &Item) {
    match item {
        Item::Contact(Contact { user, state, name }) => {
            let of = number(&NAMES, user.as_str());
            found.contacts.insert(of, (revision, (*state, name.len())));
        }
        Item::Block(Block { user, blocked }) => {
            found.blocks.insert(number(&NAMES, user.as_str()), (revision, *blocked));
        }
        other => unreachable!("{other:?} is of a chat"),
    }
}
