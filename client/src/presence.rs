//! What a client learns of others' presence, and says of its user's. Must never tell more than the
//! server does.

use packetboat_proto::id::UserId;
use packetboat_proto::limits::PRESENCE_USERS_MAX;
use packetboat_proto::packet::{Answer, Operation, Presence, Profile, Visibility};

use crate::client::Client;
use crate::error::RequestError;

impl Client {
    /// Is told of at most 100 users' presence as it changes, by [`Notice`](crate::Notice)s, and how
    /// it is now; of others no more. After a lost connection the client watches them again by
    /// itself, and how they are comes as notices.
    pub async fn watch(
        &self,
        add: Vec<UserId>,
        remove: Vec<UserId>,
    ) -> Result<Vec<Presence>, RequestError> {
        let (count, max) = (add.len().max(remove.len()), PRESENCE_USERS_MAX);
        if count > max {
            return Err(RequestError::TooMany { count, max });
        }
        match self.ask(Operation::Watch { add, remove }).await? {
            Answer::Watch(users) => Ok(users),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// Whether the user is away from this device. It is said again on every connection.
    pub async fn set_away(&self, away: bool) -> Result<(), RequestError> {
        match self.ask(Operation::SetPresence { away }).await? {
            Answer::SetPresence => Ok(()),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// What the user says of itself, at most 256 bytes, and to whom its presence is told.
    pub async fn set_profile(
        &self,
        status: &str,
        visible_to: Visibility,
    ) -> Result<(), RequestError> {
        let profile = Profile { status: status.to_owned(), visible_to: Some(visible_to) };
        match self.ask(Operation::SetProfile(profile)).await? {
            Answer::SetProfile => Ok(()),
            _ => Err(RequestError::Unexpected),
        }
    }
}
