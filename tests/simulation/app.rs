//! The app of a device: what it does with what its client tells it, and to whom it tells that. Must
//! never tell the history anything that a user could not have seen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use packetboat_client::{Client, Ending, Event, Events, Lost, Start, Welcome};
use packetboat_proof::history::{Device, Event as Seen, Owed, Recorder};
use packetboat_proto::code::CloseCode;
use packetboat_proto::id::ChatId;
use tokio::time::{Instant, sleep};

use crate::judges::Judges;
use crate::lookout::Session;

/// What an app keeps over its restarts: how far it came in each chat.
pub type Cursors = Arc<Mutex<HashMap<ChatId, u64>>>;

/// What an app is told about its device.
#[derive(Clone, Default)]
pub struct Wallet(Arc<Mutex<Papers>>);

/// That.
#[derive(Default)]
pub struct Papers {
    /// It was logged out.
    pub is_out: bool,
    /// It was told that another device stays.
    pub aside: Option<CloseCode>,
    /// The last that it was given.
    pub ticket: Bytes,
    /// One of before its last log-out, which it shows all the same: it is refused.
    pub stale: Option<Bytes>,
}

impl Wallet {
    /// What is in it.
    pub fn papers(&self) -> MutexGuard<'_, Papers> {
        self.0.lock().expect("no panic")
    }
}

/// What happened beside the history: what must not, and what explains the rest.
#[derive(Clone)]
pub struct Log {
    started: Instant,
    found: Arc<Mutex<Vec<String>>>,
    /// What happened to the connections, for a person who looks for the cause of something.
    diary: Arc<Mutex<Vec<String>>>,
}

impl Default for Log {
    fn default() -> Self {
        Self { started: Instant::now(), found: Arc::default(), diary: Arc::default() }
    }
}

impl Log {
    fn add(&self, what: String) {
        self.found.lock().expect("no panic").push(what);
    }

    /// Notes what happened, and when.
    pub fn note(&self, what: String) {
        let ms = self.started.elapsed().as_millis();
        self.diary.lock().expect("no panic").push(format!("{ms:>8} ms  {what}"));
    }

    /// All of them.
    pub fn all(&self) -> Vec<String> {
        self.found.lock().expect("no panic").clone()
    }

    /// What happened.
    pub fn diary(&self) -> Vec<String> {
        self.diary.lock().expect("no panic").clone()
    }
}

/// What an app does with what its client tells it.
pub struct App {
    /// What happened beside the history.
    pub log: Log,
    /// Its device.
    pub device: Device,
    /// The history.
    pub recorder: Recorder,
    /// What it keeps over its restarts.
    pub cursors: Cursors,
    /// Its client.
    pub client: Client,
    /// The most that it is at one entry.
    pub pause: Duration,
    /// Whom it tells what it sees.
    pub judges: Judges,
    /// Which start of it this is.
    pub session: Session,
    /// Where a server begins that sees its device for the first time.
    pub from: Option<Start>,
    /// What it is told about its device.
    pub wallet: Wallet,
}

impl App {
    /// Until its client ends.
    pub async fn run(self, mut events: Events) {
        while let Some(event) = events.next().await {
            match event {
                Event::Entry(entry) if entry.chat.is_room() => {
                    self.judges.lounge.heard(&self.device, self.session.1, &entry);
                }
                Event::Entry(entry) => {
                    if !self.pause.is_zero() {
                        sleep(self.pause).await;
                    }
                    let (chat, seq) = (entry.chat.clone(), entry.seq);
                    self.judges.shelf.keep(&self.device, &entry);
                    self.recorder.add(Seen::Delivered { to: self.device.clone(), entry });
                    self.cursors.lock().expect("no panic").insert(chat.clone(), seq);
                    self.client.ack(&chat, seq);
                    if seq.is_multiple_of(3) {
                        self.client.read(&chat, seq);
                    }
                }
                Event::LogReset { chat, .. } => {
                    self.log.add(format!("{}: the log of {chat} starts over", self.device));
                }
                Event::Closed(Ending::Refused(verdict))
                    if verdict.close_code() == Some(CloseCode::LoggedOut) =>
                {
                    self.log.note(format!("{} is logged out", self.device));
                    self.recorder.add(Seen::LoggedOut { device: self.device.clone() });
                    self.judges.keyring.ended(&self.device);
                    self.judges.berths.logged_out(&self.device);
                    self.wallet.papers().is_out = true;
                }
                Event::Closed(Ending::Refused(verdict))
                    if let Some(code @ (CloseCode::Displaced | CloseCode::AnotherDevice)) =
                        verdict.close_code() =>
                {
                    self.log.note(format!("{} stays away: {code:?}", self.device));
                    self.judges.berths.turned_away(&self.device, code);
                    self.wallet.papers().aside = Some(code);
                }
                Event::Closed(Ending::Refused(verdict)) => {
                    let why = verdict.reason;
                    self.log.add(format!("{} is turned away for good: {why}", self.device));
                }
                Event::Connected(welcome) => self.connected(welcome),
                Event::Disconnected { why, retry_in } => {
                    if let Lost::Goodbye(verdict) = &why
                        && verdict.close_code() == Some(CloseCode::BadTicket)
                    {
                        self.wallet.papers().stale = None;
                    }
                    let ms = retry_in.as_millis();
                    self.log.note(format!("{}: {why}; tries again in {ms} ms", self.device));
                }
                Event::Notice(notice) => self.judges.lookout.told(&self.session, &notice),
                Event::Signal(signal) => self.judges.whispers.heard(&self.device, &signal),
                _ => {}
            }
        }
    }

    fn connected(&self, welcome: Welcome) {
        self.log.note(format!("{} is connected", self.device));
        if self.judges.berths.let_in(&self.device, welcome.new_device) {
            self.was_forgotten();
        }
        let mut papers = self.wallet.papers();
        if papers.stale.take().is_some() {
            let device = &self.device;
            self.log.add(format!("{device} came in by a ticket of before it was logged out"));
        }
        if !welcome.ticket.is_empty() {
            papers.ticket = welcome.ticket;
        }
    }

    /// Its server has forgotten the device, and takes it for a new one: unless that begins at
    /// everything, it owes it what comes from some entry on.
    fn was_forgotten(&self) {
        self.log.note(format!("{} was forgotten", self.device));
        self.judges.keyring.forgotten(&self.device);
        if self.from != Some(Start::Everything) {
            self.recorder.add(Seen::LoggedOut { device: self.device.clone() });
            let owed = Owed::FromFirst;
            self.recorder.add(Seen::Device { device: self.device.clone(), owed });
        }
    }
}
