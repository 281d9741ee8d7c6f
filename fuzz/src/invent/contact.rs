//! What is asked and answered about contacts and blocks, made from choices. Must never make what a
//! peer would have to refuse.

use packetboat_proto::limits::CONTACT_NAME_BYTES_MAX;
use packetboat_proto::packet::{
    Block, Contact, ContactAnswer, ContactOperation, ContactState, Item, SetContact,
};

use crate::choices::Choices;

/// A question.
pub(super) fn question(choices: &mut Choices<'_>) -> ContactOperation {
    if choices.flag() {
        return ContactOperation::Block(block(choices));
    }
    ContactOperation::Set(SetContact {
        user: choices.user(),
        wanted: choices.flag().then(|| choices.flag()),
        name: choices.flag().then(|| choices.text(CONTACT_NAME_BYTES_MAX)),
    })
}

/// An answer.
pub(super) fn answer(choices: &mut Choices<'_>) -> ContactAnswer {
    let revision = choices.number();
    if choices.flag() { ContactAnswer::Set(revision) } else { ContactAnswer::Block(revision) }
}

/// What a user knows of another, or that it has blocked it.
pub(super) fn item(choices: &mut Choices<'_>) -> Item {
    if choices.flag() {
        return Item::Block(block(choices));
    }
    let states =
        [ContactState::None, ContactState::Asked, ContactState::Asks, ContactState::Contact];
    Item::Contact(Contact {
        user: choices.user(),
        state: choices.one_of(&states),
        name: choices.text(CONTACT_NAME_BYTES_MAX),
    })
}

fn block(choices: &mut Choices<'_>) -> Block {
    Block { user: choices.user(), blocked: choices.flag() }
}
