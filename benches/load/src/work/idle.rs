//! Connections with an open session that do nothing but say that they are there.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, value_parser};
use packetboat_proto::limits::HEARTBEAT_MS_HIGHEST;
use packetboat_proto::packet::Packet;
use serde::Serialize;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::connection::{Connection, Login, READ_BYTES_IDLE};
use crate::error::LoadError;
use crate::figure::{Outcome, float, per_second};
use crate::ground::{Ground, OPENING_AT_ONCE, all, next};
use crate::usage::{Meter, check_descriptors, resident};

/// The settings of the work.
#[derive(Args, Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Idle {
    /// Connections; server and generator each need a descriptor for every one
    #[arg(long, default_value_t = 5_000, value_parser = value_parser!(u32).range(1..=25_000))]
    pub connections: u32,
    /// Seconds that they stay once all are open
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u32).range(0..=3_600))]
    pub hold: u32,
    /// Milliseconds between heartbeats; 0 leaves it to the server
    #[arg(long, default_value_t = 0,
          value_parser = value_parser!(u32).range(0..=i64::from(HEARTBEAT_MS_HIGHEST)))]
    pub heartbeat_ms: u32,
}

impl Idle {
    /// Does it once.
    pub async fn run(&self, ground: &Ground) -> Result<Outcome, LoadError> {
        check_descriptors(self.connections.into())?;
        let pid = ground.target.pid()?;
        let count = u64::from(self.connections);
        let before = resident(pid)?;
        let meter = Meter::start(Some(pid))?;
        let (stop, stopped) = watch::channel(false);
        let begun = Instant::now();
        let mut tasks = self.open(ground, stopped).await?;
        let opening = begun.elapsed();
        let (opened, used) = (resident(pid)?, meter.read()?);

        let meter = Meter::start(Some(pid))?;
        let hold = Duration::from_secs(self.hold.into());
        tokio::select! {
            // One ends before it is told to only if it fails.
            Some(result) = next(&mut tasks) => result.map(drop)?,
            () = sleep(hold) => {}
        }
        let (staying, used_staying) = (resident(pid)?, meter.read()?);
        stop.send_replace(true);
        let beats: u64 = all(tasks).await?.into_iter().sum();

        let mut outcome = Outcome::default();
        let each = |rss: u64| float(rss.saturating_sub(before)) / float(count) / 1024.0;
        outcome.add("opened_per_s", "/s", per_second(count, opening));
        used.put(&mut outcome, count);
        outcome.add("rss_before", "MiB", float(before) / 1024.0 / 1024.0);
        outcome.add("rss_opened", "MiB", float(opened) / 1024.0 / 1024.0);
        outcome.add("rss_per_connection", "KiB", each(opened));
        outcome.add("rss_per_connection_held", "KiB", each(staying));
        outcome.add("heartbeats", "", float(beats));
        outcome.add("server_cpu_holding", "%", used_staying.server_percent());
        Ok(outcome)
    }

    /// Opens all, a few at a time. Each task then stays until it is told to stop.
    async fn open(
        &self,
        ground: &Ground,
        stopped: watch::Receiver<bool>,
    ) -> Result<JoinSet<Result<u64, LoadError>>, LoadError> {
        let turns = Arc::new(Semaphore::new(OPENING_AT_ONCE));
        let (opened, mut opening) = mpsc::channel(OPENING_AT_ONCE);
        let mut tasks = JoinSet::new();
        for number in 0..self.connections {
            let (turns, opened, stopped) = (Arc::clone(&turns), opened.clone(), stopped.clone());
            let (address, user) = (ground.target.address, ground.user("i", number));
            let heartbeat_ms = self.heartbeat_ms;
            let login = Login { user, heartbeat_ms, read_bytes: READ_BYTES_IDLE };
            tasks.spawn(async move {
                let turn = turns.acquire().await.expect("the semaphore is never closed");
                let connection = Connection::open(address, login).await?;
                drop(turn);
                // Nobody listens any more when another one has failed.
                let _ = opened.send(()).await;
                stay(connection, stopped).await
            });
        }
        drop(opened);
        for _ in 0..self.connections {
            tokio::select! {
                biased;
                Some(()) = opening.recv() => {}
                Some(result) = next(&mut tasks) => result.map(drop)?,
            }
        }
        Ok(tasks)
    }
}

/// Sends a heartbeat whenever one is due, until it is told to stop. How many it sent.
async fn stay(
    mut connection: Connection,
    mut stopped: watch::Receiver<bool>,
) -> Result<u64, LoadError> {
    let pause = Duration::from_millis(connection.limits().heartbeat_ms.into());
    let mut beat = std::pin::pin!(sleep_until(Instant::now() + pause));
    let mut beats = 0;
    loop {
        tokio::select! {
            exchanged = connection.exchange() => exchanged?,
            () = &mut beat => {
                beats += 1;
                connection.put(&Packet::Ping(beats));
                beat.as_mut().reset(Instant::now() + pause);
            }
            _ = stopped.wait_for(|stopped| *stopped) => break,
        }
        while connection.next_frame()?.is_some() {}
    }
    connection.close().await;
    Ok(beats)
}
