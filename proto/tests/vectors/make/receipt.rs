//! What is asked, answered and told about receipts.

use packetboat_proto::packet::{
    Answer, AskReceipts, Kind, Notice, Operation, Packet, Readers, ReceiptCounts, ReceiptRule,
    ReceiptState, ReceiptStep, Receipts,
};

use super::own::range;
use super::packet::{chat, request, response, user};
use super::{Message, Theme};
use crate::line::Vector;

const STEP: ReceiptStep = ReceiptStep { first: 3, last: 7, members: 9, delivered: 5, read: 2 };

pub(super) fn vectors() -> Vec<Vector> {
    let mut theme = Theme::default();
    questions(&mut theme);
    answers(&mut theme);
    limits(&mut theme);
    let moved = Packet::Notice(Notice::Receipts(chat("group:crew")));
    theme.canonical("notice.receipts", &moved);
    theme.vectors
}

fn questions(theme: &mut Theme) {
    let crew = || chat("group:crew");
    let readers =
        |state, after, limit| AskReceipts::Readers { chat: crew(), seq: 7, state, after, limit };
    let one = range(7, 7);
    let watch = |add: &[&str], remove: &[&str]| AskReceipts::Watch {
        add: add.iter().map(|group| chat(group)).collect(),
        remove: remove.iter().map(|group| chat(group)).collect(),
    };
    let asked = [
        ("receipts", AskReceipts::Counts { chat: crew(), ranges: vec![one] }),
        (
            "receipts_of_ranges",
            AskReceipts::Counts { chat: crew(), ranges: vec![range(1, 5), one] },
        ),
        ("receipts_of_nothing", AskReceipts::Counts { chat: crew(), ranges: Vec::new() }),
        ("readers_read", readers(Some(ReceiptState::Read), None, 0)),
        ("readers_delivered", readers(Some(ReceiptState::Delivered), Some(user("bob")), 9)),
        ("readers_waiting", readers(Some(ReceiptState::Waiting), None, 0)),
        ("readers_of_later_state", readers(None, None, 0)),
        ("watch_receipts", watch(&["group:crew"], &["group:deck"])),
        ("watch_receipts_no_more", watch(&[], &["group:crew"])),
        ("set_receipts_told", AskReceipts::Set(Some(ReceiptRule::Told))),
        ("set_receipts_hidden", AskReceipts::Set(Some(ReceiptRule::Hidden))),
        ("set_receipts_of_later_rule", AskReceipts::Set(None)),
    ];
    for (name, asked) in asked {
        theme.canonical(&format!("request.{name}"), &request(Operation::Receipts(asked)));
    }
}

fn answers(theme: &mut Theme) {
    let counts = |steps, more, hidden| Receipts::Counts(ReceiptCounts { steps, more, hidden });
    let after = ReceiptStep { first: 8, last: 8, members: 9, delivered: 0, read: 0 };
    let readers = |users, next| Receipts::Readers(Readers { users, next });
    let answered = [
        ("receipts", counts(vec![STEP, after], true, false)),
        ("receipts_hidden", counts(vec![after], false, true)),
        ("receipts_none", counts(Vec::new(), false, false)),
        ("readers", readers(vec![user("bob"), user("eve")], Some(user("fay")))),
        ("readers_last", readers(vec![user("bob")], None)),
        ("readers_none", readers(Vec::new(), None)),
        ("watch_receipts", Receipts::Watched),
        ("set_receipts", Receipts::Set),
    ];
    for (name, receipts) in answered {
        theme.canonical(&format!("response.{name}"), &response(Answer::Receipts(receipts)));
    }
}

fn limits(theme: &mut Theme) {
    let ranges = |count: usize| AskReceipts::Counts {
        chat: chat("group:crew"),
        ranges: vec![range(1, 2); count],
    };
    let groups = |count: usize| AskReceipts::Watch {
        add: (0..count).map(|at| chat(&format!("group:g{at}"))).collect(),
        remove: Vec::new(),
    };
    for (name, most, over, kind, why) in [
        ("receipt_ranges_max", ranges(64), (80, 2, 65), Kind::Request, "more than 64 ranges"),
        ("receipts_watched_max", groups(16), (84, 1, 17), Kind::Request, "more than 16 groups"),
    ] {
        let packet = request(Operation::Receipts(most));
        theme.canonical(&format!("limit.{name}.at"), &packet);
        let (operation, field, count) = over;
        let list = Message::new().repeated(field, count, |_| Vec::new());
        let body = Message::new().int(1, 1).message(operation, list);
        theme.bad(&format!("limit.{name}.over"), kind, &body, why);
    }
    let unwatched = Message::new().repeated(2, 17, |_| b"group:g".to_vec());
    let body = Message::new().int(1, 1).message(84, unwatched);
    let name = "limit.receipts_watched_max.no_more.over";
    theme.bad(name, Kind::Request, &body, "more than 16 groups");
    let counts = ReceiptCounts { steps: vec![STEP; 200], ..ReceiptCounts::default() };
    let most = response(Answer::Receipts(Receipts::Counts(counts)));
    theme.canonical("limit.page_items_max.receipts.at", &most);
    for (name, result, item) in [("receipts", 81, &b""[..]), ("readers", 83, &b"a"[..])] {
        let list = Message::new().repeated(1, 201, |_| item.to_vec());
        let body = Message::new().int(1, 1).message(result, list);
        let name = format!("limit.page_items_max.{name}.over");
        theme.bad(&name, Kind::Response, &body, "more than 200 items");
    }
}
