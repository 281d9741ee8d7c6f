//! What is asked and answered about receipts, made from choices. Must never make what a peer would
//! have to refuse.

use packetboat_proto::limits::{PAGE_ITEMS_MAX, RECEIPT_RANGES_MAX, RECEIPTS_WATCHED_MAX};
use packetboat_proto::packet::{
    AskReceipts, Readers, ReceiptCounts, ReceiptRule, ReceiptState, ReceiptStep, Receipts,
};

use super::count;
use super::own::range;
use crate::choices::Choices;

fn step(choices: &mut Choices<'_>) -> ReceiptStep {
    ReceiptStep {
        first: choices.number(),
        last: choices.number(),
        members: choices.number_32(),
        delivered: choices.number_32(),
        read: choices.number_32(),
    }
}

/// A question.
pub(super) fn question(choices: &mut Choices<'_>) -> AskReceipts {
    match choices.byte() % 4 {
        0 => {
            let (chat, count) = (choices.chat(), count(choices, RECEIPT_RANGES_MAX));
            AskReceipts::Counts { chat, ranges: (0..count).map(|_| range(choices)).collect() }
        }
        1 => {
            let states = [ReceiptState::Read, ReceiptState::Delivered, ReceiptState::Waiting];
            AskReceipts::Readers {
                chat: choices.chat(),
                seq: choices.number(),
                state: choices.flag().then(|| choices.one_of(&states)),
                after: choices.flag().then(|| choices.user()),
                limit: choices.number_32(),
            }
        }
        2 => {
            let (add, remove) =
                (count(choices, RECEIPTS_WATCHED_MAX), count(choices, RECEIPTS_WATCHED_MAX));
            AskReceipts::Watch {
                add: (0..add).map(|_| choices.chat()).collect(),
                remove: (0..remove).map(|_| choices.chat()).collect(),
            }
        }
        _ => {
            let rules = [ReceiptRule::Told, ReceiptRule::Hidden];
            AskReceipts::Set(choices.flag().then(|| choices.one_of(&rules)))
        }
    }
}

/// An answer.
pub(super) fn answer(choices: &mut Choices<'_>) -> Receipts {
    match choices.byte() % 4 {
        0 => {
            let count = count(choices, PAGE_ITEMS_MAX as usize);
            Receipts::Counts(ReceiptCounts {
                steps: (0..count).map(|_| step(choices)).collect(),
                more: choices.flag(),
                hidden: choices.flag(),
            })
        }
        1 => {
            let count = count(choices, PAGE_ITEMS_MAX as usize);
            Receipts::Readers(Readers {
                users: (0..count).map(|_| choices.user()).collect(),
                next: choices.flag().then(|| choices.user()),
            })
        }
        2 => Receipts::Watched,
        _ => Receipts::Set,
    }
}
