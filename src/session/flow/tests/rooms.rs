//! Rooms that a session joins, while it asks for others.

use packetboat_proto::limits::{REQUESTS_MAX, ROOMS_PER_SESSION_MAX};
use packetboat_proto::packet::{Answer, RoomState};

use super::*;

fn room(number: usize) -> ChatId {
    ChatId::room(&format!("r{number}")).unwrap()
}

/// Asks to join; what comes of it at once.
fn join(bench: &mut Bench, number: usize) -> Vec<Action> {
    let operation = Some(Operation::RoomJoin { room: room(number) });
    bench.packet(Packet::Request(Request { id: number as u64, operation }))
}

fn joined(number: usize) -> Input {
    let state = RoomState {
        room: room(number),
        name: "R".into(),
        topic: String::new(),
        listeners: 1,
        head: 1,
        first: 1,
        keep: 9,
        slow_ms: 0,
        role: None,
        muted_until_ms: 0,
    };
    Input::Answered(Ok(Answer::RoomJoin(state)))
}

fn refused(code: RejectCode) -> Input {
    Input::Answered(Err(Verdict::reject(code, "", 0)))
}

fn said_in(number: usize) -> Input {
    let (origin, frame) = (SessionId::from([9; 16]), Bytes::from_static(&[3]));
    Input::Pushed(Arc::new(Delivery { chat: room(number), seq: 2, origin, frame }))
}

fn speaks(bench: &mut Bench, number: usize) -> bool {
    let content = Content::text("hi").encode();
    let send = Send { chat: room(number), id: MessageId::from([1; 16]), content };
    let actions = bench.packet(Packet::Send(send));
    has(&actions, |action| matches!(action, Action::Start(Work::Append(_))))
}

/// In so many rooms.
fn listening(rooms: usize) -> Bench {
    let mut bench = Bench::live();
    for number in 0..rooms {
        join(&mut bench, number);
        bench.give(joined(number));
    }
    bench
}

#[test]
fn a_join_that_will_be_refused_takes_no_place_from_one_behind_it() {
    let mut bench = listening(ROOMS_PER_SESSION_MAX - 1);
    let (closed, last) = (ROOMS_PER_SESSION_MAX, ROOMS_PER_SESSION_MAX + 1);
    join(&mut bench, closed);
    join(&mut bench, last);
    assert!(speaks(&mut bench, last), "it was asked for before");
    bench.give(refused(RejectCode::NoSuchChat));
    // The hub has let it in, and the answer is on its way.
    assert_eq!(frames(&bench.give(said_in(last))), [3]);
    bench.give(joined(last));
    assert_eq!(frames(&bench.give(said_in(last))), [3]);
    assert!(frames(&bench.give(said_in(closed))).is_empty());
}

#[test]
fn whatever_is_asked_for_at_a_time_may_be_spoken_to_and_what_is_refused_is_left() {
    let mut bench = listening(ROOMS_PER_SESSION_MAX);
    let more = ROOMS_PER_SESSION_MAX..ROOMS_PER_SESSION_MAX + REQUESTS_MAX;
    for number in more.clone() {
        join(&mut bench, number);
    }
    assert!(speaks(&mut bench, more.end - 1));
    for number in more {
        bench.give(refused(RejectCode::LimitReached));
        assert!(frames(&bench.give(said_in(number))).is_empty());
    }
    for number in 0..ROOMS_PER_SESSION_MAX {
        assert_eq!(frames(&bench.give(said_in(number))), [3], "{number}");
    }
}

#[test]
fn as_many_rooms_may_be_closed_as_there_are() {
    let mut bench = Bench::live();
    for number in 0..4 * ROOMS_PER_SESSION_MAX {
        join(&mut bench, number);
        bench.give(joined(number));
        assert_eq!(frames(&bench.give(said_in(number))), [3], "{number}");
        bench.give(Input::RoomOver(room(number)));
        assert!(frames(&bench.give(said_in(number))).is_empty());
        assert!(!speaks(&mut bench, number));
    }
}
