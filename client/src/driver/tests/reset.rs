//! A server whose log is younger than what the client has had.

use std::collections::HashMap;

use packetboat_proto::content::Content;
use packetboat_proto::packet::{Answer, Packet, Request, Response};

use super::fake::{Peer, accepted, chat, config, next, next_entry, start, state};
use crate::config::Config;
use crate::event::{Event, Lost};
use crate::handover::Events;

/// The device had 60 entries, says the app.
fn far() -> Config {
    let mut config = config();
    config.cursors = HashMap::from([(chat(), 60)]);
    config
}

async fn answer(peer: &mut Peer, head: u64, delivered: u64) {
    let Packet::Request(Request { id, .. }) = peer.read().await else {
        panic!("it asks how the chat stands");
    };
    let answer = Ok(Answer::Chat(state(head, delivered).into()));
    peer.write(&Packet::Response(Response { id, answer })).await;
}

async fn is_told(events: &mut Events, head: u64) {
    assert!(matches!(next(events).await, Event::Connected(_)));
    assert_eq!(next(events).await, Event::LogReset { chat: chat(), head, cursor: 60 });
}

#[tokio::test(start_paused = true)]
async fn an_answer_with_a_lower_head_is_confirmed_and_told_and_the_chat_starts_over() {
    let (client, mut events, mut server) = start(far());
    let mut peer = server.welcome().await;
    let asked = tokio::spawn(async move { client.chat(&chat()).await });
    answer(&mut peer, 3, 1).await;
    answer(&mut peer, 3, 1).await;
    assert_eq!(asked.await.unwrap(), Ok(state(3, 1)));
    peer.deliver([2]).await;
    is_told(&mut events, 3).await;
    // An app that looks on learns of the other connection, on which all comes again.
    let down = next(&mut events).await;
    assert!(matches!(down, Event::Disconnected { why: Lost::Asked, .. }), "{down:?}");
    let mut peer = server.welcome().await;
    peer.deliver([2, 3]).await;
    assert_eq!(next_entry(&mut events).await.seq, 2);
    assert_eq!(next_entry(&mut events).await.seq, 3);
    assert_eq!(peer.ack().await, 1, "as the server said");
    assert_eq!(peer.ack().await, 2);
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_would_be_taken_for_old_is_not_acknowledged_but_handed_over() {
    let (client, mut events, mut server) = start(far());
    let mut peer = server.welcome().await;
    peer.deliver([1]).await;
    answer(&mut peer, 1, 0).await;
    is_told(&mut events, 1).await;
    assert!(matches!(next(&mut events).await, Event::Disconnected { .. }));
    let goodbye = peer.read().await;
    assert!(matches!(goodbye, Packet::Goodbye(_)), "{goodbye:?}");
    let mut peer = server.welcome().await;
    peer.deliver([1]).await;
    assert_eq!(next_entry(&mut events).await.seq, 1);
    assert!(client.cursors().await.is_empty(), "the app is not done with it");
}

#[tokio::test(start_paused = true)]
async fn a_new_message_that_is_stored_below_the_cursor_tells_it_too_and_once() {
    let (client, mut events, mut server) = start(far());
    let mut peer = server.welcome().await;
    let mut sendings = vec![];
    for _ in 0..3 {
        sendings.push(client.send(&chat(), &Content::text("hi")).await.unwrap());
    }
    for seq in [60, 61, 62] {
        let send = peer.send().await;
        peer.write(&accepted(&send, seq)).await;
    }
    for (sending, seq) in sendings.into_iter().zip(60..) {
        assert_eq!(sending.await.unwrap().seq, seq);
    }
    is_told(&mut events, 60).await;
    assert!(matches!(next(&mut events).await, Event::Disconnected { .. }));
    let mut peer = server.welcome().await;
    peer.deliver([58, 59]).await;
    assert_eq!(next_entry(&mut events).await.seq, 58);
    assert_eq!(next_entry(&mut events).await.seq, 59);
    drop(events);
    assert_eq!(peer.ack().await, 58);
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_below_the_cursor_is_no_news() {
    let (client, mut events, mut server) = start(far());
    let mut peer = server.welcome().await;
    let sending = client.send(&chat(), &Content::text("hi")).await.unwrap();
    let Packet::Accepted(mut stored) = accepted(&peer.send().await, 9) else {
        panic!("it is accepted");
    };
    stored.duplicate = true;
    peer.write(&Packet::Accepted(stored)).await;
    assert_eq!(sending.await.unwrap().seq, 9);
    peer.deliver([61]).await;
    assert!(matches!(next(&mut events).await, Event::Connected(_)));
    assert!(matches!(next(&mut events).await, Event::Entry(entry) if entry.seq == 61));
}
