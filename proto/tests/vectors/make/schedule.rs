//! What is asked, answered and told about messages that are to be sent later.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::Content;
use packetboat_proto::id::MessageId;
use packetboat_proto::packet::{
    Answer, Kind, Notice, Operation, Packet, Rejected, Scheduled, ScheduledMessage, ScheduledName,
    Scheduling, Verdict,
};

use super::packet::{chat, request, response};
use super::{Message, Theme};
use crate::line::Vector;

const AT_MS: u64 = 1_760_000_000_000;

fn name() -> ScheduledName {
    ScheduledName { chat: chat("group:crew"), id: MessageId::from([7; 16]) }
}

pub(super) fn vectors() -> Vec<Vector> {
    let mut theme = Theme::default();
    let content = Content::text("ahoy").encode();
    for (of, scheduling) in [
        ("schedule", Scheduling::Schedule { name: name(), content: content.clone(), at_ms: AT_MS }),
        ("unschedule", Scheduling::Unschedule(name())),
        ("scheduled", Scheduling::List { after: None, limit: 0 }),
        ("scheduled_after", Scheduling::List { after: Some(name()), limit: 9 }),
    ] {
        theme.canonical(&format!("request.{of}"), &request(Operation::Scheduling(scheduling)));
    }
    let waits = ScheduledMessage { name: name(), content, at_ms: AT_MS, failed: None };
    let verdict = Verdict::reject(RejectCode::NoSuchChat, "it is not yours", 0);
    let failed = ScheduledMessage { failed: Some(verdict.clone()), ..waits.clone() };
    for (of, scheduled) in [
        ("schedule", Scheduled::Schedule),
        ("unschedule", Scheduled::Unschedule),
        ("scheduled", Scheduled::List { messages: vec![waits.clone(), failed], more: true }),
        ("scheduled_none", Scheduled::List { messages: Vec::new(), more: false }),
    ] {
        theme.canonical(&format!("response.{of}"), &response(Answer::Scheduled(scheduled)));
    }
    let ScheduledName { chat, id } = name();
    let told = Notice::ScheduleFailed(Rejected { chat, id, verdict });
    theme.canonical("notice.schedule_failed", &Packet::Notice(told));
    bad(&mut theme);
    theme.vectors
}

fn bad(theme: &mut Theme) {
    let mut bad = |name: &str, number: u32, asked: Message, why: &str| {
        let body = Message::new().int(1, 1).message(number, asked);
        theme.bad(&format!("request.{name}"), Kind::Request, &body, why);
    };
    bad("schedule_without_name", 86, Message::new().int(3, AT_MS), "it is needed");
    let short = Message::new().bytes(1, "group:crew").bytes(2, [7; 15]);
    bad("unschedule_short_id", 88, short, "a message id has 16 bytes");
    let nowhere = Message::new().bytes(1, "crew").bytes(2, [7; 16]);
    bad("unschedule_no_chat", 88, nowhere, "no chat id");
    let list = Message::new().repeated(1, 201, |_| Vec::new());
    let body = Message::new().int(1, 1).message(91, list);
    let name = "limit.page_items_max.scheduled.over";
    theme.bad(name, Kind::Response, &body, "more than 200 messages");
}
