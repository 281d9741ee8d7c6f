//! What is said about messages that are to be sent later, as JSON. Must never leave out a field.

use packetboat_proto::packet::{Scheduled, ScheduledMessage, ScheduledName, Scheduling};
use serde_json::{Value, json};

use super::of_verdict;
use crate::line::hex;

fn of_name(name: &ScheduledName) -> Value {
    json!({ "chat": name.chat.as_str(), "message_id": name.id.to_string() })
}

pub(super) fn of_question(scheduling: &Scheduling) -> Value {
    match scheduling {
        Scheduling::Schedule { name, content, at_ms } => json!({ "schedule": {
            "name": of_name(name),
            "content": hex(content),
            "at_ms": at_ms,
        } }),
        Scheduling::Unschedule(name) => json!({ "unschedule": of_name(name) }),
        Scheduling::List { after, limit } => json!({ "scheduled": {
            "after": after.as_ref().map(of_name),
            "limit": limit,
        } }),
    }
}

pub(super) fn of_answer(scheduled: &Scheduled) -> Value {
    match scheduled {
        Scheduled::Schedule => json!({ "schedule": {} }),
        Scheduled::Unschedule => json!({ "unschedule": {} }),
        Scheduled::List { messages, more } => json!({ "scheduled": {
            "messages": messages.iter().map(of_message).collect::<Vec<_>>(),
            "more": more,
        } }),
    }
}

fn of_message(message: &ScheduledMessage) -> Value {
    json!({
        "name": of_name(&message.name),
        "content": hex(&message.content),
        "at_ms": message.at_ms,
        "failed": message.failed.as_ref().map(of_verdict),
    })
}
