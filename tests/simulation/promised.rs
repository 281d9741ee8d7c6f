//! What the server has said that it will send. Must never hold what was taken back.

use std::sync::{Arc, Mutex};

use packetboat_client::Entry;
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::packet::ScheduledName;

/// Messages, and whose they are.
#[derive(Clone, Default)]
pub struct Promised(Arc<Mutex<Vec<(UserId, ScheduledName)>>>);

impl Promised {
    /// The server has taken one.
    pub fn add(&self, sender: UserId, name: ScheduledName) {
        self.0.lock().expect("no panic").push((sender, name));
    }

    /// What was to be sent to a chat for a user, and does not stand in its log.
    pub fn broken(&self, sender: &UserId, chat: &ChatId, log: &[Entry]) -> Vec<String> {
        let promised = self.0.lock().expect("no panic");
        let of = promised.iter().filter(|(user, name)| user == sender && name.chat == *chat);
        let missing = of.filter(|(_, name)| {
            !log.iter().any(|entry| entry.sender == *sender && entry.id == name.id)
        });
        let told = |name: &ScheduledName| {
            format!("{} of {sender} was to be sent to {chat}, and was not", name.id)
        };
        missing.map(|(_, name)| told(name)).collect()
    }
}
