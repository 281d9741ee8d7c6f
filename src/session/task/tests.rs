//! What a session does that no pure part can show: over streams of the tests' own.

mod transfers;

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use packetboat_proto::frame::{Frame, PREFACE};
use tokio::io::{AsyncReadExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::auth::doorman::Doorman;
use crate::auth::open::Open;
use crate::clock::Clock;
use crate::hub::mailbox::{Mailbox, MailboxLimits};
use crate::hub::{Hub, HubOutlet};
use crate::session::deliveries::Retries;
use crate::session::house::random_session;
use crate::session::port::Rules;
use crate::session::rate::Rate;
use crate::store::embedded::{EmbeddedStore, Settings};
use crate::store::memory::MemoryBackend;

const PATIENCE: Duration = Duration::from_secs(20);

fn house(handshake: Duration) -> Arc<House<EmbeddedStore>> {
    let rate = Rate { per_second: 0, burst: 0 };
    let rules = Rules {
        max_body: 65_536,
        max_content: 65_536 - 1_024,
        window: 4,
        sends: 3,
        heartbeat: PATIENCE,
        handshake,
        retries: Retries { first: PATIENCE, max: 2 },
        read_bytes: 1_000,
        pings: rate,
        send_rate: rate,
        requests: rate,
        transfers: rate,
        signals: rate,
        retry_after_ms: 2_000,
    };
    let hub = Arc::new(Hub::new(MailboxLimits { entries: 9, bytes: 9_000 }, Arc::default()));
    let outlet = HubOutlet(Arc::clone(&hub));
    let backend = MemoryBackend::default();
    let store = EmbeddedStore::open(backend, Settings::default(), Arc::new(|| 1), outlet).unwrap();
    Arc::new(House {
        store,
        files: None,
        search: None,
        hub,
        doorman: Doorman::new(Box::new(Open), &[7; 32], 0),
        metrics: Arc::default(),
        rules: Arc::new(rules),
        out_bytes: 65_536,
        clock: Clock::start(),
        new_session: random_session,
    })
}

fn arrival(house: &House<EmbeddedStore>) -> Arrival {
    Arrival { since: house.clock.now(), peer: None }
}

/// Always has frames to read that are to be skipped, for a time that a test does not wait out,
/// and takes whatever is written.
struct Endless {
    next: Vec<u8>,
    until: Instant,
}

impl AsyncRead for Endless {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if Instant::now() > self.until {
            return Poll::Ready(Ok(()));
        }
        let skipped = Frame { kind: 0x90, body: vec![0; 1_000].into() };
        out.put_slice(&std::mem::replace(&mut self.next, skipped.to_bytes().to_vec()));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Endless {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn who_talks_without_a_pause_has_no_longer_to_say_hello_than_others() {
    let house = house(Duration::from_millis(50));
    let stream = Endless { next: PREFACE.to_vec(), until: Instant::now() + PATIENCE / 4 };
    run(stream, Arc::clone(&house), arrival(&house)).await;
    assert_eq!(house.metrics.handshake_timeouts.get(), 1);
}

#[tokio::test]
async fn who_talks_without_a_pause_lets_others_have_their_turn() {
    let house = house(PATIENCE);
    let until = Instant::now() + PATIENCE / 4;
    let arrival = arrival(&house);
    let session = tokio::spawn(run(Endless { next: PREFACE.to_vec(), until }, house, arrival));
    for _ in 0..10 {
        yield_now().await;
    }
    assert!(Instant::now() < until, "nobody else had a turn");
    session.abort();
}

#[tokio::test]
async fn a_session_that_begins_while_the_server_drains_is_told_so() {
    let (mut peer, stream) = tokio::io::duplex(4_096);
    let house = house(PATIENCE);
    house.hub.drain();
    let arrival = arrival(&house);
    let session = tokio::spawn(run(stream, house, arrival));
    let mut bytes = BytesMut::new();
    let told = timeout(PATIENCE / 2, peer.read_buf(&mut bytes)).await;
    told.expect("it is not left to the end of its handshake").unwrap();
    let frame = FrameCodec::client().decode(&mut bytes).unwrap().unwrap();
    let Ok(Some(Packet::Goodbye(verdict))) = Packet::decode(&frame) else { panic!("{frame:?}") };
    assert_eq!(verdict.close_code(), Some(CloseCode::ShuttingDown));
    drop(peer);
    session.await.unwrap();
}

#[tokio::test]
async fn a_connection_holds_no_more_than_the_runtime_rounds_up() {
    // What the runtime puts around a task, and the listener's place.
    const AROUND: usize = 96 + 8;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let house = house(PATIENCE);
    let arrival = arrival(&house);
    let bytes = size_of_val(&run(stream, house, arrival));
    assert!(bytes + AROUND <= 512, "{bytes} bytes: a task takes a multiple of 128");
    let mailbox = size_of::<Mailbox>();
    assert!(mailbox <= 80, "{mailbox} bytes");
}
