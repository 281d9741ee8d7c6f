//! How a server stops, and who may not start.

use packetboat::server::Server;
use packetboat_proto::code::{CloseCode, RejectCode};

use crate::house::House;
use crate::peer::{Peer, hello, text_of};

#[tokio::test]
async fn a_draining_server_says_when_to_come_back() {
    let mut house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut silent = Peer::connect(house.address).await;
    ada.post("dm:ada:bob", 1, "hi").await;
    house.stop();
    let verdict = ada.goodbye().await;
    assert_eq!(verdict.close_code(), Some(CloseCode::ShuttingDown));
    assert_eq!(verdict.retry_after_ms, 2_000);
    assert_eq!(silent.goodbye_code().await, Some(CloseCode::ShuttingDown));
    house.close().await;
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    for number in 1..=5 {
        ada.post("dm:ada:bob", number, "hi").await;
    }
    let house = house.restart().await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    for seq in 1..=5 {
        assert_eq!(bob.take().await.seq, seq);
    }
    let mut ada = Peer::login(house.address, "ada", "x").await;
    assert_eq!(ada.post("dm:ada:bob", 6, "hi").await, 6);
}

#[tokio::test]
async fn a_second_server_on_the_same_store_is_told_so() {
    let house = House::open().await;
    let Err(error) = Server::start(&house.config).await else { panic!("it started") };
    let text = error.to_string();
    assert!(text.contains("another"), "{text}");
    Peer::login(house.address, "ada", "x").await.sync().await;
}

#[tokio::test]
async fn a_full_server_says_so() {
    let house = House::with(|config| config.listen.connections_max = 1).await;
    let mut first = Peer::login(house.address, "ada", "x").await;
    let mut second = Peer::connect(house.address).await;
    assert_eq!(second.goodbye_code().await, Some(CloseCode::ServerFull));
    first.sync().await;
}

#[tokio::test]
async fn what_was_stored_is_delivered_also_after_the_limit_was_lowered() {
    let house = House::with(|config| config.limits.max_body = 256 * 1024).await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let long = "x".repeat(200_000);
    ada.post("dm:ada:bob", 1, &long).await;
    let house = house.restart_with(|config| config.limits.max_body = 64 * 1024).await;
    let (mut bob, welcome) = Peer::greet(house.address, hello("bob", "x")).await;
    assert_eq!(text_of(&bob.take().await), long);
    assert_eq!(welcome.limits.max_content, 63 * 1024);
    bob.send_text("dm:ada:bob", 1, &long).await;
    let rejected = bob.answer().await.unwrap_err();
    assert_eq!(rejected.verdict.reject_code(), Some(RejectCode::TooLarge));
}
