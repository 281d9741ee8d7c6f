//! What is asked and answered about a user's own state, made from choices. Must never make what a
//! peer would have to refuse.

use packetboat_proto::limits::{
    DRAFT_BYTES_MAX, HIDDEN_RANGES_MAX, HIDE_RANGES_MAX, PAGE_RANGES_MAX,
};
use packetboat_proto::packet::{
    ChatDraft, Item, Marks, Own, OwnAnswer, OwnItem, OwnPage, Recent, SetMarks,
};
use packetboat_proto::seqs::{SeqRange, SeqSet};

use super::contact;
use super::count;
use crate::choices::Choices;

pub(super) fn range(choices: &mut Choices<'_>) -> SeqRange {
    let (one, other) = (choices.number().max(1), choices.number().max(1));
    SeqRange::new(one.min(other), one.max(other)).expect("it goes from 1 or more to no less")
}

/// How a chat is shown.
pub(super) fn marks(choices: &mut Choices<'_>) -> Marks {
    Marks {
        quiet_until_ms: choices.number(),
        pinned: choices.number_32(),
        archived: choices.flag(),
        unread: choices.flag(),
    }
}

fn draft(choices: &mut Choices<'_>) -> ChatDraft {
    let (chat, text) = (choices.chat(), choices.text(DRAFT_BYTES_MAX));
    ChatDraft { chat, text, reply_to: choices.number() }
}

/// A question.
pub(super) fn question(choices: &mut Choices<'_>) -> Own {
    match choices.byte() % 4 {
        0 => Own::Changes { after: choices.number(), limit: choices.number_32() },
        1 => Own::SetMarks(SetMarks {
            chat: choices.chat(),
            quiet_until_ms: choices.flag().then(|| choices.number()),
            pinned: choices.flag().then(|| choices.number_32()),
            archived: choices.flag().then(|| choices.flag()),
            unread: choices.flag().then(|| choices.flag()),
        }),
        2 => Own::SetDraft(draft(choices)),
        _ => {
            let (chat, count) = (choices.chat(), count(choices, HIDE_RANGES_MAX));
            Own::Hide { chat, ranges: (0..count).map(|_| range(choices)).collect() }
        }
    }
}

/// A question for the chats that were written to last.
pub(super) fn recent(choices: &mut Choices<'_>) -> Recent {
    Recent {
        behind: choices.flag().then(|| (choices.number(), choices.chat())),
        limit: choices.number_32(),
        last_bytes: choices.number_32(),
    }
}

fn item(choices: &mut Choices<'_>) -> Option<Item> {
    Some(match choices.byte() % 5 {
        0 => return None,
        3 => contact::item(choices),
        1 => Item::Marks { chat: choices.chat(), marks: marks(choices) },
        2 => Item::Draft(draft(choices)),
        _ => {
            let (chat, count) = (choices.chat(), count(choices, HIDDEN_RANGES_MAX));
            let mut seqs = SeqSet::default();
            (0..count).for_each(|_| seqs.insert(range(choices)));
            Item::Hidden { chat, seqs }
        }
    })
}

/// An answer, with a list of `count` items if it has one.
pub(super) fn answer(choices: &mut Choices<'_>, count: usize) -> OwnAnswer {
    match choices.byte() % 3 {
        0 => OwnAnswer::Set(choices.number()),
        1 => OwnAnswer::Hide(choices.number()),
        _ => {
            let one = |choices: &mut Choices<'_>| OwnItem {
                revision: choices.number(),
                item: item(choices),
            };
            let mut items: Vec<OwnItem> = (0..count).map(|_| one(choices)).collect();
            let mut ranges = 0;
            items.retain(|item| {
                ranges += item.item.as_ref().map_or(0, Item::ranges);
                ranges <= PAGE_RANGES_MAX
            });
            OwnAnswer::Changes(OwnPage {
                items,
                more: choices.flag(),
                revision: choices.number(),
                floor: choices.number(),
            })
        }
    }
}
