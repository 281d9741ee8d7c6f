//! Who has had an entry and who has read it, and to whom that is told (SPEC.md 5.13, RC-1 to RC-6).

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::GroupChange;
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::packet::{
    Answer, AskReceipts, Notice, Operation, Packet, ReceiptCounts, ReceiptRule, ReceiptState,
    ReceiptStep, Receipts,
};
use packetboat_proto::seqs::SeqRange;

use crate::check::checks;
use crate::outcome::{Checked, fail, same};

use super::bed::Bed;
use super::peer::Peer;

checks! {
    "receipts", Bed;
    Must counted ["RC-1", "RC-2"] "receipts count the other members who may see an entry, in steps";
    Must listed ["RC-3"] "readers lists those with whom an entry is in a state";
    Must hidden ["RC-4"] "what a user reads who hides it is told nobody, nor is it told of others";
    Must watched ["RC-5"] "who watches a group is told when cursors have moved";
    Must rights ["RC-5", "RC-6"] "only members ask for receipts, and watch their groups";
}

/// A group of three with one message, which the second has had and read.
struct Crew {
    group: ChatId,
    seq: u64,
    users: [UserId; 3],
    ada: Peer,
    bob: Peer,
}

async fn crew(bed: &Bed) -> Checked<Crew> {
    let users: [UserId; 3] = bed.users()?;
    let group = bed.group();
    let mut ada = Peer::login(bed, &users[0]).await?;
    // Its device starts at what comes from now on.
    let mut bob = Peer::login(bed, &users[1]).await?;
    let members = users[1..].to_vec();
    ada.change(bed, &group, GroupChange::Created { name: "crew".into(), members }).await?;
    let seq = ada.text(bed, &group, "hello").await?.seq;
    read(&mut bob, &group, seq).await?;
    Ok(Crew { group, seq, users, ada, bob })
}

async fn read(peer: &mut Peer, group: &ChatId, seq: u64) -> Checked {
    while peer.entry(group).await?.seq < seq {}
    peer.ack(group, seq, seq).await?;
    peer.sync().await.map(drop)
}

async fn ask(peer: &mut Peer, asked: AskReceipts) -> Checked<Receipts> {
    match peer.ask(Operation::Receipts(asked)).await? {
        Ok(Answer::Receipts(receipts)) => Ok(receipts),
        other => fail("an answer about receipts", format_args!("{other:?}")),
    }
}

async fn counts(peer: &mut Peer, chat: &ChatId, first: u64, last: u64) -> Checked<ReceiptCounts> {
    let ranges = SeqRange::new(first, last).into_iter().collect();
    match ask(peer, AskReceipts::Counts { chat: chat.clone(), ranges }).await? {
        Receipts::Counts(counts) => Ok(counts),
        other => fail("receipts", format_args!("{other:?}")),
    }
}

/// Asks until the acks that were sent have become cursors.
async fn settled(
    peer: &mut Peer,
    (chat, seq): (&ChatId, u64),
    wanted: impl Fn(&ReceiptStep) -> bool,
) -> Checked<ReceiptCounts> {
    for _ in 0..ASKED_MAX {
        let found = counts(peer, chat, seq, seq).await?;
        if found.steps.first().is_some_and(&wanted) {
            return Ok(found);
        }
    }
    let found = counts(peer, chat, seq, seq).await?;
    fail("receipts that follow the cursors", format_args!("{found:?}"))
}

/// How often it is asked for what an ack is to bring about.
const ASKED_MAX: usize = 1_000;

async fn who(peer: &mut Peer, crew: (&ChatId, u64), state: ReceiptState) -> Checked<Vec<UserId>> {
    let (chat, state) = (crew.0.clone(), Some(state));
    let asked = AskReceipts::Readers { chat, seq: crew.1, state, after: None, limit: 0 };
    match ask(peer, asked).await? {
        Receipts::Readers(page) if page.next.is_none() => Ok(page.users),
        other => fail("one page of readers", format_args!("{other:?}")),
    }
}

async fn counted(bed: &Bed) -> Checked {
    let Crew { group, seq, mut ada, .. } = crew(bed).await?;
    settled(&mut ada, (&group, seq), |step| step.read == 1).await?;
    let next = ada.text(bed, &group, "again").await?.seq;
    let found = counts(&mut ada, &group, 1, u64::MAX).await?;
    let step =
        |first, last, delivered, read| ReceiptStep { first, last, members: 2, delivered, read };
    same("steps", vec![step(1, seq, 1, 1), step(next, next, 0, 0)], found.steps)?;
    same("more, hidden", (false, false), (found.more, found.hidden))?;
    let nothing = counts(&mut ada, &group, next + 1, u64::MAX).await?;
    same("steps of what is not there", Vec::new(), nothing.steps)
}

async fn listed(bed: &Bed) -> Checked {
    let Crew { group, seq, users, mut ada, mut bob } = crew(bed).await?;
    settled(&mut ada, (&group, seq), |step| step.read == 1).await?;
    let next = ada.text(bed, &group, "again").await?.seq;
    while bob.entry(&group).await?.seq < next {}
    bob.ack(&group, next, 0).await?;
    settled(&mut ada, (&group, next), |step| step.delivered == 1).await?;
    let [_, bob, cyd] = users;
    same("read", vec![bob.clone()], who(&mut ada, (&group, seq), ReceiptState::Read).await?)?;
    let had = who(&mut ada, (&group, next), ReceiptState::Delivered).await?;
    same("delivered", vec![bob], had)?;
    same("waiting", vec![cyd], who(&mut ada, (&group, next), ReceiptState::Waiting).await?)?;
    same("of no entry", Vec::new(), who(&mut ada, (&group, 999), ReceiptState::Waiting).await?)
}

async fn set(peer: &mut Peer, rule: ReceiptRule) -> Checked {
    same("set_receipts", Receipts::Set, ask(peer, AskReceipts::Set(Some(rule))).await?)
}

fn watch(group: &ChatId) -> AskReceipts {
    AskReceipts::Watch { add: vec![group.clone()], remove: Vec::new() }
}

async fn hidden(bed: &Bed) -> Checked {
    let Crew { group, seq, users, mut ada, mut bob } = crew(bed).await?;
    settled(&mut ada, (&group, seq), |step| step.read == 1).await?;
    set(&mut bob, ReceiptRule::Hidden).await?;
    let found = counts(&mut ada, &group, seq, seq).await?;
    same("read of another who hides it", Some(0), found.steps.first().map(|step| step.read))?;
    let had = who(&mut ada, (&group, seq), ReceiptState::Delivered).await?;
    same("who has had it", vec![users[1].clone()], had)?;
    ada.ack(&group, seq, seq).await?;
    ada.sync().await?;
    let found = counts(&mut bob, &group, seq, seq).await?;
    same("hidden", true, found.hidden)?;
    same("read, to one who hides it", Some(0), found.steps.first().map(|step| step.read))?;
    bob.ask_refused(Operation::Receipts(watch(&group)), RejectCode::NotAllowed).await?;
    let direct = ChatId::direct(&users[0], &users[1]);
    let seq = ada.text(bed, &direct, "hello").await?.seq;
    read(&mut bob, &direct, seq).await?;
    let moved = |packet: &Packet| match packet {
        Packet::Notice(Notice::Cursor(moved)) if moved.chat == direct => Some(moved.clone()),
        _ => None,
    };
    let moved = ada.find("a Notice of the cursor", moved).await?;
    same("delivered and read", (seq, 0), (moved.delivered, moved.read))?;
    match ada.ask(Operation::Chat { chat: direct.clone() }).await? {
        Ok(Answer::Chat(state)) => {
            let found = (state.peer_delivered, state.peer_read);
            same("delivered and read", (seq, 0), found)?;
        }
        other => return fail("the chat", format_args!("{other:?}")),
    }
    set(&mut bob, ReceiptRule::Told).await?;
    settled(&mut ada, (&direct, seq), |step| step.read == 1).await.map(drop)
}

async fn watched(bed: &Bed) -> Checked {
    let Crew { group, mut ada, mut bob, .. } = crew(bed).await?;
    same("watch_receipts", Receipts::Watched, ask(&mut ada, watch(&group)).await?)?;
    let seq = ada.text(bed, &group, "again").await?.seq;
    read(&mut bob, &group, seq).await?;
    let moved = |packet: &Packet| match packet {
        Packet::Notice(Notice::Receipts(chat)) => (*chat == group).then_some(()),
        _ => None,
    };
    ada.find("a Notice of receipts", moved).await?;
    settled(&mut ada, (&group, seq), |step| step.read == 1).await.map(drop)
}

async fn rights(bed: &Bed) -> Checked {
    let Crew { group, seq, users, mut ada, mut bob } = crew(bed).await?;
    let ranges = || SeqRange::new(1, 1).into_iter().collect();
    let asked = || AskReceipts::Counts { chat: group.clone(), ranges: ranges() };
    let [stranger] = bed.strangers()?;
    let mut eve = Peer::login(bed, &stranger).await?;
    eve.ask_refused(Operation::Receipts(asked()), RejectCode::NoSuchChat).await?;
    eve.ask_refused(Operation::Receipts(watch(&group)), RejectCode::NoSuchChat).await?;
    let state = Some(ReceiptState::Read);
    let readers = AskReceipts::Readers { chat: group.clone(), seq, state, after: None, limit: 0 };
    eve.ask_refused(Operation::Receipts(readers), RejectCode::NoSuchChat).await?;
    let direct = ChatId::direct(&users[0], &users[1]);
    ada.ask_refused(Operation::Receipts(watch(&direct)), RejectCode::NoSuchChat).await?;
    ada.change(bed, &group, GroupChange::Removed(vec![users[1].clone()])).await?;
    bob.ask_refused(Operation::Receipts(asked()), RejectCode::NotAllowed).await?;
    let nothing = AskReceipts::Set(None);
    ada.ask_refused(Operation::Receipts(nothing), RejectCode::Invalid).await
}
