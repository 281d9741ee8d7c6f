//! Very many live sessions of Packetboat in this very process, over transports in memory, since
//! no process may have a million descriptors. Must never show a figure of a run in which a session
//! was not open to the end, or a heartbeat not answered by its own pong.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use clap::{Args, value_parser};
use packetboat::config::settings::Config;
use packetboat::server::Server;
use packetboat_proto::limits::HEARTBEAT_MS_HIGHEST;
use serde::Serialize;
use tokio::time::{sleep, timeout};

use crate::error::LoadError;
use crate::figure::{Outcome, float, ms, per_second};
use crate::ground::in_time;
use crate::memory::{CONNECTION_BYTES, Client, Tally, connection};
use crate::process::free_port;
use crate::stop::Stop;
use crate::target::packetboat::PacketboatWire;
use crate::usage::{cpu, mib, resident};
use crate::wire::{Login, Wire, WireError};

/// Sessions that are being opened, or asked whether they are there, at one time.
const AT_ONCE: u32 = 1_024;
/// How long one of them may take to open, and the last pongs to come.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often those that are due are pinged.
const STEP: Duration = Duration::from_millis(5);
/// A client's heartbeats come after this part of the interval in force.
const BEAT_PART: f64 = 0.8;
/// While sessions are opened: a round through all that are open takes up to twice as long when
/// they become more meanwhile, and nobody may be silent for longer than the interval.
const OPENING_BEAT_PART: f64 = BEAT_PART / 2.0;

/// The settings of the work.
#[derive(Args, Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sessions {
    /// Sessions, each of a user of its own
    #[arg(long, default_value_t = 100_000, value_parser = value_parser!(u32).range(1..=5_000_000))]
    pub sessions: u32,
    /// Seconds that they stay once all are open
    #[arg(long, default_value_t = 30, value_parser = value_parser!(u32).range(0..=3_600))]
    pub hold: u32,
    /// Milliseconds between heartbeats; 0 leaves it to the server
    #[arg(long, default_value_t = 0,
          value_parser = value_parser!(u32).range(0..=i64::from(HEARTBEAT_MS_HIGHEST)))]
    pub heartbeat_ms: u32,
}

/// The clients' side of all sessions.
struct Crowd {
    clients: Vec<Client>,
    tally: Arc<Tally>,
    /// The next one to be pinged.
    next: usize,
    looked: Instant,
    /// Pings that are due since then, and the part of one that is left over.
    due: f64,
    pinged: u64,
}

impl Crowd {
    fn new(count: usize) -> Self {
        let tally = Arc::new(Tally::new(AT_ONCE as usize));
        let clients = Vec::with_capacity(count);
        Self { clients, tally, next: 0, looked: Instant::now(), due: 0.0, pinged: 0 }
    }

    /// Opens a session for each of so many users, while those that are open are kept alive.
    async fn open(
        &mut self,
        server: &Server,
        work: &Sessions,
        stop: &Stop,
    ) -> Result<(), LoadError> {
        let mut hello = BytesMut::new();
        for user in 0..work.sessions {
            self.places(1).await?;
            let login = Login { user, heartbeat_ms: work.heartbeat_ms };
            PacketboatWire::new(0, login).greet(&mut hello);
            let (client, stream) = connection(&self.tally, &hello.split());
            tokio::spawn(server.attend(stream));
            self.clients.push(client);
            if self.looked.elapsed() >= STEP {
                self.tend(OPENING_BEAT_PART)?;
                if stop.is_set() {
                    return Err(LoadError::Stopped);
                }
            }
        }
        self.places(AT_ONCE).await?;
        self.check()
    }

    /// Takes places among those that may be opening; they come back with the welcomes.
    async fn places(&self, count: u32) -> Result<(), LoadError> {
        let places = timeout(PATIENCE, self.tally.turns.acquire_many(count)).await;
        let Ok(places) = places else {
            self.check_faults()?;
            return Err(LoadError::Late { what: "opening a session", secs: PATIENCE.as_secs() });
        };
        places.expect("the semaphore is never closed").forget();
        Ok(())
    }

    /// Pings as many as are due since the last time: all of them once in a part of the interval.
    fn tend(&mut self, part: f64) -> Result<(), LoadError> {
        self.check_faults()?;
        let elapsed = self.looked.elapsed();
        self.looked += elapsed;
        let interval = self.tally.heartbeat_ms.load(Ordering::Relaxed);
        if interval == 0 {
            return Ok(());
        }
        let interval = Duration::from_millis(interval.into()).mul_f64(part);
        let count = self.clients.len();
        self.due += elapsed.as_secs_f64() / interval.as_secs_f64() * float(count as u64);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is small")]
        let due = self.due as usize;
        self.due = self.due.fract();
        for _ in 0..due.min(count) {
            let at = self.next % count;
            self.pinged += u64::from(self.clients[at].ping());
            self.next = at + 1;
        }
        Ok(())
    }

    /// Keeps all of them alive for a while.
    async fn hold(&mut self, time: Duration, stop: &Stop) -> Result<(), LoadError> {
        let begun = Instant::now();
        while begun.elapsed() < time && !stop.is_set() {
            self.tend(BEAT_PART)?;
            sleep(STEP).await;
        }
        self.answers().await
    }

    /// Asks each once more, and waits for its answer.
    async fn ask_all(&mut self) -> Result<(), LoadError> {
        for from in (0..self.clients.len()).step_by(AT_ONCE as usize) {
            let some = self.clients[from..].iter().take(AT_ONCE as usize);
            self.pinged += some.map(|client| u64::from(client.ping())).sum::<u64>();
            self.answers().await?;
        }
        self.check()
    }

    /// Waits until every ping was answered.
    async fn answers(&self) -> Result<(), LoadError> {
        let begun = Instant::now();
        while self.answered() < self.pinged {
            self.check_faults()?;
            in_time(begun, PATIENCE, "answering the heartbeats")?;
            sleep(Duration::from_millis(1)).await;
        }
        self.check_faults()
    }

    fn answered(&self) -> u64 {
        self.tally.pongs.load(Ordering::Relaxed)
    }

    /// Whether every session is open, and its last ping answered.
    fn check(&self) -> Result<(), LoadError> {
        self.check_faults()?;
        let count = self.clients.len();
        match self.clients.iter().filter(|client| !client.is_served()).count() {
            0 => Ok(()),
            left => Err(WireError(format!("{left} of {count} sessions are not served")).into()),
        }
    }

    fn check_faults(&self) -> Result<(), LoadError> {
        self.tally.fault().map_or(Ok(()), |fault| Err(WireError(fault).into()))
    }
}

impl Sessions {
    /// Does it once, in this process: what it has used before is not counted.
    pub fn run(&self, stop: &Stop) -> Result<Outcome, LoadError> {
        let folder = tempfile::tempdir()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let server = start(folder.path()).await?;
            let outcome = self.measure(&server, stop).await;
            let ended = server.run(async {}).await;
            let mut outcome = outcome?;
            if let Err(failure) = ended {
                outcome.faults.add(|| format!("the server did not end well: {failure}"));
            }
            Ok(outcome)
        })
    }

    async fn measure(&self, server: &Server, stop: &Stop) -> Result<Outcome, LoadError> {
        let (pid, sessions) = (std::process::id(), f64::from(self.sessions));
        let mut crowd = Crowd::new(self.sessions as usize);
        let (before, cpu_before) = (resident(pid)?, cpu(pid)?);
        let begun = Instant::now();
        crowd.open(server, self, stop).await?;
        let (opening, cpu_opened) = (begun.elapsed(), cpu(pid)?);
        let opened = resident(pid)?;

        let (held, answered) = (Instant::now(), crowd.answered());
        crowd.hold(Duration::from_secs(self.hold.into()), stop).await?;
        let (time, cpu_holding) = (held.elapsed(), cpu(pid)?.saturating_sub(cpu_opened));
        let (beats, staying) = (crowd.answered() - answered, resident(pid)?);
        let last = Instant::now();
        crowd.ask_all().await?;

        let mut outcome = Outcome::default();
        let each = |rss: u64| float(rss.saturating_sub(before)) / sessions / 1024.0;
        let micros = |cpu: Duration| cpu.as_secs_f64() * 1e6;
        outcome.add("rss_per_session", "KiB", each(staying));
        outcome.add("rss_per_session_opened", "KiB", each(opened));
        outcome.add("of_it_the_transport", "KiB", float(CONNECTION_BYTES as u64) / 1024.0);
        outcome.add("rss", "MiB", mib(staying));
        outcome.add("opened_per_s", "/s", per_second(self.sessions.into(), opening));
        let cpu_opening = cpu_opened.saturating_sub(cpu_before);
        outcome.add("cpu_to_open", "us", micros(cpu_opening) / sessions);
        outcome.add("heartbeats", "", float(crowd.answered()));
        outcome.add("cpu_per_heartbeat", "us", micros(cpu_holding) / float(beats.max(1)));
        let holding = 100.0 * cpu_holding.as_secs_f64() / time.as_secs_f64().max(f64::EPSILON);
        outcome.add("cpu_holding", "%", holding);
        outcome.add("last_answers", "ms", ms(last.elapsed()));
        Ok(outcome)
    }
}

/// A server with its store in a folder.
async fn start(folder: &Path) -> Result<Server, LoadError> {
    let mut config = Config::default();
    config.listen.plain = Some(free_port()?);
    config.store.data = folder.join("data");
    let server = Server::start(&config).await;
    server.map_err(|error| LoadError::Library { reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_was_said_goodbye_to_is_not_served() {
        let folder = tempfile::tempdir().unwrap();
        let server = start(folder.path()).await.unwrap();
        let work = Sessions { sessions: 3, hold: 0, heartbeat_ms: 0 };
        let mut crowd = Crowd::new(3);
        crowd.open(&server, &work, &Stop::default()).await.unwrap();
        crowd.ask_all().await.unwrap();
        assert_eq!((crowd.answered(), crowd.pinged), (3, 3));
        server.run(async {}).await.unwrap();
        let asked = crowd.ask_all().await.unwrap_err();
        assert!(matches!(asked, LoadError::Wire(_)), "{asked}");
    }

    #[tokio::test]
    async fn each_is_pinged_once_in_a_part_of_the_interval() {
        let tally = Arc::new(Tally::new(8));
        let mut crowd = Crowd { tally, ..Crowd::new(8) };
        for _ in 0..8 {
            let (client, _) = connection(&crowd.tally, b"");
            crowd.clients.push(client);
        }
        crowd.tally.heartbeat_ms.store(80_000, Ordering::Relaxed);
        let seen: Vec<usize> = (0..=5)
            .map(|_| {
                crowd.looked -= Duration::from_secs(16);
                crowd.tend(BEAT_PART).unwrap();
                crowd.next
            })
            .collect();
        assert_eq!(seen, [2, 4, 6, 8, 2, 4]);
    }
}
