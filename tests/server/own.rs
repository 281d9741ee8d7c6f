//! A user's own state over real sockets: set on one device, heard of on the others.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Content, Context, GroupChange};
use packetboat_proto::packet::{
    Answer, ChatDraft, ChatState, Item, Notice, Operation, Own, OwnAnswer, OwnPage, Packet, Recent,
    SetMarks, Verdict,
};
use packetboat_proto::seqs::SeqRange;

use crate::house::House;
use crate::peer::{Peer, chat, user};

async fn own(peer: &mut Peer, own: Own) -> Result<OwnAnswer, Verdict> {
    match peer.ask(Operation::Own(own)).await? {
        Answer::Own(answer) => Ok(answer),
        other => panic!("{other:?}"),
    }
}

async fn changes(peer: &mut Peer, after: u64) -> OwnPage {
    match own(peer, Own::Changes { after, limit: 0 }).await {
        Ok(OwnAnswer::Changes(page)) => page,
        other => panic!("{other:?}"),
    }
}

fn draft(text: &str) -> ChatDraft {
    ChatDraft { chat: chat("dm:ada:bob"), text: text.into(), reply_to: 0 }
}

async fn recent(peer: &mut Peer, behind: Option<(u64, &str)>) -> (Vec<ChatState>, bool) {
    let behind = behind.map(|(at_ms, of)| (at_ms, chat(of)));
    let recent = Recent { behind, limit: 0, last_bytes: u32::MAX };
    match peer.ask(Operation::Recent(recent)).await {
        Ok(Answer::Recent { chats, more }) => (chats, more),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_draft_of_one_device_is_on_the_others() {
    let house = House::open().await;
    let mut phone = Peer::login(house.address, "ada", "phone").await;
    let mut desk = Peer::login(house.address, "ada", "desk").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    assert_eq!(own(&mut phone, Own::SetDraft(draft("Dear"))).await, Ok(OwnAnswer::Set(1)));
    let told = desk.find(|packet| match packet {
        Packet::Notice(Notice::Own(revision)) => Some(revision),
        _ => None,
    });
    assert_eq!(told.await, 1);
    let page = changes(&mut desk, 0).await;
    assert_eq!((page.revision, page.more, page.items.len()), (1, false, 1));
    assert_eq!(page.items[0].item, Some(Item::Draft(draft("Dear"))));
    assert_eq!(changes(&mut bob, 0).await, OwnPage::default());
}

#[tokio::test]
async fn marks_come_with_the_chat_and_nobody_else_sees_them() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    ada.post("dm:ada:bob", 1, "hi").await;
    let set = SetMarks { pinned: Some(3), ..SetMarks::of(chat("dm:ada:bob")) };
    assert_eq!(own(&mut ada, Own::SetMarks(set.clone())).await, Ok(OwnAnswer::Set(1)));
    let refused = own(&mut ada, Own::SetMarks(SetMarks { chat: chat("dm:bob:cyd"), ..set })).await;
    assert_eq!(refused.unwrap_err().reject_code(), Some(RejectCode::NoSuchChat));
    assert_eq!(recent(&mut ada, None).await.0[0].marks.pinned, 3);
    assert_eq!(recent(&mut bob, None).await.0[0].marks.pinned, 0);
}

#[tokio::test]
async fn a_hidden_entry_is_hidden_from_one_user_only() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    for (number, text) in [(1, "one"), (2, "two")] {
        ada.post("dm:ada:bob", number, text).await;
    }
    let ranges = vec![SeqRange::new(2, 2).unwrap()];
    let hide = Own::Hide { chat: chat("dm:ada:bob"), ranges };
    assert_eq!(own(&mut bob, hide.clone()).await, Ok(OwnAnswer::Hide(1)));
    assert_eq!(own(&mut bob, hide).await, Ok(OwnAnswer::Hide(1)), "asked again, it is so already");
    let last = |chats: &[ChatState]| chats[0].last.as_ref().unwrap().seq;
    let (bobs, adas) = (recent(&mut bob, None).await.0, recent(&mut ada, None).await.0);
    assert_eq!((bobs[0].unread, last(&bobs), last(&adas)), (1, 1, 2));
    let beyond = vec![SeqRange::new(1, 3).unwrap()];
    let hide = Own::Hide { chat: chat("dm:ada:bob"), ranges: beyond };
    let refused = own(&mut bob, hide).await.unwrap_err();
    assert_eq!(refused.reject_code(), Some(RejectCode::Invalid));
}

#[tokio::test]
async fn a_mention_is_counted_until_it_is_read() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    let members = vec![user("bob")];
    let created = GroupChange::Created { name: "Crew".into(), members };
    ada.change("group:crew", 1, created).await.unwrap();
    let context = Context { mentions_all: true, ..Context::default() };
    ada.send("group:crew", 2, Content::text("all hands").encode_in(&context)).await;
    let seq = ada.answer().await.unwrap().seq;
    assert_eq!(recent(&mut bob, None).await.0[0].mentions, 1);
    assert_eq!(recent(&mut ada, None).await.0[0].mentions, 0);
    bob.ack("group:crew", seq, seq).await;
    // The answer follows the ack: it waits for nothing but the disk.
    while recent(&mut bob, None).await.0[0].mentions > 0 {}
}

#[tokio::test]
async fn a_page_of_chats_fits_its_body_whatever_is_said_of_them() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let count: usize = 120;
    for at in 0..count {
        let group = format!("group:{at:03}-{}", "g".repeat(60));
        let (at, name) = (at as u64, "n".repeat(128));
        let created = GroupChange::Created { name, members: Vec::new() };
        ada.change(&group, 2 * at, created).await.unwrap();
        let (topic, avatar) = (Some("t".repeat(512)), Some("a".repeat(256)));
        ada.change(&group, 2 * at + 1, GroupChange::Described { topic, avatar }).await.unwrap();
    }
    let (mut after, mut listed) = (None, 0);
    loop {
        let answer = ada.ask(Operation::Chats { after, limit: 200 }).await;
        let Ok(Answer::Chats { chats, more }) = answer else { panic!("{answer:?}") };
        listed += chats.len();
        after = chats.last().map(|last| last.chat.clone());
        if !more {
            break;
        }
    }
    assert_eq!(listed, count);
    let (chats, more) = recent(&mut ada, None).await;
    assert!(more && !chats.is_empty());
}
