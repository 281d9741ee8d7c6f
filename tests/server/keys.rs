//! The directory of keys: published by a device, claimed by others, and told when they change.

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::{ClaimId, DeviceId};
use packetboat_proto::packet::{
    Answer, AskKeys, DeviceKeys, KeyBundle, Keys, KeysNews, KeysState, Notice, OneTimeKey,
    Operation, Packet, PublishKeys, Verdict,
};

use crate::house::House;
use crate::peer::{Peer, user};

async fn ask(peer: &mut Peer, asked: AskKeys) -> Result<Keys, Verdict> {
    match peer.ask(Operation::Keys(asked)).await? {
        Answer::Keys(keys) => Ok(keys),
        other => panic!("{other:?}"),
    }
}

fn device(name: &str) -> DeviceId {
    DeviceId::new(name).unwrap()
}

fn one(id: u64) -> OneTimeKey {
    OneTimeKey { id, key: format!("key {id}").into() }
}

async fn publish(peer: &mut Peer, identity: &'static str, ids: &[u64]) -> KeysState {
    let keys = PublishKeys {
        identity: identity.into(),
        proof: "follows".into(),
        prekey: "prekey".into(),
        one_time: ids.iter().map(|id| one(*id)).collect(),
    };
    match ask(peer, AskKeys::Publish(keys)).await.unwrap() {
        Keys::Published(state) => state,
        other => panic!("{other:?}"),
    }
}

async fn claim(peer: &mut Peer, number: u8, of: (&str, &str)) -> Result<KeyBundle, Verdict> {
    let (claim, user) = (ClaimId::from([number; 16]), user(of.0));
    match ask(peer, AskKeys::Claim { claim, user, device: device(of.1) }).await? {
        Keys::Claimed(bundle) => Ok(bundle),
        other => panic!("{other:?}"),
    }
}

async fn devices(peer: &mut Peer, name: &str) -> Vec<DeviceKeys> {
    match ask(peer, AskKeys::Devices { user: user(name), after: None, limit: 0 }).await.unwrap() {
        Keys::Devices { devices, more: false } => devices,
        other => panic!("{other:?}"),
    }
}

async fn news(peer: &mut Peer) -> KeysNews {
    peer.find(|packet| match packet {
        Packet::Notice(Notice::Keys(news)) => Some(news),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn a_device_publishes_and_another_user_claims_a_key_of_it() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut phone = Peer::login(house.address, "bob", "phone").await;
    let mut desk = Peer::login(house.address, "bob", "desk").await;
    assert_eq!(publish(&mut phone, "phone 1", &[1, 2]).await, KeysState { left: 2, highest: 2 });
    assert_eq!(publish(&mut desk, "desk 1", &[]).await, KeysState { left: 0, highest: 0 });
    let bundle = claim(&mut ada, 1, ("bob", "phone")).await.unwrap();
    assert_eq!((bundle.identity, bundle.one_time), ("phone 1".into(), Some(one(1))));
    let again = claim(&mut ada, 1, ("bob", "phone")).await.unwrap();
    assert_eq!(again.one_time, Some(one(1)));
    assert_eq!(claim(&mut ada, 2, ("bob", "desk")).await.unwrap().one_time, None);
    let none = claim(&mut ada, 3, ("bob", "none")).await.unwrap_err();
    assert_eq!(none.reject_code(), Some(RejectCode::NoKeys));
    let listed = devices(&mut ada, "bob").await;
    let names: Vec<&str> = listed.iter().map(|keys| keys.device.as_str()).collect();
    assert_eq!(names, ["desk", "phone"]);
    assert!(listed.iter().all(|keys| keys.state.is_none()));
    let own = devices(&mut phone, "bob").await;
    assert_eq!(own[1].state, Some(KeysState { left: 1, highest: 2 }));
}

#[tokio::test]
async fn who_asked_for_keys_is_told_when_an_identity_changes() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "phone").await;
    publish(&mut bob, "first", &[]).await;
    assert_eq!(devices(&mut ada, "bob").await[0].identity, "first");
    publish(&mut bob, "second", &[]).await;
    let told = news(&mut ada).await;
    assert_eq!((told.user, told.device.identity.clone()), (user("bob"), "second".into()));
    assert_eq!((told.device.proof, told.device.state), ("follows".into(), None));
    let away = AskKeys::Publish(PublishKeys::default());
    assert_eq!(ask(&mut bob, away).await, Ok(Keys::Published(KeysState::default())));
    assert_eq!(news(&mut ada).await.device.identity, "");
    assert_eq!(devices(&mut ada, "bob").await, []);
}

#[tokio::test]
async fn a_device_is_told_when_its_keys_run_low() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut phone = Peer::login(house.address, "bob", "phone").await;
    publish(&mut phone, "phone", &(1..=12).collect::<Vec<_>>()).await;
    for number in 1..=2 {
        claim(&mut ada, number, ("bob", "phone")).await.unwrap();
    }
    let told = news(&mut phone).await;
    assert_eq!((told.user, told.device.device), (user("bob"), device("phone")));
    assert_eq!(told.device.state, Some(KeysState { left: 10, highest: 12 }));
}
