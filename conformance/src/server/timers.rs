//! Timers and rates (SPEC.md sections 9 and 10). Must never fail a server for being early by what
//! a busy machine makes of a clock: only far too early and far too late are faults.

use std::time::Duration;

use bytes::BytesMut;
use packetboat_proto::code::CloseCode;
use packetboat_proto::frame::PREFACE;
use packetboat_proto::id::ChatId;
use packetboat_proto::limits::HEARTBEAT_MS_LOWEST;
use packetboat_proto::packet::{Hello, Limits, Packet, Send};
use tokio::time::{Instant, sleep};

use crate::check::checks;
use crate::outcome::{Checked, ensure, fail};
use crate::wire;

use super::bed::{Bed, MARGIN};
use super::peer::{Peer, text};

/// A heartbeat that a busy machine still keeps.
const HEARTBEAT: Duration = Duration::from_millis(1_500);
/// Pings that are far more than any burst.
const PINGS: u64 = 20_000;

checks! {
    "timers", Bed;
    Must handshake ["C-6"] "who opens no session is closed with HANDSHAKE_TIMEOUT";
    Must silence ["T-2"] "silence of one and a half heartbeats is HEARTBEAT_TIMEOUT, less is not";
    Must any_bytes ["T-1"] "any bytes count as life, those of half a frame too";
    Should ping_of_its_own ["T-3"]
        "who hears nothing from it for one and a quarter heartbeats gets a Ping";
    Must burst_of_pings ["T-4"] "a burst of 50 pings is answered, far more are RATE_LIMITED";
    Must flood_of_sends ["L-2"] "sends over the server's rate are all answered, in their time";
}

async fn with_heartbeat(bed: &Bed, heartbeat: Duration) -> Checked<Peer> {
    let [ada] = bed.users()?;
    let heartbeat_ms = u32::try_from(heartbeat.as_millis()).unwrap_or(HEARTBEAT_MS_LOWEST);
    let wanted = Limits { heartbeat_ms, ..Limits::default() };
    Ok(Peer::greet(bed, Hello { wanted, ..bed.hello(&ada) }).await?.0)
}

async fn handshake(bed: &Bed) -> Checked {
    bed.worth(bed.operator.handshake)?;
    for bytes in [&PREFACE[..3], &PREFACE[..]] {
        let mut peer = Peer::connect(bed).await?;
        peer.stream.set_patience(bed.operator.handshake + MARGIN);
        let begun = Instant::now();
        peer.raw(bytes).await?;
        peer.closed_with(CloseCode::HandshakeTimeout).await?;
        let early = begun.elapsed() < bed.operator.handshake / 2;
        ensure(!early, bed.operator.handshake.as_millis(), begun.elapsed().as_millis())?;
    }
    Ok(())
}

async fn silence(bed: &Bed) -> Checked {
    let mut peer = with_heartbeat(bed, HEARTBEAT).await?;
    let mut begun = Instant::now();
    // Whoever speaks within each heartbeat is not silent, after two of them either.
    for _ in 0..4 {
        sleep(HEARTBEAT * 2 / 3).await;
        begun = Instant::now();
        peer.sync().await?;
    }
    peer.closed_with(CloseCode::HeartbeatTimeout).await?;
    let (waited, due) = (begun.elapsed(), HEARTBEAT * 3 / 2);
    let right = waited > HEARTBEAT && waited < due + MARGIN;
    ensure(right, format_args!("a close after {due:?}"), format_args!("{waited:?}"))
}

async fn any_bytes(bed: &Bed) -> Checked {
    let mut peer = with_heartbeat(bed, HEARTBEAT).await?;
    let ping = wire::frame(0x04, &wire::number(1, 300));
    for bytes in ping.chunks(3) {
        peer.raw(bytes).await?;
        sleep(HEARTBEAT * 2 / 3).await;
    }
    peer.find("a Pong", |packet| (*packet == Packet::Pong(300)).then_some(())).await
}

async fn ping_of_its_own(bed: &Bed) -> Checked {
    let mut peer = with_heartbeat(bed, HEARTBEAT).await?;
    let (begun, due) = (Instant::now(), HEARTBEAT * 5 / 4);
    let expected = format!("a Ping after {due:?}");
    loop {
        // It is heard, and nothing is to be answered: so it is not silence that ends the session.
        peer.say(Packet::Pong(0)).await?;
        for packet in peer.within(HEARTBEAT / 3).await? {
            match packet {
                Some(Packet::Ping(_)) => return Ok(()),
                Some(Packet::Goodbye(verdict)) => return fail(&expected, verdict.reason),
                Some(_) => {}
                None => return fail(&expected, "the end of the stream"),
            }
        }
        let waited = begun.elapsed();
        ensure(waited < due + MARGIN, &expected, format_args!("none for {waited:?}"))?;
    }
}

async fn burst_of_pings(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let burst = |count| {
        let mut bytes = BytesMut::new();
        for token in 1..=count {
            Packet::Ping(token).put(&mut bytes);
        }
        bytes
    };
    let mut peer = Peer::login(bed, &ada).await?;
    peer.raw(&burst(50)).await?;
    peer.find("50 Pongs", |packet| (*packet == Packet::Pong(50)).then_some(())).await?;
    let mut flooder = Peer::login(bed, &ada).await?;
    flooder.closes_for(&burst(PINGS), CloseCode::RateLimited).await
}

async fn flood_of_sends(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let mut peer = Peer::login(bed, &ada).await?;
    let count = 3 * peer.limits.sends;
    let mut sent = 0;
    let mut answered = 0;
    while answered < count {
        // As a client must: it goes on reading while its writes are held back.
        let mut burst = BytesMut::new();
        while sent < count && sent - answered < peer.limits.sends {
            let id = bed.message();
            Packet::Send(Send { chat: chat.clone(), id, content: text("hi") }).put(&mut burst);
            sent += 1;
        }
        peer.raw(&burst).await?;
        match peer.next("an answer to each Send").await? {
            Packet::Accepted(_) => answered += 1,
            Packet::Goodbye(verdict) => return fail("no close for many sends", verdict.reason),
            _ => {}
        }
    }
    Ok(())
}
