//! What can be asked: history, chats, members, presence.

use packetboat_proto::code::RejectCode;
use packetboat_proto::entry::Entry;
use packetboat_proto::packet::{Answer, ChatState, Edge, Operation, Packet, Request, Role};

use crate::house::House;
use crate::peer::{Peer, chat, user};

async fn seqs(peer: &mut Peer, edge: Edge, limit: u32) -> (Vec<u64>, bool) {
    let operation = Operation::History { chat: chat("dm:ada:bob"), edge, limit };
    let Ok(Answer::History { entries, more }) = peer.ask(operation).await else { panic!() };
    let entries = entries.into_iter().map(|entry| Entry::decode(entry).unwrap().seq);
    (entries.collect(), more)
}

async fn chats(peer: &mut Peer) -> Vec<ChatState> {
    let operation = Operation::Chats { after: None, limit: 0 };
    match peer.ask(operation).await {
        Ok(Answer::Chats { chats, more: false }) => chats,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn history_goes_both_ways() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    for number in 1..=10 {
        ada.post("dm:ada:bob", number, "hi").await;
    }
    assert_eq!(seqs(&mut ada, Edge::After(0), 3).await, (vec![1, 2, 3], true));
    assert_eq!(seqs(&mut ada, Edge::After(8), 3).await, (vec![9, 10], false));
    assert_eq!(seqs(&mut ada, Edge::Before(0), 3).await, (vec![8, 9, 10], true));
    assert_eq!(seqs(&mut ada, Edge::Before(3), 5).await, (vec![1, 2], false));
    assert_eq!(seqs(&mut ada, Edge::After(99), 5).await, (vec![], false));
}

#[tokio::test]
async fn a_page_of_large_entries_still_fits_a_body() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let long = "x".repeat(20_000);
    for number in 1..=8 {
        ada.post("dm:ada:bob", number, &long).await;
    }
    let mut all = Vec::new();
    loop {
        let after = all.last().copied().unwrap_or(0);
        let (page, more) = seqs(&mut ada, Edge::After(after), 0).await;
        assert!(!page.is_empty() && page.len() < 8);
        all.extend(page);
        if !more {
            break;
        }
    }
    assert_eq!(all, (1..=8).collect::<Vec<u64>>());
}

#[tokio::test]
async fn the_list_of_chats_has_head_cursors_and_unread_counts() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    for number in 1..=5 {
        ada.post("dm:ada:bob", number, "hi").await;
    }
    bob.post("dm:ada:bob", 1, "yes?").await;
    for _ in 1..=5 {
        bob.take().await;
    }
    bob.ack("dm:ada:bob", 6, 2).await;
    bob.sync().await;
    // Cursors are stored on their own time: the notice says that it is done.
    ada.find(|packet| match packet {
        Packet::Notice(packetboat_proto::packet::Notice::Cursor(moved)) => {
            (moved.read == 2).then_some(())
        }
        _ => None,
    })
    .await;
    let of_bob = chats(&mut bob).await;
    assert_eq!(of_bob.len(), 1);
    let state = &of_bob[0];
    assert_eq!((state.head, state.delivered, state.read, state.unread), (6, 6, 2, 3));
    let of_ada = chats(&mut ada).await;
    assert_eq!((of_ada[0].peer_delivered, of_ada[0].peer_read), (6, 2));
    assert_eq!(of_ada[0].unread, 1);
    assert!(of_ada[0].last_at_ms > 0);
}

#[tokio::test]
async fn presence_is_told_on_request() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let bob = Peer::login(house.address, "bob", "x").await;
    let ask = || Operation::Presence { users: vec![user("bob"), user("never")] };
    let Ok(Answer::Presence(found)) = ada.ask(ask()).await else { panic!() };
    assert!(found[0].online && !found[1].online);
    assert_eq!(found[1].last_seen_ms, 0);
    drop(bob);
    loop {
        let Ok(Answer::Presence(found)) = ada.ask(ask()).await else { panic!() };
        if !found[0].online && found[0].last_seen_ms > 0 {
            break;
        }
    }
}

#[tokio::test]
async fn the_chats_of_others_are_not_there() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    ada.post("dm:ada:bob", 1, "secret").await;
    let mut eve = Peer::login(house.address, "eve", "x").await;
    let of = || chat("dm:ada:bob");
    for operation in [
        Operation::History { chat: of(), edge: Edge::After(0), limit: 0 },
        Operation::Chat { chat: of() },
        Operation::Members { chat: of(), after: None, limit: 0 },
    ] {
        let refused = eve.ask(operation).await.unwrap_err();
        assert_eq!(refused.reject_code(), Some(RejectCode::NoSuchChat));
    }
    assert!(chats(&mut eve).await.is_empty());
}

#[tokio::test]
async fn an_operation_of_a_later_version_is_refused_and_the_session_goes_on() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    ada.say(&Packet::Request(Request { id: 77, operation: None })).await;
    let refused = ada.find(|packet| match packet {
        Packet::Response(response) if response.id == 77 => response.answer.err(),
        _ => None,
    });
    assert_eq!(refused.await.reject_code(), Some(RejectCode::Unsupported));
    ada.sync().await;
}

#[tokio::test]
async fn a_direct_chat_is_there_before_anything_is_written_to_it() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    assert_eq!(seqs(&mut ada, Edge::Before(0), 0).await, (vec![], false));
    let of = chat("dm:ada:bob");
    let Ok(Answer::Chat(state)) = ada.ask(Operation::Chat { chat: of.clone() }).await else {
        panic!("no state")
    };
    assert_eq!((state.head, state.unread, state.role), (0, 0, Some(Role::Member)));
    let operation = Operation::Members { chat: of, after: None, limit: 0 };
    let Ok(Answer::Members { members, more }) = ada.ask(operation).await else { panic!() };
    let names: Vec<&str> = members.iter().map(|member| member.user.as_str()).collect();
    assert_eq!((names, more), (vec!["ada", "bob"], false));
    assert!(chats(&mut ada).await.is_empty(), "it is listed once there is something in it");
}
