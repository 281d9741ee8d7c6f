//! What is asked and answered about messages that are sent later, made from choices. Must never
//! make what a peer would have to refuse.

use bytes::Bytes;
use packetboat_proto::packet::{Scheduled, ScheduledMessage, ScheduledName, Scheduling};

use crate::choices::Choices;

/// Elements of a list at most.
const FEW: usize = 3;

fn name(choices: &mut Choices<'_>) -> ScheduledName {
    let chat = choices.chat();
    ScheduledName { chat, id: choices.message_id() }
}

fn content(choices: &mut Choices<'_>) -> Bytes {
    Bytes::copy_from_slice(choices.some_bytes(40))
}

/// A question.
pub(super) fn question(choices: &mut Choices<'_>) -> Scheduling {
    match choices.byte() % 3 {
        0 => {
            let (name, content) = (name(choices), content(choices));
            Scheduling::Schedule { name, content, at_ms: choices.number() }
        }
        1 => Scheduling::Unschedule(name(choices)),
        _ => {
            let after = choices.flag().then(|| name(choices));
            Scheduling::List { after, limit: choices.number_32() }
        }
    }
}

/// An answer.
pub(super) fn answer(choices: &mut Choices<'_>) -> Scheduled {
    match choices.byte() % 3 {
        0 => Scheduled::Schedule,
        1 => Scheduled::Unschedule,
        _ => {
            let messages = (0..choices.below(FEW)).map(|_| message(choices)).collect();
            Scheduled::List { messages, more: choices.flag() }
        }
    }
}

fn message(choices: &mut Choices<'_>) -> ScheduledMessage {
    let (name, content, at_ms) = (name(choices), content(choices), choices.number());
    let failed = choices.flag().then(|| super::verdict(choices));
    ScheduledMessage { name, content, at_ms, failed }
}
