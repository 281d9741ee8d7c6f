//! The client over real sockets, plain and with TLS, against a server of a few lines.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use bytes::{Bytes, BytesMut};
use packetboat_client::proto::codec::FrameCodec;
use packetboat_client::proto::id::SessionId;
use packetboat_client::proto::packet::{Accepted, Limits, Packet, Welcome};
use packetboat_client::{
    ChatId, Client, Config, Content, Credential, Event, Lost, Roots, TlsConfig,
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::codec::Decoder;

fn chat() -> ChatId {
    "dm:alice:bob".parse().unwrap()
}

fn config(server: String) -> Config {
    let (user, device) = ("alice".parse().unwrap(), "laptop".parse().unwrap());
    Config::new(server, user, device, Credential::Open)
}

/// Welcomes one client, and accepts all that it sends.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let (mut codec, mut came, mut seq) = (FrameCodec::server(), BytesMut::new(), 0);
    loop {
        let mut out = BytesMut::new();
        while let Some(frame) = codec.decode(&mut came).unwrap() {
            match Packet::decode(&frame).unwrap().unwrap() {
                Packet::Hello(_) => {
                    codec.set_body_max(65_536);
                    welcome().put(&mut out);
                }
                Packet::Send(send) => {
                    seq += 1;
                    Packet::Accepted(Accepted {
                        chat: send.chat,
                        id: send.id,
                        seq,
                        at_ms: 1,
                        duplicate: false,
                    })
                    .put(&mut out);
                }
                Packet::Goodbye(_) => return stream.shutdown().await.unwrap(),
                _ => {}
            }
        }
        stream.write_all(&out).await.unwrap();
        stream.flush().await.unwrap();
        if stream.read_buf(&mut came).await.unwrap() == 0 {
            return;
        }
    }
}

fn welcome() -> Packet {
    Packet::Welcome(Welcome {
        session: SessionId::from([1; 16]),
        limits: Limits {
            max_body: 65_536,
            window: 256,
            heartbeat_ms: 30_000,
            max_content: 60_000,
            sends: 256,
        },
        ticket: Bytes::new(),
        ticket_expires_ms: 0,
        now_ms: 0,
        server: "few lines".into(),
        new_device: false,
    })
}

#[tokio::test]
async fn many_large_messages_go_over_tcp_in_order() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move { serve(listener.accept().await.unwrap().0).await });
    let (client, _events) = Client::start(config(server)).unwrap();
    let content = Content::text("x".repeat(20_000));
    let mut sendings = vec![];
    for _ in 0..200 {
        sendings.push(client.send(&chat(), &content).await.unwrap());
    }
    for (sending, seq) in sendings.into_iter().zip(1..) {
        assert_eq!(sending.await.unwrap().seq, seq);
    }
    client.close().await;
    serving.await.unwrap();
}

fn acceptor(names: &[&str]) -> (TlsAcceptor, Bytes) {
    let names = names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), cert.pem().into())
}

#[tokio::test]
async fn a_server_with_a_trusted_certificate_is_spoken_to_over_tls() {
    let (acceptor, pem) = acceptor(&["boat.example"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = config(listener.local_addr().unwrap().to_string());
    config.tls =
        Some(TlsConfig { roots: Roots::Pem(pem), server_name: Some("boat.example".into()) });
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(acceptor.accept(stream).await.unwrap()).await;
    });
    let (client, _events) = Client::start(config).unwrap();
    let sending = client.send(&chat(), &Content::text("hi")).await.unwrap();
    assert_eq!(sending.await.unwrap().seq, 1);
    client.close().await;
    serving.await.unwrap();
}

#[tokio::test]
async fn a_server_with_the_wrong_name_is_not_spoken_to() {
    let (acceptor, pem) = acceptor(&["other.example"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = config(listener.local_addr().unwrap().to_string());
    config.tls =
        Some(TlsConfig { roots: Roots::Pem(pem), server_name: Some("boat.example".into()) });
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        assert!(acceptor.accept(stream).await.is_err());
    });
    let (_client, mut events) = Client::start(config).unwrap();
    let Some(Event::Disconnected { why, .. }) = events.next().await else {
        panic!("it cannot connect");
    };
    assert!(matches!(why, Lost::Unreachable { .. }), "{why}");
    serving.await.unwrap();
}
