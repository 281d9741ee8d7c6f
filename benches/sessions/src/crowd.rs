//! A crowd of clients: opens its sessions, and pings through each of them once an interval, evenly
//! spread. Must never take a session for served whose pings were not answered, each by its own.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use packetboat::session::house::House;
use packetboat::session::task::{self, Arrival};
use packetboat::store::embedded::EmbeddedStore;
use packetboat_proto::frame::PREFACE;
use packetboat_proto::id::{DeviceId, IdError, UserId};
use packetboat_proto::packet::{Credential, Hello, Limits, Packet, Start};
use thiserror::Error;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::wire::{Client, Tally, connection};

/// Sessions that are opening at a time.
const OPENING_AT_ONCE: usize = 256;
/// How long one may take to open, and the last pongs to come.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often those that are due are pinged.
const STEP: Duration = Duration::from_millis(10);

/// Why a run shows no figures.
#[derive(Debug, Error)]
pub enum CrowdError {
    /// A user has no name.
    #[error(transparent)]
    Name(#[from] IdError),
    /// Sessions do not open.
    #[error("no session opened for {} s", PATIENCE.as_secs())]
    Late,
    /// A client was told what it did not expect.
    #[error("{what}")]
    Fault {
        /// The first such thing.
        what: String,
    },
    /// Not every session is answered.
    #[error("{left} of {count} sessions are not served")]
    Unserved {
        /// Sessions that have ended, or have a ping without its pong.
        left: usize,
        /// All of them.
        count: usize,
    },
}

/// A crowd whose sessions are open.
pub struct Crowd {
    clients: Vec<Client>,
    tally: Arc<Tally>,
}

impl Crowd {
    /// Opens a session for each of `count` users.
    pub async fn open(count: usize, house: &Arc<House<EmbeddedStore>>) -> Result<Self, CrowdError> {
        let tally = Arc::new(Tally::new(OPENING_AT_ONCE));
        let mut clients = Vec::with_capacity(count);
        for number in 0..count {
            let turn = timeout(PATIENCE, tally.turns.acquire()).await;
            let turn = turn.map_err(|_| CrowdError::Late)?;
            turn.expect("the semaphore is never closed").forget();
            let (client, stream) = connection(&tally, &hello(number)?);
            let arrival = Arrival { since: house.clock.now(), peer: None };
            tokio::spawn(task::run(stream, Arc::clone(house), arrival));
            clients.push(client);
        }
        let all = u32::try_from(OPENING_AT_ONCE).expect("it is a small number");
        let last = timeout(PATIENCE, tally.turns.acquire_many(all)).await;
        drop(last.map_err(|_| CrowdError::Late)?);
        let crowd = Self { clients, tally };
        crowd.check()?;
        Ok(crowd)
    }

    /// Pings through each session once an interval, for a time; then waits for the last pongs.
    /// How many came.
    pub async fn beat(&self, interval: Duration, time: Duration) -> Result<u64, CrowdError> {
        let (begun, count) = (Instant::now(), self.clients.len());
        let before = self.tally.pongs.load(Ordering::Relaxed);
        let due = |elapsed: Duration| share(count, elapsed, interval);
        let (mut pinged, mut step) = (0, begun);
        loop {
            let elapsed = begun.elapsed().min(time);
            for number in pinged..due(elapsed) {
                let round = u32::try_from(number / count + 1).expect("a run has few rounds");
                self.clients[number % count].ping(round);
            }
            pinged = due(elapsed);
            if elapsed == time {
                break;
            }
            step += STEP;
            sleep_until(step).await;
        }
        let wanted = before + u64::try_from(pinged).expect("a count fits");
        let patient = Instant::now() + PATIENCE;
        while self.tally.pongs.load(Ordering::Relaxed) < wanted && Instant::now() < patient {
            sleep(STEP).await;
        }
        self.check()?;
        Ok(self.tally.pongs.load(Ordering::Relaxed) - before)
    }

    /// Whether every session is open and answered, and nothing was amiss.
    fn check(&self) -> Result<(), CrowdError> {
        if let Some(what) = self.tally.fault() {
            return Err(CrowdError::Fault { what });
        }
        let count = self.clients.len();
        match self.clients.iter().filter(|client| !client.is_served()).count() {
            0 => Ok(()),
            left => Err(CrowdError::Unserved { left, count }),
        }
    }
}

/// How many pings are due when some time has passed.
fn share(count: usize, elapsed: Duration, interval: Duration) -> usize {
    let due = count as u128 * elapsed.as_micros() / interval.as_micros().max(1);
    usize::try_from(due).unwrap_or(usize::MAX)
}

/// The first bytes of a client: the preface, and its hello.
fn hello(number: usize) -> Result<BytesMut, IdError> {
    let mut bytes = BytesMut::from(&PREFACE[..]);
    let hello = Hello {
        user: UserId::new(&format!("s{number}"))?,
        device: DeviceId::new("bench")?,
        credential: Credential::Open,
        client: concat!("packetboat-sessions ", env!("CARGO_PKG_VERSION")).to_owned(),
        wanted: Limits::default(),
        start: Some(Start::Everything),
    };
    Packet::Hello(hello).put(&mut bytes);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quay::house;

    #[test]
    fn pings_are_spread_evenly_over_the_interval() {
        let interval = Duration::from_secs(10);
        let due: Vec<usize> =
            (0..=4).map(|half| share(8, Duration::from_secs(5 * half), interval)).collect();
        assert_eq!(due, [0, 4, 8, 12, 16]);
    }

    #[tokio::test]
    async fn every_session_of_a_small_crowd_is_answered() {
        let house = house().expect("memory opens");
        let crowd = Crowd::open(300, &house).await.expect("all open");
        let interval = Duration::from_millis(200);
        let beats = crowd.beat(interval, interval).await.expect("all are answered");
        assert_eq!(beats, 300);
        house.hub.drain();
        while house.hub.sessions() > 0 {
            tokio::task::yield_now().await;
        }
        let after = crowd.beat(interval, Duration::ZERO).await;
        assert!(after.is_err(), "those that were said goodbye to are not served: {after:?}");
    }
}
