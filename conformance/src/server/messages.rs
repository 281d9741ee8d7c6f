//! Sends and their answers (SPEC.md section 5.2). Must never judge a reason's words.

use std::collections::HashSet;

use bytes::BytesMut;
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Content, GroupChange};
use packetboat_proto::id::ChatId;
use packetboat_proto::packet::{Packet, Send};

use crate::check::checks;
use crate::outcome::{Checked, ensure, fail, same};
use crate::wire;

use super::bed::Bed;
use super::peer::{Peer, text, told};

/// Messages of a burst.
const BURST: usize = 20;

checks! {
    "messages", Bed;
    Must each_answered ["M-1", "M-3"]
        "each Send is answered once, and those of a chat have rising seqs";
    Must fault_is_rejected ["M-4"] "a fault of the content is Rejected, and does not close";
    Must duplicate ["M-5"] "the same again is Accepted with the first seq and time";
    Must conflict ["M-5"] "the same id with other content is a CONFLICT";
    Must duplicate_on_one_connection ["X-3"] "each Send of the same message is answered";
    Must duplicate_of_who_left ["M-5"] "who has left a group still learns what was accepted";
    Must more_than_the_limit ["M-6"] "sends beyond limits.sends are read later, and none is lost";
    Must byte_for_byte ["M-7", "V-3"] "a content is delivered byte for byte as it came";
    Must chats_of_others ["M-8"] "a chat of others is rejected like one that is not there";
    Must order_of_faults ["M-11"] "of several faults the first in the order counts";
    Must largest ["M-12", "E-1"] "a content of max_content bytes is taken, one byte more is not";
}

async fn each_answered(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let mut peer = Peer::login(bed, &ada).await?;
    let ids: Vec<_> = (0..BURST).map(|_| bed.message()).collect();
    let mut burst = BytesMut::new();
    for (at, id) in ids.iter().enumerate() {
        // One of them is refused, so that both kinds of answers are there.
        let content = if at == 3 { text("") } else { text("hi") };
        Packet::Send(Send { chat: chat.clone(), id: *id, content }).put(&mut burst);
    }
    peer.raw(&burst).await?;
    let mut seqs = vec![0; BURST];
    let mut open: HashSet<_> = ids.iter().copied().collect();
    while !open.is_empty() {
        let id = match peer.next("an answer to each Send").await? {
            Packet::Accepted(accepted) => {
                let at = ids.iter().position(|id| *id == accepted.id);
                seqs[at.unwrap_or(0)] = accepted.seq;
                accepted.id
            }
            Packet::Rejected(rejected) => rejected.id,
            Packet::Notice(_) | Packet::Deliver(_) => continue,
            other => return fail("an answer to each Send", told(&other)),
        };
        ensure(open.remove(&id), "one answer to each Send", "two, or one to no Send")?;
    }
    seqs.retain(|seq| *seq > 0);
    same("accepted", BURST - 1, seqs.len())?;
    ensure(seqs.is_sorted(), "rising seqs", format_args!("{seqs:?}"))?;
    let rest = peer.sync().await?;
    let answers = rest.iter().filter(|p| matches!(p, Packet::Accepted(_) | Packet::Rejected(_)));
    same("answers beyond one each", 0, answers.count())
}

async fn fault_is_rejected(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let mut peer = Peer::login(bed, &ada).await?;
    let broken = vec![0xff].into();
    peer.rejected(bed, &chat, broken, RejectCode::Invalid).await?;
    peer.text(bed, &chat, "still here").await.map(drop)
}

async fn duplicate(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (chat, id) = (ChatId::direct(&ada, &bob), bed.message());
    let mut peer = Peer::login(bed, &ada).await?;
    let first = peer.post(&chat, id, text("once")).await?;
    peer.text(bed, &chat, "between").await?;
    let again = peer.post(&chat, id, text("once")).await?;
    same("seq and at_ms", (first.seq, first.at_ms), (again.seq, again.at_ms))?;
    same("duplicate", (false, true), (first.duplicate, again.duplicate))?;
    // Another sender's message of the same id is another message.
    let other = Peer::login(bed, &bob).await?.post(&chat, id, text("mine")).await?;
    ensure(!other.duplicate && other.seq > first.seq, "a message of its own", "a duplicate")
}

async fn conflict(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (chat, id) = (ChatId::direct(&ada, &bob), bed.message());
    let mut peer = Peer::login(bed, &ada).await?;
    peer.post(&chat, id, text("one")).await?;
    peer.rejected_as(&chat, id, text("other"), RejectCode::Conflict).await?;
    // What E-1 to E-5 refuse comes first.
    peer.rejected_as(&chat, id, text(""), RejectCode::Empty).await
}

async fn duplicate_on_one_connection(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (chat, id) = (ChatId::direct(&ada, &bob), bed.message());
    let mut peer = Peer::login(bed, &ada).await?;
    for _ in 0..3 {
        peer.send(&chat, id, text("thrice")).await?;
    }
    let mut seqs = Vec::new();
    for _ in 0..3 {
        match peer.answer(id).await? {
            Ok(accepted) => seqs.push(accepted.seq),
            Err(rejected) => return fail("Accepted", told(&Packet::Rejected(rejected))),
        }
    }
    same("the seqs", vec![seqs[0]; 3], seqs)
}

async fn duplicate_of_who_left(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, id) = (bed.group(), bed.message());
    let (mut owner, mut member) = (Peer::login(bed, &ada).await?, Peer::login(bed, &bob).await?);
    let made = GroupChange::Created { name: "crew".into(), members: vec![bob] };
    owner.change(bed, &group, made).await?;
    let first = member.post(&group, id, text("in it")).await?;
    member.change(bed, &group, GroupChange::Left { new_owner: None }).await?;
    let again = member.post(&group, id, text("in it")).await?;
    same("seq and duplicate", (first.seq, true), (again.seq, again.duplicate))
}

async fn more_than_the_limit(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let mut peer = Peer::login(bed, &ada).await?;
    let count = peer.limits.sends as usize + 20;
    let mut burst = BytesMut::new();
    for _ in 0..count {
        let id = bed.message();
        Packet::Send(Send { chat: chat.clone(), id, content: text("hi") }).put(&mut burst);
    }
    peer.raw(&burst).await?;
    for _ in 0..count {
        let accepted = |packet: &Packet| matches!(packet, Packet::Accepted(_)).then_some(());
        peer.find("Accepted for each Send", accepted).await?;
    }
    Ok(())
}

async fn byte_for_byte(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let (mut writer, mut reader) = (Peer::login(bed, &ada).await?, Peer::login(bed, &bob).await?);
    // Fields of a later version, a text that is merged of two, a varint longer than needed.
    let words = [wire::bytes(1, b"first"), wire::bytes(1, "last é".as_bytes())].concat();
    let odd = [wire::unknown_fields(), wire::bytes(1, &words), vec![0xf8, 0x3e, 0x80, 0x00]];
    let content = bytes::Bytes::from(odd.concat());
    writer.post(&chat, bed.message(), content.clone()).await?;
    same("the content", content, reader.take(&chat).await?.content)
}

async fn chats_of_others(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let group = bed.group();
    let made = GroupChange::Created { name: "crew".into(), members: vec![bob.clone()] };
    Peer::login(bed, &ada).await?.change(bed, &group, made).await?;
    let mut outsider = Peer::login(bed, &eve).await?;
    for chat in [ChatId::direct(&ada, &bob), group, bed.group()] {
        outsider.rejected(bed, &chat, text("let me in"), RejectCode::NoSuchChat).await?;
    }
    Ok(())
}

async fn order_of_faults(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let room = ChatId::new(&format!("room:{}", bed.name())).expect("a name of a run names a room");
    let others = ChatId::direct(&bob, &eve);
    let own = ChatId::direct(&ada, &bob);
    let change = Content::Group(GroupChange::Renamed("x".into())).encode();
    let mut peer = Peer::login(bed, &ada).await?;
    // The content by itself, before what the chat is.
    for chat in [&room, &others, &bed.group()] {
        peer.rejected(bed, chat, text(""), RejectCode::Empty).await?;
    }
    // What the chat is, before a group's change in it.
    peer.rejected(bed, &room, text("anybody?"), RejectCode::NoSuchChat).await?;
    peer.rejected(bed, &room, change.clone(), RejectCode::Invalid).await?;
    peer.rejected(bed, &others, change.clone(), RejectCode::NoSuchChat).await?;
    // That, before whether the message was accepted before.
    let id = bed.message();
    peer.post(&own, id, text("taken")).await?;
    peer.rejected_as(&own, id, change, RejectCode::Invalid).await
}

async fn largest(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let (mut writer, mut reader) = (Peer::login(bed, &ada).await?, Peer::login(bed, &bob).await?);
    let max = writer.limits.max_content as usize;
    let overhead = text(&"x".repeat(max - 20)).len() - (max - 20);
    let most = text(&"x".repeat(max - overhead));
    ensure(most.len() == max, "a content of max_content bytes to try with", most.len())?;
    writer.post(&chat, bed.message(), most.clone()).await?;
    same("the entry's bytes", most.len(), reader.take(&chat).await?.content.len())?;
    let over = text(&"x".repeat(max - overhead + 1));
    writer.rejected(bed, &chat, over, RejectCode::TooLarge).await?;
    writer.rejected(bed, &chat, vec![0; max + 1].into(), RejectCode::TooLarge).await
}
