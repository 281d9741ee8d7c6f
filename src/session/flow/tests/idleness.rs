//! What a session holds while nothing is under way, and that it then is none the worse for it.

use super::*;

fn has_desk(bench: &Bench) -> bool {
    bench.flow.desk.is_some()
}

fn ping(bench: &mut Bench) {
    let actions = bench.packet(Packet::Ping(1));
    assert!(has(&actions, |action| matches!(action, Action::Write(Packet::Pong(1)))));
}

fn stored(bench: &mut Bench, seq: u64) {
    bench.give(Input::Appended(Ok(vec![Outcome::Stored { seq, at_ms: 1 }])));
}

#[test]
fn a_session_whose_scan_finds_nothing_holds_no_desk() {
    let bench = Bench::live();
    assert!(!has_desk(&bench));
}

#[test]
fn who_has_no_chat_is_not_scanned_for_and_is_sent_what_is_pushed() {
    let mut bench = Bench::new(rules());
    bench.packet(Packet::Hello(hello()));
    bench.give(checked());
    let opened = bench.give(claimed(true, false, 1));
    assert!(!has(&opened, |action| matches!(action, Action::Start(_))), "{opened:?}");
    assert!(!has_desk(&bench));
    let actions = bench.give(pushed(1));
    assert!(has(&actions, |action| matches!(action, Action::WriteFrame(_))), "{actions:?}");
}

#[test]
fn a_ping_clears_the_desk_only_once_all_is_answered_and_acknowledged() {
    let mut bench = Bench::live();
    bench.packet(send(1));
    ping(&mut bench);
    assert!(has_desk(&bench), "a send is in the store");
    stored(&mut bench, 1);
    bench.give(pushed(2));
    ping(&mut bench);
    assert!(has_desk(&bench), "a delivery is not acknowledged");
    bench.packet(ack(2));
    bench.now = 5_000;
    ping(&mut bench);
    assert!(has_desk(&bench), "the store has the cursor's move");
    bench.give(Input::Advanced(Ok(())));
    ping(&mut bench);
    assert!(!has_desk(&bench));
    assert_eq!(bench.flow.deadline(), Some(Time::from_ms(17_500)), "its own ping is what is next");
}

#[test]
fn after_the_desk_was_cleared_the_next_entry_goes_out_and_what_was_lost_is_looked_for() {
    let mut bench = Bench::live();
    bench.give(pushed(1));
    bench.packet(ack(1));
    bench.give(Input::Advanced(Ok(())));
    ping(&mut bench);
    assert!(!has_desk(&bench));
    let actions = bench.give(pushed(2));
    assert!(has(&actions, |action| matches!(action, Action::WriteFrame(_))), "{actions:?}");
    let actions = bench.give(Input::EntriesLost);
    assert!(has(&actions, |action| matches!(action, Action::Start(Work::Scan { .. }))));
}

#[test]
fn a_rate_that_was_used_is_not_forgotten_with_the_desk() {
    let mut bench = Bench::live();
    let typing = || {
        let (kind, data) = (SignalKind::Typing, Bytes::new());
        Packet::Signal(Signal { chat: chat(), kind, data, sender: None })
    };
    let relayed = |actions: Vec<Action>| has(&actions, |it| matches!(it, Action::Relay(_)));
    assert!(relayed(bench.packet(typing())) && relayed(bench.packet(typing())));
    ping(&mut bench);
    assert!(!relayed(bench.packet(typing())), "two at once are all that there are");
    bench.now = 2_000;
    ping(&mut bench);
    assert!(!has_desk(&bench));
    assert!(relayed(bench.packet(typing())));
}
