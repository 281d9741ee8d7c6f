//! Contacts and blocks as JSON objects, whose fields' names are kept.

use packetboat_client::{Contact, ContactState, UserId};
use serde_json::{Value, json};

/// What is known of another: `user`, `state` (`none`, `asked`, `asks`, `contact`) and `name`.
pub(crate) fn contact(contact: &Contact) -> Value {
    let state = match contact.state {
        ContactState::None => "none",
        ContactState::Asked => "asked",
        ContactState::Asks => "asks",
        ContactState::Contact => "contact",
    };
    json!({
        "type": "contact",
        "user": contact.user.as_str(),
        "state": state,
        "name": contact.name,
    })
}

/// One who is blocked: `user`.
pub(crate) fn blocked(user: &UserId) -> Value {
    json!({ "type": "blocked", "user": user.as_str() })
}
