//! Deliveries wait, come again, and never overtake each other.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use packetboat_proto::code::CloseCode;
use packetboat_proto::content::GroupChange;
use packetboat_proto::frame::PREFACE;
use packetboat_proto::packet::{Cursor, Hello, Limits, Packet, Verdict};

use crate::house::House;
use crate::peer::{PATIENCE, Peer, chat, hello, text_of, user};

#[tokio::test]
async fn no_more_is_on_its_way_than_the_window_allows() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let wanted = Limits { window: 3, ..Limits::default() };
    let (mut bob, welcome) =
        Peer::greet(house.address, Hello { wanted, ..hello("bob", "x") }).await;
    assert_eq!(welcome.limits.window, 3);
    for number in 1..=10 {
        ada.post("dm:ada:bob", number, "hi").await;
    }
    for seq in 1..=3 {
        assert_eq!(bob.entry().await.seq, seq);
    }
    let rest = bob.sync().await;
    assert!(!rest.iter().any(|packet| matches!(packet, Packet::Deliver(_))), "{rest:?}");
    bob.ack("dm:ada:bob", 3, 0).await;
    for seq in 4..=6 {
        assert_eq!(bob.entry().await.seq, seq);
    }
}

#[tokio::test]
async fn what_is_not_acknowledged_comes_again_and_in_the_end_the_session_is_closed() {
    let house = House::with(|config| {
        config.limits.retry_ms = 100;
        config.limits.retries_max = 2;
    })
    .await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    ada.post("dm:ada:bob", 1, "hi").await;
    for _ in 0..3 {
        assert_eq!(bob.entry().await.seq, 1);
    }
    let verdict = bob.goodbye().await;
    assert_eq!(verdict.close_code(), Some(CloseCode::AckTimeout));
    assert_eq!(house.metrics.retries.get(), 2);
    let mut bob = Peer::login(house.address, "bob", "x").await;
    assert_eq!(bob.take().await.seq, 1, "it waited in the log");
}

#[tokio::test]
async fn what_was_acknowledged_does_not_come_again_and_what_was_not_does() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    for number in 1..=5 {
        ada.post("dm:ada:bob", number, "hi").await;
    }
    for _ in 1..=5 {
        bob.entry().await;
    }
    bob.ack("dm:ada:bob", 3, 0).await;
    bob.sync().await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    assert_eq!(bob.entry().await.seq, 4);
    assert_eq!(bob.entry().await.seq, 5);
}

#[tokio::test]
async fn acks_pipelined_behind_the_hello_spare_what_was_had_before() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    for number in 1..=5 {
        ada.post("dm:ada:bob", number, "hi").await;
    }
    let mut bob = Peer::login(house.address, "bob", "x").await;
    for _ in 1..=5 {
        bob.entry().await;
    }
    drop(bob);
    let mut bob = Peer::open(house.address).await;
    // In one piece: an ack that comes later spares nothing.
    let mut bytes = BytesMut::new();
    Packet::Hello(hello("bob", "x")).put(&mut bytes);
    Packet::Ack(vec![Cursor { chat: chat("dm:ada:bob"), delivered: 4, read: 0 }]).put(&mut bytes);
    bob.raw(&bytes).await;
    assert_eq!(bob.entry().await.seq, 5);
}

#[tokio::test]
async fn an_ack_beyond_the_end_counts_as_the_end() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    ada.post("dm:ada:bob", 1, "hi").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    bob.ack("dm:ada:bob", 1_000_000, 1_000_000).await;
    bob.ack("dm:ada:eve", 5, 5).await;
    bob.sync().await;
    ada.post("dm:ada:bob", 2, "hi").await;
    drop(bob);
    let mut bob = Peer::login(house.address, "bob", "x").await;
    assert_eq!(bob.entry().await.seq, 2);
}

#[tokio::test]
async fn a_reader_that_is_too_slow_for_its_mailbox_misses_nothing() {
    let house = House::with(|config| {
        config.limits.mailbox_entries = 4;
        config.limits.out_buffer_bytes = 64 * 1024;
    })
    .await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    bob.sync().await;
    // More than the sockets hold: the session cannot write, its mailbox runs over.
    let long = "x".repeat(50_000);
    for number in 1..=400 {
        ada.send_text("dm:ada:bob", number, &format!("{number} {long}")).await;
        ada.answer().await.unwrap();
    }
    for number in 1..=400 {
        let entry = bob.take().await;
        assert_eq!(entry.seq, number);
        assert!(text_of(&entry).starts_with(&format!("{number} ")));
    }
    let metrics = &house.metrics;
    assert!(metrics.mailbox_overflows.get() + metrics.windows_full.get() > 0);
}

#[tokio::test]
async fn nothing_is_delivered_behind_an_entry_that_found_no_room() {
    let house = House::with(|config| {
        config.limits.mailbox_bytes = 64 * 1024;
        config.limits.out_buffer_bytes = 64 * 1024;
        config.limits.window = 1_024;
    })
    .await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    bob.sync().await;
    // More than the sockets hold, so that the mailbox is full, but for a few bytes.
    let long = "x".repeat(60_000);
    for number in 1..=300 {
        ada.post("dm:ada:bob", number, &long).await;
    }
    assert!(house.metrics.mailbox_overflows.get() > 0);
    // The group's first entry finds no room in it, and the second one would.
    let mut members = vec![user("bob")];
    members.extend((1..100).map(|number| user(&format!("{number:064}"))));
    let made = GroupChange::Created { name: "Crew".into(), members };
    ada.change("group:crew", 301, made).await.unwrap();
    ada.post("group:crew", 302, "hi").await;
    let mut crew = Vec::new();
    for _ in 0..302 {
        let entry = bob.take().await;
        if entry.chat == chat("group:crew") {
            crew.push(entry.seq);
        }
    }
    assert_eq!(crew, [1, 2]);
}

#[tokio::test]
async fn a_newer_session_of_the_same_device_replaces_the_older() {
    let house = House::open().await;
    let mut older = Peer::login(house.address, "bob", "x").await;
    let mut newer = Peer::login(house.address, "bob", "x").await;
    assert_eq!(older.goodbye_code().await, Some(CloseCode::Replaced));
    let mut ada = Peer::login(house.address, "ada", "x").await;
    ada.post("dm:ada:bob", 1, "hi").await;
    assert_eq!(newer.take().await.seq, 1);
}

#[tokio::test]
async fn a_connection_that_was_made_before_takes_no_place_however_late_its_hello_is() {
    let house = House::open().await;
    let mut left = Peer::connect(house.address).await;
    left.raw(&PREFACE).await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    left.say(&Packet::Hello(hello("bob", "x"))).await;
    assert_eq!(left.goodbye_code().await, Some(CloseCode::Replaced));
    let mut ada = Peer::login(house.address, "ada", "x").await;
    ada.post("dm:ada:bob", 1, "hi").await;
    assert_eq!(bob.take().await.seq, 1);
}

#[tokio::test]
async fn a_session_that_is_replaced_ends_although_its_peer_reads_nothing() {
    let house = House::with(|config| {
        config.listen.connections_max = 3;
        config.limits.out_buffer_bytes = 64 * 1024;
        config.limits.window = 1_024;
    })
    .await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut older = Peer::login(house.address, "bob", "x").await;
    older.sync().await;
    // More than the sockets hold.
    let long = "x".repeat(60_000);
    let mut number = 0;
    while house.metrics.mailbox_overflows.get() == 0 {
        number += 1;
        ada.post("dm:ada:bob", number, &long).await;
    }
    let _newer = Peer::login(house.address, "bob", "x").await;
    let begun = Instant::now();
    loop {
        let mut eve = Peer::connect(house.address).await;
        eve.raw_unless_closed(&PREFACE).await;
        let mut said = BytesMut::new();
        Packet::Hello(hello("eve", "x")).put(&mut said);
        eve.raw_unless_closed(&said).await;
        if matches!(eve.next().await, Some(Packet::Welcome(_))) {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "the older session keeps its place");
    }
}

#[tokio::test]
async fn a_silent_session_is_closed_and_its_user_goes_offline() {
    let house = House::open().await;
    let wanted = Limits { heartbeat_ms: 100, ..Limits::default() };
    let (mut bob, welcome) =
        Peer::greet(house.address, Hello { wanted, ..hello("bob", "x") }).await;
    assert_eq!(welcome.limits.heartbeat_ms, 100);
    assert_eq!(bob.goodbye_code().await, Some(CloseCode::HeartbeatTimeout));
    assert_eq!(house.metrics.heartbeat_timeouts.get(), 1);
}

#[tokio::test]
async fn a_peer_that_says_nothing_is_not_kept_by_what_is_said_to_it() {
    let house = House::with(|config| config.limits.window = 1_024).await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let wanted = Limits { heartbeat_ms: 100, ..Limits::default() };
    let (_bob, _) = Peer::greet(house.address, Hello { wanted, ..hello("bob", "x") }).await;
    let mut number = 0;
    while house.metrics.heartbeat_timeouts.get() == 0 {
        number += 1;
        assert!(number < 1_000, "its window is nearly full, and it was not heard of since");
        ada.post("dm:ada:bob", number, "hi").await;
        // Else a fast disk has them all before it is time.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn many_chats_are_caught_up_with_all_at_once() {
    let house = House::open().await;
    for sender in 0..40 {
        let name = format!("s{sender:02}");
        let mut peer = Peer::login(house.address, &name, "x").await;
        for number in 1..=20 {
            peer.send_text(&format!("dm:bob:{name}"), number, "hi").await;
        }
        for _ in 1..=20 {
            peer.answer().await.unwrap();
        }
    }
    let wanted = Limits { window: 16, ..Limits::default() };
    let (mut bob, _) = Peer::greet(house.address, Hello { wanted, ..hello("bob", "x") }).await;
    let mut next = std::collections::HashMap::new();
    for _ in 0..800 {
        let entry = bob.take().await;
        let expected = next.entry(entry.chat.clone()).or_insert(1_u64);
        assert_eq!(entry.seq, *expected, "{}", entry.chat);
        *expected += 1;
    }
    let rest = bob.sync().await;
    assert!(!rest.iter().any(|packet| matches!(packet, Packet::Deliver(_))), "{rest:?}");
}

#[tokio::test]
async fn a_device_too_many_is_turned_away() {
    let house = House::with(|config| config.store.devices_per_user_max = 1).await;
    let mut phone = Peer::login(house.address, "bob", "phone").await;
    let mut second = Peer::open(house.address).await;
    second.say(&Packet::Hello(hello("bob", "second"))).await;
    assert_eq!(second.goodbye_code().await, Some(CloseCode::TooManyDevices));
    assert_eq!(house.metrics.devices_refused.get(), 1);
    phone.sync().await;
}

#[tokio::test]
async fn an_ack_just_before_a_goodbye_counts() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    for number in 1..=20 {
        ada.post("dm:ada:bob", number, "hi").await;
        let mut bob = Peer::login(house.address, "bob", "x").await;
        assert_eq!(bob.entry().await.seq, number, "it was had before");
        let cursor = Cursor { chat: chat("dm:ada:bob"), delivered: number, read: 0 };
        let mut last = BytesMut::new();
        Packet::Ack(vec![cursor]).put(&mut last);
        Packet::Goodbye(Verdict::close(CloseCode::Done, "", 0)).put(&mut last);
        bob.raw(&last).await;
        bob.closed().await;
    }
}
