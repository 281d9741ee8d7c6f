//! Messages that expire, end to end: who was there and who was not, and what a restart finds.

use std::time::Duration;

use packetboat_proto::content::{Alteration, Body, Content, Context, Erasure};
use packetboat_proto::entry::Entry;
use packetboat_proto::packet::{Answer, Edge, Operation};
use tokio::time::sleep;

use crate::house::House;
use crate::peer::{PATIENCE, Peer, chat};

const DM: &str = "dm:ada:bob";

/// A text that stays for so long that it can be changed before, on a busy machine, too.
async fn post_expiring(peer: &mut Peer, number: u64) -> u64 {
    let context = Context { expires_after_ms: 4_000, ..Context::default() };
    peer.send(DM, number, Content::text("secret").encode_in(&context)).await;
    peer.answer().await.unwrap().seq
}

async fn log(peer: &mut Peer) -> Vec<Content> {
    let asked = Operation::History { chat: chat(DM), edge: Edge::After(0), limit: 0 };
    let Ok(Answer::History { entries, .. }) = peer.ask(asked).await else { panic!("no page") };
    let content = |entry| Content::decode(&Entry::decode(entry).unwrap().content, 9_999).unwrap();
    entries.into_iter().map(content).collect()
}

/// Looks until a log is as it should be in the end.
async fn comes_to(peer: &mut Peer, wanted: &[Content]) {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let found = log(peer).await;
        if found == wanted {
            return;
        }
        assert!(tokio::time::Instant::now() < until, "{found:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_message_is_there_until_its_time_is_over_and_gone_for_all_then() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    assert_eq!(post_expiring(&mut ada, 1).await, 1);
    let edit = Alteration::Edited { seq: 1, new: Body::Text("more secret".into()) };
    ada.send(DM, 2, Content::Entry(edit).encode()).await;
    ada.post(DM, 3, "stays").await;
    let delivered = bob.take().await;
    assert_eq!(Content::decode(&delivered.content, 99), Ok(Content::text("secret")));
    let gone = Content::Erased(Erasure::Expired { of: 1 });
    let left = [gone.clone(), gone, Content::text("stays")];
    comes_to(&mut bob, &left).await;
    let mut late = Peer::from_the_start(house.address, "bob", "late").await;
    for content in &left {
        let entry = late.take().await;
        assert_eq!(Content::decode(&entry.content, 99).as_ref(), Ok(content));
    }
    let until = tokio::time::Instant::now() + PATIENCE;
    while house.metrics.due_done.get() == 0 {
        assert!(tokio::time::Instant::now() < until, "the store forgets it, too");
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(log(&mut ada).await, left);
}

#[tokio::test]
async fn what_is_over_while_the_server_is_down_is_not_shown_by_the_next() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    post_expiring(&mut ada, 1).await;
    let house = house.restart().await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    comes_to(&mut bob, &[Content::Erased(Erasure::Expired { of: 1 })]).await;
}
