//! A server for tests, which says what it is told to say. Must never be part of the program.

use bytes::{Bytes, BytesMut};
use clap::Parser;
use packetboat_client::Verdict;
use packetboat_client::proto::codec::FrameCodec;
use packetboat_client::proto::id::SessionId;
use packetboat_client::proto::packet::{Answer, Limits, Packet, Response, Welcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::codec::Decoder;

use crate::account::Account;
use crate::command::CommandLine;

/// Where it listens.
pub(crate) struct Fake {
    listener: TcpListener,
}

impl Fake {
    /// Listens, for `alice`.
    pub(crate) async fn start() -> (Self, Account) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap().to_string();
        let words = ["packetboat-cli", "--user", "alice", "--server", &server];
        let line = CommandLine::try_parse_from(words).unwrap();
        (Self { listener }, Account::new(line.account).unwrap())
    }

    /// Takes a connection, and says what `answers` says to each packet, until the client has gone.
    /// To a `Hello` the welcome goes first.
    pub(crate) async fn serve(&self, mut answers: impl FnMut(Packet) -> Vec<Packet>) {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let (mut codec, mut came) = (FrameCodec::server(), BytesMut::new());
        while stream.read_buf(&mut came).await.is_ok_and(|count| count > 0) {
            let mut out = BytesMut::new();
            while let Some(frame) = codec.decode(&mut came).unwrap() {
                let Some(packet) = Packet::decode(&frame).unwrap() else { continue };
                if matches!(packet, Packet::Hello(_)) {
                    Packet::Welcome(welcome()).put(&mut out);
                }
                for said in answers(packet) {
                    said.put(&mut out);
                }
            }
            if stream.write_all(&out).await.is_err() {
                return;
            }
        }
    }
}

fn welcome() -> Welcome {
    Welcome {
        session: SessionId::from([1; 16]),
        limits: Limits { max_body: 8192, max_content: 8000, sends: 8, ..Limits::default() },
        ticket: Bytes::new(),
        ticket_expires_ms: 0,
        now_ms: 0,
        server: String::new(),
        new_device: false,
    }
}

/// The answer to a request.
pub(crate) fn response(id: u64, answer: Result<Answer, Verdict>) -> Packet {
    Packet::Response(Response { id, answer })
}
