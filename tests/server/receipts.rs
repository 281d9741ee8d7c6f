//! Receipts: counted, listed, told as they move, and hidden by who wants it.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::GroupChange;
use packetboat_proto::id::ChatId;
use packetboat_proto::limits::RECEIPTS_WATCHED_MAX;
use packetboat_proto::packet::{
    Answer, AskReceipts, Notice, Operation, Packet, ReceiptRule, ReceiptState, ReceiptStep,
    Receipts, Verdict,
};
use packetboat_proto::seqs::SeqRange;

use crate::house::House;
use crate::peer::{Peer, chat, user};

async fn ask(peer: &mut Peer, asked: AskReceipts) -> Result<Receipts, Verdict> {
    match peer.ask(Operation::Receipts(asked)).await? {
        Answer::Receipts(receipts) => Ok(receipts),
        other => panic!("{other:?}"),
    }
}

async fn refused(peer: &mut Peer, asked: AskReceipts) -> Option<RejectCode> {
    ask(peer, asked).await.unwrap_err().reject_code()
}

fn watch(group: &str) -> AskReceipts {
    AskReceipts::Watch { add: vec![chat(group)], remove: Vec::new() }
}

/// Members, delivered, read of one entry.
async fn counted(peer: &mut Peer, of: &ChatId, seq: u64) -> (u32, u32, u32) {
    let ranges = vec![SeqRange::new(seq, seq).unwrap()];
    let asked = AskReceipts::Counts { chat: of.clone(), ranges };
    match ask(peer, asked).await.unwrap() {
        Receipts::Counts(counts) => {
            let [ReceiptStep { members, delivered, read, .. }] = counts.steps[..] else {
                panic!("{counts:?}")
            };
            (members, delivered, read)
        }
        other => panic!("{other:?}"),
    }
}

async fn told(peer: &mut Peer) -> ChatId {
    peer.find(|packet| match packet {
        Packet::Notice(Notice::Receipts(group)) => Some(group),
        _ => None,
    })
    .await
}

/// Takes entries up to one, and says that it has read that.
async fn read(peer: &mut Peer, of: &str, seq: u64) {
    let wanted = |packet| match packet {
        Packet::Deliver(entry) => (entry.chat == chat(of) && entry.seq == seq).then_some(()),
        _ => None,
    };
    peer.find(wanted).await;
    peer.ack(of, seq, seq).await;
}

async fn crew(owner: &mut Peer, number: u64, group: &str, mates: &[&str]) {
    let members = mates.iter().map(|name| user(name)).collect();
    let made = GroupChange::Created { name: "Crew".into(), members };
    owner.change(group, number, made).await.unwrap();
}

#[tokio::test]
async fn who_watches_a_group_is_told_when_receipts_move_and_asks() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    crew(&mut ada, 1, "group:crew", &["bob", "cyd"]).await;
    let seq = ada.post("group:crew", 2, "hello").await;
    let group = chat("group:crew");
    assert_eq!(ask(&mut ada, watch("group:crew")).await, Ok(Receipts::Watched));
    assert_eq!(counted(&mut ada, &group, seq).await, (2, 0, 0));
    read(&mut bob, "group:crew", seq).await;
    assert_eq!(told(&mut ada).await, group);
    assert_eq!(counted(&mut ada, &group, seq).await, (2, 1, 1));
    let readers = AskReceipts::Readers {
        chat: group.clone(),
        seq,
        state: Some(ReceiptState::Read),
        after: None,
        limit: 0,
    };
    match ask(&mut ada, readers).await.unwrap() {
        Receipts::Readers(page) => assert_eq!((page.users, page.next), (vec![user("bob")], None)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn only_groups_of_ones_own_are_watched_and_so_many() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    let groups: Vec<String> = (0..=RECEIPTS_WATCHED_MAX).map(|at| format!("group:g{at}")).collect();
    for (number, group) in (1..).zip(&groups) {
        crew(&mut ada, number, group, &[]).await;
    }
    for (group, most) in groups.iter().zip(1..) {
        let watched = ask(&mut ada, watch(group)).await;
        assert_eq!(watched.is_ok(), most <= RECEIPTS_WATCHED_MAX, "{watched:?}");
    }
    let last = groups.last().unwrap();
    assert_eq!(refused(&mut ada, watch(last)).await, Some(RejectCode::LimitReached));
    assert_eq!(refused(&mut bob, watch(&groups[0])).await, Some(RejectCode::NoSuchChat));
    assert_eq!(refused(&mut bob, watch("dm:ada:bob")).await, Some(RejectCode::NoSuchChat));
    let nothing =
        AskReceipts::Readers { chat: chat(&groups[0]), seq: 1, state: None, after: None, limit: 0 };
    assert_eq!(refused(&mut ada, nothing).await, Some(RejectCode::Invalid));
    assert_eq!(refused(&mut ada, AskReceipts::Set(None)).await, Some(RejectCode::Invalid));
}

#[tokio::test]
async fn who_hides_what_it_reads_watches_nothing_and_its_peer_is_told_what_it_had() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    crew(&mut ada, 1, "group:crew", &["bob"]).await;
    assert_eq!(ask(&mut bob, watch("group:crew")).await, Ok(Receipts::Watched));
    let hide = AskReceipts::Set(Some(ReceiptRule::Hidden));
    assert_eq!(ask(&mut bob, hide).await, Ok(Receipts::Set));
    assert_eq!(refused(&mut bob, watch("group:crew")).await, Some(RejectCode::NotAllowed));
    let seq = ada.post("dm:ada:bob", 2, "hello").await;
    read(&mut bob, "dm:ada:bob", seq).await;
    let moved = ada
        .find(|packet| match packet {
            Packet::Notice(Notice::Cursor(moved)) => Some(moved),
            _ => None,
        })
        .await;
    assert_eq!((moved.delivered, moved.read), (seq, 0));
    let open = AskReceipts::Set(Some(ReceiptRule::Told));
    assert_eq!(ask(&mut bob, open).await, Ok(Receipts::Set));
    assert_eq!(ask(&mut bob, watch("group:crew")).await, Ok(Receipts::Watched));
}
