//! Presence: watched, told as it changes, and only to whom it may be.

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::UserId;
use packetboat_proto::limits::WATCHED_MAX;
use packetboat_proto::packet::{
    Answer, ContactAnswer, ContactOperation, Notice, Operation, Packet, Presence, Profile,
    SetContact, Verdict, Visibility,
};

use crate::house::House;
use crate::peer::{Peer, user};

async fn watch(peer: &mut Peer, names: &[&str]) -> Result<Vec<Presence>, Verdict> {
    let add = names.iter().map(|name| user(name)).collect();
    match peer.ask(Operation::Watch { add, remove: Vec::new() }).await? {
        Answer::Watch(users) => Ok(users),
        other => panic!("{other:?}"),
    }
}

async fn asked(peer: &mut Peer, name: &str) -> Presence {
    match peer.ask(Operation::Presence { users: vec![user(name)] }).await {
        Ok(Answer::Presence(mut users)) => users.remove(0),
        other => panic!("{other:?}"),
    }
}

async fn away(peer: &mut Peer, away: bool) {
    assert_eq!(peer.ask(Operation::SetPresence { away }).await, Ok(Answer::SetPresence));
}

async fn profile(peer: &mut Peer, status: &str, visible_to: Visibility) {
    let profile = Profile { status: status.into(), visible_to: Some(visible_to) };
    assert_eq!(peer.ask(Operation::SetProfile(profile)).await, Ok(Answer::SetProfile));
}

/// The next notice of a user's presence that is as wanted.
async fn told(peer: &mut Peer, name: &str, wanted: impl Fn(&Presence) -> bool) -> Presence {
    peer.find(|packet| match packet {
        Packet::Notice(Notice::Presence(told)) => {
            (told.user == user(name) && wanted(&told)).then_some(told)
        }
        _ => None,
    })
    .await
}

#[tokio::test]
async fn who_watches_is_told_when_a_user_comes_and_goes() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let first = watch(&mut ada, &["bob", "cyd"]).await.unwrap();
    assert_eq!(first, [Presence::hidden(user("bob")), Presence::hidden(user("cyd"))]);
    let bob = Peer::login(house.address, "bob", "x").await;
    assert!(!told(&mut ada, "bob", |told| told.online).await.away);
    drop(bob);
    assert!(told(&mut ada, "bob", |told| !told.online).await.last_seen_ms > 0);
    let off = Operation::Watch { add: Vec::new(), remove: vec![user("bob"), user("cyd")] };
    assert_eq!(ada.ask(off).await, Ok(Answer::Watch(Vec::new())));
}

#[tokio::test]
async fn who_was_never_here_is_told_of_as_never_seen() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    assert_eq!(watch(&mut ada, &["bob"]).await.unwrap(), [Presence::hidden(user("bob"))]);
    let never = Presence::hidden(user("bob"));
    assert_eq!(told(&mut ada, "bob", |_| true).await, never);
    // How the two stand to each other tells nothing of it either.
    let set = SetContact { wanted: Some(true), ..SetContact::of(user("bob")) };
    let asked = ada.ask(Operation::Contact(ContactOperation::Set(set))).await;
    assert!(matches!(asked, Ok(Answer::Contact(ContactAnswer::Set(_)))), "{asked:?}");
    assert_eq!(told(&mut ada, "bob", |_| true).await, never);
}

#[tokio::test]
async fn a_user_is_away_when_all_devices_are() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut phone = Peer::login(house.address, "bob", "phone").await;
    let mut desk = Peer::login(house.address, "bob", "desk").await;
    away(&mut phone, true).await;
    let first = watch(&mut ada, &["bob"]).await.unwrap();
    assert_eq!((first[0].online, first[0].away), (true, false));
    away(&mut desk, true).await;
    told(&mut ada, "bob", |told| told.away).await;
    assert!(asked(&mut ada, "bob").await.away);
    away(&mut phone, false).await;
    told(&mut ada, "bob", |told| told.online && !told.away).await;
}

#[tokio::test]
async fn who_may_not_see_is_told_of_nobody() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    let mut desk = Peer::login(house.address, "bob", "desk").await;
    watch(&mut ada, &["bob"]).await.unwrap();
    watch(&mut desk, &["bob"]).await.unwrap();
    profile(&mut bob, "at sea", Visibility::Everyone).await;
    assert_eq!(told(&mut ada, "bob", |told| !told.status.is_empty()).await.status, "at sea");
    for visible_to in [Visibility::Contacts, Visibility::Nobody] {
        profile(&mut bob, "hidden", visible_to).await;
        told(&mut desk, "bob", |told| told.online && told.status == "hidden").await;
        assert_eq!(asked(&mut ada, "bob").await, Presence::hidden(user("bob")));
        assert!(asked(&mut desk, "bob").await.online, "one sees oneself");
        profile(&mut bob, "back", Visibility::Everyone).await;
        told(&mut desk, "bob", |told| told.status == "back").await;
        assert_eq!(asked(&mut ada, "bob").await.status, "back");
    }
}

#[tokio::test]
async fn a_profile_that_says_nothing_of_whom_or_too_much_is_refused() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let unspecified = Profile { status: "x".into(), visible_to: None };
    let torn = Profile { status: "a\nb".into(), visible_to: Some(Visibility::Everyone) };
    for profile in [unspecified, torn] {
        let refused = ada.ask(Operation::SetProfile(profile)).await.unwrap_err();
        assert_eq!(refused.reject_code(), Some(RejectCode::Invalid));
    }
}

#[tokio::test]
async fn a_session_watches_so_many_and_no_more() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let names: Vec<UserId> = (0..=WATCHED_MAX).map(|at| user(&format!("u{at}"))).collect();
    for some in names[..WATCHED_MAX].chunks(100) {
        let watch = Operation::Watch { add: some.to_vec(), remove: Vec::new() };
        assert!(ada.ask(watch).await.is_ok());
    }
    let last = Operation::Watch { add: names[WATCHED_MAX..].to_vec(), remove: Vec::new() };
    let full = ada.ask(last).await.unwrap_err();
    assert_eq!(full.reject_code(), Some(RejectCode::LimitReached));
    let other =
        Operation::Watch { add: names[WATCHED_MAX..].to_vec(), remove: names[..1].to_vec() };
    assert!(ada.ask(other).await.is_ok());
}
