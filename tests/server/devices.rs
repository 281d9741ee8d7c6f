//! A user's devices: listed, logged out, and kept apart where the operator wants it.

use packetboat::config::settings::{AtOnce, Wins};
use packetboat_proto::code::CloseCode;
use packetboat_proto::id::DeviceId;
use packetboat_proto::packet::{
    Answer, Credential, DeviceAnswer, DeviceOperation, DeviceState, Hello, Operation, Packet,
    Request,
};

use crate::house::House;
use crate::peer::{Peer, hello, text_of};

fn on(device: &str, platform: &str) -> Hello {
    Hello {
        device_name: format!("Ada's {device}"),
        platform: platform.into(),
        ..hello("ada", device)
    }
}

async fn ask(peer: &mut Peer, operation: DeviceOperation) -> DeviceAnswer {
    match peer.ask(Operation::Device(operation)).await {
        Ok(Answer::Device(answer)) => answer,
        other => panic!("{other:?}"),
    }
}

async fn listed(peer: &mut Peer) -> Vec<DeviceState> {
    match ask(peer, DeviceOperation::List { after: None, limit: 0 }).await {
        DeviceAnswer::List { devices, more: false } => devices,
        other => panic!("{other:?}"),
    }
}

fn log_out(device: &str) -> DeviceOperation {
    DeviceOperation::LogOut { device: DeviceId::new(device).unwrap() }
}

/// Why a hello is refused.
async fn refused(house: &House, hello: Hello) -> Option<CloseCode> {
    let mut peer = Peer::open(house.address).await;
    peer.say(&Packet::Hello(hello)).await;
    peer.goodbye_code().await
}

#[tokio::test]
async fn a_user_sees_its_devices_and_which_are_connected() {
    let house = House::open().await;
    let (mut phone, _) = Peer::greet(house.address, on("phone", "ios")).await;
    let (desk, _) = Peer::greet(house.address, on("desk", "linux")).await;
    let mut bob = Peer::login(house.address, "bob", "phone").await;
    drop(desk);
    let devices = loop {
        let devices = listed(&mut phone).await;
        if devices.iter().filter(|device| device.online).count() == 1 {
            break devices;
        }
    };
    let [desk, own] = &devices[..] else { panic!("{devices:?}") };
    assert_eq!(
        (desk.device.as_str(), desk.platform.as_str(), desk.online),
        ("desk", "linux", false)
    );
    assert_eq!((own.name.as_str(), own.client.as_str(), own.online), ("Ada's phone", "test", true));
    assert_eq!(own.address, "127.0.0.1");
    assert!(own.first_seen_ms > 0 && own.last_seen_ms >= own.first_seen_ms);
    assert_eq!(listed(&mut bob).await.len(), 1, "one sees one's own");
}

#[tokio::test]
async fn who_is_logged_out_is_told_so_and_its_ticket_is_good_no_more() {
    let house = House::open().await;
    let mut phone = Peer::login(house.address, "ada", "phone").await;
    let (mut desk, welcome) = Peer::greet(house.address, hello("ada", "desk")).await;
    assert_eq!(ask(&mut phone, log_out("desk")).await, DeviceAnswer::LogOut);
    assert_eq!(desk.goodbye_code().await, Some(CloseCode::LoggedOut));
    assert_eq!(ask(&mut phone, log_out("desk")).await, DeviceAnswer::LogOut);
    let by_ticket =
        || Hello { credential: Credential::Ticket(welcome.ticket.clone()), ..hello("ada", "desk") };
    assert_eq!(refused(&house, by_ticket()).await, Some(CloseCode::BadTicket));
    assert_eq!(listed(&mut phone).await.len(), 1);
    let (_desk, again) = Peer::greet(house.address, hello("ada", "desk")).await;
    assert!(again.new_device, "with the whole credential it is a new device");
    assert_eq!(refused(&house, by_ticket()).await, Some(CloseCode::BadTicket), "still");
    let by_ticket = Hello { credential: Credential::Ticket(again.ticket), ..hello("ada", "desk") };
    assert!(!Peer::greet(house.address, by_ticket).await.1.new_device);
}

#[tokio::test]
async fn all_others_are_logged_out_and_so_may_one_itself_be() {
    let house = House::open().await;
    let mut phone = Peer::login(house.address, "ada", "phone").await;
    let mut others = [
        Peer::login(house.address, "ada", "desk").await,
        Peer::login(house.address, "ada", "web").await,
    ];
    let mut bob = Peer::login(house.address, "bob", "desk").await;
    let answer = ask(&mut phone, DeviceOperation::LogOutOthers).await;
    assert_eq!(answer, DeviceAnswer::LogOutOthers);
    for other in &mut others {
        assert_eq!(other.goodbye_code().await, Some(CloseCode::LoggedOut));
    }
    assert_eq!(bob.sync().await, []);
    assert_eq!(listed(&mut phone).await.len(), 1);
    let own = Operation::Device(log_out("phone"));
    phone.say(&Packet::Request(Request { id: 99, operation: Some(own) })).await;
    assert_eq!(phone.goodbye_code().await, Some(CloseCode::LoggedOut));
}

#[tokio::test]
async fn a_device_that_comes_again_is_owed_nothing_of_what_it_was() {
    let house = House::open().await;
    let mut ada = Peer::from_the_start(house.address, "ada", "phone").await;
    let mut bob = Peer::from_the_start(house.address, "bob", "phone").await;
    ada.post("dm:ada:bob", 1, "hi").await;
    assert_eq!(text_of(&bob.take().await), "hi");
    bob.sync().await;
    let mut desk = Peer::login(house.address, "bob", "desk").await;
    ask(&mut desk, log_out("phone")).await;
    assert_eq!(bob.goodbye_code().await, Some(CloseCode::LoggedOut));
    let mut bob = Peer::from_the_start(house.address, "bob", "phone").await;
    assert_eq!(text_of(&bob.take().await), "hi", "it starts over, as it asks");
}

#[tokio::test]
async fn the_newest_of_a_platform_stays() {
    let house = House::with(|config| config.devices.at_once = AtOnce::OnePerPlatform).await;
    let (mut phone, _) = Peer::greet(house.address, on("phone", "ios")).await;
    let (mut web, _) = Peer::greet(house.address, on("browser", "web")).await;
    let (mut tablet, _) = Peer::greet(house.address, on("tablet", "ios")).await;
    assert_eq!(phone.goodbye_code().await, Some(CloseCode::Displaced));
    assert_eq!(listed(&mut tablet).await.iter().filter(|device| device.online).count(), 2);
    assert_eq!(web.sync().await, []);
}

#[tokio::test]
async fn the_oldest_stays_and_no_other_device_is_let_in_beside_it() {
    let house = House::with(|config| {
        config.devices.at_once = AtOnce::One;
        config.devices.wins = Wins::Oldest;
    });
    let house = house.await;
    let mut phone = Peer::login(house.address, "ada", "phone").await;
    assert_eq!(refused(&house, on("desk", "linux")).await, Some(CloseCode::AnotherDevice));
    assert_eq!(listed(&mut phone).await.len(), 1, "who is refused is no device");
    let mut again = Peer::login(house.address, "ada", "phone").await;
    assert_eq!(phone.goodbye_code().await, Some(CloseCode::Replaced));
    let own = Operation::Device(log_out("phone"));
    again.say(&Packet::Request(Request { id: 1, operation: Some(own) })).await;
    assert_eq!(again.goodbye_code().await, Some(CloseCode::LoggedOut));
    Peer::login(house.address, "ada", "desk").await;
}

#[tokio::test]
async fn devices_and_log_outs_outlive_a_restart() {
    let house = House::open().await;
    let (_desk, welcome) = Peer::greet(house.address, hello("ada", "desk")).await;
    let mut phone = Peer::login(house.address, "ada", "phone").await;
    ask(&mut phone, log_out("desk")).await;
    let house = house.restart().await;
    let ticket = Credential::Ticket(welcome.ticket);
    let code = refused(&house, Hello { credential: ticket, ..hello("ada", "desk") }).await;
    assert_eq!(code, Some(CloseCode::BadTicket));
    let mut phone = Peer::login(house.address, "ada", "phone").await;
    assert_eq!(listed(&mut phone).await.len(), 1);
}
