//! What a user has set for itself, as JSON.

use packetboat_client::{ChatDraft, ChatId, Marks, OwnChat};
use serde_json::{Value, json};

use super::object::Object;

/// How a chat is to be shown: `quiet_until_ms`, `pinned` (0: not), `archived`, `unread`.
pub(crate) fn marks(marks: Marks) -> Value {
    json!({
        "quiet_until_ms": marks.quiet_until_ms,
        "pinned": marks.pinned,
        "archived": marks.archived,
        "unread": marks.unread,
    })
}

/// What was begun to write: `chat`, `text`, `reply_to` (0: it answers nothing).
pub(crate) fn draft(draft: &ChatDraft) -> Object {
    Object::new(
        "draft",
        json!({
            "chat": draft.chat.as_str(),
            "text": draft.text,
            "reply_to": draft.reply_to,
        }),
    )
}

/// What is set of a chat: `chat`, `marks`, `draft` (or null), `hidden` (pairs of seqs).
pub(crate) fn chat(chat: &ChatId, own: &OwnChat) -> Object {
    let ranges = own.hidden.ranges().iter().map(|range| [range.first(), range.last()]);
    Object::new(
        "own",
        json!({
            "chat": chat.as_str(),
            "marks": marks(own.marks),
            "draft": own.draft.as_ref().map(draft).map(Value::from),
            "hidden": ranges.collect::<Vec<_>>(),
        }),
    )
}
