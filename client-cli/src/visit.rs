//! A session of a command that asks or sends, and is gone again. Must never acknowledge what it is
//! delivered, so that no device of the user goes without, nor take another session's place for
//! good.
//!
//! Unless a device is named, it is one of a few of its own. Where the user's other devices are is
//! where it starts: with anything later, the acks of own messages would pass by what nobody has
//! had. Two visits at once may meet on one device; the one that is replaced moves to another, and
//! sends what has no answer again, with the same message ids.

use std::time::Duration;

use packetboat_client::{
    AckMode, Client, Config, DeviceId, Ending, Event, Events, Lost, RequestError,
};
use tokio::task::JoinHandle;

use crate::account::Account;
use crate::failure::{Failure, is_replaced};
use crate::format::text;
use crate::out::complain;

/// Devices of a user that visits share: few, since a server bounds them.
const DEVICES: u8 = 8;
/// How often a visit moves to another device.
const MOVES_MAX: u32 = 32;
/// How long to wait for a first connection, where one that is refused is not tried again.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Deliveries that may wait for acks that do not come.
const WINDOW: u32 = 1;
/// Entries that may wait to be looked away from.
const EVENTS_MAX: usize = 16;

/// A session of a command.
pub(crate) struct Visit {
    account: Account,
    client: Client,
    /// Takes what is delivered, for the sake of what comes behind it.
    looking_away: JoinHandle<()>,
    patient: bool,
    moves: u32,
}

impl Visit {
    /// Opens a session. Unless it is `patient`, a server that cannot be reached at once fails it.
    pub(crate) async fn open(account: &Account, patient: bool) -> Result<Self, Failure> {
        let mut moves = 0;
        let (client, looking_away) = connect(account, patient, &mut moves).await?;
        Ok(Self { account: account.clone(), client, looking_away, patient, moves })
    }

    /// The client of the session.
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// Asks, and asks again on another device if this one is taken away.
    pub(crate) async fn ask<T>(
        &mut self,
        ask: impl AsyncFn(&Client) -> Result<T, RequestError>,
    ) -> Result<T, Failure> {
        loop {
            match ask(&self.client).await {
                Err(RequestError::Closed(ending)) => self.recover(ending).await?,
                outcome => return outcome.map_err(Failure::from),
            }
        }
    }

    /// The client has ended: goes on with another one, on another device, if that helps.
    pub(crate) async fn recover(&mut self, ending: Ending) -> Result<(), Failure> {
        may_move(&self.account, ending, &mut self.moves)?;
        self.looking_away.abort();
        (self.client, self.looking_away) =
            connect(&self.account, self.patient, &mut self.moves).await?;
        Ok(())
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
    patient: bool,
    moves: &mut u32,
) -> Result<(Client, JoinHandle<()>), Failure> {
    loop {
        let device = account.device.clone().unwrap_or_else(any_device);
        let mut config = account.config(device);
        (config.acks, config.events_max) = (AckMode::Manual, EVENTS_MAX);
        config.wanted.window = WINDOW;
        hasten(&mut config, patient);
        let (client, mut events) = Client::start(config)?;
        match first_session(&account.server, &mut events, patient).await {
            Ok(()) => {
                let server = account.server.clone();
                return Ok((client, tokio::spawn(look_away(server, events))));
            }
            Err(Failure::Ended(ending)) => may_move(account, ending, moves)?,
            Err(failure) => return Err(failure),
        }
    }
}

fn may_move(account: &Account, ending: Ending, moves: &mut u32) -> Result<(), Failure> {
    if account.device.is_some() || !is_replaced(&ending) || *moves >= MOVES_MAX {
        return Err(Failure::Ended(ending));
    }
    *moves += 1;
    Ok(())
}

async fn look_away(server: String, mut events: Events) {
    let mut told = None;
    while let Some(event) = events.next().await {
        match event {
            Event::Disconnected { why, .. } => tell_once(&server, &mut told, why),
            Event::Connected(_) if told.take().is_some() => {
                complain(&format!("{server}: link is back"));
            }
            _ => {}
        }
    }
}

/// One of the devices that visits share, by chance.
fn any_device() -> DeviceId {
    let [.., chance] = *Client::new_message_id().as_bytes();
    let device = format!("cli-once-{}", chance % DEVICES);
    device.parse().expect("letters, digits and hyphens are a device id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visits_share_a_few_devices() {
        let devices: std::collections::HashSet<_> = (0..1000).map(|_| any_device()).collect();
        assert_eq!(devices.len(), usize::from(DEVICES));
    }
}
