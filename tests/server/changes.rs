//! Entries that change entries, end to end: what is delivered, and what is left of what was taken
//! back.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Alteration, Body, Content, Context, Erasure};
use packetboat_proto::entry::Entry;
use packetboat_proto::packet::{Answer, Edge, Operation};

use crate::house::House;
use crate::peer::{Peer, chat};

const DM: &str = "dm:ada:bob";

async fn post(peer: &mut Peer, number: u64, content: &Content, context: &Context) -> u64 {
    peer.send(DM, number, content.encode_in(context)).await;
    peer.answer().await.unwrap().seq
}

async fn alter(peer: &mut Peer, number: u64, alteration: Alteration) -> u64 {
    post(peer, number, &Content::Entry(alteration), &Context::default()).await
}

fn edited(seq: u64, text: &str) -> Alteration {
    Alteration::Edited { seq, new: Body::Text(text.into()) }
}

async fn log(peer: &mut Peer) -> Vec<Content> {
    let asked = Operation::History { chat: chat(DM), edge: Edge::After(0), limit: 0 };
    let Ok(Answer::History { entries, .. }) = peer.ask(asked).await else { panic!("no page") };
    let content = |entry| Content::decode(&Entry::decode(entry).unwrap().content, 9_999).unwrap();
    entries.into_iter().map(content).collect()
}

#[tokio::test]
async fn a_message_is_edited_answered_reacted_to_and_recalled() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    ada.post(DM, 1, "one").await;
    assert_eq!(alter(&mut ada, 2, edited(1, "uno")).await, 2);
    for seq in [1, 2] {
        assert_eq!(bob.take().await.seq, seq);
    }
    let context = Context { reply_to: 1, thread: 1, ..Context::default() };
    assert_eq!(post(&mut bob, 3, &Content::text("re"), &context).await, 3);
    let reaction = "⚓".to_owned();
    alter(&mut bob, 4, Alteration::Reacted { seq: 1, reaction, taken_back: false }).await;
    alter(&mut bob, 5, Alteration::Pinned { seq: 1, unpinned: false }).await;
    let pins = Operation::Pins { chat: chat(DM) };
    assert_eq!(bob.ask(pins.clone()).await.unwrap(), Answer::Pins(vec![1]));
    let thread = Operation::Thread { chat: chat(DM), seq: 1, after: 0, limit: 0 };
    let Ok(Answer::Thread { entries, more: false }) = ada.ask(thread).await else { panic!() };
    assert_eq!(entries.len(), 1);
    assert_eq!(alter(&mut ada, 6, Alteration::Recalled { seq: 1 }).await, 6);
    let told = bob.take().await;
    let recalled = Content::Entry(Alteration::Recalled { seq: 1 });
    assert_eq!((told.seq, Content::decode(&told.content, 99)), (6, Ok(recalled.clone())));
    let log = log(&mut bob).await;
    let left = Content::Erased(Erasure::Recalled { by: 6 });
    assert_eq!((&log[0], &log[1], &log[2]), (&left, &left, &Content::text("re")));
    assert_eq!(log[5], recalled);
    assert_eq!(bob.ask(pins).await.unwrap(), Answer::Pins(Vec::new()));
    let late = Content::Entry(edited(1, "late")).encode();
    ada.send(DM, 7, late).await;
    let refused = ada.answer().await.unwrap_err();
    assert_eq!(refused.verdict.reject_code(), Some(RejectCode::Invalid));
}

#[tokio::test]
async fn who_was_away_gets_what_a_recall_left() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    ada.post(DM, 1, "one").await;
    ada.post(DM, 2, "two").await;
    alter(&mut ada, 3, Alteration::Recalled { seq: 1 }).await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    let mut found = Vec::new();
    for seq in 1..=3 {
        let entry = bob.take().await;
        assert_eq!(entry.seq, seq);
        found.push(Content::decode(&entry.content, 99).unwrap());
    }
    let recalled = Content::Entry(Alteration::Recalled { seq: 1 });
    assert_eq!(
        found,
        [Content::Erased(Erasure::Recalled { by: 3 }), Content::text("two"), recalled]
    );
    ada.send(DM, 1, Content::text("one").encode()).await;
    let again = ada.answer().await.unwrap();
    assert_eq!((again.seq, again.duplicate), (1, true));
}
