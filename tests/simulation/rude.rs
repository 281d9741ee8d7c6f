//! A peer that keeps to no rule: packets out of turn, broken frames, floods, silence. It sends no
//! message, so that the history of the others needs no word of it. Must never wait for an answer.

use bytes::{Bytes, BytesMut};
use fastrand::Rng;
use packetboat_proto::code::CloseCode;
use packetboat_proto::frame::{Frame, PREFACE};
use packetboat_proto::id::{ChatId, DeviceId, MessageId, UserId};
use packetboat_proto::packet::{
    Credential, Cursor, Hello, Kind, Limits, Operation, Packet, Request, Send, Signal, SignalKind,
    Verdict,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Duration, sleep, timeout};

/// Packets that a visit has at most.
const PACKETS_MAX: usize = 40;
/// How long it stays at most.
const STAY: Duration = Duration::from_secs(20);

/// One visit.
pub async fn visit(stream: DuplexStream, mut rng: Rng) {
    // However it ends is right.
    let _ = timeout(STAY, talk(stream, &mut rng)).await;
}

async fn talk(mut stream: DuplexStream, rng: &mut Rng) -> std::io::Result<()> {
    let mut out = BytesMut::new();
    if rng.u8(0..10) > 0 {
        out.extend_from_slice(&PREFACE);
    }
    if rng.u8(0..6) > 0 {
        hello(rng).put(&mut out);
    }
    for _ in 0..rng.usize(0..PACKETS_MAX) {
        put_something(rng, &mut out);
        if rng.u8(0..4) == 0 {
            stream.write_all(&out).await?;
            out.clear();
            sleep(Duration::from_millis(rng.u64(0..500))).await;
        }
        if rng.u8(0..3) == 0 {
            let mut bytes = [0; 4_096];
            // It reads now and then, or its own connection would be all that it blocks.
            let _ = timeout(Duration::from_millis(1), stream.read(&mut bytes)).await;
        }
    }
    stream.write_all(&out).await?;
    sleep(Duration::from_millis(rng.u64(0..20_000))).await;
    Ok(())
}

fn hello(rng: &mut Rng) -> Packet {
    Packet::Hello(Hello {
        user: UserId::new("rude").expect("a good id"),
        device: DeviceId::new(&format!("d{}", rng.u8(0..3))).expect("a good id"),
        credential: match rng.u8(0..4) {
            0 => Credential::Password("no".to_owned()),
            1 => Credential::Ticket(Bytes::from_static(b"no ticket")),
            _ => Credential::Open,
        },
        client: "rude".to_owned(),
        wanted: Limits { window: rng.u32(0..3), ..Limits::default() },
        start: None,
        device_name: String::new(),
        platform: String::new(),
    })
}

fn put_something(rng: &mut Rng, out: &mut BytesMut) {
    let chat = ChatId::new("dm:u0:u1").expect("a good id");
    let packet = match rng.u8(0..14) {
        0 => hello(rng),
        1 => Packet::Ping(rng.u64(..)),
        2 => Packet::Pong(rng.u64(..)),
        // It is no member: nothing of it may ever be stored.
        3..=4 => Packet::Send(Send {
            chat,
            id: MessageId::from(rng.u128(..).to_be_bytes()),
            content: Bytes::from_static(b"\x0a\x02hi"),
        }),
        5..=6 => {
            let delivered = rng.u64(0..100);
            Packet::Ack(vec![Cursor { chat, delivered, read: delivered }])
        }
        7 => Packet::Signal(Signal {
            chat,
            kind: SignalKind::Typing,
            data: Bytes::new(),
            sender: None,
        }),
        8..=9 => {
            let operation = Some(Operation::Chats { after: None, limit: rng.u32(0..9) });
            Packet::Request(Request { id: rng.u64(..), operation })
        }
        10 if rng.u8(0..4) == 0 => Packet::Goodbye(Verdict::close(CloseCode::Done, "", 0)),
        11 if rng.u8(0..4) == 0 => {
            let body = Bytes::from((0..rng.usize(0..40)).map(|_| rng.u8(..)).collect::<Vec<_>>());
            let kinds = Kind::ALL;
            let kind = kinds[rng.usize(0..kinds.len())] as u8;
            out.extend_from_slice(&Frame { kind, body }.to_bytes());
            return;
        }
        12 if rng.u8(0..4) == 0 => {
            out.extend((0..rng.usize(1..30)).map(|_| rng.u8(..)));
            return;
        }
        _ => Packet::Ping(0),
    };
    packet.put(out);
}
