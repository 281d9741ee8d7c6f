//! A device of a user: the real client library, and an app that writes down all that it does and
//! sees. Must never tell the history anything that a user could not have seen.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use packetboat_client::{
    AckMode, Client, Config, Credential, Dial, Edge, Ending, Entry, Event, Events, Lost,
    RequestError, SendError, Start, Welcome,
};
use packetboat_proof::history::{Device, Event as Seen, Owed, Recorder, SendNumber};
use packetboat_proto::code::{CloseCode, RejectCode};
use packetboat_proto::content::{Content, Context};
use packetboat_proto::id::{ChatId, MessageId};
use packetboat_proto::packet::ScheduledName;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

use crate::keyring::Keyring;
use crate::lounge::Lounge;
use crate::plan::pick;
use crate::promised::Promised;

/// How long one page of a log may take once all faults are over.
const PAGE_TIME: Duration = Duration::from_mins(1);
/// Entries of a page.
const PAGE_ITEMS: u32 = 100;

/// What an app keeps over its restarts: how far it came in each chat.
type Cursors = Arc<Mutex<HashMap<ChatId, u64>>>;

/// How a person's client is set.
#[derive(Clone)]
pub struct Habits {
    /// The most that an app is at one entry.
    pub app: Duration,
    /// Whether the client keeps one message of a chat on the wire.
    pub strict: bool,
    /// Messages in the outbox, and entries that may wait for the app.
    pub bounds: usize,
    /// What the jitter of its waits is drawn from.
    pub seed: u64,
    /// The room that it may listen to.
    pub lounge: Lounge,
    /// Where keys are, which end with the device.
    pub keyring: Keyring,
}

/// A device of a user.
pub struct Person {
    /// Which.
    pub device: Device,
    recorder: Recorder,
    log: Log,
    habits: Habits,
    dial: Box<dyn Fn() -> Dial>,
    cursors: Cursors,
    awake: Option<Awake>,
    starts: u64,
    /// Where its server is to start when it sees it for the first time.
    start: Option<Start>,
    wallet: Wallet,
    /// Calls that log it out, and may still do so.
    leaving: Arc<AtomicUsize>,
    rng: Rng,
}

/// What an app is told about its device.
#[derive(Clone, Default)]
struct Wallet(Arc<Mutex<Papers>>);

#[derive(Default)]
struct Papers {
    /// It was logged out.
    is_out: bool,
    /// The last that it was given.
    ticket: Bytes,
    /// One of before its last log-out, which it shows all the same: it is refused.
    stale: Option<Bytes>,
}

impl Wallet {
    fn papers(&self) -> MutexGuard<'_, Papers> {
        self.0.lock().expect("no panic")
    }
}

struct Awake {
    client: Client,
    app: AbortHandle,
    sends: JoinSet<()>,
}

impl Person {
    /// One that is away.
    pub fn new(
        device: Device,
        recorder: Recorder,
        log: Log,
        habits: Habits,
        dial: Box<dyn Fn() -> Dial>,
    ) -> Self {
        recorder.add(Seen::Device { device: device.clone(), owed: Owed::Everything });
        Self {
            device,
            recorder,
            log,
            dial,
            cursors: Cursors::default(),
            awake: None,
            starts: 0,
            start: Some(Start::Everything),
            wallet: Wallet::default(),
            leaving: Arc::default(),
            rng: Rng::with_seed(habits.seed),
            habits,
        }
    }

    /// Whether it was told that it is logged out, and has not come back since.
    pub fn is_out(&self) -> bool {
        self.wallet.papers().is_out
    }

    /// Its user is about to log it out: counts how many such calls are under way. One that does not
    /// start at everything may miss something from now on without knowing: it may come back for
    /// another device.
    pub fn may_be_out(&self) -> Arc<AtomicUsize> {
        self.leaving.fetch_add(1, Ordering::Relaxed);
        if self.start != Some(Start::Everything) {
            self.recorder.add(Seen::LoggedOut { device: self.device.clone() });
        }
        Arc::clone(&self.leaving)
    }

    /// It is another device from now on: its app knows nothing of before, but perhaps the ticket.
    fn begin_anew(&mut self) {
        let starts = [None, Some(Start::Newest), Some(Start::Last(2))];
        let any = pick(&mut self.rng, &starts);
        // Everything is what most can go wrong with, and what a call that is under way spoils not.
        let all = self.rng.bool() || self.leaving.load(Ordering::Relaxed) > 0;
        self.start = if all { Some(Start::Everything) } else { any };
        let owed = match self.start {
            Some(Start::Everything) => Owed::Everything,
            Some(Start::Newest) => Owed::Newest,
            Some(Start::Last(_)) | None => Owed::FromFirst,
        };
        self.cursors.lock().expect("no panic").clear();
        let mut papers = self.wallet.papers();
        let ticket = std::mem::take(&mut papers.ticket);
        papers.stale = (!ticket.is_empty() && self.rng.bool()).then_some(ticket);
        papers.is_out = false;
        self.recorder.add(Seen::Device { device: self.device.clone(), owed });
    }

    /// Comes up, where it was, unless it is there.
    pub fn wake(&mut self) {
        if self.awake.is_some() {
            return;
        }
        if self.is_out() {
            self.begin_anew();
        }
        self.starts += 1;
        let (user, name) = (self.device.user.clone(), self.device.name.clone());
        let mut config = Config::new("simulated", user, name, Credential::Open);
        config.acks = AckMode::Manual;
        config.start = self.start;
        config.ticket.clone_from(&self.wallet.papers().stale);
        config.cursors.clone_from(&self.cursors.lock().expect("no panic"));
        config.backoff.base = Duration::from_millis(50);
        config.backoff.cap = Duration::from_secs(2);
        config.connect_timeout = Duration::from_secs(4);
        config.request_timeout = Duration::from_secs(30);
        config.resend_after = Duration::from_secs(3);
        config.outbox_max = self.habits.bounds;
        config.events_max = self.habits.bounds;
        config.strict_order = self.habits.strict;
        config.jitter_seed = Some(self.habits.seed.wrapping_add(self.starts));
        let (client, events) =
            Client::start_over(config, (self.dial)()).expect("the configuration is good");
        let app = App {
            log: self.log.clone(),
            device: self.device.clone(),
            recorder: self.recorder.clone(),
            cursors: Arc::clone(&self.cursors),
            client: client.clone(),
            pause: self.habits.app,
            lounge: self.habits.lounge.clone(),
            start: self.starts,
            wallet: self.wallet.clone(),
            keyring: self.habits.keyring.clone(),
        };
        let app = tokio::spawn(app.run(events)).abort_handle();
        self.awake = Some(Awake { client, app, sends: JoinSet::new() });
    }

    /// Its process ends, in the middle of whatever it was at. What it says at last is lost if its
    /// connection was cut before.
    pub async fn end(&mut self) {
        let Some(mut awake) = self.awake.take() else { return };
        awake.app.abort();
        awake.client.close().await;
        while awake.sends.join_next().await.is_some() {}
    }

    /// The client, while it is up.
    pub fn client(&self) -> Option<&Client> {
        self.awake.as_ref().map(|awake| &awake.client)
    }

    /// Sends something, and writes down what becomes of it.
    pub fn send(&mut self, chat: &ChatId, id: MessageId, content: &Bytes) {
        let Some(awake) = &mut self.awake else { return };
        let content = content.clone();
        let send = self.recorder.invoke(&self.device, chat, id, &content);
        let sending = Sending {
            client: awake.client.clone(),
            recorder: self.recorder.clone(),
            chat: chat.clone(),
            id,
            content,
        };
        awake.sends.spawn(sending.run(send));
    }

    /// Has the server send something later, and perhaps not. When it stands in the log is the
    /// server's affair: what is known of it is that it was asked for.
    pub fn schedule(
        &mut self,
        name: ScheduledName,
        said: &Content,
        (at_ms, and_not): (u64, bool),
        promised: Promised,
    ) {
        let Some(awake) = &mut self.awake else { return };
        let (client, recorder, said) = (awake.client.clone(), self.recorder.clone(), said.clone());
        let sender = self.device.user.clone();
        let send = recorder.invoke(&self.device, &name.chat, name.id, &said.encode());
        awake.sends.spawn(async move {
            // Whatever is answered, it may have been taken.
            let context = Context::default();
            let taken = client.schedule(&name, &said, &context, at_ms).await;
            if and_not {
                drop(client.unschedule(&name).await);
            } else if taken.is_ok() {
                promised.add(sender, name);
            }
            recorder.add(Seen::Unknown { send });
        });
    }

    /// Waits until every send has its outcome.
    pub async fn settled(&mut self) {
        if let Some(awake) = &mut self.awake {
            while awake.sends.join_next().await.is_some() {}
        }
    }

    /// Reads a chat's log from end to end; `None`: it is not the user's.
    pub async fn log(&self, chat: &ChatId) -> Result<Option<Vec<Entry>>, String> {
        let client = self.client().ok_or("the device is away")?;
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let after = Edge::After(entries.last().map_or(0, |entry| entry.seq));
            let page = timeout(PAGE_TIME, client.history(chat, after, PAGE_ITEMS)).await;
            let page = match page.map_err(|_| "no answer")? {
                Ok(page) => page,
                Err(RequestError::Refused(verdict))
                    if verdict.reject_code() == Some(RejectCode::NoSuchChat) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(error.to_string()),
            };
            entries.extend(page.items);
            if !page.more {
                return Ok(Some(entries));
            }
        }
    }
}

struct Sending {
    client: Client,
    recorder: Recorder,
    chat: ChatId,
    id: MessageId,
    content: Bytes,
}

impl Sending {
    async fn run(self, send: SendNumber) {
        let Self { client, recorder, chat, id, content } = self;
        let outcome = match client.send_with_id(&chat, id, content).await {
            Ok(sending) => {
                // The client ends when nobody holds it.
                drop(client);
                sending.await
            }
            Err(error) => Err(error),
        };
        recorder.add(match outcome {
            Ok(accepted) => Seen::Accepted { send, seq: accepted.seq },
            Err(SendError::Rejected { verdict, .. }) => {
                Seen::Rejected { send, code: verdict.reject_code() }
            }
            Err(_) => Seen::Unknown { send },
        });
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

struct App {
    log: Log,
    device: Device,
    recorder: Recorder,
    cursors: Cursors,
    client: Client,
    pause: Duration,
    lounge: Lounge,
    start: u64,
    wallet: Wallet,
    keyring: Keyring,
}

impl App {
    async fn run(self, mut events: Events) {
        while let Some(event) = events.next().await {
            match event {
                Event::Entry(entry) if entry.chat.is_room() => {
                    self.lounge.heard(&self.device, self.start, &entry);
                }
                Event::Entry(entry) => {
                    if !self.pause.is_zero() {
                        sleep(self.pause).await;
                    }
                    let (chat, seq) = (entry.chat.clone(), entry.seq);
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
                    self.keyring.ended(&self.device);
                    self.wallet.papers().is_out = true;
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
                _ => {}
            }
        }
    }

    fn connected(&self, welcome: Welcome) {
        self.log.note(format!("{} is connected", self.device));
        let mut papers = self.wallet.papers();
        if papers.stale.take().is_some() {
            let device = &self.device;
            self.log.add(format!("{device} came in by a ticket of before it was logged out"));
        }
        if !welcome.ticket.is_empty() {
            papers.ticket = welcome.ticket;
        }
    }
}
