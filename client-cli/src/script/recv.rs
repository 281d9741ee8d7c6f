//! `recv`: what a device has not had yet. Must never acknowledge what is not written out, but for
//! what the user has deleted for itself, which is not to be shown.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::FutureExt;
use packetboat_client::{
    AckMode, ChatId, ChatState, Client, Ending, Entry, Event, Events, Lost, Notice, OwnState,
    RequestError,
};
use tokio::time::Instant;

use super::follow::until;
use crate::account::Account;
use crate::clock::Clock;
use crate::command::recv::RecvArgs;
use crate::failure::Failure;
use crate::format::{json, text};
use crate::out::{Out, complain};
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
    // An entry is acknowledged when the next event is asked for: by then it is written out.
    config.acks = AckMode::Auto;
    let (client, events) = Client::start(config)?;
    let server = account.server.clone();
    let link = Link { server, told: None };
    let (clock, own) = (Clock::system(), OwnState::default());
    let mut recv = Recv { args, client, events, own, link, out, clock, printed: 0 };
    let outcome = tokio::select! {
        biased;
        () = stop.told() => if args.follow { Ok(()) } else { Err(Failure::Interrupted) },
        outcome = recv.run(patient) => outcome,
        () = until(deadline) => recv.out_of_time(timeout.unwrap_or_default()),
    };
    if outcome.is_ok() {
        recv.acknowledge_last();
    }
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
    /// What the user has set for itself, as far as is known.
    own: OwnState,
    link: Link,
    out: &'a mut Out,
    clock: Clock,
    printed: u64,
}

impl Recv<'_> {
    async fn run(&mut self, patient: bool) -> Result<(), Failure> {
        first_session(&self.link.server, &mut self.events, patient).await?;
        if self.args.told.away {
            self.client.set_away(true).await?;
        }
        match self.client.sync_own(&mut self.own).await {
            // Once the link is back it is learned, before anything comes over it.
            Err(_) if patient => {}
            learned => learned?,
        }
        for room in &self.args.room {
            self.client.join(room).await?;
        }
        let mut backlog = Backlog::default();
        let ends_when_drained = !self.args.follow && self.args.count.is_none();
        let client = self.client.clone();
        let mut asking = std::pin::pin!(lagging(client));
        let mut asked = !ends_when_drained;
        loop {
            tokio::select! {
                event = self.events.next() => match event {
                    Some(Event::Entry(entry)) => {
                        self.take(&entry)?;
                        backlog.had(&entry.chat, entry.seq);
                    }
                    Some(event) => self.hear(event).await?,
                    None => return Err(Failure::Ended(Ending::Closed)),
                },
                states = &mut asking, if !asked => {
                    asked = true;
                    backlog.expect(states?);
                }
            }
            if self.args.count == Some(self.printed) {
                return Ok(());
            }
            if ends_when_drained && backlog.is_drained() {
                return Ok(());
            }
        }
    }

    /// Something that is no entry.
    async fn hear(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Disconnected { why, .. } => {
                tell_once(&self.link.server, &mut self.link.told, why);
            }
            Event::Connected(_) => {
                if self.link.told.take().is_some() {
                    complain(&format!("{}: link is back", self.link.server));
                }
                self.learn_own().await;
            }
            Event::Room(event) => complain(&text::room::event(&event)),
            Event::LogReset { chat, .. } => complain(&text::log_reset(&chat)),
            Event::Closed(ending) => return Err(Failure::Ended(ending)),
            Event::Notice(notice) => {
                let is_news = match notice {
                    Notice::Own(revision) => revision > self.own.revision(),
                    Notice::Missed => true,
                    _ => false,
                };
                if is_news {
                    self.learn_own().await;
                }
                if self.args.also.hints {
                    let text = || text::hint::notice(&self.clock, &notice);
                    self.out.put(|| json::hint::notice(&notice), text)?;
                }
            }
            Event::Signal(signal) if self.args.also.hints => {
                self.out.put(|| json::hint::signal(&signal), || text::hint::signal(&signal))?;
            }
            Event::Entry(_) | Event::Signal(_) => {}
        }
        Ok(())
    }

    /// Learns what the user has set for itself. Where that fails the link is lost, and it is
    /// learned once it is back.
    async fn learn_own(&mut self) {
        drop(self.client.sync_own(&mut self.own).await);
    }

    /// Asks for one event more, so that the last entry counts as done with. What comes with it does
    /// not: nothing is asked for after it.
    fn acknowledge_last(&mut self) {
        drop(self.events.next().now_or_never());
    }

    /// Writes the entry out, unless the user has deleted it for itself.
    fn take(&mut self, entry: &Entry) -> Result<(), Failure> {
        let is_wanted = self.args.also.own || entry.sender != *self.client.user();
        if is_wanted && !self.own.hides(&entry.chat, entry.seq) {
            self.out.put(|| json::entry(entry), || text::entry(&self.clock, entry))?;
            self.printed += 1;
            if self.args.told.read {
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

/// The chats in which this device has not had everything.
async fn lagging(client: Client) -> Result<Vec<ChatState>, RequestError> {
    let (mut lagging, mut after) = (Vec::new(), None);
    loop {
        let page = client.chats(after, 0).await?;
        after = page.items.last().map(|state| state.chat.clone());
        lagging.extend(page.items.into_iter().filter(|state| state.head > state.delivered));
        if after.is_none() || !page.more {
            return Ok(lagging);
        }
    }
}

/// What was there for the device when the server was asked.
#[derive(Debug, Default)]
struct Backlog {
    /// The last entry of each chat that has come.
    had: HashMap<ChatId, u64>,
    /// The last entry of each chat that is to come; `None`: not known yet.
    expected: Option<HashMap<ChatId, u64>>,
}

impl Backlog {
    fn had(&mut self, chat: &ChatId, seq: u64) {
        match &mut self.expected {
            Some(expected) if expected.get(chat).is_some_and(|last| *last <= seq) => {
                expected.remove(chat);
            }
            Some(_) => {}
            None => drop(self.had.insert(chat.clone(), seq)),
        }
    }

    fn expect(&mut self, lagging: Vec<ChatState>) {
        let had = std::mem::take(&mut self.had);
        let missing = |state: &ChatState| had.get(&state.chat).is_none_or(|seq| *seq < state.head);
        let expected = lagging.into_iter().filter(missing).map(|state| (state.chat, state.head));
        self.expected = Some(expected.collect());
    }

    fn is_drained(&self) -> bool {
        self.expected.as_ref().is_some_and(HashMap::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(chat: &str, head: u64) -> ChatState {
        ChatState { head, ..ChatState::of(chat.parse().unwrap()) }
    }

    fn chat(text: &str) -> ChatId {
        text.parse().unwrap()
    }

    #[test]
    fn nothing_is_drained_before_it_is_known() {
        let mut backlog = Backlog::default();
        assert!(!backlog.is_drained());
        backlog.expect(Vec::new());
        assert!(backlog.is_drained());
    }

    #[test]
    fn each_chat_is_waited_for_to_its_end() {
        let mut backlog = Backlog::default();
        backlog.had(&chat("dm:a:b"), 5);
        backlog.had(&chat("dm:a:c"), 2);
        backlog.expect(vec![state("dm:a:b", 5), state("dm:a:c", 3), state("group:x", 9)]);
        assert!(!backlog.is_drained());
        backlog.had(&chat("dm:a:c"), 4);
        backlog.had(&chat("group:x"), 8);
        backlog.had(&chat("dm:z:z"), 1);
        assert!(!backlog.is_drained());
        backlog.had(&chat("group:x"), 9);
        assert!(backlog.is_drained());
    }
}
