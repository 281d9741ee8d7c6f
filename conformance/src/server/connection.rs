//! Connection and preface (SPEC.md section 2). Must never take a goodbye for granted: its code is
//! checked, and that nothing follows.

use std::time::Duration;

use bytes::BytesMut;
use packetboat_proto::code::CloseCode;
use packetboat_proto::frame::PREFACE;
use packetboat_proto::id::ChatId;
use packetboat_proto::packet::{Answer, Edge, Operation, Packet, Verdict};

use crate::check::checks;
use crate::outcome::{Checked, ensure, fail, same};

use super::bed::Bed;
use super::peer::{Peer, text};

/// How long a server is listened to that should say nothing.
const QUIET: Duration = Duration::from_millis(150);

checks! {
    "connection", Bed;
    Must preface_then_frames ["C-2", "C-3", "C-5"]
        "preface and Hello are taken in one write or in two, and the server sends no preface";
    Must wrong_byte ["C-4"]
        "the first byte that differs from the preface is refused with BAD_PREFACE, as a frame";
    Must other_protocols ["C-4"] "HTTP, and TLS on the plain port, are refused with BAD_PREFACE";
    Must other_versions ["C-4", "V-1"] "another version is refused with BAD_PREFACE";
    Must first_packet ["C-6"] "the first packet is Welcome, also when entries wait";
    Must nothing_after_goodbye ["C-7"]
        "after its own Goodbye and after the client's the server sends nothing and closes";
    Must cut_without_goodbye ["C-9"]
        "what was on its way when the connection was cut may be sent again, and is stored once";
}

async fn preface_then_frames(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut apart = Peer::open(bed).await?;
    let said = apart.within(QUIET).await?;
    ensure(said.is_empty(), "no word before the Hello", format_args!("{said:?}"))?;
    apart.say(Packet::Hello(bed.hello(&ada))).await?;
    apart.welcome().await?;
    let mut joined = BytesMut::from(&PREFACE[..]);
    Packet::Hello(bed.hello(&ada)).put(&mut joined);
    let mut at_once = Peer::connect(bed).await?;
    at_once.raw(&joined).await?;
    at_once.welcome().await.map(drop)
}

async fn wrong_byte(bed: &Bed) -> Checked {
    for at in 0..PREFACE.len() {
        let mut bytes = PREFACE[..=at].to_vec();
        bytes[at] ^= 0x20;
        let mut peer = Peer::connect(bed).await?;
        peer.closes_for(&bytes, CloseCode::BadPreface).await?;
    }
    Ok(())
}

async fn other_protocols(bed: &Bed) -> Checked {
    let http = b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n".to_vec();
    let tls = [&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01][..], &[0; 64]].concat();
    for bytes in [http, tls] {
        Peer::connect(bed).await?.closes_for(&bytes, CloseCode::BadPreface).await?;
    }
    Ok(())
}

async fn other_versions(bed: &Bed) -> Checked {
    for version in [0, 2, 255] {
        let mut bytes = PREFACE;
        bytes[7] = version;
        Peer::connect(bed).await?.closes_for(&bytes, CloseCode::BadPreface).await?;
    }
    Ok(())
}

async fn first_packet(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let hello = bed.hello(&bob);
    drop(Peer::greet(bed, hello.clone()).await?);
    Peer::login(bed, &ada).await?.text(bed, &chat, "it waits").await?;
    let (mut bob, _) = Peer::greet(bed, hello).await?;
    bob.take(&chat).await.map(drop)
}

async fn nothing_after_goodbye(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut refused = Peer::login(bed, &ada).await?;
    let mut bytes = BytesMut::new();
    Packet::Pong(1).put(&mut bytes);
    Packet::Hello(bed.hello(&ada)).put(&mut bytes);
    Packet::Ping(1).put(&mut bytes);
    // The ping behind the fault is not answered: the check of the goodbye sees to it.
    refused.closes_for(&bytes, CloseCode::WrongState).await?;
    let mut leaving = Peer::login(bed, &ada).await?;
    let mut bytes = BytesMut::new();
    Packet::Goodbye(Verdict::close(CloseCode::Done, "", 0)).put(&mut bytes);
    Packet::Ping(2).put(&mut bytes);
    leaving.raw(&bytes).await?;
    leaving.stream.end().await
}

async fn cut_without_goodbye(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (chat, id) = (ChatId::direct(&ada, &bob), bed.message());
    let mut reader = Peer::login(bed, &bob).await?;
    for _ in 0..2 {
        let mut cut = Peer::login(bed, &ada).await?;
        cut.send(&chat, id, text("once")).await?;
        drop(cut);
    }
    let seq = Peer::login(bed, &ada).await?.post(&chat, id, text("once")).await?.seq;
    same("the entry", seq, reader.take(&chat).await?.seq)?;
    let history = Operation::History { chat, edge: Edge::After(seq), limit: 0 };
    match reader.ask(history).await? {
        Ok(Answer::History { entries, .. }) => same("entries behind it", 0, entries.len()),
        other => fail("a history", format_args!("{other:?}")),
    }
}
