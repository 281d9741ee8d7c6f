//! `recv`: what a device has not had yet. Must never acknowledge what is not written out, but for
//! what the user has deleted for itself, which is not to be shown.

mod backlog;
mod judge;

use std::time::Duration;

use packetboat_client::{
    AckMode, ChatState, Client, Ending, Event, Events, Lost, Notice, RequestError,
};
use tokio::time::Instant;

use self::backlog::{Backlog, lagging};
use self::judge::{Judge, Judged};
use super::follow::until;
use crate::account::Account;
use crate::clock::Clock;
use crate::command::recv::RecvArgs;
use crate::failure::Failure;
use crate::format::{json, text};
use crate::out::{Out, complain};
use crate::patience;
use crate::stop::Stop;
use crate::visit::{close, first_session, hasten, tell_once};

/// Receives until there is a reason to end.
pub(crate) async fn recv(
    account: &Account,
    args: &RecvArgs,
    timeout: Option<Duration>,
    out: &mut Out,
) -> Result<(), Failure> {
    let patient = timeout.is_some() || args.follow;
    let mut config = account.config(account.device());
    config.start = args.start.start.0;
    hasten(&mut config, patient);
    let mut stop = Stop::listen().map_err(Failure::Runtime)?;
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    config.acks = AckMode::Manual;
    let (client, events) = Client::start(config)?;
    let server = account.server.clone();
    let (link, clock) = (Link { server, told: None }, Clock::system());
    let mut recv = Recv { args, client, events, link, out, clock, printed: 0 };
    let outcome = tokio::select! {
        biased;
        () = stop.told() => if args.follow { Ok(()) } else { Err(Failure::Interrupted) },
        outcome = recv.run(patient) => outcome,
        () = until(deadline) => recv.out_of_time(timeout.unwrap_or_default()),
    };
    close(&recv.client).await;
    outcome
}

struct Link {
    server: String,
    told: Option<Lost>,
}

struct Recv<'a> {
    args: &'a RecvArgs,
    client: Client,
    events: Events,
    link: Link,
    out: &'a mut Out,
    clock: Clock,
    printed: u64,
}

impl Recv<'_> {
    async fn run(&mut self, patient: bool) -> Result<(), Failure> {
        first_session(&self.link.server, &mut self.events, patient).await?;
        let mut judge = Judge::start(self.client.clone(), patient);
        let mut backlog = Backlog::default();
        let ends_when_drained = !self.args.follow && self.args.count.is_none();
        // Beside what comes: what keeps an answer up may be entries that wait to be taken.
        let opening = opening(self.client.clone(), self.args, patient, ends_when_drained);
        let mut opening = std::pin::pin!(opening);
        let mut opened = false;
        loop {
            tokio::select! {
                event = self.events.next() => match event {
                    Some(event) => self.hear(event, &mut judge)?,
                    None => return Err(Failure::Ended(Ending::Closed)),
                },
                known = judge.learns() => known?,
                states = &mut opening, if !opened => {
                    opened = true;
                    if let Some(states) = states? {
                        backlog.expect(states);
                    }
                }
            }
            while let Some(judged) = judge.next() {
                self.take(&judged)?;
                backlog.had(&judged.entry.chat, judged.entry.seq);
                if self.args.count == Some(self.printed) {
                    return Ok(());
                }
            }
            if ends_when_drained && backlog.is_drained() {
                return Ok(());
            }
        }
    }

    fn hear(&mut self, event: Event, judge: &mut Judge) -> Result<(), Failure> {
        match event {
            Event::Entry(entry) => judge.add(entry),
            Event::Disconnected { why, .. } => {
                tell_once(&self.link.server, &mut self.link.told, why);
            }
            Event::Connected(_) => {
                if self.link.told.take().is_some() {
                    complain(&format!("{}: link is back", self.link.server));
                }
                judge.read_on();
            }
            Event::Room(event) => complain(&text::room::event(&event)),
            Event::LogReset { chat, .. } => {
                judge.reset(&chat);
                complain(&text::log_reset(&chat));
            }
            Event::Closed(ending) => return Err(Failure::Ended(ending)),
            Event::Notice(notice) => {
                match notice {
                    Notice::Own(revision) => judge.read_up_to(revision),
                    Notice::Missed => judge.read_on(),
                    _ => {}
                }
                if self.args.also.hints {
                    let text = || text::hint::notice(&self.clock, &notice);
                    self.out.put(|| json::hint::notice(&notice), text)?;
                }
            }
            Event::Signal(signal) if self.args.also.hints => {
                self.out.put(|| json::hint::signal(&signal), || text::hint::signal(&signal))?;
            }
            Event::Signal(_) => {}
        }
        Ok(())
    }

    /// Writes an entry out, unless it is not to be shown; then it is done with.
    fn take(&mut self, Judged { entry, hidden, void }: &Judged) -> Result<(), Failure> {
        let is_wanted = self.args.also.own || entry.sender != *self.client.user();
        let is_shown = is_wanted && !hidden;
        if is_shown {
            self.out.put(|| json::entry(entry), || text::entry(&self.clock, entry))?;
            self.printed += 1;
        }
        if !void {
            self.client.ack(&entry.chat, entry.seq);
            // A room keeps no account of who has read what.
            if is_shown && self.args.told.read && !entry.chat.is_room() {
                self.client.read(&entry.chat, entry.seq);
            }
        }
        Ok(())
    }

    fn out_of_time(&self, timeout: Duration) -> Result<(), Failure> {
        match self.args.count {
            None if self.args.follow => Ok(()),
            _ => Err(Failure::TimedOut(timeout)),
        }
    }
}

/// What is asked once there is a session. Returns the chats in which this device has not had
/// everything, if that is to be known.
async fn opening(
    client: Client,
    args: &RecvArgs,
    patient: bool,
    asks_what_lags: bool,
) -> Result<Option<Vec<ChatState>>, RequestError> {
    if args.told.away {
        patience::ask(patient, async || client.set_away(true).await).await?;
    }
    for room in &args.room {
        patience::ask(patient, async || client.join(room).await).await?;
    }
    if !asks_what_lags {
        return Ok(None);
    }
    patience::ask(patient, async || lagging(&client).await).await.map(Some)
}

#[cfg(test)]
mod tests;
