//! Groups: every change is an entry of the log, and its rights are checked.

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Content, GroupChange};
use packetboat_proto::entry::Entry;
use packetboat_proto::packet::{
    Answer, AskReceipts, Edge, Operation, Packet, Rejected, Role, Signal, SignalKind,
};

use crate::house::House;
use crate::peer::{Peer, chat, text_of, user};

const CREW: &str = "group:crew";

fn created(members: &[&str]) -> GroupChange {
    let members = members.iter().map(|name| user(name)).collect();
    GroupChange::Created { name: "Crew".into(), members }
}

fn added(name: &str) -> GroupChange {
    GroupChange::Added(vec![user(name)])
}

fn removed(name: &str) -> GroupChange {
    GroupChange::Removed(vec![user(name)])
}

fn code(rejected: &Rejected) -> Option<RejectCode> {
    rejected.verdict.reject_code()
}

fn change_of(entry: &Entry) -> GroupChange {
    match Content::decode(&entry.content, usize::MAX) {
        Ok(Content::Group(change)) => change,
        other => panic!("no change but {other:?}"),
    }
}

#[tokio::test]
async fn a_group_is_made_written_to_and_changed_in_one_log() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    let mut cyd = Peer::login(house.address, "cyd", "x").await;
    assert_eq!(ada.change(CREW, 1, created(&["bob"])).await.unwrap().seq, 1);
    assert_eq!(change_of(&bob.take().await), created(&["bob"]));
    assert_eq!(bob.post(CREW, 1, "hello all").await, 2);
    assert_eq!(text_of(&ada.take().await), "hello all");
    assert_eq!(ada.change(CREW, 2, added("cyd")).await.unwrap().seq, 3);
    let entry = cyd.take().await;
    assert_eq!((entry.seq, change_of(&entry)), (3, added("cyd")));
    let renamed = GroupChange::Renamed("Crew 2".into());
    assert_eq!(ada.change(CREW, 3, renamed.clone()).await.unwrap().seq, 4);
    assert_eq!(change_of(&cyd.take().await), renamed);
}

#[tokio::test]
async fn a_removed_member_is_told_and_gets_no_more() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    ada.change(CREW, 1, created(&["bob"])).await.unwrap();
    ada.change(CREW, 2, removed("bob")).await.unwrap();
    ada.post(CREW, 3, "secret").await;
    // What is accepted is told before the next thing is.
    ada.post(CREW, 4, "more").await;
    assert_eq!(bob.take().await.seq, 1);
    assert_eq!(change_of(&bob.take().await), removed("bob"));
    let rest = bob.sync().await;
    assert!(!rest.iter().any(|packet| matches!(packet, Packet::Deliver(_))), "{rest:?}");
    bob.send_text(CREW, 1, "let me in").await;
    assert_eq!(code(&bob.answer().await.unwrap_err()), Some(RejectCode::NoSuchChat));
    let history = Operation::History { chat: chat(CREW), edge: Edge::Before(0), limit: 0 };
    let Ok(Answer::History { entries, .. }) = bob.ask(history).await else { panic!() };
    let seqs: Vec<u64> =
        entries.into_iter().map(|entry| Entry::decode(entry).unwrap().seq).collect();
    assert_eq!(seqs, [1, 2]);
}

#[tokio::test]
async fn who_was_away_when_removed_still_gets_what_came_before() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    drop(Peer::login(house.address, "bob", "x").await);
    ada.change(CREW, 1, created(&["bob"])).await.unwrap();
    ada.post(CREW, 2, "before").await;
    ada.change(CREW, 3, removed("bob")).await.unwrap();
    ada.post(CREW, 4, "after").await;
    ada.change(CREW, 5, added("bob")).await.unwrap();
    let mut bob = Peer::login(house.address, "bob", "x").await;
    let mut seqs = Vec::new();
    for _ in 0..4 {
        seqs.push(bob.take().await.seq);
    }
    assert_eq!(seqs, [1, 2, 3, 5]);
}

#[tokio::test]
async fn only_the_owner_changes_a_group() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    ada.change(CREW, 1, created(&["bob"])).await.unwrap();
    for change in [added("eve"), removed("ada"), GroupChange::Renamed("Mine".into())] {
        let rejected = bob.change(CREW, 9, change).await.unwrap_err();
        assert_eq!(code(&rejected), Some(RejectCode::NotAllowed));
    }
    let again = bob.change(CREW, 9, created(&[])).await.unwrap_err();
    assert_eq!(code(&again), Some(RejectCode::AlreadyExists));
    let twice = ada.change(CREW, 9, added("bob")).await.unwrap_err();
    assert_eq!(code(&twice), Some(RejectCode::MemberMismatch));
    let nobody = ada.change(CREW, 9, removed("eve")).await.unwrap_err();
    assert_eq!(code(&nobody), Some(RejectCode::MemberMismatch));
    let direct = ada.change("dm:ada:bob", 9, added("eve")).await.unwrap_err();
    assert_eq!(code(&direct), Some(RejectCode::Invalid));
}

#[tokio::test]
async fn an_owner_who_leaves_names_another() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    ada.change(CREW, 1, created(&["bob"])).await.unwrap();
    let left = |to: Option<&str>| GroupChange::Left { new_owner: to.map(user) };
    let alone = ada.change(CREW, 2, left(None)).await.unwrap_err();
    assert_eq!(code(&alone), Some(RejectCode::OwnerNeeded));
    ada.change(CREW, 2, left(Some("bob"))).await.unwrap();
    bob.change(CREW, 1, GroupChange::Renamed("Bob's".into())).await.unwrap();
    let members = Operation::Members { chat: chat(CREW), after: None, limit: 0 };
    let Ok(Answer::Members { members, more }) = bob.ask(members).await else { panic!() };
    assert_eq!((members.len(), members[0].role, more), (1, Some(Role::Owner), false));
    bob.change(CREW, 2, left(None)).await.unwrap();
    bob.send_text(CREW, 3, "anybody?").await;
    assert_eq!(code(&bob.answer().await.unwrap_err()), Some(RejectCode::NoSuchChat));
}

#[tokio::test]
async fn one_entry_reaches_every_connected_member() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let names: Vec<String> = (0..50).map(|number| format!("m{number}")).collect();
    let mut members = Vec::new();
    for name in &names {
        members.push(Peer::login(house.address, name, "x").await);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    ada.change(CREW, 1, created(&names)).await.unwrap();
    ada.post(CREW, 2, "all").await;
    for member in &mut members {
        assert_eq!(member.take().await.seq, 1);
        assert_eq!(text_of(&member.take().await), "all");
    }
}

#[tokio::test]
async fn a_dissolved_group_is_told_to_its_members_and_heard_of_no_more() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    ada.change(CREW, 1, created(&["bob"])).await.unwrap();
    assert_eq!(ada.change(CREW, 2, GroupChange::Dissolved).await.unwrap().seq, 2);
    assert_eq!(change_of(&bob.take().await), created(&["bob"]));
    assert_eq!(change_of(&bob.take().await), GroupChange::Dissolved);
    let refused = bob.change(CREW, 1, added("cyd")).await.unwrap_err();
    assert_eq!(code(&refused), Some(RejectCode::NoSuchChat));
    // Who comes later has the log, and is no member.
    let mut desk = Peer::login(house.address, "bob", "desk").await;
    let asked = desk.ask(Operation::Chat { chat: chat(CREW) }).await;
    let Ok(Answer::Chat(state)) = asked else { panic!("{asked:?}") };
    assert_eq!((state.role, state.head), (None, 2));
    // Nor is it told who types there, or who has read what.
    let mut tablet = Peer::login(house.address, "ada", "tablet").await;
    let signal =
        Signal { chat: chat(CREW), kind: SignalKind::Typing, data: Bytes::new(), sender: None };
    tablet.say(&Packet::Signal(signal)).await;
    tablet.sync().await;
    let heard = desk.sync().await;
    assert!(!heard.iter().any(|packet| matches!(packet, Packet::Signal(_))), "{heard:?}");
    let watch = AskReceipts::Watch { add: vec![chat(CREW)], remove: Vec::new() };
    let refused = desk.ask(Operation::Receipts(watch)).await.unwrap_err();
    assert_eq!(refused.reject_code(), Some(RejectCode::NoSuchChat));
    assert_eq!(bob.post("dm:ada:bob", 2, "still here?").await, 1);
}
