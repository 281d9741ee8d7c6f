//! Pairs of a sender and a receiver, each with a connection and a user of its own. Every sender
//! keeps a window of sends unanswered.

use std::time::Duration;

use clap::{Args, value_parser};
use packetboat_proto::id::ChatId;
use packetboat_proto::limits::SENDS_HIGHEST;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::connection::Connection;
use crate::error::LoadError;
use crate::figure::{Outcome, ms, per_second};
use crate::ground::{Ground, all, close};
use crate::histogram::Histogram;
use crate::receiver::{Received, Receiver};
use crate::sender::{Goal, Sender, Sent, SharedCheck};
use crate::usage::{Meter, check_descriptors};
use crate::wire::Letter;

/// The settings of the work.
#[derive(Args, Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pairs {
    /// Pairs
    #[arg(long, default_value_t = 50, value_parser = value_parser!(u32).range(1..=4_000))]
    pub pairs: u32,
    /// Sends that each sender keeps unanswered
    #[arg(long, default_value_t = 64,
          value_parser = value_parser!(u32).range(1..=i64::from(SENDS_HIGHEST)))]
    pub window: u32,
    /// Bytes of each text, 32 of them being its number and time
    #[arg(long, default_value_t = 200, value_parser = value_parser!(u32).range(32..=60_000))]
    pub bytes: u32,
    /// Seconds of sending
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=3_600))]
    pub seconds: u32,
}

/// One pair that is connected.
struct Pair {
    sender: Sender,
    receiver: Receiver,
    check: SharedCheck,
}

impl Pairs {
    /// Does it once.
    pub async fn run(&self, ground: &Ground) -> Result<Outcome, LoadError> {
        check_descriptors(2 * u64::from(self.pairs))?;
        let users = |role| (0..self.pairs).map(|number| ground.user(role, number)).collect();
        let receivers = ground.open(users("r")).await?;
        let senders = ground.open(users("s")).await?;
        let ends = senders.into_iter().zip(receivers).zip(0..);
        let pairs: Result<Vec<_>, _> =
            ends.map(|((sender, receiver), at)| self.pair(ground, at, sender, receiver)).collect();
        self.measure(ground, pairs?).await
    }

    fn pair(
        &self,
        ground: &Ground,
        number: u32,
        sender: Connection,
        receiver: Connection,
    ) -> Result<Pair, LoadError> {
        let chat = ChatId::direct(&ground.user("s", number), &ground.user("r", number));
        let letter = Letter::new(chat.clone(), ground.salt, self.bytes as usize);
        let (check, clock) = (SharedCheck::default(), ground.clock);
        let sender = Sender::new(sender, letter.clone(), check.clone(), clock, self.window)?;
        let receiver = Receiver::new(receiver, chat, letter, check.clone(), clock);
        Ok(Pair { sender, receiver, check })
    }

    async fn measure(&self, ground: &Ground, pairs: Vec<Pair>) -> Result<Outcome, LoadError> {
        let time = Duration::from_secs(self.seconds.into());
        let (mut senders, mut receivers, mut checks) = (JoinSet::new(), JoinSet::new(), Vec::new());
        let meter = Meter::start(ground.target.pid)?;
        let goal = Goal::time(Instant::now(), time);
        for pair in pairs {
            senders.spawn(pair.sender.run(goal));
            receivers.spawn(pair.receiver.run(goal.until, goal.give_up));
            checks.push(pair.check);
        }
        let used = async {
            sleep_until(goal.until).await;
            meter.read()
        };
        let (senders, receivers, used) = tokio::try_join!(all(senders), all(receivers), used)?;
        let (sent, senders): (Vec<_>, Vec<_>) = senders.into_iter().unzip();
        let (received, receivers): (Vec<_>, Vec<_>) = receivers.into_iter().unzip();
        close(senders.into_iter().chain(receivers).collect()).await;

        let mut outcome = figures(time, &sent, &received);
        used.put(&mut outcome, sent.iter().map(|sent| sent.accepted_in_time).sum());
        for check in checks {
            outcome.faults.join(check.lock().finish());
        }
        Ok(outcome)
    }
}

fn figures(time: Duration, sent: &[Sent], received: &[Received]) -> Outcome {
    let mut outcome = Outcome::default();
    let accepted = sent.iter().map(|sent| sent.accepted_in_time).sum();
    let delivered = received.iter().map(|received| received.in_time).sum();
    outcome.add("accepted_per_s", "/s", per_second(accepted, time));
    outcome.add("delivered_per_s", "/s", per_second(delivered, time));
    let latency = joined(sent.iter().map(|sent| &sent.latency));
    outcome.add("accepted_p50", "ms", ms(latency.per_mille(500)));
    outcome.add("accepted_p99", "ms", ms(latency.per_mille(990)));
    let latency = joined(received.iter().map(|received| &received.latency));
    outcome.add("delivered_p50", "ms", ms(latency.per_mille(500)));
    outcome.add("delivered_p99", "ms", ms(latency.per_mille(990)));
    outcome
}

fn joined<'a>(parts: impl Iterator<Item = &'a Histogram>) -> Histogram {
    let mut whole = Histogram::default();
    parts.for_each(|part| whole.join(part));
    whole
}
