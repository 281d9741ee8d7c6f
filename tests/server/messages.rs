//! Two people chat: accepted, stored once, in order, delivered to every device.

use std::collections::HashSet;

use packetboat_proto::code::RejectCode;
use packetboat_proto::packet::{Hello, Notice, Packet, Send, Signal, SignalKind, Start};

use crate::house::House;
use crate::peer::{Peer, chat, hello, id, text_of, user};

#[tokio::test]
async fn a_message_arrives_at_once_when_the_receiver_is_online() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    bob.sync().await;
    assert_eq!(ada.post("dm:ada:bob", 1, "hi").await, 1);
    let entry = bob.take().await;
    assert_eq!((entry.seq, entry.sender, entry.id), (1, user("ada"), id(1)));
    assert_eq!(entry.chat, chat("dm:ada:bob"));
}

#[tokio::test]
async fn a_session_is_not_sent_its_own_entries_but_other_devices_of_its_user_are() {
    let house = House::open().await;
    let mut phone = Peer::login(house.address, "ada", "phone").await;
    let mut laptop = Peer::login(house.address, "ada", "laptop").await;
    laptop.sync().await;
    phone.post("dm:ada:bob", 1, "hi").await;
    assert_eq!(text_of(&laptop.take().await), "hi");
    let rest = phone.sync().await;
    assert!(!rest.iter().any(|packet| matches!(packet, Packet::Deliver(_))), "{rest:?}");
}

#[tokio::test]
async fn the_same_id_is_stored_once_and_other_content_is_a_conflict() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    assert_eq!(ada.post("dm:ada:bob", 7, "hi").await, 1);
    ada.send_text("dm:ada:bob", 7, "hi").await;
    let again = ada.answer().await.unwrap();
    assert!(again.duplicate && again.seq == 1);
    ada.send_text("dm:ada:bob", 7, "something else").await;
    let rejected = ada.answer().await.unwrap_err();
    assert_eq!(rejected.verdict.reject_code(), Some(RejectCode::Conflict));
    assert_eq!(ada.post("dm:ada:bob", 8, "next").await, 2);
    let house = house.restart().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    ada.send_text("dm:ada:bob", 7, "hi").await;
    assert!(ada.answer().await.unwrap().duplicate, "also after a restart");
}

#[tokio::test]
async fn a_burst_that_is_pipelined_behind_the_hello_keeps_its_order() {
    let house = House::open().await;
    let mut ada = Peer::open(house.address).await;
    ada.say(&Packet::Hello(hello("ada", "x"))).await;
    for number in 0..100 {
        ada.send_text("dm:ada:bob", number, &number.to_string()).await;
    }
    for number in 0..100 {
        let accepted = ada.answer().await.unwrap();
        assert_eq!((accepted.id, accepted.seq), (id(number), number + 1));
    }
    let mut bob = Peer::login(house.address, "bob", "x").await;
    for number in 0..100 {
        assert_eq!(text_of(&bob.take().await), number.to_string());
    }
}

#[tokio::test]
async fn a_note_to_oneself_reaches_the_other_devices() {
    let house = House::open().await;
    let mut phone = Peer::login(house.address, "ada", "phone").await;
    let mut laptop = Peer::login(house.address, "ada", "laptop").await;
    laptop.sync().await;
    assert_eq!(phone.post("dm:ada:ada", 1, "buy milk").await, 1);
    assert_eq!(text_of(&laptop.take().await), "buy milk");
}

#[tokio::test]
async fn ten_thousand_messages_wait_for_who_is_away_also_over_a_restart() {
    const MESSAGES: u64 = 10_000;
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    for start in (0..MESSAGES).step_by(200) {
        for number in start..start + 200 {
            ada.send_text("dm:ada:bob", number, &number.to_string()).await;
        }
        for number in start..start + 200 {
            assert_eq!(ada.answer().await.unwrap().seq, number + 1);
        }
    }
    let mut bob = Peer::login(house.address, "bob", "x").await;
    for number in 0..MESSAGES / 2 {
        assert_eq!(text_of(&bob.take().await), number.to_string());
    }
    bob.sync().await;
    let house = house.restart().await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    for number in MESSAGES / 2..MESSAGES {
        let entry = bob.take().await;
        assert_eq!((entry.seq, text_of(&entry)), (number + 1, number.to_string()));
    }
}

#[tokio::test]
async fn cursors_are_told_to_the_peer_and_to_the_users_other_devices() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "phone").await;
    let mut tablet = Peer::login(house.address, "bob", "tablet").await;
    tablet.sync().await;
    ada.post("dm:ada:bob", 1, "hi").await;
    bob.entry().await;
    bob.ack("dm:ada:bob", 1, 1).await;
    for peer in [&mut ada, &mut tablet] {
        let moved = peer.find(|packet| match packet {
            Packet::Notice(Notice::Cursor(moved)) => Some(moved),
            _ => None,
        });
        let moved = moved.await;
        assert_eq!((moved.user, moved.delivered, moved.read), (user("bob"), 1, 1));
    }
}

#[tokio::test]
async fn typing_is_passed_on_with_the_true_sender() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    bob.sync().await;
    let forged = Some(user("eve"));
    let (kind, data) = (SignalKind::Typing, bytes::Bytes::new());
    let signal = Signal { chat: chat("dm:ada:bob"), kind, data, sender: forged };
    ada.say(&Packet::Signal(signal)).await;
    let heard = bob.find(|packet| match packet {
        Packet::Signal(signal) => Some(signal),
        _ => None,
    });
    assert_eq!(heard.await.sender, Some(user("ada")));
}

#[tokio::test]
async fn a_new_device_starts_where_it_says() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "first").await;
    for number in 1..=10 {
        ada.post("dm:ada:bob", number, "hi").await;
    }
    for _ in 1..=6 {
        bob.take().await;
    }
    bob.sync().await;
    drop(bob);
    let starts = [
        (None, 7),
        (Some(Start::Everything), 1),
        (Some(Start::Last(2)), 9),
        (Some(Start::Newest), 11),
    ];
    for (number, (start, first)) in starts.into_iter().enumerate() {
        let device = format!("new{number}");
        let (mut peer, welcome) =
            Peer::greet(house.address, Hello { start, ..hello("bob", &device) }).await;
        assert!(welcome.new_device);
        if first > 10 {
            ada.post("dm:ada:bob", 11, "now").await;
        }
        assert_eq!(peer.take().await.seq, first, "{start:?}");
    }
}

#[tokio::test]
async fn every_sender_of_a_busy_chat_sees_the_same_order() {
    let house = House::open().await;
    let mut reader = Peer::from_the_start(house.address, "bob", "reader").await;
    let mut tasks = Vec::new();
    for device in 0..4_u64 {
        let address = house.address;
        tasks.push(tokio::spawn(async move {
            let mut peer = Peer::login(address, "ada", &format!("d{device}")).await;
            for number in 0..50 {
                let number = device * 1_000 + number;
                let send = Send {
                    chat: chat("dm:ada:bob"),
                    id: id(number),
                    content: packetboat_proto::content::Content::text("x").encode(),
                };
                peer.say(&Packet::Send(send)).await;
            }
            let mut seqs = Vec::new();
            for _ in 0..50 {
                seqs.push(peer.answer().await.unwrap().seq);
            }
            assert!(seqs.is_sorted(), "{seqs:?}");
            seqs
        }));
    }
    let mut all = HashSet::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    assert_eq!(all, (1..=200).collect());
    for seq in 1..=200 {
        assert_eq!(reader.take().await.seq, seq);
    }
}
