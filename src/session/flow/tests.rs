//! The rules of one connection, each by its sentence, in virtual time.

mod idleness;
mod opening;
mod rooms;
mod silence;

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::Content;
use packetboat_proto::id::{ChatId, DeviceId, MessageId, UserId};
use packetboat_proto::packet::{
    Credential, Cursor, Hello, Limits, Operation, Request, Send, SignalKind,
};

use super::*;
use crate::auth::Vouched;
use crate::auth::doorman::Admitted;
use crate::auth::ticket::Ticket;
use crate::session::deliveries::Retries;
use crate::session::port::Guest;
use crate::session::rate::Rate;
use crate::store::{Claimed, Lag, Logged, Refusal, Stretch};

const HEARTBEAT: Duration = Duration::from_secs(10);

fn rules() -> Rules {
    Rules {
        max_body: 65_536,
        max_content: 65_536 - 1_024,
        window: 4,
        sends: 3,
        heartbeat: HEARTBEAT,
        handshake: Duration::from_secs(5),
        retries: Retries { first: Duration::from_secs(1), max: 2 },
        read_bytes: 1_000,
        pings: Rate { per_second: 1, burst: 3 },
        send_rate: Rate { per_second: 0, burst: 0 },
        requests: Rate { per_second: 0, burst: 0 },
        transfers: Rate { per_second: 0, burst: 0 },
        signals: Rate { per_second: 1, burst: 2 },
        retry_after_ms: 2_000,
    }
}

/// A flow with its time and what it has asked for.
struct Bench {
    flow: Flow,
    now: u64,
}

fn session() -> SessionId {
    SessionId::from([7; 16])
}

/// The credential is good.
fn checked() -> Input {
    let admitted = Admitted::Vouched(Vouched::default());
    Input::Checked(Ok(Guest { admitted, address: None }))
}

/// The device is claimed, and there is a ticket for the next time.
fn claimed(new_device: bool, has_chats: bool, now_ms: u64) -> Input {
    let ticket = Some((Bytes::from_static(b"t"), 9));
    Input::Claimed(Ok((Claimed { new_device, has_chats, number: 1 }, ticket)), now_ms)
}

fn hello() -> Hello {
    Hello {
        user: UserId::new("a").unwrap(),
        device: DeviceId::new("x").unwrap(),
        credential: Credential::Open,
        client: String::new(),
        wanted: Limits::default(),
        start: None,
        device_name: String::new(),
        platform: String::new(),
    }
}

fn chat() -> ChatId {
    ChatId::new("dm:a:b").unwrap()
}

fn send(number: u8) -> Packet {
    let content = Content::text("hi").encode();
    Packet::Send(Send { chat: chat(), id: MessageId::from([number; 16]), content })
}

fn pushed(seq: u64) -> Input {
    let (origin, frame) = (SessionId::from([9; 16]), Bytes::from(vec![u8::try_from(seq).unwrap()]));
    Input::Pushed(Arc::new(Delivery { chat: chat(), seq, origin, frame }))
}

fn ack(delivered: u64) -> Packet {
    Packet::Ack(vec![Cursor { chat: chat(), delivered, read: 0 }])
}

impl Bench {
    fn new(rules: Rules) -> Self {
        Self {
            flow: Flow::new(Time::default(), session(), Arc::new(rules), Arc::default()),
            now: 0,
        }
    }

    fn give(&mut self, input: Input) -> Vec<Action> {
        let mut out = Vec::new();
        self.flow.handle(Time::from_ms(self.now), input, &mut out);
        self.flow.settle(true, &mut out);
        out
    }

    fn packet(&mut self, packet: Packet) -> Vec<Action> {
        self.give(Input::Heard);
        self.give(Input::Packet(packet))
    }

    /// An open session: its first scan has found what is given.
    fn open(rules: Rules, lags: Vec<Lag>) -> Self {
        let mut bench = Self::new(rules);
        bench.packet(Packet::Hello(hello()));
        bench.give(checked());
        let opened = bench.give(claimed(false, true, 1));
        assert!(has(&opened, |action| matches!(action, Action::Start(Work::Scan { .. }))));
        bench.give(Input::Scanned(Ok(LagPage { lags, next: None })));
        bench
    }

    fn live() -> Self {
        Self::open(rules(), Vec::new())
    }

    /// Lets time pass to the flow's deadline.
    fn tick(&mut self) -> Vec<Action> {
        self.now = self.flow.deadline().expect("an open flow has a deadline").as_ms();
        self.give(Input::Tick)
    }
}

fn has(actions: &[Action], wanted: impl Fn(&Action) -> bool) -> bool {
    actions.iter().any(wanted)
}

fn closed_with(actions: &[Action]) -> Option<CloseCode> {
    actions.iter().find_map(|action| match action {
        Action::Close(verdict) => verdict.close_code(),
        _ => None,
    })
}

fn frames(actions: &[Action]) -> Vec<u8> {
    let written = actions.iter().filter_map(|action| match action {
        Action::WriteFrame(frame) => Some(frame[0]),
        _ => None,
    });
    written.collect()
}

#[test]
fn a_hello_is_checked_then_claimed_then_welcomed_with_the_limits_in_force() {
    let mut bench = Bench::new(rules());
    let wanted = Limits { window: 2, heartbeat_ms: 20_000, max_body: 65_536, ..Limits::default() };
    let greeted = bench.packet(Packet::Hello(Hello { wanted, ..hello() }));
    assert!(matches!(&greeted[..], [Action::Check(_)]));
    assert!(!bench.flow.wants_packet(Time::default()), "what is pipelined waits");
    let asked = bench.give(checked());
    assert!(
        matches!(&asked[..], [Action::Start(Work::Claim(claim, _))] if claim.session == session())
    );
    let opened = bench.give(claimed(true, true, 5));
    let Action::Write(Packet::Welcome(welcome)) = &opened[1] else { panic!("{opened:?}") };
    assert_eq!(welcome.limits.window, 2);
    assert_eq!(welcome.limits.heartbeat_ms, 20_000);
    assert_eq!(welcome.limits.max_content, 65_536 - 1_024);
    assert_eq!((&welcome.ticket[..], welcome.ticket_expires_ms, welcome.now_ms), (&b"t"[..], 9, 5));
    assert!(welcome.new_device && bench.flow.is_open());
}

#[test]
fn a_client_that_takes_less_than_an_entry_needs_is_turned_away() {
    let wanted = Limits { max_body: 65_535, ..Limits::default() };
    let actions = Bench::new(rules()).packet(Packet::Hello(Hello { wanted, ..hello() }));
    assert_eq!(closed_with(&actions), Some(CloseCode::LimitsTooLow));
}

#[test]
fn anything_but_a_hello_first_is_out_of_turn_and_so_is_a_second_one() {
    for packet in [Packet::Ping(1), send(1), ack(1)] {
        let actions = Bench::new(rules()).packet(packet);
        assert_eq!(closed_with(&actions), Some(CloseCode::WrongState));
    }
    let actions = Bench::live().packet(Packet::Hello(hello()));
    assert_eq!(closed_with(&actions), Some(CloseCode::WrongState));
}

#[test]
fn what_only_a_server_says_is_out_of_turn() {
    let accepted = packet::Accepted {
        chat: chat(),
        id: MessageId::from([1; 16]),
        seq: 1,
        at_ms: 1,
        duplicate: false,
    };
    let actions = Bench::live().packet(Packet::Accepted(accepted));
    assert_eq!(closed_with(&actions), Some(CloseCode::WrongState));
}

#[test]
fn pings_are_answered_until_there_are_too_many() {
    let mut bench = Bench::live();
    for token in 0..3 {
        let actions = bench.packet(Packet::Ping(token));
        assert!(matches!(&actions[..], [Action::Write(Packet::Pong(back))] if *back == token));
    }
    assert_eq!(closed_with(&bench.packet(Packet::Ping(9))), Some(CloseCode::RateLimited));
}

#[test]
fn sends_are_answered_in_order_and_not_read_beyond_the_limit() {
    let mut bench = Bench::live();
    let first = bench.packet(send(1));
    assert!(has(&first, |action| matches!(action, Action::Start(Work::Append(_)))));
    assert!(bench.packet(send(2)).is_empty() && bench.packet(send(3)).is_empty());
    assert!(!bench.flow.wants_packet(Time::default()));
    let stored = |seq| Outcome::Stored { seq, at_ms: 1 };
    let answered = bench.give(Input::Appended(Ok(vec![stored(1)])));
    assert!(matches!(&answered[..], [
        Action::Write(Packet::Accepted(one)),
        Action::Start(Work::Append(rest)),
    ] if one.seq == 1 && rest.len() == 2));
    assert!(bench.flow.wants_packet(Time::default()));
}

#[test]
fn a_stopped_store_closes_without_a_word_on_the_sends() {
    let mut bench = Bench::live();
    bench.packet(send(1));
    let actions = bench.give(Input::Appended(Err(StoreError::Stopped)));
    assert!(matches!(&actions[..], [Action::Close(verdict)]
        if verdict.close_code() == Some(CloseCode::Internal)));
}

#[test]
fn pushes_go_out_until_the_window_is_full_and_on_from_the_log_after_acks() {
    let mut bench = Bench::live();
    let sent: Vec<u8> = (1..=6).flat_map(|seq| frames(&bench.give(pushed(seq)))).collect();
    assert_eq!(sent, [1, 2, 3, 4]);
    let actions = bench.packet(ack(4));
    let read = actions.iter().find_map(|action| match action {
        Action::Start(Work::Read(stretches, limit)) => Some((stretches[0].clone(), limit.items)),
        _ => None,
    });
    assert_eq!(read, Some((Stretch { chat: chat(), after: 4, upto: 6 }, 4)));
    let entries = [5, 6].map(|seq| Logged { seq, body: Bytes::from_static(b"e") }).to_vec();
    let read = Read { chat: chat(), entries, reached: 6 };
    let delivered = bench.give(Input::Read(Ok(vec![read])));
    let count = delivered.iter().filter(|action| matches!(action, Action::Deliver(_))).count();
    assert_eq!(count, 2);
}

#[test]
fn what_was_missed_is_read_before_anything_is_pushed() {
    let lag = Lag { chat: chat(), delivered: 2, head: 3 };
    let mut bench = Bench::new(rules());
    bench.packet(Packet::Hello(hello()));
    bench.give(checked());
    assert!(frames(&bench.give(pushed(4))).is_empty(), "not open yet");
    bench.give(claimed(false, true, 1));
    assert!(frames(&bench.give(pushed(4))).is_empty(), "not scanned yet");
    let page = LagPage { lags: vec![lag], next: None };
    let actions = bench.give(Input::Scanned(Ok(page)));
    assert!(has(&actions, |action| matches!(action, Action::Start(Work::Read(..)))));
    assert!(has(&actions, |action| matches!(action, Action::Start(Work::Scan { .. }))), "again");
}

#[test]
fn acks_that_were_pipelined_are_stored_before_the_scan() {
    let mut bench = Bench::new(rules());
    bench.packet(Packet::Hello(hello()));
    bench.give(checked());
    let mut out = Vec::new();
    let claimed = claimed(false, true, 1);
    bench.flow.handle(Time::default(), claimed, &mut out);
    bench.flow.handle(Time::default(), Input::Packet(ack(3)), &mut out);
    bench.flow.settle(true, &mut out);
    assert!(has(&out, |action| matches!(action, Action::Start(Work::Advance(_)))));
    assert!(!has(&out, |action| matches!(action, Action::Start(Work::Scan { .. }))));
    let advanced = bench.give(Input::Advanced(Ok(())));
    assert!(has(&advanced, |action| matches!(action, Action::Start(Work::Scan { .. }))));
}

#[test]
fn what_is_never_acknowledged_is_sent_again_and_then_ends_the_session() {
    let mut bench = Bench::live();
    bench.give(pushed(1));
    for tries in 0..2 {
        let actions = bench.tick();
        assert!(has(&actions, |action| matches!(action, Action::Start(Work::Read(..)))));
        let entries = vec![Logged { seq: 1, body: Bytes::new() }];
        let read = Read { chat: chat(), entries, reached: 1 };
        let again = bench.give(Input::Read(Ok(vec![read])));
        assert!(has(&again, |action| matches!(action, Action::Deliver(_))), "{tries}");
    }
    assert_eq!(closed_with(&bench.tick()), Some(CloseCode::AckTimeout));
}

#[test]
fn signals_beyond_their_rate_are_dropped() {
    let mut bench = Bench::live();
    let (kind, data) = (SignalKind::Typing, Bytes::new());
    let signal = Packet::Signal(Signal { chat: chat(), kind, data, sender: None });
    let relayed = (0..5).filter(|_| !bench.packet(signal.clone()).is_empty()).count();
    assert_eq!(relayed, 2);
}

#[test]
fn a_drained_session_answers_what_it_took_and_takes_no_more() {
    let mut bench = Bench::live();
    bench.packet(send(1));
    assert!(bench.give(Input::Drain).is_empty());
    assert!(!bench.flow.wants_packet(Time::default()));
    let stored = Outcome::Stored { seq: 1, at_ms: 1 };
    let actions = bench.give(Input::Appended(Ok(vec![stored])));
    assert!(matches!(&actions[..], [Action::Write(Packet::Accepted(_)), Action::Close(verdict)]
        if verdict.close_code() == Some(CloseCode::ShuttingDown)
            && verdict.retry_after_ms == 2_000));
}

#[test]
fn a_drain_before_the_session_is_open_ends_it_at_once() {
    let actions = Bench::new(rules()).give(Input::Drain);
    assert_eq!(closed_with(&actions), Some(CloseCode::ShuttingDown));
}

#[test]
fn an_evicted_session_is_told_why() {
    let actions = Bench::live().give(Input::Evicted(CloseCode::Replaced));
    assert_eq!(closed_with(&actions), Some(CloseCode::Replaced));
}

#[test]
fn a_goodbye_ends_the_session_in_every_state() {
    let goodbye = || Packet::Goodbye(Verdict::close(CloseCode::Done, "", 0));
    for mut bench in [Bench::new(rules()), Bench::live()] {
        assert!(matches!(bench.packet(goodbye())[..], [Action::Hangup]));
        assert!(bench.flow.is_closed());
        assert!(bench.packet(send(1)).is_empty(), "after the end nothing is taken");
    }
}

#[test]
fn what_was_taken_before_a_goodbye_is_still_stored() {
    for leaving in
        [Input::Packet(Packet::Goodbye(Verdict::close(CloseCode::Done, "", 0))), Input::Left]
    {
        let mut bench = Bench::live();
        let mut out = Vec::new();
        for input in [Input::Packet(ack(1)), Input::Packet(send(1)), leaving] {
            bench.flow.handle(Time::default(), input, &mut out);
        }
        bench.flow.settle(true, &mut out);
        assert!(has(&out, |action| matches!(action, Action::Start(Work::Advance(_)))));
        assert!(has(&out, |action| matches!(action, Action::Start(Work::Append(_)))));
        assert!(!bench.flow.wants_packet(Time::default()) && !bench.flow.is_closed());
        bench.give(Input::Advanced(Ok(())));
        let stored = Outcome::Stored { seq: 1, at_ms: 1 };
        let last = bench.give(Input::Appended(Ok(vec![stored])));
        assert!(matches!(&last[..], [Action::Hangup]), "nobody is there to be answered: {last:?}");
        assert!(bench.flow.is_closed());
    }
}

#[test]
fn a_request_is_answered_by_its_id() {
    let mut bench = Bench::live();
    let operation = Some(Operation::Chat { chat: chat() });
    let asked = bench.packet(Packet::Request(Request { id: 5, operation }));
    assert!(matches!(&asked[..], [Action::Start(Work::Ask(_))]));
    let answer = Err(Verdict::reject(RejectCode::NoSuchChat, "", 0));
    let answered = bench.give(Input::Answered(answer));
    assert!(matches!(&answered[..], [Action::Write(Packet::Response(response))]
        if response.id == 5));
}

/// One line of `proto/vectors/states.tsv` that a server reads.
struct Vector<'a> {
    name: &'a str,
    state: &'a str,
    limit: u32,
    verdict: &'a str,
    bytes: Vec<u8>,
}

fn vectors() -> Vec<Vector<'static>> {
    let lines = include_str!("../../../proto/vectors/states.tsv").lines();
    let rows = lines.filter(|line| !line.starts_with('#')).map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        let digits = columns[4].as_bytes().chunks(2);
        let bytes =
            digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
        Vector {
            name: columns[0],
            state: columns[1],
            limit: columns[2].parse().unwrap(),
            verdict: columns[3],
            bytes: bytes.collect(),
        }
    });
    rows.filter(|vector| vector.state.starts_with("server.")).collect()
}

/// What a connection in that state does with those bytes, in the words of the vectors.
fn verdict_of(vector: &Vector<'_>) -> String {
    use packetboat_proto::frame::Frame;
    let mut bench = match vector.state {
        "server.await_hello" => Bench::new(rules()),
        "server.open" => Bench::live(),
        other => panic!("{other} is no state of a server"),
    };
    let mut bytes = bytes::BytesMut::from(&vector.bytes[..]);
    let close = |code: CloseCode| format!("close {}", code.name());
    let frame = match Frame::take(&mut bytes, vector.limit) {
        Ok(frame) => frame.expect("the frames of the vectors are whole"),
        Err(error) => return close(error.code()),
    };
    match Packet::decode(&frame) {
        Err(error) => close(error.code()),
        Ok(None) => "skip".to_owned(),
        Ok(Some(packet)) => match closed_with(&bench.packet(packet)) {
            Some(code) => close(code),
            None => "ok".to_owned(),
        },
    }
}

#[test]
fn the_vectors_of_the_states_hold() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 38, "both states: every kind, and five frames beside");
    for vector in vectors {
        assert_eq!(verdict_of(&vector), vector.verdict, "{}", vector.name);
    }
}

#[test]
fn a_pause_that_is_over_is_no_deadline_any_more_whatever_else_forbids_to_read() {
    let slow = Rate { per_second: 10, burst: 4 };
    let mut bench = Bench::open(Rules { send_rate: slow, requests: slow, ..rules() }, Vec::new());
    for number in 0..3 {
        bench.packet(send(number));
    }
    for id in 0..16 {
        let operation = Some(Operation::Chat { chat: chat() });
        bench.packet(Packet::Request(Request { id, operation }));
    }
    assert!(!bench.flow.wants_packet(Time::from_ms(bench.now)));
    while bench.now < 5_000 {
        let before = bench.now;
        bench.tick();
        assert!(!bench.flow.wants_packet(Time::from_ms(bench.now)), "nothing is answered");
        assert!(bench.now > before || bench.flow.deadline() > Some(Time::from_ms(before)));
    }
}

#[test]
fn nothing_is_read_for_a_peer_that_does_not_take_what_is_written() {
    let lags = vec![Lag { chat: chat(), delivered: 0, head: 9 }];
    let mut bench = Bench::new(rules());
    bench.packet(Packet::Hello(hello()));
    bench.give(checked());
    bench.give(claimed(false, true, 1));
    let mut out = Vec::new();
    bench.flow.handle(Time::default(), Input::Scanned(Ok(LagPage { lags, next: None })), &mut out);
    let request = Request { id: 1, operation: Some(Operation::Chat { chat: chat() }) };
    bench.flow.handle(Time::default(), Input::Packet(Packet::Request(request)), &mut out);
    bench.flow.handle(Time::default(), Input::Packet(send(1)), &mut out);
    bench.flow.settle(false, &mut out);
    assert!(matches!(&out[..], [Action::Start(Work::Append(_))]), "{out:?}");
    out.clear();
    bench.flow.settle(true, &mut out);
    let reads = |action: &Action| matches!(action, Action::Start(Work::Read(..) | Work::Ask(_)));
    assert!(out.len() == 2 && out.iter().all(reads), "{out:?}");
}

#[test]
fn what_a_full_mailbox_lost_is_looked_for_although_acks_never_pause() {
    let mut bench = Bench::live();
    bench.give(pushed(1));
    let acked = bench.packet(ack(1));
    assert!(has(&acked, |action| matches!(action, Action::Start(Work::Advance(_)))));
    bench.packet(ack(2));
    let lost = bench.give(Input::EntriesLost);
    assert!(has(&lost, |action| matches!(action, Action::Start(Work::Scan { .. }))), "{lost:?}");
}
