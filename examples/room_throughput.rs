//! Measures what one room delivers: so many sessions in this process listen over pipes in memory,
//! one says something, and it is counted how often that was heard:
//! `cargo run --release --example room_throughput -- FOLDER [listeners] [messages]`.
//! FOLDER is made, and holds the store. Must never count an entry that did not come whole.

#![allow(clippy::print_stdout, reason = "its output is what it is for")]
#![allow(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::BytesMut;
use packetboat::config::settings::Config;
use packetboat::server::Server;
use packetboat_proto::codec::FrameCodec;
use packetboat_proto::content::{Content, RoomChange};
use packetboat_proto::frame::{Frame, PREFACE};
use packetboat_proto::id::{ChatId, DeviceId, MessageId, UserId};
use packetboat_proto::packet::{Credential, Hello, Kind, Limits, Operation, Packet, Request, Send};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::Barrier;
use tokio_util::codec::Decoder;

/// Bytes that are on their way to a session at most.
const PIPE_BYTES: usize = 16 * 1024;
/// Bytes of what is said.
const TEXT_BYTES: usize = 64;

type Failed = Box<dyn std::error::Error + std::marker::Send + Sync>;

struct Session {
    stream: DuplexStream,
    codec: FrameCodec,
    came: BytesMut,
}

impl Session {
    async fn open(server: &Server, name: String) -> Result<Self, Failed> {
        let (near, far) = duplex(PIPE_BYTES);
        tokio::spawn(server.attend(far));
        let came = BytesMut::new();
        let mut session = Self { stream: near, codec: FrameCodec::client(), came };
        session.stream.write_all(&PREFACE).await?;
        let hello = Hello {
            user: UserId::new(&name)?,
            device: DeviceId::new("x")?,
            credential: Credential::Open,
            client: "room_throughput".into(),
            wanted: Limits { heartbeat_ms: 600_000, ..Limits::default() },
            start: None,
            device_name: String::new(),
            platform: String::new(),
        };
        session.say(&Packet::Hello(hello)).await?;
        session.next(Kind::Welcome).await?;
        session.codec.set_body_max(1 << 18);
        Ok(session)
    }

    async fn say(&mut self, packet: &Packet) -> Result<(), Failed> {
        let mut bytes = BytesMut::new();
        packet.put(&mut bytes);
        Ok(self.stream.write_all(&bytes).await?)
    }

    async fn next(&mut self, kind: Kind) -> Result<Frame, Failed> {
        loop {
            match self.codec.decode(&mut self.came)? {
                Some(frame) if frame.kind == kind as u8 => return Ok(frame),
                None if self.stream.read_buf(&mut self.came).await? == 0 => {
                    return Err("the server closed".into());
                }
                Some(_) | None => {}
            }
        }
    }

    async fn join(&mut self, room: &ChatId) -> Result<(), Failed> {
        let operation = Some(Operation::RoomJoin { room: room.clone() });
        self.say(&Packet::Request(Request { id: 1, operation })).await?;
        self.next(Kind::Response).await.map(drop)
    }
}

fn send(room: &ChatId, number: u64, content: &Content) -> Packet {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    let id = MessageId::from(id);
    Packet::Send(Send { chat: room.clone(), id, content: content.encode() })
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: room_throughput FOLDER [listeners] [messages]";
    let folder = PathBuf::from(arguments.next().ok_or(usage)?);
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (listeners, messages) = (number(5_000)?, number(200)?);
    let mut config = Config::default();
    config.listen.plain = Some(([127, 0, 0, 1], 0).into());
    config.store.data = folder;
    let server = Server::start(&config).await?;
    let room = ChatId::room("lobby")?;
    let mut speaker = Session::open(&server, "speaker".into()).await?;
    let (name, topic) = ("Lobby".into(), String::new());
    let opened = RoomChange::Opened { name, topic, keep: 0, slow_ms: 0 };
    speaker.say(&send(&room, 0, &Content::Room(opened))).await?;
    speaker.next(Kind::Accepted).await?;
    let heard = Arc::new(AtomicU64::new(0));
    let end = Arc::new(Barrier::new(usize::try_from(listeners)? + 1));
    let began = Instant::now();
    for number in 0..listeners {
        let mut session = Session::open(&server, format!("u{number}")).await?;
        session.join(&room).await?;
        let (heard, end) = (Arc::clone(&heard), Arc::clone(&end));
        tokio::spawn(async move {
            for _ in 0..messages {
                if session.next(Kind::Deliver).await.is_err() {
                    break;
                }
                heard.fetch_add(1, Ordering::Relaxed);
            }
            end.wait().await;
        });
    }
    println!("{listeners} listeners in {:.1} s", began.elapsed().as_secs_f64());
    speaker.join(&room).await?;
    let (began, text) = (Instant::now(), Content::text("x".repeat(TEXT_BYTES)));
    for number in 1..=messages {
        speaker.say(&send(&room, number, &text)).await?;
        // Its own entry: the next is said when this one is on its way to all.
        speaker.next(Kind::Deliver).await?;
    }
    end.wait().await;
    let (took, heard) = (began.elapsed().as_secs_f64(), heard.load(Ordering::Relaxed));
    println!("{heard} of {} deliveries in {took:.2} s", listeners * messages);
    println!("{:.0} deliveries a second", heard as f64 / took);
    let overflows = server.metrics().mailbox_overflows.get();
    println!("{overflows} mailboxes overflowed");
    Ok(())
}
