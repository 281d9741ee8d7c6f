//! What a session does when nothing comes.

use super::*;

#[test]
fn a_handshake_that_takes_too_long_is_ended() {
    let mut bench = Bench::new(rules());
    assert_eq!(bench.flow.deadline(), Some(Time::from_ms(5_000)));
    bench.now = 4_999;
    assert!(bench.packet(Packet::Hello(hello())).len() == 1);
    assert_eq!(closed_with(&bench.tick()), Some(CloseCode::HandshakeTimeout));
}

#[test]
fn one_and_a_half_silent_intervals_end_a_session_and_any_byte_counts() {
    let mut bench = Bench::live();
    bench.now = 12_600;
    bench.give(Input::Tick);
    assert_eq!(bench.flow.deadline(), Some(Time::from_ms(15_000)));
    bench.now = 14_000;
    bench.give(Input::Heard);
    bench.now = 25_200;
    bench.give(Input::Tick);
    assert_eq!(bench.flow.deadline(), Some(Time::from_ms(29_000)));
    assert_eq!(closed_with(&bench.tick()), Some(CloseCode::HeartbeatTimeout));
}

#[test]
fn a_client_whose_ping_is_stuck_behind_its_upload_hears_that_the_server_is_there() {
    let mut bench = Bench::live();
    assert_eq!(bench.flow.deadline(), Some(Time::from_ms(12_500)));
    let actions = bench.tick();
    assert!(matches!(&actions[..], [Action::Write(Packet::Ping(_))]), "{actions:?}");
    bench.give(Input::Heard);
    assert_eq!(
        bench.flow.deadline(),
        Some(Time::from_ms(25_000)),
        "once an interval and a quarter"
    );
}
