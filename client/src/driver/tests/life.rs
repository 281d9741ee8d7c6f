//! Connections that come and go, and an app that looks away.

use std::time::Duration;

use packetboat_proto::code::CloseCode;
use packetboat_proto::content::Content;
use packetboat_proto::packet::{Credential, Limits, Packet};
use tokio::time::Instant;

use super::fake::{LIMITS, chat, config, next, next_entry, start, welcome};
use crate::config::AckMode;
use crate::error::SendError;
use crate::event::{Ending, Event, Lost, Status};

#[tokio::test(start_paused = true)]
async fn an_entry_that_is_delivered_again_is_handed_over_once() {
    let (client, mut events, mut server) = start(config());
    let mut peer = server.welcome().await;
    peer.deliver([1, 2]).await;
    assert_eq!(next_entry(&mut events).await.seq, 1);
    assert_eq!(next_entry(&mut events).await.seq, 2);
    assert_eq!(peer.ack().await, 1);
    drop(peer);
    let mut peer = server.meet().await;
    peer.hello().await;
    assert_eq!(peer.ack().await, 1, "told again behind the hello");
    peer.write(&welcome(LIMITS)).await;
    peer.deliver([1, 2, 3]).await;
    assert_eq!(next_entry(&mut events).await.seq, 3);
    assert_eq!(client.cursors().await[&chat()], 2);
}

#[tokio::test(start_paused = true)]
async fn in_manual_mode_only_what_the_app_says_is_acknowledged_and_outlives_the_process() {
    let mut manual = config();
    manual.acks = AckMode::Manual;
    let (client, mut events, mut server) = start(manual.clone());
    let mut peer = server.welcome().await;
    peer.deliver([1, 2, 3]).await;
    for seq in 1..=3 {
        assert_eq!(next_entry(&mut events).await.seq, seq);
    }
    client.ack(&chat(), 2);
    assert_eq!(peer.ack().await, 2);
    manual.cursors = client.cursors().await;
    client.close().await;

    let (client, mut events, mut server) = start(manual);
    let mut peer = server.welcome().await;
    peer.deliver([1, 2, 3]).await;
    assert_eq!(next_entry(&mut events).await.seq, 3);
    assert_eq!(peer.ack().await, 2, "the server did not know");
    client.read(&chat(), 3);
    let Packet::Ack(cursors) = peer.read().await else {
        panic!("a read cursor");
    };
    assert_eq!((cursors[0].delivered, cursors[0].read), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn a_refused_ticket_falls_back_to_the_credential_at_once() {
    let (_client, _events, mut server) = start(config());
    let mut peer = server.meet().await;
    assert!(matches!(peer.hello().await.credential, Credential::Password(_)));
    peer.write(&welcome(LIMITS)).await;
    drop(peer);
    let mut peer = server.meet().await;
    assert!(matches!(peer.hello().await.credential, Credential::Ticket(_)));
    let began = Instant::now();
    peer.goodbye(CloseCode::BadTicket, 0).await;
    let mut peer = server.meet().await;
    assert!(matches!(peer.hello().await.credential, Credential::Password(_)));
    assert!(began.elapsed() < Duration::from_millis(10));
    peer.goodbye(CloseCode::BadCredential, 0).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_follows_the_hello_after_a_session_that_was_not_opened() {
    let (client, _events, mut server) = start(config());
    let sending = client.send(&chat(), &Content::text("1")).await.unwrap();
    let mut peer = server.meet().await;
    peer.hello().await;
    assert_eq!(peer.send().await.id, sending.id());
    drop(peer);
    let mut peer = server.meet().await;
    peer.hello().await;
    let early = tokio::time::timeout(Duration::from_secs(1), peer.try_read()).await;
    assert!(early.is_err(), "{early:?}");
    peer.write(&welcome(LIMITS)).await;
    assert_eq!(peer.send().await.id, sending.id());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_shuts_down_is_met_again_after_the_time_it_names() {
    let (_client, mut events, mut server) = start(config());
    let peer = server.welcome().await;
    let began = Instant::now();
    peer.goodbye(CloseCode::ShuttingDown, 4000).await;
    assert!(matches!(next(&mut events).await, Event::Connected(_)));
    let Event::Disconnected { why, retry_in } = next(&mut events).await else {
        panic!("it is told");
    };
    assert!(matches!(why, Lost::Goodbye(_)));
    server.meet().await;
    assert!(retry_in >= Duration::from_secs(4) && retry_in <= Duration::from_secs(8));
    assert!(began.elapsed() >= retry_in);
}

#[tokio::test(start_paused = true)]
async fn a_newer_session_of_the_device_ends_the_client_and_all_that_waits() {
    let (client, mut events, mut server) = start(config());
    let waiting = client.send(&chat(), &Content::text("1")).await.unwrap();
    let peer = server.welcome().await;
    peer.goodbye(CloseCode::Replaced, 0).await;
    assert!(matches!(waiting.await, Err(SendError::Closed { ending: Ending::Refused(_), .. })));
    assert!(matches!(next(&mut events).await, Event::Connected(_)));
    let Event::Closed(Ending::Refused(verdict)) = next(&mut events).await else {
        panic!("it ends");
    };
    assert_eq!(verdict.close_code(), Some(CloseCode::Replaced));
    assert_eq!(events.next().await, None);
    assert_eq!(client.connected().await, Err(Ending::Refused(verdict)));
    client.close().await;
    let late = client.send(&chat(), &Content::text("2")).await;
    assert!(matches!(late, Err(SendError::Closed { .. })));
    assert!(client.cursors().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_left_after_one_and_a_half_intervals() {
    let (_client, mut events, mut server) = start(config());
    let mut peer = server.welcome().await;
    let began = Instant::now();
    assert!(matches!(peer.read().await, Packet::Ping(_)));
    assert_eq!(began.elapsed().as_secs(), 10);
    let Packet::Goodbye(verdict) = peer.read().await else {
        panic!("it is told");
    };
    assert_eq!(verdict.close_code(), Some(CloseCode::HeartbeatTimeout));
    assert_eq!(began.elapsed().as_secs(), 15);
    assert_eq!(peer.try_read().await, None);
    assert!(matches!(next(&mut events).await, Event::Connected(_)));
    assert!(matches!(next(&mut events).await, Event::Disconnected { why: Lost::Silent, .. }));
}

#[tokio::test(start_paused = true)]
async fn the_heartbeat_follows_the_interval_that_the_server_names() {
    let (_client, _events, mut server) = start(config());
    let slow = Limits { heartbeat_ms: 400, ..LIMITS };
    let mut peer = server.welcome_within(slow).await;
    let began = Instant::now();
    for _ in 0..5 {
        let Packet::Ping(token) = peer.read().await else {
            panic!("a ping");
        };
        peer.write(&Packet::Pong(token)).await;
    }
    assert_eq!(began.elapsed().as_millis(), 2000);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_frame_are_answered_with_their_code_and_another_connection() {
    let (_client, mut events, mut server) = start(config());
    let mut peer = server.welcome().await;
    peer.write_bytes(&[0, 0, 0, 1, 9, 0, 1, 2, 3, 4, 5]).await;
    let Packet::Goodbye(verdict) = peer.read().await else {
        panic!("it is told");
    };
    assert_eq!(verdict.close_code(), Some(CloseCode::BadChecksum));
    assert!(matches!(next(&mut events).await, Event::Connected(_)));
    assert!(matches!(
        next(&mut events).await,
        Event::Disconnected { why: Lost::Protocol { .. }, .. }
    ));
    let mut peer = server.welcome().await;
    peer.write(&Packet::Ack(vec![])).await;
    let Packet::Goodbye(verdict) = peer.read().await else {
        panic!("it is told");
    };
    assert_eq!(verdict.close_code(), Some(CloseCode::WrongState));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_the_hello_is_left() {
    let (client, mut events, mut server) = start(config());
    let mut silent = server.meet().await;
    silent.hello().await;
    let Packet::Goodbye(verdict) = silent.read().await else {
        panic!("it is told");
    };
    assert_eq!(verdict.close_code(), Some(CloseCode::HandshakeTimeout));
    assert!(matches!(next(&mut events).await, Event::Disconnected { why: Lost::NoWelcome, .. }));
    let _peer = server.welcome().await;
    assert!(client.connected().await.is_ok());
    assert!(matches!(client.status(), Status::Connected(_)));
}

#[tokio::test(start_paused = true)]
async fn an_app_that_looks_away_stops_the_reading_but_not_the_heartbeat() {
    let mut small = config();
    small.events_max = 4;
    let (_client, mut events, mut server) = start(small);
    let mut peer = server.meet().await;
    assert_eq!(peer.hello().await.wanted.window, 4);
    peer.write(&welcome(LIMITS)).await;
    peer.deliver(1..=600).await;
    let began = Instant::now();
    for _ in 0..6 {
        assert!(matches!(peer.read().await, Packet::Ping(_)), "no answer is read");
    }
    assert_eq!(began.elapsed().as_secs(), 60);
    for seq in 1..=600 {
        assert_eq!(next_entry(&mut events).await.seq, seq);
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_takes_the_last_acks_along_and_says_goodbye() {
    let (client, mut events, mut server) = start(config());
    let mut peer = server.welcome().await;
    peer.deliver([1]).await;
    next_entry(&mut events).await;
    let looked = tokio::time::timeout(Duration::ZERO, events.next()).await;
    assert!(looked.is_err());
    let closer = client.clone();
    let ended = tokio::spawn(async move { closer.close().await });
    assert_eq!(peer.ack().await, 1);
    let Packet::Goodbye(verdict) = peer.read().await else {
        panic!("it says goodbye");
    };
    assert_eq!(verdict.close_code(), Some(CloseCode::Done));
    assert_eq!(peer.try_read().await, None);
    drop(peer);
    ended.await.unwrap();
    assert_eq!(events.next().await, Some(Event::Closed(Ending::Closed)));
    assert_eq!(client.cursors().await[&chat()], 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_nobody_holds_says_goodbye() {
    let (client, events, mut server) = start(config());
    let mut peer = server.welcome().await;
    drop((client, events));
    assert!(matches!(peer.read().await, Packet::Goodbye(_)));
}

#[tokio::test(start_paused = true)]
async fn events_go_on_without_a_client_and_sends_without_events() {
    let (client, mut events, mut server) = start(config());
    let mut peer = server.welcome().await;
    drop(client);
    peer.deliver([1]).await;
    assert_eq!(next_entry(&mut events).await.seq, 1);

    let (client, events, mut server) = start(config());
    drop(events);
    let mut peer = server.welcome().await;
    peer.deliver(1..=3000).await;
    let sending = client.send(&chat(), &Content::text("1")).await.unwrap();
    let send = peer.send().await;
    peer.write(&super::accepted(&send, 3001)).await;
    assert_eq!(sending.await.unwrap().seq, 3001);
}

#[tokio::test(start_paused = true)]
async fn another_connection_is_made_at_once_when_the_app_asks() {
    let (client, mut events, mut server) = start(config());
    let mut peer = server.welcome().await;
    assert!(matches!(next(&mut events).await, Event::Connected(_)));
    let began = Instant::now();
    client.reconnect_now();
    assert!(matches!(peer.read().await, Packet::Goodbye(_)));
    server.welcome().await;
    assert!(began.elapsed() < Duration::from_millis(10));
    assert!(matches!(next(&mut events).await, Event::Disconnected { why: Lost::Asked, .. }));
}

/// The longest wait of forty, each after a session that was cut once it was open for `open_ms`.
async fn longest_wait_after(open_ms: u64, of_use: Option<Packet>) -> Duration {
    let (_client, mut events, mut server) = start(config());
    let mut longest = Duration::ZERO;
    for _ in 0..40 {
        let mut peer = server.welcome().await;
        if let Some(packet) = &of_use {
            peer.write(packet).await;
        }
        tokio::time::sleep(Duration::from_millis(open_ms)).await;
        drop(peer);
        loop {
            if let Event::Disconnected { retry_in, .. } = next(&mut events).await {
                longest = longest.max(retry_in);
                break;
            }
        }
    }
    longest
}

#[tokio::test(start_paused = true)]
async fn waits_grow_until_a_session_lasts_a_heartbeat_or_brings_something_of_use() {
    let first = Duration::from_millis(500);
    assert!(longest_wait_after(9_900, None).await > first * 4);
    assert!(longest_wait_after(10_100, None).await <= first);
    assert!(longest_wait_after(1, Some(Packet::Pong(1))).await > first * 4);
    let notice = Packet::Notice(crate::Notice::Missed);
    assert!(longest_wait_after(1, Some(notice)).await <= first);
}

#[tokio::test(start_paused = true)]
async fn tries_to_connect_grow_apart_while_nobody_answers() {
    let (_client, mut events, server) = start(config());
    drop(server);
    let (mut tries, began) = (0_u32, Instant::now());
    while began.elapsed() < Duration::from_secs(500) {
        let Event::Disconnected { why, retry_in } = next(&mut events).await else {
            panic!("it cannot connect");
        };
        assert!(matches!(why, Lost::Unreachable { .. }));
        assert!(retry_in <= Duration::from_secs(30));
        tries += 1;
    }
    assert!((20..80).contains(&tries), "{tries} tries in 500 seconds");
}
