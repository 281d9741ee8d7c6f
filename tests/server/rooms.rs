//! Rooms: joined and left by a session, heard live, and kept only so far.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Content, GroupChange, RoomChange};
use packetboat_proto::entry::Entry;
use packetboat_proto::limits::ROOMS_PER_SESSION_MAX;
use packetboat_proto::packet::{
    Accepted, Answer, Edge, Notice, Operation, Packet, Rejected, RoomState, Verdict,
};

use crate::house::House;
use crate::peer::{Peer, chat, text_of, user};

const LOBBY: &str = "room:lobby";

async fn change(peer: &mut Peer, number: u64, change: RoomChange) -> Result<Accepted, Rejected> {
    peer.send(LOBBY, number, Content::Room(change).encode()).await;
    peer.answer().await
}

async fn open_room(peer: &mut Peer, keep: u32, slow_ms: u32) {
    let (name, topic) = ("Lobby".into(), String::new());
    change(peer, 1, RoomChange::Opened { name, topic, keep, slow_ms }).await.unwrap();
}

async fn join(peer: &mut Peer, room: &str) -> Result<RoomState, Verdict> {
    match peer.ask(Operation::RoomJoin { room: chat(room) }).await? {
        Answer::RoomJoin(state) => Ok(state),
        other => panic!("{other:?}"),
    }
}

async fn listener(house: &House, name: &str) -> Peer {
    let mut peer = Peer::login(house.address, name, "x").await;
    join(&mut peer, LOBBY).await.unwrap();
    peer
}

async fn leave(peer: &mut Peer) {
    let left = peer.ask(Operation::RoomLeave { room: chat(LOBBY) }).await;
    assert_eq!(left, Ok(Answer::RoomLeave));
}

fn refused(rejected: &Rejected) -> Option<RejectCode> {
    rejected.verdict.reject_code()
}

/// No entry among what has come.
async fn hears_nothing(peer: &mut Peer) {
    let came = peer.sync().await;
    assert!(!came.iter().any(|packet| matches!(packet, Packet::Deliver(_))), "{came:?}");
}

#[tokio::test]
async fn who_has_joined_hears_every_entry_after_the_head_that_it_was_told() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    open_room(&mut ada, 0, 0).await;
    let state = join(&mut ada, LOBBY).await.unwrap();
    assert_eq!((state.head, state.first, state.listeners, state.keep), (1, 1, 1, 100));
    let mut bob = Peer::login(house.address, "bob", "x").await;
    assert_eq!(join(&mut bob, LOBBY).await.unwrap().listeners, 2);
    assert_eq!(join(&mut bob, LOBBY).await.unwrap().listeners, 2, "it is in already");
    ada.send_text(LOBBY, 2, "ahoy").await;
    // Its own entry comes too: a gap is what was lost. It may come before it is accepted.
    let (mut accepted, mut heard) = (None, None);
    ada.find(|packet| {
        match packet {
            Packet::Accepted(one) => accepted = Some(one.seq),
            Packet::Deliver(entry) => heard = Some(entry.seq),
            _ => {}
        }
        (accepted.is_some() && accepted == heard).then_some(())
    })
    .await;
    let entry = bob.entry().await;
    assert_eq!((entry.seq, &*text_of(&entry)), (2, "ahoy"));
    leave(&mut bob).await;
    for number in 3..5 {
        // What is accepted is told before the next thing is.
        ada.post(LOBBY, number, "gone?").await;
    }
    hears_nothing(&mut bob).await;
    let state = join(&mut bob, LOBBY).await.unwrap();
    assert_eq!(state.head, 4, "what came meanwhile is history");
}

#[tokio::test]
async fn nothing_of_a_room_is_owed_to_who_was_away_nor_sent_again() {
    let house = House::with(|config| {
        config.limits.retry_ms = 10;
        config.limits.retries_max = 0;
        config.limits.window = 1;
    });
    let house = house.await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    open_room(&mut ada, 5, 0).await;
    let mut bob = listener(&house, "bob").await;
    join(&mut ada, LOBBY).await.unwrap();
    for number in 2..=20 {
        ada.post(LOBBY, number, "more than a window").await;
    }
    for seq in 2..=20 {
        assert_eq!(bob.entry().await.seq, seq);
    }
    // An acknowledgement would be one too many, and does no harm.
    bob.ack(LOBBY, 20, 20).await;
    hears_nothing(&mut bob).await;
    drop(bob);
    ada.post(LOBBY, 21, "where is bob?").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    hears_nothing(&mut bob).await;
    let asked = Operation::History { chat: chat(LOBBY), edge: Edge::Before(0), limit: 0 };
    let Ok(Answer::History { entries, more: false }) = bob.ask(asked).await else { panic!() };
    let seqs: Vec<u64> = entries.into_iter().map(|one| Entry::decode(one).unwrap().seq).collect();
    assert_eq!(seqs, [17, 18, 19, 20, 21]);
    assert_eq!(house.metrics.retries.get(), 0);
}

#[tokio::test]
async fn a_message_comes_from_who_listens_and_a_change_from_who_may() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let missing = join(&mut ada, LOBBY).await.unwrap_err();
    assert_eq!(missing.reject_code(), Some(RejectCode::NoSuchChat));
    open_room(&mut ada, 0, 0).await;
    ada.send_text(LOBBY, 2, "from outside").await;
    assert_eq!(refused(&ada.answer().await.unwrap_err()), Some(RejectCode::NoSuchChat));
    let set = RoomChange::Set { keep: Some(7), slow_ms: None, name: None, topic: None };
    assert_eq!(change(&mut ada, 3, set.clone()).await.unwrap().seq, 2);
    let mut bob = listener(&house, "bob").await;
    assert_eq!(refused(&change(&mut bob, 1, set).await.unwrap_err()), Some(RejectCode::NotAllowed));
    assert_eq!(bob.post(LOBBY, 2, "from inside").await, 3);
    let asked = bob.ask(Operation::Room { room: chat(LOBBY) }).await;
    let Ok(Answer::Room(state)) = asked else { panic!("{asked:?}") };
    assert_eq!((state.keep, state.head, state.role, state.listeners), (7, 3, None, 1));
}

#[tokio::test]
async fn a_slow_room_says_when_to_come_again() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    open_room(&mut ada, 0, 3_600_000).await;
    let mut bob = listener(&house, "bob").await;
    bob.post(LOBBY, 1, "one").await;
    bob.send_text(LOBBY, 2, "two").await;
    let slow = bob.answer().await.unwrap_err();
    assert_eq!(refused(&slow), Some(RejectCode::SlowMode));
    assert!((1..=3_600_000).contains(&slow.verdict.retry_after_ms), "{slow:?}");
    join(&mut ada, LOBBY).await.unwrap();
    ada.post(LOBBY, 2, "the owner").await;
    ada.post(LOBBY, 3, "again").await;
}

#[tokio::test]
async fn a_closed_room_tells_its_listeners_and_is_joined_no_more() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    open_room(&mut ada, 0, 0).await;
    let mut bob = listener(&house, "bob").await;
    ada.change(LOBBY, 2, GroupChange::Dissolved).await.unwrap();
    let entry = bob.entry().await;
    let content = Content::decode(&entry.content, usize::MAX).unwrap();
    assert_eq!(content, Content::Group(GroupChange::Dissolved));
    bob.send_text(LOBBY, 1, "anybody?").await;
    assert_eq!(refused(&bob.answer().await.unwrap_err()), Some(RejectCode::NoSuchChat));
    let over = join(&mut bob, LOBBY).await.unwrap_err();
    assert_eq!(over.reject_code(), Some(RejectCode::NoSuchChat));
}

#[tokio::test]
async fn a_session_is_in_so_many_rooms_and_no_more() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    for number in 0..=ROOMS_PER_SESSION_MAX {
        let (name, topic) = ("R".into(), String::new());
        let opened = RoomChange::Opened { name, topic, keep: 0, slow_ms: 0 };
        let id = u64::try_from(number).unwrap();
        ada.send(&format!("room:r{number}"), id, Content::Room(opened).encode()).await;
        ada.answer().await.unwrap();
    }
    for number in 0..ROOMS_PER_SESSION_MAX {
        join(&mut ada, &format!("room:r{number}")).await.unwrap();
    }
    let last = format!("room:r{ROOMS_PER_SESSION_MAX}");
    let full = join(&mut ada, &last).await.unwrap_err();
    assert_eq!(full.reject_code(), Some(RejectCode::LimitReached));
    let left = ada.ask(Operation::RoomLeave { room: chat("room:r3") }).await;
    assert_eq!(left, Ok(Answer::RoomLeave));
    join(&mut ada, &last).await.unwrap();
    assert_eq!(ada.post(&last, 99, "in").await, 2);
    ada.send_text("room:r3", 99, "out").await;
    assert_eq!(refused(&ada.answer().await.unwrap_err()), Some(RejectCode::NoSuchChat));
}

#[tokio::test]
async fn rooms_that_are_closed_take_no_place_from_others() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let last = 3 * ROOMS_PER_SESSION_MAX;
    for number in 0..=last {
        let (name, topic) = ("R".into(), String::new());
        let opened = RoomChange::Opened { name, topic, keep: 0, slow_ms: 0 };
        let room = format!("room:r{number}");
        ada.send(&room, 1, Content::Room(opened).encode()).await;
        ada.answer().await.unwrap();
        join(&mut ada, &room).await.unwrap();
        if number < last {
            ada.change(&room, 2, GroupChange::Dissolved).await.unwrap();
        }
    }
    assert_eq!(ada.post(&format!("room:r{last}"), 2, "in").await, 2);
}

#[tokio::test]
async fn the_end_of_a_connection_leaves_and_those_who_stay_are_told_how_many_they_are() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    open_room(&mut ada, 0, 0).await;
    join(&mut ada, LOBBY).await.unwrap();
    let bob = listener(&house, "bob").await;
    let told = |wanted: u32| {
        move |packet| match packet {
            Packet::Notice(Notice::RoomCount(count)) => {
                assert_eq!(count.room, chat(LOBBY));
                (count.listeners == wanted).then_some(())
            }
            _ => None,
        }
    };
    ada.find(told(2)).await;
    drop(bob);
    ada.find(told(1)).await;
    assert_eq!(ada.post(LOBBY, 2, "alone").await, 2);
}

#[tokio::test]
async fn a_mailbox_that_overflows_loses_what_a_room_says_and_says_so() {
    let house = House::with(|config| {
        config.limits.mailbox_entries = 1;
        config.limits.out_buffer_bytes = 128 * 1024;
    });
    let house = house.await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    open_room(&mut ada, 1_000, 0).await;
    join(&mut ada, LOBBY).await.unwrap();
    let mut bob = listener(&house, "bob").await;
    // Bob reads nothing until one is lost.
    let long = "x".repeat(50_000);
    let mut number = 1;
    while house.metrics.mailbox_overflows.get() == 0 {
        number += 1;
        ada.send_text(LOBBY, number, &long).await;
        // Both of what comes of it: Ada's own mailbox is not to be the one that is full.
        let (mut accepted, mut heard) = (false, false);
        ada.find(|packet| {
            accepted |= matches!(packet, Packet::Accepted(_));
            heard |= matches!(packet, Packet::Deliver(_));
            (accepted && heard).then_some(())
        })
        .await;
    }
    let last = number;
    let mut seqs = Vec::new();
    let missed = bob.find(|packet| {
        if let Packet::Deliver(entry) = &packet {
            seqs.push(entry.seq);
        }
        matches!(packet, Packet::Notice(Notice::Missed)).then_some(())
    });
    missed.await;
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{seqs:?}");
    let asked = bob.ask(Operation::Room { room: chat(LOBBY) }).await;
    let Ok(Answer::Room(state)) = asked else { panic!("{asked:?}") };
    assert!(state.head >= last && *seqs.last().unwrap() < state.head);
}

#[tokio::test]
async fn one_entry_reaches_every_session_that_listens_whoever_it_is() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    open_room(&mut ada, 0, 0).await;
    let mut crowd = Vec::new();
    for number in 0..50 {
        crowd.push(listener(&house, &format!("m{number}")).await);
    }
    let mut desk = Peer::login(house.address, "m0", "desk").await;
    join(&mut ada, LOBBY).await.unwrap();
    ada.post(LOBBY, 2, "all").await;
    for peer in &mut crowd {
        let entry = peer.entry().await;
        assert_eq!((entry.seq, entry.sender), (2, user("ada")));
    }
    hears_nothing(&mut desk).await;
}
