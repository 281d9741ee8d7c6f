//! Messages for a receiver that has never been there, who then comes and gets them all.

use std::time::Duration;

use clap::{Args, value_parser};
use packetboat_proto::id::ChatId;
use packetboat_proto::limits::SENDS_HIGHEST;
use serde::Serialize;
use tokio::time::Instant;

use crate::connection::{Connection, Login};
use crate::error::LoadError;
use crate::figure::{Outcome, ms, per_second};
use crate::ground::{Ground, close};
use crate::receiver::Receiver;
use crate::sender::{GRACE, Goal, Sender, SharedCheck};
use crate::usage::Meter;
use crate::wire::Letter;

/// Slower than this, the work is given up.
const SLOWEST_PER_S: u32 = 100;

/// The settings of the work.
#[derive(Args, Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Offline {
    /// Messages
    #[arg(long, default_value_t = 10_000, value_parser = value_parser!(u32).range(1..=10_000_000))]
    pub messages: u32,
    /// Sends that the sender keeps unanswered
    #[arg(long, default_value_t = 64,
          value_parser = value_parser!(u32).range(1..=i64::from(SENDS_HIGHEST)))]
    pub window: u32,
    /// Bytes of each text, 32 of them being its number and time
    #[arg(long, default_value_t = 200, value_parser = value_parser!(u32).range(32..=60_000))]
    pub bytes: u32,
}

impl Offline {
    /// Does it once.
    pub async fn run(&self, ground: &Ground) -> Result<Outcome, LoadError> {
        let (absent, author) = (ground.user("r", 0), ground.user("s", 0));
        let (address, clock) = (ground.target.address, ground.clock);
        let chat = ChatId::direct(&author, &absent);
        let letter = Letter::new(chat.clone(), ground.salt, self.bytes as usize);
        let check = SharedCheck::default();
        let bound = GRACE + Duration::from_secs(u64::from(self.messages / SLOWEST_PER_S));
        let mut outcome = Outcome::default();

        let sender = Connection::open(address, Login::busy(author)).await?;
        let sender = Sender::new(sender, letter.clone(), check.clone(), clock, self.window)?;
        let meter = Meter::start(ground.target.pid)?;
        let begun = Instant::now();
        let (sent, sender) = sender.run(Goal::messages(self.messages.into(), begun, bound)).await?;
        outcome.add("stored_per_s", "/s", per_second(sent.latency.total(), begun.elapsed()));
        outcome.add("accepted_p50", "ms", ms(sent.latency.per_mille(500)));
        outcome.add("accepted_p99", "ms", ms(sent.latency.per_mille(990)));

        let begun = Instant::now();
        let receiver = Connection::open(address, Login::busy(absent)).await?;
        outcome.add("login", "ms", begun.elapsed().as_secs_f64() * 1e3);
        let receiver = Receiver::new(receiver, chat, letter, check.clone(), clock);
        let (got, receiver) = receiver.run(begun + bound, begun + bound).await?;
        let drained_in = got.last_at.saturating_sub(clock.at(begun));
        let rate = per_second(got.total, Duration::from_nanos(drained_in));
        outcome.add("drained_per_s", "/s", rate);
        meter.read()?.put(&mut outcome, got.total);
        close(vec![sender, receiver]).await;

        outcome.faults = check.lock().finish();
        let (total, asked) = (got.total, u64::from(self.messages));
        if total != asked {
            outcome.faults.add(|| format!("{total} of {asked} messages were delivered"));
        }
        Ok(outcome)
    }
}
