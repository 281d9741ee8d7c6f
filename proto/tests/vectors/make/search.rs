//! What is asked and answered of a search.

use packetboat_proto::entry::Entry;
use packetboat_proto::packet::{Answer, Kind, Operation, Packet, Search, SearchPage, SearchPlace};

use super::packet::{chat, entry, request, response};
use super::{Message, Theme};
use crate::line::Vector;

const AT_MS: u64 = 1_760_000_000_000;

fn place() -> SearchPlace {
    SearchPlace { at_ms: AT_MS, chat: chat("group:crew"), seq: 9 }
}

fn search() -> Search {
    Search { words: "tide table".to_owned(), chat: None, before: None, limit: 0 }
}

fn asked(search: Search) -> Packet {
    request(Operation::Search(search))
}

pub(super) fn vectors() -> Vec<Vector> {
    let mut theme = Theme::default();
    theme.canonical("request.search", &asked(search()));
    let chat = Some(chat("dm:ada:bob"));
    let within = Search { words: "潮汐".to_owned(), chat, before: Some(place()), limit: 9 };
    theme.canonical("request.search_within", &asked(within));
    let longest = Search { words: "w".repeat(256), ..search() };
    theme.canonical("limit.search_words_bytes_max.at", &asked(longest));
    let entries = vec![Entry { seq: 9, ..entry() }.encode(), entry().encode()];
    let page = SearchPage { entries, next: Some(place()) };
    theme.canonical("response.search", &response(Answer::Search(page)));
    let none = SearchPage { entries: Vec::new(), next: None };
    theme.canonical("response.search_none", &response(Answer::Search(none)));
    let full = SearchPage { entries: vec![entry().encode(); 200], next: None };
    theme.canonical("limit.page_items_max.search.at", &response(Answer::Search(full)));
    bad(&mut theme);
    theme.vectors
}

fn bad(theme: &mut Theme) {
    let mut bad = |name: &str, asked: Message, why: &str| {
        let body = Message::new().int(1, 1).message(92, asked);
        theme.bad(name, Kind::Request, &body, why);
    };
    let long = Message::new().bytes(1, "w".repeat(257));
    bad("limit.search_words_bytes_max.over", long, "one over the limit");
    let nowhere = Message::new().bytes(1, "w").bytes(2, "crew");
    bad("request.search_no_chat", nowhere, "no chat id");
    let place = Message::new().int(1, AT_MS).bytes(2, "group:crew");
    bad("request.search_before_nothing", Message::new().message(3, place), "seqs start at 1");
    let place = Message::new().int(1, AT_MS).int(3, 9);
    bad("request.search_before_nowhere", Message::new().message(3, place), "no chat id");
    let list = Message::new().repeated(1, 201, |_| entry().encode().to_vec());
    let body = Message::new().int(1, 1).message(93, list);
    let why = "more than 200 entries";
    theme.bad("limit.page_items_max.search.over", Kind::Response, &body, why);
    let broken = Message::new().bytes(1, [0xff]);
    let body = Message::new().int(1, 1).message(93, broken);
    theme.bad("response.search_no_entry", Kind::Response, &body, "no entry");
}
