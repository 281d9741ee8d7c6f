//! A session of a command that asks or sends, and is gone again. Must never acknowledge what it is
//! delivered, so that no device of the user goes without, nor take another session's place for
//! good.
//!
//! Unless a device is named, it is one of a few of its own. Where the user's other devices are is
//! where it starts: with anything later, the acks of own messages would pass by what nobody has
//! had. Two visits at once may meet on one device; the one that is replaced moves to another, and
//! sends what has no answer again, with the same message ids.

use std::time::Duration;

use packetboat_client::proto::code::CloseCode;
use packetboat_client::{
    AckMode, Client, Config, Ending, Event, Events, Lost, Notice, RequestError,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::account::Account;
use crate::failure::{Failure, is_replaced};
use crate::format::text;
use crate::out::complain;
use crate::patience;

/// How often a visit moves to another device, until one lets it stay.
const MOVES_MAX: u32 = 32;
/// How long it then stays there at least.
const STAY: Duration = Duration::from_mins(1);
/// How long to wait for a first connection, where one that is refused is not tried again.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Deliveries that may wait for acks that do not come.
const WINDOW: u32 = 1;
/// Entries that may wait to be looked away from.
const EVENTS_MAX: usize = 16;
/// What may wait to be heard by who listens; then the client keeps it, and bounds it.
const HEARD_MAX: usize = 64;

/// A session of a command.
pub(crate) struct Visit {
    account: Account,
    client: Client,
    /// Takes what is delivered, for the sake of what comes behind it.
    looking_away: JoinHandle<()>,
    /// What comes, if the visit listens.
    heard: Option<mpsc::Receiver<Heard>>,
    manner: Manner,
    moves: Moves,
}

/// How often a visit has moved without staying.
#[derive(Debug, Default)]
struct Moves {
    count: u32,
    last: Option<Instant>,
}

impl Moves {
    /// It is to move once more. Returns whether it may.
    fn one_more(&mut self, now: Instant) -> bool {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) >= STAY) {
            self.count = 0;
        }
        (self.count, self.last) = (self.count.saturating_add(1), Some(now));
        self.count <= MOVES_MAX
    }
}

/// How a session of a command is held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// It waits for a server that cannot be reached at once, or does not answer.
    pub(crate) patient: bool,
    /// It hears what comes.
    pub(crate) listens: bool,
}

/// What a visit that listens hears.
#[derive(Debug)]
pub(crate) enum Heard {
    /// What became of others.
    Notice(Notice),
    /// The session is another one, or was told less than there was: what was asked for is to be
    /// asked for again.
    Anew,
    /// The client has ended.
    Ended(Ending),
}

impl Visit {
    /// Opens a session. Unless it is `patient`, a server that cannot be reached at once fails it.
    pub(crate) async fn open(account: &Account, patient: bool) -> Result<Self, Failure> {
        Self::open_in(account, Manner { patient, listens: false }).await
    }

    /// Opens a session to be held so.
    pub(crate) async fn open_in(account: &Account, manner: Manner) -> Result<Self, Failure> {
        let mut moves = Moves::default();
        let (client, looking_away, heard) = connect(account, manner, &mut moves).await?;
        Ok(Self { account: account.clone(), client, looking_away, heard, manner, moves })
    }

    /// The client of the session.
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// Asks, and asks again on another device if this one is taken away; if it is patient, also
    /// what has no answer yet.
    pub(crate) async fn ask<T>(
        &mut self,
        ask: impl AsyncFn(&Client) -> Result<T, RequestError>,
    ) -> Result<T, Failure> {
        loop {
            let client = &self.client;
            match patience::ask(self.manner.patient, async || ask(client).await).await {
                Err(RequestError::Closed(ending)) => self.recover(ending).await?,
                outcome => return outcome.map_err(Failure::from),
            }
        }
    }

    /// The client has ended: goes on with another one, on another device, if that helps.
    pub(crate) async fn recover(&mut self, ending: Ending) -> Result<(), Failure> {
        may_move(&self.account, ending, &mut self.moves)?;
        self.looking_away.abort();
        (self.client, self.looking_away, self.heard) =
            connect(&self.account, self.manner, &mut self.moves).await?;
        Ok(())
    }

    /// What became of others; `None`: what was asked for is to be asked for again. A visit that
    /// does not listen waits for ever. Cancel safe, but for a session that is being moved.
    pub(crate) async fn notice(&mut self) -> Result<Option<Notice>, Failure> {
        let Some(heard) = &mut self.heard else { return std::future::pending().await };
        match heard.recv().await {
            Some(Heard::Notice(notice)) => Ok(Some(notice)),
            Some(Heard::Anew) => Ok(None),
            Some(Heard::Ended(ending)) => self.recover(ending).await.map(|()| None),
            None => Err(Failure::Ended(Ending::Closed)),
        }
    }

    /// Says goodbye.
    pub(crate) async fn close(self) {
        close(&self.client).await;
        self.looking_away.abort();
    }
}

/// Runs an errand in a session of its own; with a time-out, within it and as patiently.
pub(crate) async fn visit<T>(
    account: &Account,
    timeout: Option<Duration>,
    errand: impl AsyncFnOnce(&mut Visit) -> Result<T, Failure>,
) -> Result<T, Failure> {
    within(timeout, async {
        let mut visit = Visit::open(account, timeout.is_some()).await?;
        let outcome = errand(&mut visit).await;
        visit.close().await;
        outcome
    })
    .await
}

/// Gives up when the time, if there is a limit to it, is up.
pub(crate) async fn within<T>(
    timeout: Option<Duration>,
    whole: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match timeout {
        Some(limit) => {
            let outcome = tokio::time::timeout(limit, whole).await;
            outcome.unwrap_or(Err(Failure::TimedOut(limit)))
        }
        None => whole.await,
    }
}

/// Says goodbye, but not for long.
pub(crate) async fn close(client: &Client) {
    // It ends with the process in any case.
    drop(tokio::time::timeout(CLOSE_TIMEOUT, client.close()).await);
}

/// Waits for the first session. Unless it is `patient`, one try is all.
pub(crate) async fn first_session(
    server: &str,
    events: &mut Events,
    patient: bool,
) -> Result<(), Failure> {
    let mut told = None;
    loop {
        match events.next().await {
            Some(Event::Connected(_)) => return Ok(()),
            Some(Event::Disconnected { why, .. }) if patient => {
                tell_once(server, &mut told, why);
            }
            Some(Event::Disconnected { why, .. }) => {
                return Err(Failure::NoConnection { server: server.to_owned(), why });
            }
            Some(Event::Closed(ending)) => return Err(Failure::Ended(ending)),
            None => return Err(Failure::Ended(Ending::Closed)),
            Some(Event::LogReset { chat, .. }) => complain(&text::log_reset(&chat)),
            Some(Event::Entry(_) | Event::Room(_) | Event::Notice(_) | Event::Signal(_)) => {}
        }
    }
}

/// Says on stderr that the link is lost, unless that has been said.
pub(crate) fn tell_once(server: &str, told: &mut Option<Lost>, why: Lost) {
    if told.as_ref() != Some(&why) {
        complain(&format!("{server}: link lost: {why}; trying again"));
        *told = Some(why);
    }
}

/// A lower bound for tries to connect, where the first one is all.
pub(crate) fn hasten(config: &mut Config, patient: bool) {
    if !patient {
        config.connect_timeout = CONNECT_TIMEOUT;
    }
}

async fn connect(
    account: &Account,
    manner: Manner,
    moves: &mut Moves,
) -> Result<(Client, JoinHandle<()>, Option<mpsc::Receiver<Heard>>), Failure> {
    let patient = manner.patient;
    loop {
        let [.., chance] = *Client::new_message_id().as_bytes();
        let mut config = account.visiting(chance);
        (config.acks, config.events_max) = (AckMode::Manual, EVENTS_MAX);
        config.wanted.window = WINDOW;
        hasten(&mut config, patient);
        let (client, mut events) = Client::start(config)?;
        match first_session(&account.server, &mut events, patient).await {
            Ok(()) => {
                let server = account.server.clone();
                let (told, heard) = mpsc::channel(HEARD_MAX);
                let told = manner.listens.then_some(told);
                let looking_away = tokio::spawn(look_away(server, events, told));
                return Ok((client, looking_away, manner.listens.then_some(heard)));
            }
            Err(Failure::Ended(ending)) => may_move(account, ending, moves)?,
            Err(failure) => return Err(failure),
        }
    }
}

fn may_move(account: &Account, ending: Ending, moves: &mut Moves) -> Result<(), Failure> {
    if account.device.is_some() || !is_replaced(&ending) || !moves.one_more(Instant::now()) {
        return Err(Failure::Ended(ending));
    }
    Ok(())
}

/// Takes what comes, and passes on what `listener` hears.
async fn look_away(server: String, mut events: Events, listener: Option<mpsc::Sender<Heard>>) {
    let mut told = None;
    while let Some(event) = events.next().await {
        let heard = match event {
            Event::Disconnected { why, .. } => {
                if !is_unacknowledged(&why) {
                    tell_once(&server, &mut told, why);
                }
                continue;
            }
            Event::Connected(_) => {
                if told.take().is_some() {
                    complain(&format!("{server}: link is back"));
                }
                Heard::Anew
            }
            Event::Notice(Notice::Missed) => Heard::Anew,
            Event::Notice(notice) => Heard::Notice(notice),
            Event::Closed(ending) => Heard::Ended(ending),
            Event::Entry(_) | Event::LogReset { .. } | Event::Room(_) | Event::Signal(_) => {
                continue;
            }
        };
        if let Some(listener) = &listener {
            // Nobody is left to hear it only where the visit ends.
            drop(listener.send(heard).await);
        }
    }
}

/// Whether the server went as nothing was acknowledged to it: a visit never does, so that one that
/// lasts is closed now and then, and comes back.
fn is_unacknowledged(why: &Lost) -> bool {
    matches!(why, Lost::Goodbye(verdict) if verdict.close_code() == Some(CloseCode::AckTimeout))
}

#[cfg(test)]
mod tests {
    use super::*;
    use packetboat_client::proto::code::RejectCode;
    use packetboat_client::proto::packet::{Answer, Packet};
    use packetboat_client::{Presence, Verdict};

    use crate::fake::{Fake, response};

    #[tokio::test]
    async fn a_visit_that_listens_hears_what_comes_and_comes_back() {
        let (server, account) = Fake::start().await;
        let bob = Presence::hidden("bob".parse().unwrap());
        let told = Notice::Presence(bob);
        let first = [
            Packet::Notice(told.clone()),
            Packet::Notice(Notice::Missed),
            Packet::Goodbye(Verdict::close(CloseCode::AckTimeout, "", 0)),
        ];
        let second = [
            Packet::Notice(told.clone()),
            Packet::Goodbye(Verdict::close(CloseCode::Displaced, "another", 0)),
        ];
        let serving = async {
            for mut said in [first.to_vec(), second.to_vec()] {
                server.serve(|_| std::mem::take(&mut said)).await;
            }
        };
        let visiting = async {
            let manner = Manner { patient: true, listens: true };
            let mut visit = Visit::open_in(&account, manner).await.unwrap();
            assert_eq!(visit.notice().await.unwrap(), Some(told.clone()));
            assert_eq!(visit.notice().await.unwrap(), None, "some were missed");
            assert_eq!(visit.notice().await.unwrap(), None, "the link is another one");
            assert_eq!(visit.notice().await.unwrap(), Some(told.clone()));
            let failure = visit.notice().await.unwrap_err();
            assert!(failure.to_string().contains("another"), "{failure}");
        };
        let both = async { tokio::join!(serving, visiting) };
        tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
    }

    #[tokio::test]
    async fn who_is_patient_asks_again_what_has_no_answer_and_not_what_is_refused_for_good() {
        let (server, account) = Fake::start().await;
        let refused = |code| Err(Verdict::reject(code, "", 1));
        for patient in [true, false] {
            let mut answers = vec![
                refused(RejectCode::NotAllowed),
                Ok(Answer::Presence(Vec::new())),
                refused(RejectCode::Unavailable),
            ];
            let serving = server.serve(|packet| match packet {
                Packet::Request(request) => vec![response(request.id, answers.pop().unwrap())],
                _ => Vec::new(),
            });
            let visiting = async {
                let manner = Manner { patient, listens: false };
                let mut visit = Visit::open_in(&account, manner).await.unwrap();
                let ask = async |client: &Client| client.presence(Vec::new()).await.map(drop);
                let first = visit.ask(ask).await;
                let is_put_off = matches!(&first, Err(Failure::Refused(verdict))
                    if verdict.reject_code() == Some(RejectCode::Unavailable));
                assert_eq!((first.is_ok(), is_put_off), (patient, !patient), "{first:?}");
                if !patient {
                    visit.ask(ask).await.unwrap();
                }
                let last = visit.ask(ask).await.unwrap_err();
                assert!(last.to_string().contains("NOT_ALLOWED"), "{last}");
                visit.close().await;
            };
            let both = async { tokio::join!(serving, visiting) };
            tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
            assert!(answers.is_empty());
        }
    }

    #[test]
    fn who_stays_now_and_then_may_move_for_good() {
        let mut moves = Moves::default();
        let start = Instant::now();
        for n in 0..10 * MOVES_MAX {
            assert!(moves.one_more(start + n * STAY), "{n}");
        }
        let then = start + 10 * MOVES_MAX * STAY;
        let moved = (0..2 * MOVES_MAX).filter(|_| moves.one_more(then)).count();
        assert_eq!(moved, MOVES_MAX as usize, "where it is put out at once it gives up");
    }

    #[test]
    fn a_visit_that_acknowledges_nothing_is_told_apart_from_a_link_that_is_lost() {
        let goodbye = |code| Lost::Goodbye(Verdict::close(code, "", 0));
        assert!(is_unacknowledged(&goodbye(CloseCode::AckTimeout)));
        for why in [goodbye(CloseCode::Replaced), Lost::Cut, Lost::Silent] {
            assert!(!is_unacknowledged(&why), "{why}");
        }
    }
}
