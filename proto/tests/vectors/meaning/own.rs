//! What is said of a user's own state, as JSON. Must never leave out a field.

use packetboat_proto::packet::{
    ChatDraft, Item, Marks, Own, OwnAnswer, OwnItem, OwnPage, Recent, SetMarks,
};
use packetboat_proto::seqs::SeqRange;
use serde_json::{Value, json};

use super::contact;

pub(super) fn of_marks(marks: Marks) -> Value {
    json!({
        "quiet_until_ms": marks.quiet_until_ms,
        "pinned": marks.pinned,
        "archived": marks.archived,
        "unread": marks.unread,
    })
}

fn of_draft(draft: &ChatDraft) -> Value {
    json!({ "chat": draft.chat.as_str(), "text": draft.text, "reply_to": draft.reply_to })
}

fn of_ranges(ranges: &[SeqRange]) -> Value {
    let range = |range: &SeqRange| json!({ "first": range.first(), "last": range.last() });
    ranges.iter().map(range).collect()
}

fn of_item(item: &OwnItem) -> Value {
    let kind = item.item.as_ref().map(|item| match item {
        Item::Marks { chat, marks } => {
            json!({ "marks": { "chat": chat.as_str(), "marks": of_marks(*marks) } })
        }
        Item::Draft(draft) => json!({ "draft": of_draft(draft) }),
        Item::Contact(contact) => json!({ "contact": contact::of_contact(contact) }),
        Item::Block(block) => json!({ "block": contact::of_block(block) }),
        Item::Hidden { chat, seqs } => {
            json!({ "hidden": { "chat": chat.as_str(), "ranges": of_ranges(seqs.ranges()) } })
        }
    });
    json!({ "revision": item.revision, "kind": kind })
}

fn of_page(page: &OwnPage) -> Value {
    json!({
        "items": page.items.iter().map(of_item).collect::<Vec<_>>(),
        "more": page.more,
        "revision": page.revision,
        "floor": page.floor,
    })
}

fn of_set(set: &SetMarks) -> Value {
    json!({
        "chat": set.chat.as_str(),
        "quiet_until_ms": set.quiet_until_ms,
        "pinned": set.pinned,
        "archived": set.archived,
        "unread": set.unread,
    })
}

pub(super) fn of_question(own: &Own) -> Value {
    match own {
        Own::Changes { after, limit } => json!({ "own": { "after": after, "limit": limit } }),
        Own::SetMarks(set) => json!({ "set_own": { "marks": of_set(set) } }),
        Own::SetDraft(draft) => json!({ "set_own": { "draft": of_draft(draft) } }),
        Own::Hide { chat, ranges } => {
            json!({ "hide": { "chat": chat.as_str(), "ranges": of_ranges(ranges) } })
        }
    }
}

pub(super) fn of_answer(answer: &OwnAnswer) -> Value {
    match answer {
        OwnAnswer::Changes(page) => json!({ "own": of_page(page) }),
        OwnAnswer::Set(revision) => json!({ "set_own": { "revision": revision } }),
        OwnAnswer::Hide(revision) => json!({ "hide": { "revision": revision } }),
    }
}

pub(super) fn of_recent(recent: &Recent) -> Value {
    let behind = recent.behind.as_ref();
    json!({
        "before_ms": behind.map_or(0, |(at_ms, _)| *at_ms),
        "after": behind.map(|(_, chat)| chat.to_string()).unwrap_or_default(),
        "limit": recent.limit,
        "last_bytes": recent.last_bytes,
    })
}
