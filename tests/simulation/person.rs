//! A device of a user: the real client library, and what is done with it, which is written down.
//! Must never tell the history anything that a user could not have seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use packetboat_client::{
    AckMode, Client, Config, Credential, Dial, Edge, Entry, RequestError, SendError, Start,
};
use packetboat_proof::history::{Device, Event as Seen, Owed, Recorder, SendNumber};
use packetboat_proto::code::{CloseCode, RejectCode};
use packetboat_proto::content::{Content, Context};
use packetboat_proto::id::{ChatId, MessageId};
use packetboat_proto::packet::ScheduledName;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use crate::app::{App, Cursors, Log, Wallet};
use crate::berths::Moored;
use crate::judges::Judges;
use crate::lookout::Session;
use crate::plan::pick;

/// How long one page of a log may take once all faults are over.
const PAGE_TIME: Duration = Duration::from_mins(1);
/// Entries of a page.
const PAGE_ITEMS: u32 = 100;

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
    /// What it runs on, as it says.
    pub platform: &'static str,
    /// Whom it tells what it sees.
    pub judges: Judges,
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

    /// Why it stays away, if it was told that another device of its user is there.
    pub fn aside(&self) -> Option<CloseCode> {
        self.wallet.papers().aside
    }

    /// Which start of its app it is.
    pub fn session(&self) -> Session {
        (self.device.clone(), self.starts)
    }

    /// How it is at rest.
    pub fn moored(&self) -> Moored {
        let away = if self.awake.is_some() { self.aside() } else { Some(CloseCode::Done) };
        Moored { name: self.device.name.clone(), platform: self.habits.platform.to_owned(), away }
    }

    /// Its user is about to log it out: counts how many such calls are under way. One that does not
    /// start at everything may miss something from now on without knowing: it may come back for
    /// another device.
    pub fn may_be_out(&self) -> Arc<AtomicUsize> {
        self.leaving.fetch_add(1, Ordering::Relaxed);
        self.habits.judges.berths.doubt(&self.device);
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
        if self.leaving.load(Ordering::Relaxed) == 0 {
            self.habits.judges.berths.begin_anew(&self.device);
        }
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
        self.wallet.papers().aside = None;
        self.starts += 1;
        let (user, name) = (self.device.user.clone(), self.device.name.clone());
        let mut config = Config::new("simulated", user, name, Credential::Open);
        config.acks = AckMode::Manual;
        self.habits.platform.clone_into(&mut config.platform);
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
            judges: self.habits.judges.clone(),
            session: self.session(),
            from: self.start,
            wallet: self.wallet.clone(),
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
    pub fn schedule(&mut self, name: ScheduledName, said: &Content, (at_ms, and_not): (u64, bool)) {
        let Some(awake) = &mut self.awake else { return };
        let promised = self.habits.judges.promised.clone();
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
