//! What is said of contacts and blocks, as JSON. Must never leave out a field.

use packetboat_proto::packet::{
    Block, Contact, ContactAnswer, ContactOperation, ContactState, SetContact,
};
use serde_json::{Value, json};

pub(super) fn of_contact(contact: &Contact) -> Value {
    let state = match contact.state {
        ContactState::None => "UNSPECIFIED",
        ContactState::Asked => "ASKED",
        ContactState::Asks => "ASKS",
        ContactState::Contact => "CONTACT",
    };
    json!({ "user": contact.user.as_str(), "state": state, "name": contact.name })
}

pub(super) fn of_block(block: &Block) -> Value {
    json!({ "user": block.user.as_str(), "blocked": block.blocked })
}

fn of_set(set: &SetContact) -> Value {
    json!({ "user": set.user.as_str(), "wanted": set.wanted, "name": set.name })
}

pub(super) fn of_question(asked: &ContactOperation) -> Value {
    match asked {
        ContactOperation::Set(set) => json!({ "set_contact": of_set(set) }),
        ContactOperation::Block(block) => json!({ "set_block": of_block(block) }),
    }
}

pub(super) fn of_answer(answer: ContactAnswer) -> Value {
    match answer {
        ContactAnswer::Set(revision) => json!({ "set_contact": { "revision": revision } }),
        ContactAnswer::Block(revision) => json!({ "set_block": { "revision": revision } }),
    }
}
