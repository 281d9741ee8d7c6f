//! A device of a user, with an app that keeps what it needs over its own crashes: how far it came
//! in each chat, and what it has not been told to be accepted. Records all that it does and sees.
//! Must never keep in its book what its app would have lost in a crash.

mod book;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use packetboat_client::{
    AckMode, ChatState, Client, Config, Edge, Ending, Entry, Event as Told, Events, RequestError,
    SendError, Sending, Start,
};
use packetboat_proto::code::{CloseCode, RejectCode};
use packetboat_proto::id::ChatId;
use thiserror::Error;
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::task::{JoinHandle, JoinSet};

pub use self::book::{Counts, Draft};

use self::book::Book;
use crate::history::{Device, Event, Owed, Recorder, SendNumber};
use crate::route::Way;

/// Entries asked for in one page of a log.
const PAGE: u32 = 200;
/// How often a question is asked again whose connection was lost.
const ASKED_MAX: u32 = 100;
/// The wait before it is.
const ASK_PAUSE: Duration = Duration::from_millis(20);

/// Something that no fault explains.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Trouble {
    /// The server turned the client away for good.
    #[error("{device} was turned away for good: {ending}")]
    TurnedAway {
        /// Whose client.
        device: Device,
        /// How it ended.
        ending: Ending,
    },
    /// The server's log was younger than what the device had of it.
    #[error("{device} had {cursor} entries of {chat}, whose log ended at {head}")]
    LogReset {
        /// Which device.
        device: Device,
        /// Which chat.
        chat: ChatId,
        /// Where the log ended.
        head: u64,
        /// How far the device was.
        cursor: u64,
    },
    /// A direct chat of the user's own was said not to be there.
    #[error("{device} was told that there is no {chat}, which is its own")]
    NoSuchChat {
        /// Who asked.
        device: Device,
        /// About which chat.
        chat: ChatId,
    },
    /// A question had no answer, without a fault that would explain it.
    #[error("{device} asked about {chat} and was not answered: {error}")]
    NoAnswer {
        /// Who asked.
        device: Device,
        /// About which chat.
        chat: ChatId,
        /// What became of it.
        error: RequestError,
    },
}

/// A device of a user. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Sailor {
    crew: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    device: Device,
    owed: Owed,
    config: Config,
    way: Arc<dyn Way>,
    recorder: Recorder,
    /// Held by whoever starts, stops or sends: the app does one of these at a time.
    helm: AsyncMutex<Option<Helm>>,
    book: Mutex<Book>,
    troubles: Mutex<Vec<Trouble>>,
    open: watch::Sender<Open>,
    counts: watch::Sender<Counts>,
}

/// What is still to come to its end.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    /// Messages without an outcome.
    messages: usize,
    /// Sends of which nothing is recorded but that they began.
    sends: usize,
}

/// The app while it runs.
#[derive(Debug)]
struct Helm {
    client: Client,
    reader: JoinHandle<()>,
    /// Which of the app's runs this is.
    run: u64,
    errands: JoinSet<()>,
}

impl Sailor {
    /// A device of `config`'s user, which has not been there before. It starts where `owed` says;
    /// how it acknowledges and its cursors are its own affair. All counts go to `counts` too.
    pub fn new(
        mut config: Config,
        owed: Owed,
        way: Arc<dyn Way>,
        recorder: Recorder,
        counts: watch::Sender<Counts>,
    ) -> Self {
        config.acks = AckMode::Manual;
        config.start = (owed == Owed::Everything).then_some(Start::Everything);
        let device = Device { user: config.user.clone(), name: config.device.clone() };
        let crew = Inner {
            device,
            owed,
            config,
            way,
            recorder,
            helm: AsyncMutex::new(None),
            book: Mutex::default(),
            troubles: Mutex::default(),
            open: watch::Sender::default(),
            counts,
        };
        Self { crew: Arc::new(crew) }
    }

    /// Which device it is.
    pub fn device(&self) -> &Device {
        &self.crew.device
    }

    /// Whether it has one message of a chat on the wire at most.
    pub fn is_strict(&self) -> bool {
        self.crew.config.strict_order
    }

    /// Starts the app, if it does not run: from its book, what was not accepted first.
    pub async fn set_out(&self) {
        let mut helm = self.crew.helm.lock().await;
        if helm.is_none() {
            *helm = Some(Inner::start(&self.crew).await);
        }
    }

    /// Ends the app without a word: its connection is cut, and what is not in its book is lost.
    pub async fn crash(&self) {
        self.crew.way.cut();
        let helm = self.crew.helm.lock().await.take();
        if let Some(helm) = helm {
            self.crew.count(|counts| counts.crashes += 1);
            Inner::stop(helm).await;
        }
    }

    /// Ends the app in order: the server is told goodbye.
    pub async fn put_in(&self) {
        let helm = self.crew.helm.lock().await.take();
        if let Some(helm) = helm {
            helm.client.close().await;
            Inner::stop(helm).await;
        }
    }

    /// Cuts the connection, if there is one; the client makes another.
    pub fn cut(&self) {
        self.crew.way.cut();
    }

    /// Sends a message; without an app that runs, it is sent when it does. Returns false if the
    /// same message has no outcome yet, or its id names another content on this device: then
    /// nothing is done.
    pub async fn send(&self, draft: Draft) -> bool {
        let helm = self.crew.helm.lock().await;
        let Some(place) = self.crew.book().put(draft.clone()) else {
            return false;
        };
        self.crew.open.send_modify(|open| open.messages += 1);
        if let Some(helm) = &*helm {
            Inner::hand(&self.crew, &helm.client, place, draft).await;
        }
        true
    }

    /// Lets the app do something with its client that ends with the app at the latest.
    pub async fn errand<F>(&self, what: impl FnOnce(Client) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if let Some(helm) = &mut *self.crew.helm.lock().await {
            while helm.errands.try_join_next().is_some() {}
            helm.errands.spawn(what(helm.client.clone()));
        }
    }

    /// Messages without an outcome.
    pub fn unanswered(&self) -> usize {
        self.crew.open.borrow().messages
    }

    /// Waits until every message has an outcome.
    pub async fn all_answered(&self) {
        let mut open = self.crew.open.subscribe();
        let none = open.wait_for(|open| open.messages == 0 && open.sends == 0).await;
        none.expect("the sender lives as long as this sailor");
    }

    /// Messages that were accepted of late.
    pub fn accepted(&self) -> Vec<Draft> {
        self.crew.book().accepted()
    }

    /// What went wrong without a fault that explains it.
    pub fn troubles(&self) -> Vec<Trouble> {
        self.crew.troubles().clone()
    }

    /// How a chat stands for the device; `None`: it is not the user's.
    pub async fn chat(&self, chat: &ChatId) -> Result<Option<ChatState>, Trouble> {
        self.ask(chat, |client| {
            let chat = chat.clone();
            async move { client.chat(&chat).await }
        })
        .await
    }

    /// Reads a chat's log from end to end, and records it, if it is the user's: whether it should
    /// be is for the checker.
    pub async fn read_log(&self, chat: &ChatId) -> Result<(), Trouble> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let after = entries.last().map_or(0, |entry| entry.seq);
            let page = self.ask(chat, |client| {
                let chat = chat.clone();
                async move { client.history(&chat, Edge::After(after), PAGE).await }
            });
            let Some(page) = page.await? else { return Ok(()) };
            entries.extend(page.items);
            if !page.more {
                break;
            }
        }
        let (reader, chat) = (self.device().user.clone(), chat.clone());
        self.crew.recorder.add(Event::Log { reader, chat, entries });
        Ok(())
    }

    /// Asks until there is an answer; `None`: there is no such group, or it is not the user's.
    async fn ask<T, F>(
        &self,
        chat: &ChatId,
        question: impl Fn(Client) -> F,
    ) -> Result<Option<T>, Trouble>
    where
        F: Future<Output = Result<T, RequestError>>,
    {
        let mut last = RequestError::Disconnected;
        for _ in 0..ASKED_MAX {
            let client = self.crew.helm.lock().await.as_ref().map(|helm| helm.client.clone());
            let Some(client) = client else { break };
            match question(client).await {
                Ok(answer) => return Ok(Some(answer)),
                Err(RequestError::Refused(verdict))
                    if verdict.reject_code() == Some(RejectCode::NoSuchChat) =>
                {
                    let device = self.device().clone();
                    let is_own = chat.peer_of(&device.user).is_some();
                    let missed = Trouble::NoSuchChat { device, chat: chat.clone() };
                    return if is_own { Err(missed) } else { Ok(None) };
                }
                Err(error) => last = error,
            }
            tokio::time::sleep(ASK_PAUSE).await;
        }
        let (device, chat) = (self.device().clone(), chat.clone());
        Err(Trouble::NoAnswer { device, chat, error: last })
    }
}

impl Inner {
    fn book(&self) -> MutexGuard<'_, Book> {
        // Whatever changes the book does so in one go.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn troubles(&self) -> MutexGuard<'_, Vec<Trouble>> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, with: impl FnOnce(&mut Counts)) {
        self.counts.send_modify(with);
    }

    async fn start(crew: &Arc<Self>) -> Helm {
        let (cursors, outbox, run) = crew.book().open();
        if run == 1 {
            let (device, owed) = (crew.device.clone(), crew.owed);
            crew.recorder.add(Event::Device { device, owed });
        }
        let config = Config { cursors, ..crew.config.clone() };
        let (client, events) = Client::start_over(config, crew.way.dial())
            .expect("the configuration of a sailor is sound");
        for (place, draft) in outbox {
            Self::hand(crew, &client, place, draft).await;
        }
        let reader = Arc::clone(crew).read(events, client.clone(), run);
        Helm { client, reader: tokio::spawn(reader), run, errands: JoinSet::new() }
    }

    /// Nobody holds the client when this returns.
    async fn stop(mut helm: Helm) {
        helm.reader.abort();
        // It was ended, or had come to its end.
        let _ = helm.reader.await;
        helm.errands.shutdown().await;
    }

    /// Hands a message to the client, and lets its outcome be recorded.
    async fn hand(crew: &Arc<Self>, client: &Client, place: u64, draft: Draft) {
        let Draft { chat, id, content } = draft.clone();
        crew.open.send_modify(|open| open.sends += 1);
        let number = crew.recorder.invoke(&crew.device, &chat, id, &content);
        let sending = client.send_with_id(&chat, id, content).await;
        tokio::spawn(Arc::clone(crew).answer(sending, number, place, draft));
    }

    async fn answer(
        self: Arc<Self>,
        sending: Result<Sending, SendError>,
        send: SendNumber,
        place: u64,
        draft: Draft,
    ) {
        let outcome = match sending {
            Ok(sending) => sending.await,
            Err(error) => Err(error),
        };
        let (event, is_over) = match outcome {
            Ok(accepted) => {
                self.book().keep(draft);
                (Event::Accepted { send, seq: accepted.seq }, true)
            }
            Err(SendError::Rejected { verdict, .. }) => {
                (Event::Rejected { send, code: verdict.reject_code() }, true)
            }
            // The next start sends it again.
            Err(SendError::Closed { .. } | SendError::Pending { .. }) => {
                (Event::Unknown { send }, false)
            }
        };
        self.count(|counts| match &event {
            Event::Accepted { .. } => counts.accepted += 1,
            Event::Rejected { .. } => counts.rejected += 1,
            _ => counts.unknown += 1,
        });
        self.recorder.add(event);
        // One that was handed to two runs has one outcome, told twice.
        let is_first = is_over && self.book().outbox.remove(&place).is_some();
        self.open.send_modify(|open| {
            open.messages -= usize::from(is_first);
            open.sends -= 1;
        });
    }

    /// The app: takes what comes, keeps it, and says so.
    async fn read(self: Arc<Self>, mut events: Events, client: Client, run: u64) {
        while let Some(event) = events.next().await {
            match event {
                Told::Entry(entry) => {
                    let (chat, seq) = (entry.chat.clone(), entry.seq);
                    // The entry and the cursor are kept in one step: nothing awaits between.
                    self.recorder.add(Event::Delivered { to: self.device.clone(), entry });
                    self.book().cursors.insert(chat.clone(), seq);
                    self.count(|counts| counts.delivered += 1);
                    client.ack(&chat, seq);
                }
                Told::LogReset { chat, head, cursor } => {
                    let device = self.device.clone();
                    self.trouble(Trouble::LogReset { device, chat, head, cursor });
                }
                Told::Closed(Ending::Refused(verdict))
                    if verdict.close_code() == Some(CloseCode::Replaced) =>
                {
                    self.count(|counts| counts.replaced += 1);
                    tokio::spawn(Self::restart(self, run));
                    return;
                }
                Told::Closed(ending @ Ending::Refused(_)) => {
                    let device = self.device.clone();
                    self.trouble(Trouble::TurnedAway { device, ending });
                }
                Told::Closed(Ending::Closed)
                | Told::Connected(_)
                | Told::Disconnected { .. }
                | Told::Room(_)
                | Told::Notice(_)
                | Told::Signal(_) => {}
            }
        }
    }

    fn trouble(&self, trouble: Trouble) {
        self.troubles().push(trouble);
    }

    /// After a newer session of the device took its place: its user starts it again.
    #[expect(clippy::manual_async_fn, reason = "it starts what starts it, so its type is named")]
    fn restart(crew: Arc<Self>, run: u64) -> impl Future<Output = ()> + Send {
        async move {
            let mut helm = crew.helm.lock().await;
            if let Some(ended) = helm.take_if(|helm| helm.run == run) {
                Self::stop(ended).await;
                *helm = Some(Self::start(&crew).await);
            }
        }
    }
}
