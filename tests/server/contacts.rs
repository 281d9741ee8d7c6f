//! Contacts and blocks over real sockets: what is told, and what is stopped.

use packetboat::config::settings::{UnknownUsers, WhoWrites};
use packetboat_proto::code::RejectCode;
use packetboat_proto::packet::{
    Answer, AskKeys, Block, Contact, ContactAnswer, ContactOperation, ContactState, Item, Keys,
    Notice, Operation, Own, OwnAnswer, Packet, Presence, Profile, PublishKeys, SetContact, Signal,
    SignalKind, Visibility,
};

use crate::house::House;
use crate::peer::{Peer, chat, user};

const DM: &str = "dm:ada:bob";

async fn ask(peer: &mut Peer, operation: ContactOperation) -> Result<u64, Option<RejectCode>> {
    match peer.ask(Operation::Contact(operation)).await {
        Ok(Answer::Contact(ContactAnswer::Set(revision) | ContactAnswer::Block(revision))) => {
            Ok(revision)
        }
        Ok(other) => panic!("{other:?}"),
        Err(verdict) => Err(verdict.reject_code()),
    }
}

async fn wants(peer: &mut Peer, other: &str, wanted: bool) -> Result<u64, Option<RejectCode>> {
    let set = SetContact { wanted: Some(wanted), ..SetContact::of(user(other)) };
    ask(peer, ContactOperation::Set(set)).await
}

async fn block(peer: &mut Peer, other: &str, blocked: bool) {
    let block = Block { user: user(other), blocked };
    assert!(ask(peer, ContactOperation::Block(block)).await.is_ok());
}

/// The contacts of a user, as its own state has them.
async fn contacts(peer: &mut Peer) -> Vec<Contact> {
    match peer.ask(Operation::Own(Own::Changes { after: 0, limit: 0 })).await {
        Ok(Answer::Own(OwnAnswer::Changes(page))) => {
            let items = page.items.into_iter().filter_map(|item| match item.item {
                Some(Item::Contact(contact)) if !contact.is_none() => Some(contact),
                _ => None,
            });
            items.collect()
        }
        other => panic!("{other:?}"),
    }
}

async fn seen(peer: &mut Peer, of: &str) -> Presence {
    match peer.ask(Operation::Presence { users: vec![user(of)] }).await {
        Ok(Answer::Presence(mut users)) => users.remove(0),
        other => panic!("{other:?}"),
    }
}

async fn says(peer: &mut Peer, number: u64) -> Option<RejectCode> {
    peer.send_text(DM, number, "hi").await;
    peer.answer().await.err().and_then(|rejected| rejected.verdict.reject_code())
}

async fn publish(peer: &mut Peer, identity: &'static str) {
    let (identity, prekey) = (identity.into(), "prekey".into());
    let keys = PublishKeys { identity, prekey, ..PublishKeys::default() };
    assert!(peer.ask(Operation::Keys(AskKeys::Publish(keys))).await.is_ok());
}

/// Who the devices of a user are.
async fn identities(peer: &mut Peer, of: &str) -> Vec<bytes::Bytes> {
    let asked = AskKeys::Devices { user: user(of), after: None, limit: 0 };
    match peer.ask(Operation::Keys(asked)).await {
        Ok(Answer::Keys(Keys::Devices { devices, .. })) => {
            devices.into_iter().map(|device| device.identity).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn who_is_asked_is_told_and_becomes_a_contact() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    wants(&mut ada, "bob", true).await.unwrap();
    bob.find(|packet| matches!(packet, Packet::Notice(Notice::Own(_))).then_some(())).await;
    let asks = Contact { state: ContactState::Asks, ..Contact::of(user("ada")) };
    assert_eq!(contacts(&mut bob).await, [asks]);
    wants(&mut bob, "ada", true).await.unwrap();
    let known = Contact { state: ContactState::Contact, ..Contact::of(user("bob")) };
    assert_eq!(contacts(&mut ada).await, [known]);
    assert_eq!(wants(&mut ada, "ada", true).await, Err(Some(RejectCode::Invalid)));
}

#[tokio::test]
async fn a_block_stops_messages_typing_and_presence_and_says_nothing_of_itself() {
    let house = House::with(|config| config.store.unknown_users = UnknownUsers::Reject).await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    assert_eq!(says(&mut ada, 1).await, None);
    assert!(seen(&mut ada, "bob").await.online);
    let watch = Operation::Watch { add: vec![user("bob")], remove: Vec::new() };
    assert!(ada.ask(watch).await.is_ok());
    block(&mut bob, "ada", true).await;
    ada.find(|packet| match packet {
        Packet::Notice(Notice::Presence(told)) => {
            (told == Presence::hidden(user("bob"))).then_some(())
        }
        _ => None,
    })
    .await;
    assert_eq!(seen(&mut ada, "bob").await, Presence::hidden(user("bob")));
    assert!(seen(&mut bob, "ada").await.online, "who blocks sees as before");
    assert_eq!(says(&mut ada, 2).await, Some(RejectCode::UnknownUser));
    let typing = || {
        let kind = SignalKind::Typing;
        Packet::Signal(Signal { chat: chat(DM), kind, data: bytes::Bytes::new(), sender: None })
    };
    ada.say(&typing()).await;
    ada.sync().await;
    let heard = bob.sync().await;
    let heard = heard.iter().filter(|packet| matches!(packet, Packet::Signal(_))).count();
    assert_eq!(heard, 0);
    block(&mut bob, "ada", false).await;
    assert_eq!(says(&mut ada, 3).await, None);
    ada.say(&typing()).await;
    bob.find(|packet| matches!(packet, Packet::Signal(_)).then_some(())).await;
    assert!(seen(&mut ada, "bob").await.online);
}

#[tokio::test]
async fn a_block_is_known_to_who_comes_later() {
    let house = House::with(|config| config.contacts.tell_blocked = true).await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    block(&mut bob, "ada", true).await;
    let house = house.restart().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    assert_eq!(says(&mut ada, 1).await, Some(RejectCode::Blocked));
    let kind = SignalKind::Typing;
    let data = bytes::Bytes::new();
    ada.say(&Packet::Signal(Signal { chat: chat(DM), kind, data, sender: None })).await;
    ada.sync().await;
    assert!(!bob.sync().await.iter().any(|packet| matches!(packet, Packet::Signal(_))));
    assert_eq!(house.metrics.signals_dropped.get(), 1);
}

#[tokio::test]
async fn contacts_see_what_is_shown_to_contacts_alone() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    let profile = Profile { status: "at sea".into(), visible_to: Some(Visibility::Contacts) };
    assert!(bob.ask(Operation::SetProfile(profile)).await.is_ok());
    assert_eq!(seen(&mut ada, "bob").await, Presence::hidden(user("bob")));
    wants(&mut ada, "bob", true).await.unwrap();
    assert!(!seen(&mut ada, "bob").await.online, "it is not enough to ask");
    wants(&mut bob, "ada", true).await.unwrap();
    assert_eq!(seen(&mut ada, "bob").await.status, "at sea");
    wants(&mut bob, "ada", false).await.unwrap();
    assert_eq!(seen(&mut ada, "bob").await, Presence::hidden(user("bob")));
}

#[tokio::test]
async fn contacts_alone_write_where_the_operator_has_it_so() {
    let house = House::with(|config| config.contacts.who_writes = WhoWrites::Contacts).await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    assert_eq!(says(&mut ada, 1).await, Some(RejectCode::NotAllowed));
    wants(&mut ada, "bob", true).await.unwrap();
    wants(&mut bob, "ada", true).await.unwrap();
    assert_eq!(says(&mut ada, 1).await, None, "what was refused may be sent now");
}

#[tokio::test]
async fn who_is_blocked_is_told_of_no_other_identity() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut cyd = Peer::login(house.address, "cyd", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    publish(&mut bob, "first").await;
    assert_eq!(identities(&mut ada, "bob").await, ["first"]);
    assert_eq!(identities(&mut cyd, "bob").await, ["first"]);
    block(&mut bob, "ada", true).await;
    assert!(identities(&mut ada, "bob").await.is_empty());
    publish(&mut bob, "second").await;
    let told = |packet| matches!(packet, Packet::Notice(Notice::Keys(_))).then_some(());
    cyd.find(told).await;
    // Both are told in one round, if both are.
    let heard = ada.sync().await;
    assert!(!heard.iter().any(|packet| matches!(packet, Packet::Notice(Notice::Keys(_)))));
    block(&mut bob, "ada", false).await;
    assert_eq!(identities(&mut ada, "bob").await, ["second"]);
    publish(&mut bob, "third").await;
    ada.find(told).await;
}
