//! What is said about a search, as JSON. Must never leave out a field.

use packetboat_proto::packet::{Search, SearchPage, SearchPlace};
use serde_json::{Value, json};

use super::{list, of_encoded, text};

fn of_place(place: &SearchPlace) -> Value {
    json!({ "at_ms": place.at_ms, "chat": place.chat.as_str(), "seq": place.seq })
}

pub(super) fn of_question(search: &Search) -> Value {
    json!({ "search": {
        "words": search.words,
        "chat": text(search.chat.as_ref()),
        "before": search.before.as_ref().map(of_place),
        "limit": search.limit,
    } })
}

pub(super) fn of_answer(page: &SearchPage) -> Value {
    json!({ "search": {
        "entries": list(&page.entries, of_encoded),
        "next": page.next.as_ref().map(of_place),
    } })
}
