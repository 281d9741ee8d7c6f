//! Contacts and blocks as JSON objects, whose fields' names are kept.

use packetboat_client::{Contact, ContactState, UserId};
use serde_json::json;

use super::object::Object;

/// What is known of another: `user`, `state` (`none`, `asked`, `asks`, `contact`) and `name`.
pub(crate) fn contact(contact: &Contact) -> Object {
    let state = match contact.state {
        ContactState::None => "none",
        ContactState::Asked => "asked",
        ContactState::Asks => "asks",
        ContactState::Contact => "contact",
    };
    Object::new(
        "contact",
        json!({
            "user": contact.user.as_str(),
            "state": state,
            "name": contact.name,
        }),
    )
}

/// One who is blocked: `user`.
pub(crate) fn blocked(user: &UserId) -> Object {
    Object::new("blocked", json!({ "user": user.as_str() }))
}
