//! The whole client against a server that does as the test says, in virtual time.

mod devices;
mod fake;
mod files;
mod life;
mod reset;
mod rooms;
mod soak;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use packetboat_proto::code::{CloseCode, RejectCode};
use packetboat_proto::content::Content;
use packetboat_proto::packet::{Answer, Packet, Rejected, Request, Response, Send, Verdict};
use tokio::time::Instant;

use self::fake::{LIMITS, accepted, chat, config, entry, next, next_entry, start, state};
use crate::client::Client;
use crate::config::AckMode;
use crate::error::{RequestError, SendError};
use crate::event::Event;

fn text(body: &str) -> Content {
    Content::text(body)
}

fn rejected(send: &Send, code: RejectCode, retry_after_ms: u32) -> Packet {
    Packet::Rejected(Rejected {
        chat: send.chat.clone(),
        id: send.id,
        verdict: Verdict::reject(code, "as the test says", retry_after_ms),
    })
}

#[tokio::test(start_paused = true)]
async fn a_message_goes_out_behind_the_hello_and_is_accepted() {
    let (client, _events, mut server) = start(config());
    let sending = client.send(&chat(), &text("hi")).await.unwrap();
    let mut peer = server.meet().await;
    assert_eq!(peer.hello().await.user.as_str(), "alice");
    let send = peer.send().await;
    assert_eq!(send.id, sending.id());
    peer.write(&fake::welcome(LIMITS)).await;
    peer.write(&accepted(&send, 1)).await;
    assert_eq!(sending.await.unwrap().seq, 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_answer_was_lost_is_sent_again_with_its_id() {
    let (client, _events, mut server) = start(config());
    let sending = client.send(&chat(), &text("hi")).await.unwrap();
    let mut peer = server.welcome().await;
    let first = peer.send().await;
    let mut answer = BytesMut::new();
    accepted(&first, 1).put(&mut answer);
    peer.write_bytes(&answer[..answer.len() - 1]).await;
    drop(peer);
    let mut peer = server.welcome().await;
    let again = peer.send().await;
    assert_eq!(again, first);
    peer.write(&accepted(&again, 1)).await;
    assert_eq!(sending.await.unwrap().seq, 1);
}

#[tokio::test(start_paused = true)]
async fn an_own_message_that_is_delivered_is_accepted_and_no_event() {
    let (client, mut events, mut server) = start(config());
    let sending = client.send(&chat(), &text("hi")).await.unwrap();
    let mut peer = server.welcome().await;
    let send = peer.send().await;
    drop(peer);
    let mut peer = server.welcome().await;
    let mut own = entry(1, "alice");
    (own.id, own.content) = (send.id, send.content.clone());
    peer.write(&Packet::Deliver(own)).await;
    peer.deliver([2]).await;
    let stored = sending.await.unwrap();
    assert!(stored.duplicate && stored.seq == 1);
    assert_eq!(next_entry(&mut events).await.seq, 2);
    peer.write(&accepted(&send, 1)).await;
    peer.deliver([3]).await;
    assert_eq!(next_entry(&mut events).await.seq, 3);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_message_is_sent_again_when_its_answer_is_overdue() {
    let (client, _events, mut server) = start(config());
    let mut peer = server.welcome().await;
    let sending = client.send(&chat(), &text("hi")).await.unwrap();
    let began = Instant::now();
    let first = peer.send().await;
    let again = peer.send().await;
    assert_eq!(first, again);
    assert!(began.elapsed() >= Duration::from_secs(5));
    peer.write(&accepted(&again, 4)).await;
    assert_eq!(sending.await.unwrap().seq, 4);
}

#[tokio::test(start_paused = true)]
async fn a_message_refused_for_now_is_sent_again_after_the_named_time() {
    let (client, _events, mut server) = start(config());
    let mut peer = server.welcome().await;
    let sending = client.send(&chat(), &text("hi")).await.unwrap();
    let send = peer.send().await;
    let began = Instant::now();
    assert_eq!(sending.refusal(), None);
    peer.write(&rejected(&send, RejectCode::StoreFull, 3000)).await;
    assert_eq!(peer.send().await, send);
    assert_eq!(sending.refusal().unwrap().reason, "as the test says");
    assert!(began.elapsed() >= Duration::from_secs(3));
    peer.write(&accepted(&send, 1)).await;
    assert_eq!(sending.await.unwrap().id, send.id);
}

#[tokio::test(start_paused = true)]
async fn a_message_refused_with_a_code_of_a_later_version_is_not_lost() {
    let (client, _events, mut server) = start(config());
    let mut peer = server.welcome().await;
    let sending = client.send(&chat(), &text("hi")).await.unwrap();
    let send = peer.send().await;
    for code in [999, RejectCode::Invalid.number()] {
        let verdict = Verdict {
            code,
            retry: None,
            ..Verdict::reject(RejectCode::Unavailable, "of a later version", 2000)
        };
        let (chat, id, began) = (send.chat.clone(), send.id, Instant::now());
        peer.write(&Packet::Rejected(Rejected { chat, id, verdict })).await;
        assert_eq!(peer.send().await, send);
        assert!(began.elapsed() >= Duration::from_secs(2));
    }
    peer.write(&accepted(&send, 1)).await;
    assert_eq!(sending.await.unwrap().seq, 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_refused_for_good_ends_and_so_does_one_to_be_tried_once() {
    let (client, _events, mut server) = start(config());
    let mut peer = server.welcome().await;
    let wrong = client.send(&chat(), &text("wrong")).await.unwrap();
    let once = client.send_once(&chat(), &text("once")).await.unwrap();
    let send = peer.send().await;
    peer.write(&rejected(&send, RejectCode::NoSuchChat, 0)).await;
    let send = peer.send().await;
    peer.write(&rejected(&send, RejectCode::StoreFull, 9)).await;
    for (sending, code) in [(wrong, RejectCode::NoSuchChat), (once, RejectCode::StoreFull)] {
        let Err(SendError::Rejected { verdict, .. }) = sending.await else {
            panic!("it is refused");
        };
        assert_eq!(verdict.reject_code(), Some(code));
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_over_the_servers_limit_is_refused_here_and_the_next_one_goes() {
    let (client, _events, mut server) = start(config());
    let large = client.send(&chat(), &text(&"x".repeat(70_000))).await;
    let small = client.send(&chat(), &text("small")).await.unwrap();
    let mut peer = server.welcome().await;
    let Err(SendError::Rejected { verdict, .. }) = large.unwrap().await else {
        panic!("it is refused");
    };
    assert_eq!(verdict.reject_code(), Some(RejectCode::TooLarge));
    assert_eq!(peer.send().await.id, small.id());
}

#[tokio::test(start_paused = true)]
async fn a_full_outbox_makes_a_send_wait_for_a_place() {
    let mut small = config();
    small.outbox_max = 1;
    let (client, _events, mut server) = start(small);
    let mut peer = server.welcome().await;
    let first = client.send(&chat(), &text("1")).await.unwrap();
    let content = text("2");
    let to = chat();
    let second = client.send(&to, &content);
    tokio::pin!(second);
    let early = tokio::time::timeout(Duration::from_secs(1), &mut second).await;
    assert!(early.is_err(), "there is no place yet");
    let send = peer.send().await;
    peer.write(&accepted(&send, 1)).await;
    first.await.unwrap();
    let second = second.await.unwrap();
    let send = peer.send().await;
    assert_eq!(send.id, second.id());
    peer.write(&accepted(&send, 2)).await;
    client.flush().await;
    assert_eq!(second.await.unwrap().seq, 2);
}

#[tokio::test(start_paused = true)]
async fn bytes_bound_the_outbox_too_and_one_message_always_fits() {
    let mut small = config();
    small.outbox_bytes = 1000;
    let (client, _events, mut server) = start(small);
    let mut peer = server.welcome().await;
    let first = client.send(&chat(), &text(&"x".repeat(5000))).await.unwrap();
    let (to, content) = (chat(), text("2"));
    let second = client.send(&to, &content);
    tokio::pin!(second);
    let early = tokio::time::timeout(Duration::from_secs(1), &mut second).await;
    assert!(early.is_err(), "there are no bytes left");
    let send = peer.send().await;
    peer.write(&accepted(&send, 1)).await;
    first.await.unwrap();
    let _second = second.await.unwrap();
    let _third = client.send(&chat(), &text("3")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_same_id_is_refused_while_it_waits_and_may_be_sent_again_after() {
    let (client, _events, mut server) = start(config());
    let mut peer = server.welcome().await;
    let (id, bytes) = (Client::new_message_id(), text("hi").encode());
    let first = client.send_with_id(&chat(), id, bytes.clone()).await.unwrap();
    let twice = client.send_with_id(&chat(), id, bytes.clone()).await.unwrap();
    assert_eq!(twice.await, Err(SendError::Pending { id }));
    let sent = peer.send().await;
    peer.write(&accepted(&sent, 1)).await;
    first.await.unwrap();
    let again = client.send_with_id(&chat(), id, bytes).await.unwrap();
    let sent = peer.send().await;
    peer.write(&accepted(&sent, 1)).await;
    assert_eq!(again.await.unwrap().seq, 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_outlives_its_connection() {
    let (client, _events, mut server) = start(config());
    let mut peer = server.welcome().await;
    let asked = tokio::spawn(async move { client.chat(&chat()).await });
    assert!(matches!(peer.read().await, Packet::Request(_)));
    drop(peer);
    let mut peer = server.welcome().await;
    let Packet::Request(Request { id, .. }) = peer.read().await else {
        panic!("it is asked again");
    };
    let answer = Ok(Answer::Chat(state(58, 9).into()));
    peer.write(&Packet::Response(Response { id, answer })).await;
    assert_eq!(asked.await.unwrap(), Ok(state(58, 9)));
}

#[tokio::test(start_paused = true)]
async fn requests_and_pings_fail_without_a_connection() {
    let (client, _events, _server) = start(config());
    assert_eq!(client.ping().await, Err(RequestError::Disconnected));
    let began = Instant::now();
    assert_eq!(client.chat(&chat()).await, Err(RequestError::Disconnected));
    assert_eq!(began.elapsed().as_secs(), 15);
    let many = vec!["bob".parse().unwrap(); 101];
    let refused = client.presence(many).await;
    assert!(matches!(refused, Err(RequestError::TooMany { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_ping_takes_as_long_as_its_pong() {
    let (client, mut events, mut server) = start(config());
    let mut peer = server.welcome().await;
    next(&mut events).await;
    let pinged = tokio::spawn(async move { client.ping().await });
    let Packet::Ping(token) = peer.read().await else {
        panic!("a ping");
    };
    tokio::time::sleep(Duration::from_millis(40)).await;
    peer.write(&Packet::Pong(token)).await;
    assert_eq!(pinged.await.unwrap().unwrap().as_millis(), 40);
}

#[tokio::test(start_paused = true)]
async fn own_entries_of_a_chat_not_met_yet_are_acknowledged_once_the_server_says_where_it_is() {
    let (client, _events, mut server) = start(config());
    let mut peer = server.welcome().await;
    let sending = client.send(&chat(), &text("hi")).await.unwrap();
    let send = peer.send().await;
    peer.write(&accepted(&send, 58)).await;
    sending.await.unwrap();
    let Packet::Request(Request { id, .. }) = peer.read().await else {
        panic!("it asks how far it is");
    };
    let answer = Ok(Answer::Chat(state(58, 57).into()));
    peer.write(&Packet::Response(Response { id, answer })).await;
    assert_eq!(peer.ack().await, 58);
    assert_eq!(client.cursors().await[&chat()], 58);
}

#[tokio::test(start_paused = true)]
async fn an_ack_of_the_last_entry_taken_goes_out_before_the_goodbye() {
    let mut config = config();
    config.acks = AckMode::Manual;
    let (client, mut events, mut server) = start(config);
    let mut peer = server.welcome().await;
    peer.deliver([1, 2]).await;
    let entry = next_entry(&mut events).await;
    client.ack(&entry.chat, entry.seq);
    let closing = tokio::spawn(async move { client.close().await });
    assert_eq!(peer.ack().await, 1, "what was not taken is not acknowledged");
    assert!(matches!(peer.read().await, Packet::Goodbye(_)));
    closing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn signals_that_are_too_long_are_refused_and_unknown_frames_are_skipped() {
    let (client, mut events, mut server) = start(config());
    let mut peer = server.welcome().await;
    let kind = crate::SignalKind::Typing;
    assert!(client.signal(&chat(), kind, Bytes::from(vec![0; 257])).is_err());
    let later = packetboat_proto::frame::Frame {
        kind: 0x80,
        body: Bytes::from_static(b"of a later version"),
    };
    peer.write_bytes(&later.to_bytes()).await;
    peer.deliver([1]).await;
    assert!(matches!(next(&mut events).await, Event::Connected(_)));
    assert!(matches!(next(&mut events).await, Event::Entry(entry) if entry.seq == 1));
    client.signal(&chat(), kind, Bytes::new()).unwrap();
    let Packet::Signal(signal) = peer.read().await else {
        panic!("a signal");
    };
    assert_eq!(signal.sender, None);
    peer.goodbye(CloseCode::Replaced, 0).await;
    assert!(matches!(next(&mut events).await, Event::Closed(_)));
}
