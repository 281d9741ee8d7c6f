//! What is asked, answered and told about a user's own state.

use packetboat_proto::entry::Entry;
use packetboat_proto::packet::{
    Answer, ChatDraft, ChatState, Item, Kind, Marks, Notice, Operation, Own, OwnAnswer, OwnItem,
    OwnPage, Packet, Recent, SetMarks,
};
use packetboat_proto::seqs::{SeqRange, SeqSet};

use super::packet::{chat, chat_state, entry, request, response};
use super::{Message, Theme};
use crate::line::Vector;

const AT_MS: u64 = 1_760_000_000_000;

pub(super) fn vectors() -> Vec<Vector> {
    let mut theme = Theme::default();
    questions(&mut theme);
    answers(&mut theme);
    limits(&mut theme);
    faults(&mut theme);
    theme.canonical("notice.own", &Packet::Notice(Notice::Own(300)));
    theme.vectors
}

pub(super) fn range(first: u64, last: u64) -> SeqRange {
    SeqRange::new(first, last).expect("the ranges here are ranges")
}

/// So many seqs, each apart from the others.
fn seqs(count: u64) -> SeqSet {
    let mut seqs = SeqSet::default();
    (1..=count).for_each(|at| seqs.insert(range(2 * at, 2 * at)));
    seqs
}

fn draft(text: &str, reply_to: u64) -> ChatDraft {
    ChatDraft { chat: chat("dm:ada:bob"), text: text.into(), reply_to }
}

fn marks() -> Marks {
    Marks { quiet_until_ms: AT_MS, pinned: 2, archived: true, unread: true }
}

fn questions(theme: &mut Theme) {
    let crew = || chat("group:crew");
    let nothing = SetMarks::of(crew());
    let all = SetMarks {
        chat: crew(),
        quiet_until_ms: Some(u64::MAX),
        pinned: Some(1),
        archived: Some(true),
        unread: Some(true),
    };
    let none = SetMarks {
        quiet_until_ms: Some(0),
        pinned: Some(0),
        archived: Some(false),
        unread: Some(false),
        ..all.clone()
    };
    let asked = [
        ("own", Own::Changes { after: 0, limit: 0 }),
        ("own_after", Own::Changes { after: 300, limit: 9 }),
        ("set_own_no_marks", Own::SetMarks(nothing)),
        ("set_own_marks", Own::SetMarks(all)),
        ("set_own_marks_away", Own::SetMarks(none)),
        ("set_own_draft", Own::SetDraft(draft("Dear Bob ⚓", 7))),
        ("set_own_draft_away", Own::SetDraft(draft("", 0))),
        ("hide", Own::Hide { chat: crew(), ranges: vec![range(9, 9), range(1, 300)] }),
        ("hide_nothing", Own::Hide { chat: crew(), ranges: Vec::new() }),
    ];
    for (name, own) in asked {
        theme.canonical(&format!("request.{name}"), &request(Operation::Own(own)));
    }
    let recent = [
        ("recent", Recent::default()),
        ("recent_behind", Recent { behind: Some((AT_MS, crew())), limit: 9, last_bytes: 512 }),
    ];
    for (name, recent) in recent {
        theme.canonical(&format!("request.{name}"), &request(Operation::Recent(recent)));
    }
}

fn answers(theme: &mut Theme) {
    let hidden = Item::Hidden { chat: chat("group:crew"), seqs: seqs(3) };
    let items = [
        Some(Item::Marks { chat: chat("group:crew"), marks: marks() }),
        Some(Item::Marks { chat: chat("dm:ada:bob"), marks: Marks::default() }),
        Some(Item::Draft(draft("Dear Bob", 0))),
        Some(Item::Draft(draft("", 0))),
        Some(hidden),
        None,
    ];
    let items = items.into_iter().zip(7..).map(|(item, revision)| OwnItem { revision, item });
    let page = OwnPage { items: items.collect(), more: true, revision: 300, floor: 5 };
    let answered = [
        ("own", OwnAnswer::Changes(page)),
        ("own_nothing", OwnAnswer::Changes(OwnPage::default())),
        ("set_own", OwnAnswer::Set(300)),
        ("set_own_nothing", OwnAnswer::Set(0)),
        ("hide", OwnAnswer::Hide(300)),
    ];
    for (name, answer) in answered {
        theme.canonical(&format!("response.{name}"), &response(Answer::Own(answer)));
    }
    let last = Some(Box::new(Entry { chat: chat("group:crew"), ..entry() }));
    let marked = ChatState { marks: marks(), mentions: 2, last, ..chat_state("group:crew") };
    let chats = vec![marked, chat_state("dm:ada:bob")];
    theme.canonical("response.recent", &response(Answer::Recent { chats, more: true }));
}

/// A request with a field of this number.
fn asked(number: u32, body: Message) -> Message {
    Message::new().int(1, 1).message(number, body)
}

fn ranges(field: u32, count: usize) -> Message {
    let range = Message::new().int(1, 1).int(2, 1).0;
    Message::new().bytes(1, "group:crew").repeated(field, count, |_| range.clone())
}

fn limits(theme: &mut Theme) {
    let longest = request(Operation::Own(Own::SetDraft(draft(&"x".repeat(3_072), 0))));
    theme.canonical("limit.draft_bytes_max.at", &longest);
    let draft = Message::new().bytes(1, "group:crew").bytes(2, "x".repeat(3_073));
    let body = asked(34, Message::new().message(2, draft));
    theme.bad("limit.draft_bytes_max.over", Kind::Request, &body, "more than 3,072 bytes");

    let most = Own::Hide { chat: chat("group:crew"), ranges: vec![range(1, 1); 100] };
    theme.canonical("limit.hide_ranges_max.at", &request(Operation::Own(most)));
    let body = asked(36, ranges(2, 101));
    theme.bad("limit.hide_ranges_max.over", Kind::Request, &body, "more than 100 ranges");

    let page = |items| OwnPage { items, ..OwnPage::default() };
    let hidden = Item::Hidden { chat: chat("group:crew"), seqs: seqs(256) };
    let items = vec![OwnItem { revision: 1, item: Some(hidden) }];
    let most = Answer::Own(OwnAnswer::Changes(page(items)));
    theme.canonical("limit.hidden_ranges_max.at", &response(most));
    let range = |at: usize| Message::new().int(1, 2 * at as u64 + 2).int(2, 2 * at as u64 + 2).0;
    let hidden = Message::new().bytes(1, "group:crew").repeated(2, 257, range);
    let body = asked(33, Message::new().message(1, Message::new().message(4, hidden)));
    theme.bad("limit.hidden_ranges_max.over", Kind::Response, &body, "more than 256 ranges");

    let hidden = |revision| {
        let item = Item::Hidden { chat: chat("group:crew"), seqs: seqs(256) };
        OwnItem { revision, item: Some(item) }
    };
    let most = Answer::Own(OwnAnswer::Changes(page((1..=4).map(hidden).collect())));
    theme.canonical("limit.page_ranges_max.at", &response(most));
    let item = Message::new().message(4, ranges(2, 205)).0;
    let body = asked(33, Message::new().repeated(1, 5, |_| item.clone()));
    theme.bad("limit.page_ranges_max.over", Kind::Response, &body, "more than 1,024 ranges");

    let item = |revision| OwnItem { revision, item: Some(Item::Draft(self::draft("x", 0))) };
    let most = Answer::Own(OwnAnswer::Changes(page((1..=200).map(item).collect())));
    theme.canonical("limit.page_items_max.own.at", &response(most));
    let body = asked(33, Message::new().repeated(1, 201, |_| Vec::new()));
    theme.bad("limit.page_items_max.own.over", Kind::Response, &body, "more than 200 items");
    let body = asked(39, Message::new().repeated(1, 201, |_| b"\x0a\x01x".to_vec()));
    theme.bad("limit.page_items_max.recent.over", Kind::Response, &body, "more than 200 chats");

    let of = |bytes: usize| {
        let plain = Entry { chat: chat("group:crew"), content: Vec::new().into(), ..entry() };
        let content = vec![b'x'; bytes - plain.encoded_len() - 3];
        Entry { content: content.into(), ..plain }
    };
    let state = ChatState { last: Some(Box::new(of(4_096))), ..chat_state("group:crew") };
    theme.canonical("limit.last_bytes_max.at", &response(Answer::Chat(state.into())));
    let state = Message::new().bytes(1, "group:crew").bytes(19, of(4_097).encode());
    theme.bad("limit.last_bytes_max.over", Kind::Response, &asked(5, state), "over 4,096 bytes");
}

fn faults(theme: &mut Theme) {
    let later = asked(34, Message::new().message(9, Message::new()));
    let unknown = Packet::Request(packetboat_proto::packet::Request { id: 1, operation: None });
    theme.ok("request.set_own_of_later_item", &later, &unknown);
    for (name, first, last) in [("zero", 0, 3), ("backwards", 4, 3)] {
        let range = Message::new().int(1, first).int(2, last);
        let body = asked(36, Message::new().bytes(1, "group:crew").message(2, range));
        let name = format!("request.hide_{name}");
        theme.bad(&name, Kind::Request, &body, "a range goes from 1 or more to no less");
    }
    for (name, second) in [("touch", 4), ("out_of_order", 1)] {
        let range = |first| Message::new().int(1, first).int(2, first);
        let hidden = Message::new().bytes(1, "group:crew").message(2, range(3));
        let hidden = hidden.message(2, range(second));
        let body = asked(33, Message::new().message(1, Message::new().message(4, hidden)));
        let name = format!("response.own_hidden_ranges_{name}");
        theme.bad(&name, Kind::Response, &body, "ranges ascend, and are apart from each other");
    }
    let state = Message::new().bytes(1, "group:crew").bytes(19, b"x");
    let body = asked(5, state);
    theme.bad("response.chat_last_is_no_entry", Kind::Response, &body, "it is an entry");
}
