//! Signals and notices (SPEC.md section 5.4). Must never need a hint to come where the clause does
//! not say that it does: each is waited for once, with nobody else talking.

use packetboat_proto::code::CloseCode;
use packetboat_proto::content::GroupChange;
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::packet::{CursorMoved, Notice, Packet, Signal, SignalKind};

use crate::check::checks;
use crate::outcome::{Checked, ensure, same};
use crate::wire;

use super::bed::Bed;
use super::peer::Peer;

checks! {
    "hints", Bed;
    Must not_stored ["N-1"] "a signal is not stored for who is away";
    Must to_others ["N-2"] "a signal goes to the other members' sessions and the own others";
    Must not_from_outside ["N-2"] "a signal of who is no member is dropped in silence";
    Must sender_is_ignored ["N-3"] "a signal's sender is ignored, if it is a user id at all";
    Must cursors_of_the_other ["N-4"] "cursor moves are told to the other of a direct chat";
    Must no_cursors_in_groups ["N-4"] "cursor moves of other members of a group are not told";
    Must notice_of_a_client ["N-6", "S-1"]
        "a notice without a known member is skipped, any other is out of turn";
    Must kinds ["P-8", "P-9"] "a signal's kind counts with its low 32 bits, unknown ones are bad";
}

fn typing(chat: &ChatId, data: &'static [u8]) -> Packet {
    let (chat, data) = (chat.clone(), bytes::Bytes::from_static(data));
    Packet::Signal(Signal { chat, kind: SignalKind::Typing, data, sender: None })
}

async fn signal(peer: &mut Peer) -> Checked<Signal> {
    peer.find("a Signal", |packet| match packet {
        Packet::Signal(signal) => Some(signal.clone()),
        _ => None,
    })
    .await
}

fn signals(said: &[Packet]) -> usize {
    said.iter().filter(|packet| matches!(packet, Packet::Signal(_))).count()
}

async fn not_stored(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let hello = bed.hello(&bob);
    drop(Peer::greet(bed, hello.clone()).await?);
    let mut writer = Peer::login(bed, &ada).await?;
    writer.say(typing(&chat, b"")).await?;
    writer.sync().await?;
    let (mut late, _) = Peer::greet(bed, hello).await?;
    same("signals from before", 0, signals(&late.sync().await?))
}

async fn to_others(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let mut sender = Peer::login(bed, &ada).await?;
    let mut others = Vec::new();
    for user in [&ada, &bob, &bob] {
        let mut other = Peer::login(bed, user).await?;
        other.sync().await?;
        others.push(other);
    }
    sender.say(typing(&chat, b"data")).await?;
    for other in &mut others {
        let found = signal(other).await?;
        same("chat and sender", (&chat, Some(&ada)), (&found.chat, found.sender.as_ref()))?;
        same("the data", &b"data"[..], &found.data[..])?;
    }
    same("signals to the session that sent it", 0, signals(&sender.sync().await?))
}

async fn not_from_outside(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let mut member = Peer::login(bed, &bob).await?;
    member.sync().await?;
    let mut outsider = Peer::login(bed, &eve).await?;
    outsider.say(typing(&chat, b"psst")).await?;
    outsider.say(typing(&bed.group(), b"psst")).await?;
    let said = outsider.sync().await?;
    ensure(said.is_empty(), "silence", format_args!("{said:?}"))?;
    same("signals of who is no member", 0, signals(&member.sync().await?))
}

async fn sender_is_ignored(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let mut reader = Peer::login(bed, &bob).await?;
    reader.sync().await?;
    let mut writer = Peer::login(bed, &ada).await?;
    let sender = Some(UserId::new("somebody-else").expect("it is a user id"));
    let (kind, data) = (SignalKind::Custom, bytes::Bytes::new());
    writer.say(Packet::Signal(Signal { chat: chat.clone(), kind, data, sender })).await?;
    same("the sender", Some(ada), signal(&mut reader).await?.sender)?;
    let name = wire::bytes(1, chat.as_str().as_bytes());
    let body = [name, wire::number(2, 1), wire::bytes(4, b"no user id")].concat();
    writer.closes_for(&wire::frame(0x15, &body), CloseCode::BadBody).await
}

async fn moved(peer: &mut Peer, of: &ChatId, delivered: u64) -> Checked<CursorMoved> {
    peer.find("a Notice of moved cursors", |packet| match packet {
        Packet::Notice(Notice::Cursor(moved)) => {
            (moved.chat == *of && moved.delivered == delivered).then(|| moved.clone())
        }
        _ => None,
    })
    .await
}

async fn cursors_of_the_other(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let (mut writer, mut reader) = (Peer::login(bed, &ada).await?, Peer::login(bed, &bob).await?);
    let mut laptop = Peer::login(bed, &bob).await?;
    let seq = writer.text(bed, &chat, "read this").await?.seq;
    reader.entry(&chat).await?;
    reader.ack(&chat, seq, seq).await?;
    for peer in [&mut writer, &mut laptop] {
        let found = moved(peer, &chat, seq).await?;
        same("user and read", (&bob, seq), (&found.user, found.read))?;
    }
    Ok(())
}

async fn no_cursors_in_groups(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let group = bed.group();
    let (mut owner, mut member) = (Peer::login(bed, &ada).await?, Peer::login(bed, &bob).await?);
    let mut laptop = Peer::login(bed, &bob).await?;
    let made = GroupChange::Created { name: "crew".into(), members: vec![bob.clone()] };
    owner.change(bed, &group, made).await?;
    member.entry(&group).await?;
    member.ack(&group, 1, 1).await?;
    // The user's other device is told, so it is stored by then.
    moved(&mut laptop, &group, 1).await?;
    let told = owner.sync().await?.iter().any(
        |packet| matches!(packet, Packet::Notice(Notice::Cursor(moved)) if moved.chat == group),
    );
    ensure(!told, "no Notice about another member of a group", "one")
}

async fn notice_of_a_client(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let later = wire::frame(0x16, &wire::bytes(999, &[]));
    let mut peer = Peer::open(bed).await?;
    peer.raw(&later).await?;
    peer.say(Packet::Hello(bed.hello(&ada))).await?;
    peer.welcome().await?;
    peer.raw(&later).await?;
    peer.sync().await?;
    let missed = wire::frame(0x16, &wire::bytes(2, &[]));
    peer.closes_for(&missed, CloseCode::WrongState).await
}

async fn kinds(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let name = wire::bytes(1, chat.as_str().as_bytes());
    let of_kind = |kind| wire::frame(0x15, &[name.clone(), wire::number(2, kind)].concat());
    let mut reader = Peer::login(bed, &bob).await?;
    reader.sync().await?;
    let mut writer = Peer::login(bed, &ada).await?;
    writer.raw(&of_kind((1 << 32) + 2)).await?;
    same("the kind", SignalKind::Stopped, signal(&mut reader).await?.kind)?;
    for kind in [0, 4] {
        let mut writer = Peer::login(bed, &ada).await?;
        writer.closes_for(&of_kind(kind), CloseCode::BadBody).await?;
    }
    Ok(())
}
