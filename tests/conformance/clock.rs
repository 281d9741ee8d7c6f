//! Intervals by which clock (SPEC.md T-6): a session whose wall clock jumps. Must never wait for
//! the store while time is simulated: it has threads of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use packetboat::auth::doorman::Doorman;
use packetboat::auth::open::Open;
use packetboat::clock::Clock;
use packetboat::hub::mailbox::MailboxLimits;
use packetboat::hub::{Hub, HubOutlet};
use packetboat::session::deliveries::Retries;
use packetboat::session::house::{House, random_session};
use packetboat::session::port::Rules;
use packetboat::session::rate::Rate;
use packetboat::session::task::{self, Arrival};
use packetboat::store::embedded::{EmbeddedStore, Settings};
use packetboat::store::memory::MemoryBackend;
use packetboat_proto::code::CloseCode;
use packetboat_proto::frame::{Frame, PREFACE};
use packetboat_proto::packet::{Credential, Hello, Limits, Packet, Start};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, pause};

const HEARTBEAT: Duration = Duration::from_secs(20);
/// What a timer may be late by.
const GRAIN: Duration = Duration::from_millis(100);
const EPOCH_MS: u64 = 1_750_000_000_000;

fn house(clock: Clock) -> Arc<House<EmbeddedStore>> {
    let rate = Rate { per_second: 0, burst: 0 };
    let rules = Rules {
        max_body: 65_536,
        max_content: 65_536 - 1_024,
        window: 4,
        sends: 3,
        heartbeat: HEARTBEAT,
        handshake: HEARTBEAT,
        retries: Retries { first: HEARTBEAT, max: 2 },
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
        clock,
        new_session: random_session,
    })
}

async fn say(stream: &mut DuplexStream, packet: Packet) {
    let mut bytes = BytesMut::new();
    packet.put(&mut bytes);
    stream.write_all(&bytes).await.unwrap();
}

async fn next(stream: &mut DuplexStream) -> Packet {
    let mut head = [0; 10];
    stream.read_exact(&mut head).await.unwrap();
    let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).await.unwrap();
    Packet::decode(&Frame { kind: head[4], body: body.into() }).unwrap().unwrap()
}

/// It is so late, by the clock that no one sets.
fn is_at(begun: Instant, due: Duration) {
    let waited = begun.elapsed();
    assert!(waited >= due && waited < due + GRAIN, "{waited:?} instead of {due:?}");
}

#[tokio::test]
async fn a_wall_clock_that_jumps_changes_no_interval_of_the_server() {
    let wall_ms = Arc::new(AtomicU64::new(EPOCH_MS));
    let read = Arc::clone(&wall_ms);
    let house = house(Clock::beside(Arc::new(move || read.load(Ordering::Relaxed))));
    let (mut stream, servers) = duplex(65_536);
    let arrival = Arrival { since: house.clock.now(), peer: None };
    tokio::spawn(task::run(servers, Arc::clone(&house), arrival));
    stream.write_all(&PREFACE).await.unwrap();
    let hello = Hello {
        user: "ada".parse().unwrap(),
        device: "phone".parse().unwrap(),
        credential: Credential::Open,
        client: String::new(),
        wanted: Limits::default(),
        start: Some(Start::Newest),
        device_name: String::new(),
        platform: String::new(),
    };
    say(&mut stream, Packet::Hello(hello)).await;
    let Packet::Welcome(welcome) = next(&mut stream).await else { panic!("no Welcome") };
    assert_eq!(welcome.now_ms, EPOCH_MS, "it is the wall clock that the test moves");
    // What the server does before it says nothing more takes no store.
    say(&mut stream, Packet::Ping(1)).await;
    assert_eq!(next(&mut stream).await, Packet::Pong(1));
    pause();
    let begun = Instant::now();
    // Back by more than a year, and then on by as much again as since 1970.
    for (heartbeats, wall) in [(1, EPOCH_MS - 40_000_000_000), (2, 2 * EPOCH_MS)] {
        wall_ms.store(wall, Ordering::Relaxed);
        let Packet::Ping(token) = next(&mut stream).await else { panic!("no Ping") };
        is_at(begun, HEARTBEAT * 5 / 4 * heartbeats);
        if heartbeats == 1 {
            say(&mut stream, Packet::Pong(token)).await;
        }
    }
    wall_ms.store(0, Ordering::Relaxed);
    let Packet::Goodbye(verdict) = next(&mut stream).await else { panic!("no Goodbye") };
    assert_eq!(verdict.close_code(), Some(CloseCode::HeartbeatTimeout));
    is_at(begun, HEARTBEAT * 5 / 4 + HEARTBEAT * 3 / 2);
}
