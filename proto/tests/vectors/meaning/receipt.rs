//! What is said of receipts, as JSON. Must never leave out a field.

use packetboat_proto::packet::{AskReceipts, ReceiptRule, ReceiptState, ReceiptStep, Receipts};
use packetboat_proto::seqs::SeqRange;
use serde_json::{Value, json};

use super::{list, text, texts};

fn of_state(state: Option<ReceiptState>) -> &'static str {
    match state {
        None => "UNSPECIFIED",
        Some(ReceiptState::Read) => "READ",
        Some(ReceiptState::Delivered) => "DELIVERED",
        Some(ReceiptState::Waiting) => "WAITING",
    }
}

fn of_rule(rule: Option<ReceiptRule>) -> &'static str {
    match rule {
        None => "UNSPECIFIED",
        Some(ReceiptRule::Told) => "TOLD",
        Some(ReceiptRule::Hidden) => "HIDDEN",
    }
}

fn of_range(range: &SeqRange) -> Value {
    json!({ "first": range.first(), "last": range.last() })
}

fn of_step(step: &ReceiptStep) -> Value {
    json!({
        "first": step.first,
        "last": step.last,
        "members": step.members,
        "delivered": step.delivered,
        "read": step.read,
    })
}

pub(super) fn of_question(asked: &AskReceipts) -> Value {
    match asked {
        AskReceipts::Counts { chat, ranges } => json!({ "receipts": {
            "chat": chat.as_str(),
            "ranges": list(ranges, of_range),
        } }),
        AskReceipts::Readers { chat, seq, state, after, limit } => json!({ "readers": {
            "chat": chat.as_str(),
            "seq": seq,
            "state": of_state(*state),
            "after": text(after.as_ref()),
            "limit": limit,
        } }),
        AskReceipts::Watch { add, remove } => {
            json!({ "watch_receipts": { "add": texts(add), "remove": texts(remove) } })
        }
        AskReceipts::Set(rule) => json!({ "set_receipts": { "rule": of_rule(*rule) } }),
    }
}

pub(super) fn of_answer(receipts: &Receipts) -> Value {
    match receipts {
        Receipts::Counts(counts) => json!({ "receipts": {
            "steps": list(&counts.steps, of_step),
            "more": counts.more,
            "hidden": counts.hidden,
        } }),
        Receipts::Readers(readers) => json!({ "readers": {
            "users": texts(&readers.users),
            "next": text(readers.next.as_ref()),
        } }),
        Receipts::Watched => json!({ "watch_receipts": {} }),
        Receipts::Set => json!({ "set_receipts": {} }),
    }
}
