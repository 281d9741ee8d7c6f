//! What is said about users and their presence, as JSON. Must never leave out a field.

use packetboat_proto::packet::{Presence, Profile, Visibility};
use serde_json::{Value, json};

pub(super) fn of_profile(profile: &Profile) -> Value {
    json!({
        "status": profile.status,
        "visible_to": match profile.visible_to {
            None => "UNSPECIFIED",
            Some(Visibility::Everyone) => "EVERYONE",
            Some(Visibility::Contacts) => "CONTACTS",
            Some(Visibility::Nobody) => "NOBODY",
        },
    })
}

pub(super) fn of_presence(presence: &Presence) -> Value {
    json!({
        "user": presence.user.as_str(),
        "online": presence.online,
        "away": presence.away,
        "status": presence.status,
        "last_seen_ms": presence.last_seen_ms,
    })
}
