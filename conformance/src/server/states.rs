//! States (SPEC.md section 7): every kind in every state, by the vectors. Must never send a row
//! that ends well to where it does not.

use bytes::BytesMut;
use packetboat_proto::code::CloseCode;
use packetboat_proto::id::ChatId;
use packetboat_proto::packet::{Packet, Send, Verdict};

use crate::check::checks;
use crate::outcome::{Checked, Stop, fail, same};
use crate::vectors::{self, Vector};

use super::bed::Bed;
use super::peer::{Peer, text};

checks! {
    "states", Bed;
    Must await_hello ["S-1", "F-6"] "every kind before the Hello, as the vectors say";
    Must open ["S-1", "F-6"] "every kind in an open session, as the vectors say";
    Must goodbye ["S-2", "R-3"] "Goodbye is allowed before the Hello and after, of any verdict";
    Must before_the_goodbye ["S-4"] "what was sent before a Goodbye is stored, and not answered";
}

fn named<T>(vector: &Vector, checked: Checked<T>) -> Checked {
    match checked {
        Err(Stop::Fail { expected, got }) => {
            fail(expected, format_args!("{got}, for the vector {}", vector.name))
        }
        other => other.map(drop),
    }
}

async fn await_hello(bed: &Bed) -> Checked {
    for vector in vectors::all().filter(|vector| vector.reads == "server.await_hello") {
        let mut peer = Peer::open(bed).await?;
        if let Some(code) = vector.close_code() {
            named(&vector, peer.closes_for(&vector.bytes, code).await)?;
        } else if vector.verdict == "skip" {
            // Behind it the Hello is still the first packet.
            let [ada] = bed.users()?;
            peer.raw(&vector.bytes).await?;
            peer.say(Packet::Hello(bed.hello(&ada))).await?;
            named(&vector, peer.welcome().await)?;
        }
        // The rows that are `ok` are a Hello of others, and a Goodbye: see `goodbye`.
    }
    Ok(())
}

async fn open(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let hello = bed.hello(&ada);
    for vector in vectors::all().filter(|vector| vector.reads == "server.open") {
        let (mut peer, _) = Peer::greet(bed, hello.clone()).await?;
        if let Some(code) = vector.close_code() {
            if code == CloseCode::FrameTooLarge && vector.limit != peer.limits.max_body {
                continue;
            }
            named(&vector, peer.closes_for(&vector.bytes, code).await)?;
        } else if vector.name.ends_with(".goodbye") {
            peer.raw(&vector.bytes).await?;
            named(&vector, peer.stream.end().await)?;
        } else {
            peer.raw(&vector.bytes).await?;
            named(&vector, peer.sync().await)?;
        }
    }
    Ok(())
}

async fn goodbye(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let later = Verdict { code: 999, retry: None, ..Verdict::close(CloseCode::Internal, "", 7) };
    for verdict in [Verdict::close(CloseCode::Done, "", 0), later] {
        let mut early = Peer::open(bed).await?;
        early.say(Packet::Goodbye(verdict.clone())).await?;
        early.stream.end().await?;
        let mut open = Peer::login(bed, &ada).await?;
        open.say(Packet::Goodbye(verdict)).await?;
        open.stream.end().await?;
    }
    Ok(())
}

async fn before_the_goodbye(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (chat, id) = (ChatId::direct(&ada, &bob), bed.message());
    let mut reader = Peer::login(bed, &bob).await?;
    let mut last = BytesMut::new();
    Packet::Send(Send { chat: chat.clone(), id, content: text("last words") }).put(&mut last);
    Packet::Goodbye(Verdict::close(CloseCode::Done, "", 0)).put(&mut last);
    let mut leaving = Peer::login(bed, &ada).await?;
    leaving.raw(&last).await?;
    leaving.stream.end().await?;
    let entry = reader.take(&chat).await?;
    same("the message", id, entry.id)
}
