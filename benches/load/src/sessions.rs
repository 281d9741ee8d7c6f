//! Very many live sessions of Packetboat in this very process, over transports in memory, since
//! no process may have a million descriptors. Must never count a session that did not answer.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use clap::{Args, value_parser};
use packetboat::config::settings::Config;
use packetboat::server::Server;
use packetboat_proto::limits::HEARTBEAT_MS_HIGHEST;
use packetboat_proto::packet::Packet;
use serde::Serialize;
use tokio::time::sleep;

use crate::error::LoadError;
use crate::figure::{Outcome, float, ms, per_second};
use crate::ground::in_time;
use crate::memory::{ClientEnd, connection};
use crate::process::free_port;
use crate::stop::Stop;
use crate::target::packetboat::PacketboatWire;
use crate::usage::{cpu, mib, resident};
use crate::wire::{Event, Login, Wire, WireError};

/// Sessions that are being opened at one time.
const OPENING_AT_ONCE: usize = 1_024;
/// How long that many may take, and how long the last answers may.
const OPENING_MAX: Duration = Duration::from_mins(1);
/// How often clients are looked after.
const ROUND: Duration = Duration::from_millis(5);
/// A client's heartbeats come after this part of the interval in force.
const BEAT_PART: f64 = 0.8;

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
struct Clients {
    ends: Vec<ClientEnd>,
    /// Reads for all of them: an open connection's limits are all that it has to know.
    wire: PacketboatWire,
    beat: BytesMut,
    /// The next one to be looked after.
    next: usize,
    looked: Instant,
    answers: u64,
}

impl Clients {
    fn new() -> Self {
        let mut beat = BytesMut::new();
        Packet::Ping(1).put(&mut beat);
        let wire = PacketboatWire::new(0, Login::of(0));
        Self { ends: Vec::new(), wire, beat, next: 0, looked: Instant::now(), answers: 0 }
    }

    /// Reads what came for one, and answers what is asked. Whether it was welcomed.
    fn hear(&mut self, at: usize) -> Result<bool, LoadError> {
        let end = &self.ends[at];
        let is_closed = end.is_closed();
        let came = end.take();
        let (mut out, mut is_welcome) = (BytesMut::new(), false);
        let answers = &mut self.answers;
        let taken = self.wire.read(&came, &mut out, &mut |event| match event {
            Event::Ready => is_welcome = true,
            Event::Pong => *answers += 1,
            _ => {}
        })?;
        // The reason, if there was one, came before.
        if is_closed {
            return Err(LoadError::Gone);
        }
        if taken < came.len() {
            return Err(WireError("a part of a frame came".to_owned()).into());
        }
        if !out.is_empty() {
            end.put(&out);
        }
        Ok(is_welcome)
    }

    /// Looks after as many as are due since the last time: all of them once in each interval.
    /// Only the first so many, which were welcomed.
    fn tend(&mut self, first: usize) -> Result<(), LoadError> {
        let elapsed = self.looked.elapsed();
        self.looked += elapsed;
        let Some(every) = self.wire.beat_every() else { return Ok(()) };
        let share = elapsed.as_secs_f64() / (every.as_secs_f64() * BEAT_PART);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is small")]
        let due = (share * float(first as u64)).ceil() as usize;
        for _ in 0..due.min(first) {
            let at = self.next % first;
            self.hear(at)?;
            self.ends[at].put(&self.beat);
            self.next = at + 1;
        }
        Ok(())
    }
}

impl Sessions {
    /// Does it once, in this process: what it has used before is not counted.
    pub fn run(&self, stop: &Stop) -> Result<Outcome, LoadError> {
        let folder = tempfile::tempdir()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut config = Config::default();
            config.listen.plain = Some(free_port()?);
            config.store.data = folder.path().join("data");
            let server = Server::start(&config).await;
            let server =
                server.map_err(|error| LoadError::Library { reason: error.to_string() })?;
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
        let pid = std::process::id();
        let count = self.sessions as usize;
        let mut clients = Clients::new();
        clients.ends.reserve_exact(count);
        let (before, cpu_before) = (resident(pid)?, cpu(pid)?);
        let begun = Instant::now();
        while clients.ends.len() < count {
            let more = OPENING_AT_ONCE.min(count - clients.ends.len());
            self.open(server, &mut clients, more).await?;
            if stop.is_set() {
                return Err(LoadError::Stopped);
            }
        }
        let (opening, cpu_opening) = (begun.elapsed(), cpu(pid)?.saturating_sub(cpu_before));
        let opened = resident(pid)?;

        let (held, cpu_before) = (Instant::now(), cpu(pid)?);
        let hold = Duration::from_secs(self.hold.into());
        while held.elapsed() < hold && !stop.is_set() {
            clients.tend(count)?;
            sleep(ROUND).await;
        }
        let cpu_holding = cpu(pid)?.saturating_sub(cpu_before);
        let (time, staying) = (held.elapsed(), resident(pid)?);
        let last = Instant::now();
        let alive = all_answer(&mut clients).await?;

        let mut outcome = Outcome::default();
        let sessions = float(count as u64);
        let each = |rss: u64| float(rss.saturating_sub(before)) / sessions / 1024.0;
        outcome.add("rss_per_session", "KiB", each(staying));
        outcome.add("rss_per_session_opened", "KiB", each(opened));
        outcome.add("rss", "MiB", mib(staying));
        outcome.add("opened_per_s", "/s", per_second(count as u64, opening));
        outcome.add("cpu_to_open", "us", cpu_opening.as_secs_f64() * 1e6 / sessions);
        outcome.add("heartbeats", "", float(clients.answers));
        let holding = 100.0 * cpu_holding.as_secs_f64() / time.as_secs_f64().max(f64::EPSILON);
        outcome.add("cpu_holding", "%", holding);
        outcome.add("last_answers", "ms", ms(last.elapsed()));
        if alive < count {
            outcome.faults.add(|| format!("{alive} of {count} sessions answered at the end"));
        }
        Ok(outcome)
    }

    /// Opens some more sessions, while the others are looked after.
    async fn open(
        &self,
        server: &Server,
        clients: &mut Clients,
        more: usize,
    ) -> Result<(), LoadError> {
        let first = clients.ends.len();
        let mut hello = BytesMut::new();
        for user in first..first + more {
            let number = u32::try_from(user).expect("there are few millions");
            let login = Login { user: number, heartbeat_ms: self.heartbeat_ms };
            PacketboatWire::new(0, login).greet(&mut hello);
            let (client, stream) = connection();
            client.put(&hello.split());
            tokio::spawn(server.attend(stream));
            clients.ends.push(client);
        }
        let begun = Instant::now();
        let mut at = first;
        while at < clients.ends.len() {
            if clients.hear(at)? {
                at += 1;
                continue;
            }
            in_time(begun, OPENING_MAX, "opening sessions")?;
            sleep(Duration::from_millis(1)).await;
            clients.tend(first)?;
        }
        Ok(())
    }
}

/// Sends every client's server a heartbeat, and waits until each was answered. How many were.
async fn all_answer(clients: &mut Clients) -> Result<usize, LoadError> {
    let mut alive = 0;
    for from in (0..clients.ends.len()).step_by(OPENING_AT_ONCE) {
        let to = clients.ends.len().min(from + OPENING_AT_ONCE);
        for at in from..to {
            // What came before is not the answer.
            clients.hear(at)?;
            clients.ends[at].put(&clients.beat);
        }
        let (mut at, begun) = (from, Instant::now());
        while at < to && begun.elapsed() < OPENING_MAX {
            let before = clients.answers;
            clients.hear(at)?;
            if clients.answers > before {
                (at, alive) = (at + 1, alive + 1);
            } else {
                sleep(Duration::from_millis(1)).await;
                clients.tend(clients.ends.len())?;
            }
        }
    }
    Ok(alive)
}
