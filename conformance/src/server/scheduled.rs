//! Messages that are sent later (SPEC.md section 5.15). Must never schedule one that is left over
//! for another run.

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Alteration, Content, GroupChange};
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::packet::{
    Answer, Edge, Notice, Operation, Packet, Scheduled, ScheduledMessage, ScheduledName,
    Scheduling, Verdict,
};

use crate::check::checks;
use crate::outcome::{Checked, fail, same};

use super::bed::Bed;
use super::peer::Peer;

/// Far ahead, in milliseconds from the epoch on: later than any run, and within what is allowed.
const AHEAD_MS: u64 = 300 * 24 * 60 * 60 * 1_000;

checks! {
    "scheduled", Bed;
    Must sent ["SC-1", "SC-3"] "what is due is sent once, as its user's own, to all devices";
    Must taken_back ["SC-1", "SC-4", "SC-6"] "a message is set anew and taken back by its name";
    Must refused ["SC-2"] "what is not scheduled is refused, with its code";
    Must failed ["SC-5"] "what may not be sent then stays with its verdict, and its user is told";
}

async fn try_ask(peer: &mut Peer, asked: Scheduling) -> Checked<Result<Scheduled, RejectCode>> {
    match peer.ask(Operation::Scheduling(asked)).await? {
        Ok(Answer::Scheduled(scheduled)) => Ok(Ok(scheduled)),
        Err(verdict) => match verdict.reject_code() {
            Some(code) => Ok(Err(code)),
            None => fail("a known code", format_args!("{verdict:?}")),
        },
        other => fail("an answer to its question", format_args!("{other:?}")),
    }
}

async fn schedule(peer: &mut Peer, name: &ScheduledName, content: Bytes, at_ms: u64) -> Checked {
    let asked = Scheduling::Schedule { name: name.clone(), content, at_ms };
    same("the answer", Ok(Scheduled::Schedule), try_ask(peer, asked).await?)
}

async fn unschedule(peer: &mut Peer, name: &ScheduledName) -> Checked {
    let answer = try_ask(peer, Scheduling::Unschedule(name.clone())).await?;
    same("the answer", Ok(Scheduled::Unschedule), answer)
}

async fn listed(peer: &mut Peer) -> Checked<Vec<ScheduledMessage>> {
    match try_ask(peer, Scheduling::List { after: None, limit: 0 }).await? {
        Ok(Scheduled::List { messages, .. }) => Ok(messages),
        other => fail("a page of what is scheduled", format_args!("{other:?}")),
    }
}

/// The server's time, as an entry of a user's own chat has it.
async fn now_ms(peer: &mut Peer, bed: &Bed, user: &UserId) -> Checked<u64> {
    Ok(peer.text(bed, &ChatId::direct(user, user), "what time is it").await?.at_ms)
}

async fn sent(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let (mut one, mut other) = (Peer::login(bed, &ada).await?, Peer::login(bed, &bob).await?);
    let name = ScheduledName { chat: chat.clone(), id: bed.message() };
    let content = Content::text("later").encode();
    let at_ms = now_ms(&mut one, bed, &ada).await? + 200;
    schedule(&mut one, &name, content.clone(), at_ms).await?;
    let entry = other.entry(&chat).await?;
    same("the sender", &ada, &entry.sender)?;
    same("the message", (name.id, &content), (entry.id, &entry.content))?;
    if entry.at_ms < at_ms {
        return fail("an entry of its time or later", entry.at_ms);
    }
    // Asked again, it is sent already.
    schedule(&mut one, &name, content.clone(), at_ms + 1).await?;
    same("what waits", 0, listed(&mut one).await?.len())?;
    let again = one.post(&chat, name.id, content).await?;
    same("the message sent again", (entry.seq, true), (again.seq, again.duplicate))
}

async fn taken_back(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (mut one, mut other) = (Peer::login(bed, &ada).await?, Peer::login(bed, &bob).await?);
    let name = ScheduledName { chat: ChatId::direct(&ada, &bob), id: bed.message() };
    let at_ms = now_ms(&mut one, bed, &ada).await? + AHEAD_MS;
    for text in ["first", "second"] {
        schedule(&mut one, &name, Content::text(text).encode(), at_ms).await?;
    }
    let content = Content::text("second").encode();
    let waits = ScheduledMessage { name: name.clone(), content, at_ms, failed: None };
    same("what waits", vec![waits], listed(&mut one).await?)?;
    same("what waits for another", 0, listed(&mut other).await?.len())?;
    for _ in 0..2 {
        unschedule(&mut one, &name).await?;
    }
    same("what waits then", 0, listed(&mut one).await?.len())
}

async fn refused(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let mut one = Peer::login(bed, &ada).await?;
    let now = now_ms(&mut one, bed, &ada).await?;
    let own = ChatId::direct(&ada, &bob);
    let room = ChatId::room(&bed.name()).expect("a name of a run names a room");
    let hi = || Content::text("hi").encode();
    let recall = Content::Entry(Alteration::Recalled { seq: 1 }).encode();
    let mut cases = vec![
        (own.clone(), Bytes::new(), now, RejectCode::Empty),
        (own.clone(), recall, now, RejectCode::Unsupported),
        (room, hi(), now, RejectCode::Unsupported),
        (ChatId::direct(&bob, &eve), hi(), now, RejectCode::NoSuchChat),
        (own.clone(), hi(), now + 2 * AHEAD_MS, RejectCode::Invalid),
    ];
    let long = Content::text("x".repeat(16_384)).encode();
    if long.len() + 1_024 <= one.limits.max_body as usize {
        cases.push((own, long, now, RejectCode::TooLarge));
    }
    for (chat, content, at_ms, code) in cases {
        let name = ScheduledName { chat, id: bed.message() };
        let answer = try_ask(&mut one, Scheduling::Schedule { name, content, at_ms }).await?;
        same("the refusal", Err(code), answer)?;
    }
    Ok(())
}

async fn failed(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let group = bed.group();
    let (mut owner, mut peer) = (Peer::login(bed, &ada).await?, Peer::login(bed, &bob).await?);
    let (name, members) = ("crew".to_owned(), vec![]);
    owner.change(bed, &group, GroupChange::Created { name, members }).await?;
    let name = ScheduledName { chat: group.clone(), id: bed.message() };
    schedule(&mut peer, &name, Content::text("hi").encode(), 0).await?;
    let told = peer
        .find("a Notice that it failed", |packet| match packet {
            Packet::Notice(Notice::ScheduleFailed(rejected)) => Some(rejected.clone()),
            _ => None,
        })
        .await?;
    same("what is told of", (&name.chat, name.id), (&told.chat, told.id))?;
    same("why", Some(RejectCode::NoSuchChat), told.verdict.reject_code())?;
    let found = listed(&mut peer).await?;
    let codes = found.iter().map(|it| it.failed.as_ref().and_then(Verdict::reject_code));
    same("what is listed", vec![Some(RejectCode::NoSuchChat)], codes.collect())?;
    let asked = Operation::History { chat: group, edge: Edge::After(0), limit: 0 };
    match owner.ask(asked).await? {
        Ok(Answer::History { entries, .. }) => same("the entries of the group", 1, entries.len())?,
        other => return fail("a page of history", format_args!("{other:?}")),
    }
    unschedule(&mut peer, &name).await?;
    same("what is listed then", 0, listed(&mut peer).await?.len())
}
