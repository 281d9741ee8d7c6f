//! How a chat is named on a command line. Must never ask the server: names say it all.

use std::str::FromStr;

use packetboat_client::{ChatId, UserId};
use packetboat_proto::id::IdError;

/// A chat, or the user whose direct chat is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A chat by its id.
    Chat(ChatId),
    /// The direct chat with a user.
    User(UserId),
}

impl Target {
    /// The chat that `user` means by it.
    pub(crate) fn chat(&self, user: &UserId) -> ChatId {
        match self {
            Self::Chat(chat) => chat.clone(),
            Self::User(other) => ChatId::direct(user, other),
        }
    }
}

impl FromStr for Target {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if let Some(group) = text.strip_prefix('#') {
            return ChatId::group(group).map(Self::Chat);
        }
        if let Some(room) = text.strip_prefix('%') {
            return ChatId::room(room).map(Self::Chat);
        }
        if let Some((one, other)) = text.strip_prefix("dm:").and_then(|pair| pair.split_once(':')) {
            let (one, other) = (UserId::new(one)?, UserId::new(other)?);
            return Ok(Self::Chat(ChatId::direct(&one, &other)));
        }
        if text.contains(':') {
            return ChatId::new(text).map(Self::Chat);
        }
        UserId::new(text).map(Self::User)
    }
}

/// A group: `group:crew`, `#crew` or `crew`.
pub(crate) fn group(text: &str) -> Result<ChatId, IdError> {
    ChatId::group(text.strip_prefix("group:").or(text.strip_prefix('#')).unwrap_or(text))
}

/// A room: `room:lobby`, `%lobby` or `lobby`.
pub(crate) fn room(text: &str) -> Result<ChatId, IdError> {
    ChatId::room(text.strip_prefix("room:").or(text.strip_prefix('%')).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(text: &str) -> String {
        let target: Target = text.parse().unwrap();
        target.chat(&UserId::new("bob").unwrap()).to_string()
    }

    #[test]
    fn a_user_is_the_direct_chat_with_them() {
        assert_eq!(chat("alice"), "dm:alice:bob");
        assert_eq!(chat("carol"), "dm:bob:carol");
        assert_eq!(chat("bob"), "dm:bob:bob");
    }

    #[test]
    fn a_chat_is_named_by_its_id_or_in_short() {
        assert_eq!(chat("dm:x:a"), "dm:a:x");
        assert_eq!(chat("group:crew"), "group:crew");
        assert_eq!(chat("#crew"), "group:crew");
        assert_eq!(chat("%lobby"), "room:lobby");
        assert_eq!(room("lobby"), room("%lobby"));
        assert_eq!(room("room:lobby"), room("%lobby"));
        assert_eq!(group("crew"), group("#crew"));
        assert_eq!(group("group:crew"), group("#crew"));
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in ["", "#", "a b", "chat:x", "dm:a", "group:"] {
            assert!(text.parse::<Target>().is_err(), "{text:?}");
        }
        assert!(group("a/b").is_err());
    }
}
