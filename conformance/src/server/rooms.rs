//! Rooms: who hears what in them, and who may change them (SPEC.md 5.7 and section 6, E-19 to
//! E-22). Must never reuse a room of another check.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Alteration, Body, Content, Context, GroupChange, RoomChange};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::packet::{Answer, Edge, Operation, RoomState};

use crate::check::checks;
use crate::outcome::{Checked, ensure, fail, same};

use super::bed::Bed;
use super::peer::{Peer, text};

checks! {
    "rooms", Bed;
    Must opened ["E-20", "M-10"] "a room is opened once, and closed for good";
    Must joined ["Y-1", "Y-7", "M-10"] "only who has joined writes, where a room is open";
    Must heard ["Y-2"] "who has joined hears what comes after its head, its own entries too";
    Must not_owed ["Y-3"] "what was said in a room is not delivered later";
    Must keeps ["Y-5"] "a room keeps its last entries";
    Must slow ["Y-6"] "a slow room refuses what comes too soon, but not from its owner";
    Must not_a_group ["E-19"] "a change of a room is INVALID elsewhere";
    Must rights ["E-21", "E-22"] "the owner sets, and moderators make others mute";
    Must taken_back ["A-4", "A-5", "E-22"] "moderators take messages back, and the mute their own";
    Must answered ["A-1", "A-8"] "what a room keeps is answered, and not edited or pinned";
    Must no_chat ["Q-12"] "a room is no chat of a user's";
}

fn name_of(bed: &Bed) -> ChatId {
    ChatId::room(&bed.name()).expect("a name of a run names a room")
}

async fn change(peer: &mut Peer, bed: &Bed, room: &ChatId, change: RoomChange) -> Checked {
    peer.post(room, bed.message(), Content::Room(change).encode()).await.map(drop)
}

async fn unchanged(
    peer: &mut Peer,
    bed: &Bed,
    room: &ChatId,
    change: RoomChange,
    code: RejectCode,
) -> Checked {
    peer.rejected(bed, room, Content::Room(change).encode(), code).await
}

fn opening(keep: u32, slow_ms: u32) -> RoomChange {
    RoomChange::Opened { name: "lobby".into(), topic: String::new(), keep, slow_ms }
}

fn muted(user: &UserId, until_ms: u64) -> RoomChange {
    RoomChange::Muted { users: vec![user.clone()], until_ms }
}

/// A room and its owner, who listens.
async fn lobby(bed: &Bed, owner: &UserId, keep: u32, slow_ms: u32) -> Checked<(ChatId, Peer)> {
    let room = name_of(bed);
    let mut peer = Peer::login(bed, owner).await?;
    change(&mut peer, bed, &room, opening(keep, slow_ms)).await?;
    join(&mut peer, &room).await?;
    Ok((room, peer))
}

async fn join(peer: &mut Peer, room: &ChatId) -> Checked<RoomState> {
    match peer.ask(Operation::RoomJoin { room: room.clone() }).await? {
        Ok(Answer::RoomJoin(state)) => Ok(state),
        other => fail("a RoomState", format_args!("{other:?}")),
    }
}

async fn listener(bed: &Bed, user: &UserId, room: &ChatId) -> Checked<Peer> {
    let mut peer = Peer::login(bed, user).await?;
    join(&mut peer, room).await?;
    Ok(peer)
}

async fn opened(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (room, mut owner) = lobby(bed, &ada, 0, 0).await?;
    let mut other = listener(bed, &bob, &room).await?;
    unchanged(&mut other, bed, &room, opening(0, 0), RejectCode::AlreadyExists).await?;
    other.unchanged(bed, &room, GroupChange::Dissolved, RejectCode::NotAllowed).await?;
    owner.change(bed, &room, GroupChange::Dissolved).await?;
    other.rejected(bed, &room, text("anybody?"), RejectCode::NoSuchChat).await?;
    unchanged(&mut owner, bed, &room, opening(0, 0), RejectCode::AlreadyExists).await?;
    other.ask_refused(Operation::RoomJoin { room }, RejectCode::NoSuchChat).await
}

async fn joined(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let mut other = Peer::login(bed, &bob).await?;
    let nowhere = Operation::RoomJoin { room: name_of(bed) };
    other.ask_refused(nowhere, RejectCode::NoSuchChat).await?;
    let (room, mut owner) = lobby(bed, &ada, 0, 0).await?;
    other.rejected(bed, &room, text("from outside"), RejectCode::NoSuchChat).await?;
    same("the listeners", 2, join(&mut other, &room).await?.listeners)?;
    same("and again", 2, join(&mut other, &room).await?.listeners)?;
    other.text(bed, &room, "from inside").await?;
    match other.ask(Operation::RoomLeave { room: room.clone() }).await? {
        Ok(Answer::RoomLeave) => {}
        answer => return fail("room_leave", format_args!("{answer:?}")),
    }
    other.rejected(bed, &room, text("from outside"), RejectCode::NoSuchChat).await?;
    match owner.ask(Operation::Room { room }).await? {
        Ok(Answer::Room(state)) => {
            same("the head and listeners", (2, 1), (state.head, state.listeners))
        }
        answer => fail("a RoomState", format_args!("{answer:?}")),
    }
}

async fn heard(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (room, mut owner) = lobby(bed, &ada, 0, 0).await?;
    owner.text(bed, &room, "before").await?;
    let mut other = Peer::login(bed, &bob).await?;
    same("the head", 2, join(&mut other, &room).await?.head)?;
    let mut own = Vec::new();
    for words in ["one", "two"] {
        own.push(other.text(bed, &room, words).await?.seq);
    }
    same("the seqs", vec![3, 4], own)?;
    owner.text(bed, &room, "three").await?;
    same("what comes of others", 5, other.entry(&room).await?.seq)?;
    other.sync().await?;
    let heard: Vec<u64> = other.passed.iter().map(|entry| entry.seq).collect();
    ensure(heard.contains(&3) && heard.contains(&4), "the own entries", format_args!("{heard:?}"))
}

async fn not_owed(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (room, mut owner) = lobby(bed, &ada, 0, 0).await?;
    let mut other = listener(bed, &bob, &room).await?;
    owner.text(bed, &room, "heard").await?;
    same("the entry", 2, other.entry(&room).await?.seq)?;
    drop(other);
    owner.text(bed, &room, "not heard").await?;
    let mut other = Peer::login(bed, &bob).await?;
    other.no_entry(&room, "nothing of a room that was not joined").await?;
    same("the head", 3, join(&mut other, &room).await?.head)?;
    other.no_entry(&room, "nothing up to the head").await
}

async fn keeps(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (room, mut owner) = lobby(bed, &ada, 3, 0).await?;
    for words in ["two", "three", "four", "five"] {
        owner.text(bed, &room, words).await?;
    }
    let mut other = Peer::login(bed, &bob).await?;
    let asked = Operation::History { chat: room.clone(), edge: Edge::After(0), limit: 0 };
    let entries = match other.ask(asked).await? {
        Ok(Answer::History { entries, more: false }) => entries,
        answer => return fail("a whole page", format_args!("{answer:?}")),
    };
    let seqs = entries.into_iter().map(|entry| Entry::decode(entry).map(|entry| entry.seq));
    let seqs: Vec<u64> = seqs.collect::<Result<_, _>>().map_err(|_| ()).unwrap_or_default();
    same("what is kept", vec![3, 4, 5], seqs)?;
    let state = join(&mut other, &room).await?;
    same("the first that is kept", (3, 3), (state.first, state.keep))
}

async fn slow(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (room, mut owner) = lobby(bed, &ada, 0, 3_600_000).await?;
    let mut other = listener(bed, &bob, &room).await?;
    other.text(bed, &room, "one").await?;
    other.rejected(bed, &room, text("two"), RejectCode::SlowMode).await?;
    for words in ["three", "four"] {
        owner.text(bed, &room, words).await?;
    }
    Ok(())
}

async fn not_a_group(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    for chat in [ChatId::direct(&ada, &bob), bed.group()] {
        unchanged(&mut peer, bed, &chat, opening(0, 0), RejectCode::Invalid).await?;
    }
    Ok(())
}

async fn rights(bed: &Bed) -> Checked {
    let [ada, bob, cyd] = bed.users()?;
    let (room, mut owner) = lobby(bed, &ada, 0, 0).await?;
    let (mut other, mut third) =
        (listener(bed, &bob, &room).await?, listener(bed, &cyd, &room).await?);
    let set = RoomChange::Set { keep: Some(5), slow_ms: None, name: None, topic: None };
    let given = |taken_back| RoomChange::Moderators { users: vec![bob.clone()], taken_back };
    for wish in [set.clone(), given(false), muted(&cyd, u64::MAX)] {
        unchanged(&mut other, bed, &room, wish, RejectCode::NotAllowed).await?;
    }
    change(&mut owner, bed, &room, given(false)).await?;
    for user in [&ada, &bob] {
        unchanged(&mut other, bed, &room, muted(user, 9), RejectCode::Invalid).await?;
    }
    change(&mut other, bed, &room, muted(&cyd, u64::MAX)).await?;
    third.rejected(bed, &room, text("hear me"), RejectCode::Muted).await?;
    change(&mut owner, bed, &room, muted(&cyd, 0)).await?;
    third.text(bed, &room, "thanks").await?;
    change(&mut owner, bed, &room, set).await
}

async fn alter(peer: &mut Peer, bed: &Bed, room: &ChatId, what: Alteration) -> Checked {
    peer.post(room, bed.message(), Content::Entry(what).encode()).await.map(drop)
}

async fn not_altered(
    peer: &mut Peer,
    bed: &Bed,
    room: &ChatId,
    what: Alteration,
    code: RejectCode,
) -> Checked {
    peer.rejected(bed, room, Content::Entry(what).encode(), code).await
}

async fn taken_back(bed: &Bed) -> Checked {
    let [ada, bob, cyd] = bed.users()?;
    let (room, mut owner) = lobby(bed, &ada, 0, 0).await?;
    let given = RoomChange::Moderators { users: vec![bob.clone()], taken_back: false };
    change(&mut owner, bed, &room, given).await?;
    let (mut other, mut third) =
        (listener(bed, &bob, &room).await?, listener(bed, &cyd, &room).await?);
    let first = third.text(bed, &room, "first").await?.seq;
    let second = third.text(bed, &room, "second").await?.seq;
    let anothers = other.text(bed, &room, "another's").await?.seq;
    let back = |seq| Alteration::Recalled { seq };
    not_altered(&mut third, bed, &room, back(anothers), RejectCode::NotAllowed).await?;
    change(&mut other, bed, &room, muted(&cyd, u64::MAX)).await?;
    alter(&mut other, bed, &room, back(first)).await?;
    alter(&mut third, bed, &room, back(second)).await?;
    let asked = Operation::History { chat: room, edge: Edge::After(first - 1), limit: 2 };
    match owner.ask(asked).await? {
        Ok(Answer::History { entries, .. }) => {
            let said = entries.into_iter().map(|entry| Entry::decode(entry).map(|it| it.content));
            let left = said.flatten().all(|content| {
                matches!(Content::decode(&content, usize::MAX), Ok(Content::Erased(_)))
            });
            ensure(left, "what was taken back is erased", "it says something")
        }
        answer => fail("a page", format_args!("{answer:?}")),
    }
}

async fn answered(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (room, mut owner) = lobby(bed, &ada, 2, 0).await?;
    let mut other = listener(bed, &bob, &room).await?;
    let kept = owner.text(bed, &room, "kept").await?.seq;
    let reacted = |seq| Alteration::Reacted { seq, reaction: "+1".into(), taken_back: false };
    alter(&mut other, bed, &room, reacted(kept)).await?;
    not_altered(&mut other, bed, &room, reacted(kept - 1), RejectCode::Invalid).await?;
    let context = Context { reply_to: kept, ..Context::default() };
    let reply = Content::text("indeed").encode_in(&context);
    other.post(&room, bed.message(), reply.clone()).await?;
    other.rejected(bed, &room, reply, RejectCode::Invalid).await?;
    let edited = Alteration::Edited { seq: kept + 1, new: Body::Text("new".into()) };
    for unsupported in [edited, Alteration::Pinned { seq: kept + 1, unpinned: false }] {
        not_altered(&mut owner, bed, &room, unsupported, RejectCode::Unsupported).await?;
    }
    let threaded = Context { thread: kept + 1, ..Context::default() };
    let threaded = Content::text("in thread").encode_in(&threaded);
    owner.rejected(bed, &room, threaded, RejectCode::Unsupported).await
}

async fn no_chat(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let (room, mut owner) = lobby(bed, &ada, 0, 0).await?;
    owner.ask_refused(Operation::Chat { chat: room.clone() }, RejectCode::NoSuchChat).await?;
    let members = Operation::Members { chat: room, after: None, limit: 0 };
    owner.ask_refused(members, RejectCode::NoSuchChat).await
}
