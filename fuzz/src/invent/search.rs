//! What is asked and answered of a search, made from choices. Must never make what a peer would
//! have to refuse.

use packetboat_proto::limits::SEARCH_WORDS_BYTES_MAX;
use packetboat_proto::packet::{Search, SearchPage, SearchPlace};

use crate::choices::Choices;

fn place(choices: &mut Choices<'_>) -> SearchPlace {
    let (at_ms, chat) = (choices.number(), choices.chat());
    SearchPlace { at_ms, chat, seq: super::seq(choices) }
}

/// A question.
pub(super) fn question(choices: &mut Choices<'_>, limit: u32) -> Search {
    let words = choices.text(SEARCH_WORDS_BYTES_MAX);
    let chat = choices.flag().then(|| choices.chat());
    let before = choices.flag().then(|| place(choices));
    Search { words, chat, before, limit }
}

/// An answer.
pub(super) fn answer(choices: &mut Choices<'_>, count: usize) -> SearchPage {
    let entries = (0..count).map(|_| super::entry(choices).encode()).collect();
    SearchPage { entries, next: choices.flag().then(|| place(choices)) }
}
