//! The flow under inputs in any order.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{MessageId, SessionId};
use packetboat_proto::packet::{Accepted, Notice, Rejected};

use crate::draft::Draft;
use crate::handover::Marks;
use crate::sending::Sending;

fn chat() -> ChatId {
    "dm:alice:bob".parse().unwrap()
}

fn flow() -> Flow {
    let (user, device) = ("alice".parse().unwrap(), "laptop".parse().unwrap());
    Flow::new(Config::new("s:1", user, device, Credential::Open), 7)
}

fn id(number: u8) -> MessageId {
    MessageId::from([number; 16])
}

fn packet(kind: u8, number: u8) -> Packet {
    let verdict = match number % 3 {
        0 => Verdict::close(CloseCode::ShuttingDown, "", 100),
        1 => Verdict::close(CloseCode::HeartbeatTimeout, "", 0),
        _ => Verdict::close(CloseCode::BadTicket, "", 0),
    };
    match kind {
        0 => Packet::Welcome(Welcome {
            session: SessionId::from([1; 16]),
            limits: Limits { max_body: 8192, ..Limits::default() },
            ticket: Bytes::from_static(b"t"),
            ticket_expires_ms: u64::from(number),
            now_ms: 0,
            server: String::new(),
            new_device: false,
        }),
        1 => Packet::Goodbye(verdict),
        2 => Packet::Accepted(Accepted {
            chat: chat(),
            id: id(number),
            seq: u64::from(number) + 1,
            at_ms: 0,
            duplicate: false,
        }),
        3 => Packet::Rejected(Rejected { chat: chat(), id: id(number), verdict }),
        4 => Packet::Deliver(Entry {
            chat: chat(),
            seq: u64::from(number) + 1,
            sender: "bob".parse().unwrap(),
            id: id(number),
            at_ms: 0,
            content: Bytes::from_static(b"x"),
        }),
        5 => Packet::Ping(number.into()),
        6 => Packet::Pong(number.into()),
        _ => Packet::Notice(Notice::Missed),
    }
}

fn input(kind: u8, number: u8) -> Input {
    match kind {
        0 | 1 => Input::Dialed,
        2 => Input::DialFailed("no".into()),
        3 => Input::Lost(Lost::Cut),
        4 => Input::Broken(CloseCode::BadFrame, "bad".into()),
        5 => {
            let (_, reply) = Sending::new(id(number), None);
            Input::Command(Command::Send(Draft {
                chat: chat(),
                id: id(number),
                content: Bytes::from_static(b"x"),
                once: number.is_multiple_of(2),
                known: 0,
                reply,
            }))
        }
        6 => {
            let marks = Marks {
                taken: number.into(),
                passed: number.into(),
                acked: 0,
                restarted: number == 1,
                read: number.into(),
            };
            Input::Doings(Doings {
                marks: BTreeMap::from([(chat(), marks)]),
                passed: 1,
                reconnect: number == 0,
            })
        }
        7 => Input::Command(Command::Ping(oneshot::channel().0)),
        8 => Input::Heard,
        kind => Input::Packet(packet(kind % 8, number)),
    }
}

/// One whose server has answered with its limits.
fn open_flow(limit: impl FnOnce(&mut Limits)) -> Flow {
    let (mut flow, now, mut out) = (flow(), Time::default(), vec![]);
    flow.handle(now, Input::Tick, &mut out);
    flow.handle(now, Input::Dialed, &mut out);
    let Packet::Welcome(mut welcome) = packet(0, 1) else { panic!("it is a Welcome") };
    limit(&mut welcome.limits);
    flow.handle(now, Input::Packet(Packet::Welcome(welcome)), &mut out);
    flow
}

/// One with a message on the wire.
fn sending_flow() -> Flow {
    let (now, mut out) = (Time::default(), vec![]);
    let mut flow = open_flow(|limits| limits.max_content = 100);
    flow.handle(now, input(5, 3), &mut out);
    flow.pump(now, 1 << 16, &mut out);
    flow
}

#[test]
fn a_server_that_allows_no_body_does_not_keep_its_client_busy() {
    let (now, mut out) = (Time::default(), vec![]);
    let mut flow = open_flow(|limits| limits.max_body = 0);
    flow.handle(now, input(6, 3), &mut out);
    let later = now + Duration::from_millis(50);
    flow.handle(later, Input::Tick, &mut out);
    flow.pump(later, 1 << 16, &mut out);
    assert!(matches!(out.last(), Some(Action::Write(Packet::Ack(cursors))) if cursors.len() == 1));
    assert!(flow.deadline().is_some_and(|at| at > later));
}

#[test]
fn an_own_message_that_was_recalled_is_done() {
    use packetboat_proto::content::{Content, Erasure};
    for (content, done) in
        [(Content::Erased(Erasure::Recalled { by: 9 }), true), (Content::text("other"), false)]
    {
        let (now, mut out) = (Time::default(), vec![]);
        let mut flow = sending_flow();
        assert!(flow.outbox.draft(&chat(), id(3)).is_some());
        let Packet::Deliver(entry) = packet(4, 3) else { panic!("it is a Deliver") };
        let sender = "alice".parse().unwrap();
        let entry = Entry { sender, content: content.encode(), ..entry };
        flow.handle(now, Input::Packet(Packet::Deliver(entry)), &mut out);
        assert_eq!(flow.outbox.draft(&chat(), id(3)).is_none(), done);
    }
}

#[test]
fn an_answer_that_comes_after_its_message_is_none_to_the_same_message_sent_again() {
    let (now, mut out) = (Time::default(), vec![]);
    let mut flow = sending_flow();
    let Packet::Deliver(entry) = packet(4, 3) else { panic!("it is a Deliver") };
    let (seq, content) = (1, Bytes::from_static(b"x"));
    let entry = Entry { sender: "alice".parse().unwrap(), seq, content, ..entry };
    flow.handle(now, Input::Packet(Packet::Deliver(entry)), &mut out);
    assert!(flow.outbox.draft(&chat(), id(3)).is_none(), "it is stored");
    // What has the same id is sent again, and knows how far the chat is.
    flow.handle(now, input(5, 3), &mut out);
    assert_eq!(flow.outbox.draft(&chat(), id(3)).unwrap().known, seq);
    flow.pump(now, 1 << 16, &mut out);
    let answer = |duplicate| {
        let accepted = Accepted { chat: chat(), id: id(3), seq, at_ms: 1, duplicate };
        Input::Packet(Packet::Accepted(accepted))
    };
    for (duplicate, done) in [(false, false), (true, true)] {
        flow.handle(now, answer(duplicate), &mut out);
        assert_eq!(flow.outbox.draft(&chat(), id(3)).is_none(), done);
    }
    let is_reset = |action: &Action| matches!(action, Action::Tell(Event::LogReset { .. }));
    assert!(!out.iter().any(is_reset), "its log is that of before");
}

proptest! {
    #[test]
    fn nothing_is_due_once_it_was_seen_to(
        steps in proptest::collection::vec((0..24u8, 0..12u8, 0..4000u64), 1..80),
    ) {
        let mut flow = flow();
        let (mut now, mut out) = (Time::default(), vec![]);
        for (kind, number, wait_ms) in steps {
            now = now + Duration::from_millis(wait_ms);
            flow.handle(now, input(kind, number), &mut out);
            // A tick may leave one connection and another make the next.
            for _ in 0..3 {
                flow.handle(now, Input::Tick, &mut out);
                flow.pump(now, 1 << 20, &mut out);
            }
            prop_assert!(flow.deadline().is_none_or(|at| at > now), "{:?} at {now:?}", flow.phase);
        }
    }

    #[test]
    fn each_connection_is_left_before_the_next_is_made(
        steps in proptest::collection::vec((0..24u8, 0..12u8, 0..4000u64), 1..80),
    ) {
        let mut flow = flow();
        let (mut now, mut out) = (Time::default(), vec![]);
        for (kind, number, wait_ms) in steps {
            now = now + Duration::from_millis(wait_ms);
            flow.handle(now, Input::Tick, &mut out);
            flow.handle(now, input(kind, number), &mut out);
            flow.pump(now, 1 << 20, &mut out);
        }
        let mut is_linked = false;
        for action in out {
            match action {
                Action::Dial => {
                    prop_assert!(!is_linked);
                    is_linked = true;
                }
                Action::HangUp => is_linked = false,
                Action::Write(packet) => prop_assert!(is_linked, "{packet:?} goes nowhere"),
                Action::Tell(_) => {}
            }
        }
    }
}
