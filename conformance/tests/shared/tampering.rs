//! What stands between a client and a server and makes one of them wrong: it changes frames on
//! their way. Must never change what it was not told to, so that only what it breaks fails.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use packetboat_conformance::wire;
use packetboat_proto::frame::PREFACE;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Bodies from here on are not waited for: they are over the limit, and go on as they come.
const BODY_MAX: u32 = 65_536;
/// So is the first one of a connection.
const FIRST_BODY_MAX: u32 = 4_096;
const HEAD: usize = 10;
const READ_BYTES: usize = 65_536;

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

/// A frame on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) body: Vec<u8>,
    /// Its checksum is made anew, right.
    pub(crate) is_mended: bool,
    /// Frames that go right behind it.
    pub(crate) behind: Vec<u8>,
}

/// Changes a frame, or says that it is lost.
pub(crate) type Tamper = Arc<Mutex<dyn FnMut(Way, &mut Raw) -> bool + Send>>;

/// A tamper of that function.
pub(crate) fn tamper(change: impl FnMut(Way, &mut Raw) -> bool + Send + 'static) -> Tamper {
    Arc::new(Mutex::new(change))
}

/// Stands before a server; where it is.
pub(crate) async fn before(server: SocketAddr, tamper: Tamper) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let tamper = tamper.clone();
            tokio::spawn(async move {
                let Ok(server) = TcpStream::connect(server).await else { return };
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let there = pump(from_client, to_server, Way::ToServer, tamper.clone());
                let back = pump(from_server, to_client, Way::ToClient, tamper);
                tokio::join!(there, back);
            });
        }
    });
    address
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    way: Way,
    tamper: Tamper,
) {
    let (mut held, mut first) = (Vec::new(), true);
    let mut preface = if way == Way::ToServer { PREFACE.len() } else { 0 };
    let mut passes = false;
    loop {
        let mut out = Vec::new();
        if preface > 0 {
            let take = preface.min(held.len());
            let begun: Vec<u8> = held.drain(..take).collect();
            passes |= begun[..] != PREFACE[PREFACE.len() - preface..][..take];
            preface -= take;
            out.extend(begun);
        }
        while !passes && preface == 0 {
            match next(&mut held, if first { FIRST_BODY_MAX } else { BODY_MAX }) {
                Next::More => break,
                Next::TooLarge => passes = true,
                Next::Frame(bytes) => {
                    out.extend(changed(way, &tamper, bytes));
                    first = false;
                }
            }
        }
        if passes {
            out.append(&mut held);
        }
        if to.write_all(&out).await.is_err() {
            return;
        }
        // What was written in one piece goes on in one.
        held.reserve(READ_BYTES);
        match from.read_buf(&mut held).await {
            Ok(0) | Err(_) => {
                let _ = to.write_all(&held).await;
                let _ = to.shutdown().await;
                return;
            }
            Ok(_) => {}
        }
    }
}

enum Next {
    More,
    TooLarge,
    Frame(Vec<u8>),
}

fn next(held: &mut Vec<u8>, most: u32) -> Next {
    let Some(length) = held.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes)) else {
        return Next::More;
    };
    if length > most {
        return Next::TooLarge;
    }
    let whole = HEAD + length as usize;
    if held.len() < whole {
        return Next::More;
    }
    Next::Frame(held.drain(..whole).collect())
}

fn changed(way: Way, tamper: &Tamper, bytes: Vec<u8>) -> Vec<u8> {
    let (kind, flags, body) = (bytes[4], bytes[5], bytes[HEAD..].to_vec());
    let before = Raw { kind, flags, body, is_mended: false, behind: Vec::new() };
    let mut after = before.clone();
    if !(tamper.lock().unwrap())(way, &mut after) {
        return Vec::new();
    }
    let changed = Raw { behind: Vec::new(), ..after.clone() } != before;
    let mut frame =
        if changed { wire::flagged(after.kind, after.flags, &after.body) } else { bytes };
    frame.append(&mut after.behind);
    frame
}
