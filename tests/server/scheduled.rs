//! Messages that are sent later, end to end: while nobody is connected, over a restart, and when
//! they may not be.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Content, GroupChange};
use packetboat_proto::packet::{
    Answer, Notice, Operation, Packet, Scheduled, ScheduledName, Scheduling,
};

use crate::house::House;
use crate::peer::{Peer, chat, id, user};

const DM: &str = "dm:ada:bob";

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

fn name(of: &str, number: u64) -> ScheduledName {
    ScheduledName { chat: chat(of), id: id(number) }
}

async fn ask(peer: &mut Peer, scheduling: Scheduling) -> Scheduled {
    match peer.ask(Operation::Scheduling(scheduling)).await {
        Ok(Answer::Scheduled(scheduled)) => scheduled,
        other => panic!("{other:?}"),
    }
}

async fn schedule(peer: &mut Peer, name: ScheduledName, text: &str, at_ms: u64) {
    let content = Content::text(text).encode();
    let asked = Scheduling::Schedule { name, content, at_ms };
    assert_eq!(ask(peer, asked).await, Scheduled::Schedule);
}

async fn listed(peer: &mut Peer) -> Vec<(u64, Option<RejectCode>)> {
    match ask(peer, Scheduling::List { after: None, limit: 0 }).await {
        Scheduled::List { messages, more: false } => messages
            .into_iter()
            .map(|it| (it.at_ms, it.failed.and_then(|verdict| verdict.reject_code())))
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_message_is_sent_at_its_time_though_its_sender_is_gone() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let far_ms = now_ms() + 3_600_000;
    schedule(&mut ada, name(DM, 1), "later", far_ms).await;
    schedule(&mut ada, name(DM, 2), "never", far_ms).await;
    assert_eq!(listed(&mut ada).await.len(), 2);
    assert_eq!(ask(&mut ada, Scheduling::Unschedule(name(DM, 2))).await, Scheduled::Unschedule);
    let at_ms = now_ms() + 300;
    schedule(&mut ada, name(DM, 1), "later", at_ms).await;
    drop(ada);
    let house = house.restart().await;
    let mut bob = Peer::from_the_start(house.address, "bob", "x").await;
    let entry = bob.take().await;
    assert_eq!((entry.sender, entry.id), (user("ada"), id(1)));
    assert_eq!(entry.content, Content::text("later").encode());
    assert!(entry.at_ms >= at_ms, "not before its time");
    // It is delivered to the devices of its sender, too, and sent again it is known.
    let mut ada = Peer::from_the_start(house.address, "ada", "y").await;
    assert_eq!(ada.take().await.seq, 1);
    ada.send_text(DM, 1, "later").await;
    assert!(ada.answer().await.unwrap().duplicate);
    assert_eq!(listed(&mut ada).await, []);
}

#[tokio::test]
async fn who_may_not_send_it_then_is_told_and_finds_it_in_the_list() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    let created = GroupChange::Created { name: "crew".into(), members: vec![user("bob")] };
    ada.change("group:crew", 1, created).await.unwrap();
    schedule(&mut bob, name("group:crew", 7), "hi", now_ms() + 3_600_000).await;
    ada.change("group:crew", 2, GroupChange::Removed(vec![user("bob")])).await.unwrap();
    // Out of the group, bob may not write when it is due, which is now.
    let at_ms = now_ms();
    schedule(&mut bob, name("group:crew", 7), "hi", at_ms).await;
    let told = bob
        .find(|packet| match packet {
            Packet::Notice(Notice::ScheduleFailed(rejected)) => Some(rejected),
            _ => None,
        })
        .await;
    assert_eq!((&told.chat, told.id), (&chat("group:crew"), id(7)));
    assert_eq!(told.verdict.reject_code(), Some(RejectCode::NoSuchChat));
    assert_eq!(listed(&mut bob).await, [(at_ms, Some(RejectCode::NoSuchChat))]);
    ask(&mut bob, Scheduling::Unschedule(name("group:crew", 7))).await;
    assert_eq!(listed(&mut bob).await, []);
    assert_eq!(listed(&mut ada).await, []);
}

#[tokio::test]
async fn what_is_no_content_is_not_scheduled() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    for (content, code) in
        [(Bytes::new(), RejectCode::Empty), (Bytes::from_static(b"\x0a"), RejectCode::Invalid)]
    {
        let asked = Scheduling::Schedule { name: name(DM, 1), content, at_ms: 0 };
        let refused = ada.ask(Operation::Scheduling(asked)).await.unwrap_err();
        assert_eq!(refused.reject_code(), Some(code));
    }
}
