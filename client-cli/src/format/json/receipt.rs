//! Receipts as JSON. Must never leave out whether reads are hidden: 0 then says nothing.

use packetboat_client::{ChatId, ReceiptState, ReceiptStep, UserId};
use serde_json::json;

use super::object::Object;
use crate::format::text::receipt::word;

/// How many have had entries: `chat`, `first`, `last`, `members`, `delivered`, `read` (null: the
/// user hides what it reads, and is not told).
pub(crate) fn step(chat: &ChatId, step: &ReceiptStep, hidden: bool) -> Object {
    Object::new(
        "receipts",
        json!({
            "chat": chat.as_str(),
            "first": step.first,
            "last": step.last,
            "members": step.members,
            "delivered": step.delivered,
            "read": (!hidden).then_some(step.read),
        }),
    )
}

/// How far an entry has come with a member: `chat`, `seq`, `user`, `state` (`read`, `delivered`,
/// `waiting`).
pub(crate) fn reader(chat: &ChatId, seq: u64, user: &UserId, state: ReceiptState) -> Object {
    let (chat, user) = (chat.as_str(), user.as_str());
    Object::new("reader", json!({ "chat": chat, "seq": seq, "user": user, "state": word(state) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_null_and_not_nobody() {
        let counted = ReceiptStep { first: 3, last: 7, members: 9, delivered: 5, read: 2 };
        let chat = ChatId::group("crew").unwrap();
        let open = step(&chat, &counted, false);
        assert_eq!((&open["last"], &open["read"]), (&json!(7), &json!(2)));
        assert_eq!(step(&chat, &counted, true)["read"], serde_json::Value::Null);
        let bob = UserId::new("bob").unwrap();
        let told = json!({ "chat": "group:crew", "seq": 4, "user": "bob", "state": "waiting" });
        let told = Object::new("reader", told);
        assert_eq!(reader(&chat, 4, &bob, ReceiptState::Waiting), told);
    }
}
