//! What has nothing to print but that it is done, as JSON. Must never be printed before it is.

use packetboat_client::ChatId;
use serde_json::{Value, json};

use super::object::Object;

/// Something is done: `command` (as it is typed), and what it was done to.
pub(crate) fn done(command: &str, of: Value) -> Object {
    let mut object = Object::new("done", json!({ "command": command }));
    object.extend(of);
    object
}

/// Something is done to a chat: `command`, `chat`.
pub(crate) fn to_chat(command: &str, chat: &ChatId) -> Object {
    done(command, json!({ "chat": chat.as_str() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_says_what_and_to_what() {
        let object = to_chat("archive", &"dm:a:b".parse().unwrap());
        let expected = json!({ "type": "done", "command": "archive", "chat": "dm:a:b" });
        assert_eq!(Value::from(object), expected);
    }
}
