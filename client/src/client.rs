//! What an app holds: sends, acks and questions. Must never touch a socket: it talks to the
//! driver alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use packetboat_proto::content::Content;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, DeviceId, MessageId, UserId};
use packetboat_proto::limits::{
    FILE_REQUESTS_MAX, PRESENCE_USERS_MAX, REQUESTS_MAX, SIGNAL_BYTES_MAX,
};
use packetboat_proto::packet::{
    Answer, ChatState, Edge, Member, Operation, Presence, Signal, SignalKind, Welcome,
};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::Instant;
use uuid::Uuid;

use crate::asks::Ask;
use crate::command::Command;
use crate::config::Config;
use crate::connect::Dial;
use crate::draft::Draft;
use crate::driver::{self, Driver};
use crate::error::{ConfigError, RequestError, SendError, SignalError};
use crate::event::{Ending, Status};
use crate::handover::{Events, Handover};
use crate::sending::{Place, Sending};

/// Commands that may wait for the driver.
const COMMANDS_MAX: usize = 256;
/// Requests of the app that may be unanswered: one place is the client's own.
const ASKS_MAX: usize = REQUESTS_MAX - 1;
/// The least time between two pings of the app. The server allows ten a second.
const PING_GAP: Duration = Duration::from_millis(150);

/// A user's device on a server. Clones are the same one; it ends with [`close`](Self::close), or
/// when all clones and the [`Events`] are dropped.
#[derive(Clone, Debug)]
pub struct Client {
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    user: UserId,
    device: DeviceId,
    commands: mpsc::Sender<Command>,
    handover: Arc<Handover>,
    status: watch::Receiver<Status>,
    last_cursors: driver::LastCursors,
    outbox: Arc<Semaphore>,
    outbox_max: u32,
    outbox_bytes: Arc<Semaphore>,
    outbox_bytes_max: u32,
    asks: Arc<Semaphore>,
    transfers: Arc<Semaphore>,
    last_ping: Mutex<Option<Instant>>,
}

/// A page of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What was found, in order.
    pub items: Vec<T>,
    /// There is more in the direction asked for.
    pub more: bool,
}

impl Client {
    /// Starts to connect, as `config` says, and goes on until it is closed. Must be called in a
    /// tokio runtime.
    pub fn start(config: Config) -> Result<(Self, Events), ConfigError> {
        let dial = Dial::of(&config)?;
        Self::start_over(config, dial)
    }

    /// Starts over connections that `dial` makes; [`Config::server`] and [`Config::tls`] are not
    /// used. For other transports, and for tests.
    pub fn start_over(config: Config, dial: Dial) -> Result<(Self, Events), ConfigError> {
        config.check()?;
        let (outbox_max, outbox_bytes) = (config.outbox_max, config.outbox_bytes);
        let (commands, received) = mpsc::channel(COMMANDS_MAX);
        let (told, status) = watch::channel(Status::Connecting);
        let handover = Handover::new(config.events_max);
        let last_cursors = driver::LastCursors::default();
        let parts = Parts {
            user: config.user.clone(),
            device: config.device.clone(),
            commands,
            handover: handover.clone(),
            status,
            last_cursors: last_cursors.clone(),
            outbox: Arc::new(Semaphore::new(outbox_max)),
            outbox_max: u32::try_from(outbox_max).expect("a checked outbox has a bound"),
            outbox_bytes: Arc::new(Semaphore::new(outbox_bytes)),
            outbox_bytes_max: u32::try_from(outbox_bytes).expect("checked bytes have a bound"),
            asks: Arc::new(Semaphore::new(ASKS_MAX)),
            transfers: Arc::new(Semaphore::new(FILE_REQUESTS_MAX)),
            last_ping: Mutex::new(None),
        };
        let events = Events::new(handover.clone());
        let driver = Driver::new(config, dial, received, handover, told, last_cursors);
        tokio::spawn(driver.run());
        let parts = Arc::new(parts);
        Ok((Self { parts }, events))
    }

    /// The user.
    pub fn user(&self) -> &UserId {
        &self.parts.user
    }

    /// The device.
    pub fn device(&self) -> &DeviceId {
        &self.parts.device
    }

    /// A message id that nobody else makes (a `UUIDv7`).
    pub fn new_message_id() -> MessageId {
        MessageId::from(*Uuid::now_v7().as_bytes())
    }

    /// Puts a message into the outbox; waits for a place in it. What is returned tells what
    /// becomes of the message, and may be dropped: the message goes its way.
    pub async fn send(&self, chat: &ChatId, content: &Content) -> Result<Sending, SendError> {
        self.send_with_id(chat, Self::new_message_id(), content.encode()).await
    }

    /// As [`send`](Self::send), with an id of the app's and an encoded [`Content`]: for apps that
    /// keep an outbox of their own. The same id and bytes may be sent any number of times, by
    /// any number of processes; they are stored once. An id must never be used for other bytes: a
    /// late answer to the ones would be taken for the answer to the others.
    pub async fn send_with_id(
        &self,
        chat: &ChatId,
        id: MessageId,
        content: Bytes,
    ) -> Result<Sending, SendError> {
        self.push(chat, id, content, false).await
    }

    /// As [`send`](Self::send), but a server that cannot store it for now is not asked again.
    pub async fn send_once(&self, chat: &ChatId, content: &Content) -> Result<Sending, SendError> {
        self.push(chat, Self::new_message_id(), content.encode(), true).await
    }

    async fn push(
        &self,
        chat: &ChatId,
        id: MessageId,
        content: Bytes,
        once: bool,
    ) -> Result<Sending, SendError> {
        let place = self.outbox_place(content.len()).await;
        let (sending, reply) = Sending::new(id, Some(place));
        let draft = Draft { chat: chat.clone(), id, content, once, known: 0, reply };
        match self.parts.commands.send(Command::Send(draft)).await {
            Ok(()) => Ok(sending),
            Err(_) => Err(SendError::Closed { id, ending: self.ending() }),
        }
    }

    /// A place for a content of `bytes` bytes. Who has a place among the messages waits for bytes
    /// that come free with the messages that have both, so all come by in their turn.
    async fn outbox_place(&self, bytes: usize) -> Place {
        let parts = &self.parts;
        let message = Self::places(&parts.outbox, 1).await;
        // What is larger than all there is needs all there is.
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(parts.outbox_bytes_max);
        Place { _message: message, _bytes: Self::places(&parts.outbox_bytes, bytes).await }
    }

    async fn places(places: &Arc<Semaphore>, count: u32) -> OwnedSemaphorePermit {
        let places = places.clone().acquire_many_owned(count).await;
        places.expect("no semaphore of a client is ever closed")
    }

    /// Waits until the outbox is empty: every message sent so far has its outcome. Sends that come
    /// later wait for it as well.
    pub async fn flush(&self) {
        let all = self.parts.outbox.acquire_many(self.parts.outbox_max).await;
        drop(all.expect("no semaphore of a client is ever closed"));
    }

    /// With [`AckMode::Manual`](crate::AckMode::Manual): the app is done with every entry of the
    /// chat up to `seq`. Beyond what was handed over it counts as the last one handed over.
    pub fn ack(&self, chat: &ChatId, seq: u64) {
        self.parts.handover.mark(chat, seq, 0);
    }

    /// The user has read the chat up to `seq`, on any device.
    pub fn read(&self, chat: &ChatId, seq: u64) {
        self.parts.handover.mark(chat, 0, seq);
    }

    /// How far the app is done with each chat, for [`Config::cursors`]. With
    /// [`AckMode::Manual`](crate::AckMode::Manual) that is what it acknowledged, and what it
    /// need not be asked about: its own entries. Also had after the end.
    pub async fn cursors(&self) -> HashMap<ChatId, u64> {
        let (reply, cursors) = oneshot::channel();
        if self.parts.commands.send(Command::Cursors(reply)).await.is_ok()
            && let Ok(cursors) = cursors.await
        {
            return cursors;
        }
        self.parts.last_cursors.get().cloned().unwrap_or_default()
    }

    /// Typing and the like, to whoever of the chat is there. Nothing tells whether it arrived: it
    /// is dropped when anything is in its way, a connection that is missing included.
    pub fn signal(&self, chat: &ChatId, kind: SignalKind, data: Bytes) -> Result<(), SignalError> {
        if data.len() > SIGNAL_BYTES_MAX {
            return Err(SignalError::TooLong { bytes: data.len(), max: SIGNAL_BYTES_MAX });
        }
        let signal = Signal { chat: chat.clone(), kind, data, sender: None };
        // A full queue is something in its way.
        drop(self.parts.commands.try_send(Command::Signal(signal)));
        Ok(())
    }

    /// A page of a chat's log, in ascending order. A limit of 0 leaves it to the server.
    pub async fn history(
        &self,
        chat: &ChatId,
        edge: Edge,
        limit: u32,
    ) -> Result<Page<Entry>, RequestError> {
        let chat = chat.clone();
        match self.ask(Operation::History { chat, edge, limit }).await? {
            Answer::History { entries, more } => {
                let entries = entries.into_iter().map(Entry::decode);
                let items = entries.collect::<Result<_, _>>();
                let items = items.map_err(|_| RequestError::Unexpected)?;
                Ok(Page { items, more })
            }
            _ => Err(RequestError::Unexpected),
        }
    }

    /// A page of the user's chats, in order of chat id.
    pub async fn chats(
        &self,
        after: Option<ChatId>,
        limit: u32,
    ) -> Result<Page<ChatState>, RequestError> {
        match self.ask(Operation::Chats { after, limit }).await? {
            Answer::Chats { chats, more } => Ok(Page { items: chats, more }),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// How a chat stands for this user and device.
    pub async fn chat(&self, chat: &ChatId) -> Result<ChatState, RequestError> {
        match self.ask(Operation::Chat { chat: chat.clone() }).await? {
            Answer::Chat(state) => Ok(*state),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// A page of a chat's members, in order of user id.
    pub async fn members(
        &self,
        chat: &ChatId,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Page<Member>, RequestError> {
        let chat = chat.clone();
        match self.ask(Operation::Members { chat, after, limit }).await? {
            Answer::Members { members, more } => Ok(Page { items: members, more }),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// Who of at most 100 users is online, and when the others were last seen.
    pub async fn presence(&self, users: Vec<UserId>) -> Result<Vec<Presence>, RequestError> {
        if users.len() > PRESENCE_USERS_MAX {
            return Err(RequestError::TooMany { count: users.len(), max: PRESENCE_USERS_MAX });
        }
        match self.ask(Operation::Presence { users }).await? {
            Answer::Presence(users) => Ok(users),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// Asks of files: fewer of these may be unanswered than of others.
    pub(crate) async fn ask_of_file(&self, operation: Operation) -> Result<Answer, RequestError> {
        let place = Self::places(&self.parts.transfers, 1).await;
        let answer = self.ask(operation).await;
        drop(place);
        answer
    }

    pub(crate) async fn ask(&self, operation: Operation) -> Result<Answer, RequestError> {
        let place = Self::places(&self.parts.asks, 1).await;
        let (reply, outcome) = oneshot::channel();
        let ask = Ask { operation, reply, place: Some(place) };
        let closed = || RequestError::Closed(self.ending());
        let sent = self.parts.commands.send(Command::Ask(ask)).await;
        sent.map_err(|_| closed())?;
        outcome.await.map_err(|_| closed())?
    }

    /// The time to the server and back. At most some seven a second are sent; more wait.
    pub async fn ping(&self) -> Result<Duration, RequestError> {
        let mut last = self.parts.last_ping.lock().await;
        if let Some(last) = *last {
            tokio::time::sleep_until(last + PING_GAP).await;
        }
        let (reply, pong) = oneshot::channel();
        let asked = Instant::now();
        *last = Some(asked);
        let sent = self.parts.commands.send(Command::Ping(reply)).await;
        sent.map_err(|_| RequestError::Closed(self.ending()))?;
        pong.await.map_err(|_| RequestError::Disconnected)?;
        Ok(asked.elapsed())
    }

    /// How things stand now.
    pub fn status(&self) -> Status {
        self.parts.status.borrow().clone()
    }

    /// Waits until a session is open, or the client has ended.
    pub async fn connected(&self) -> Result<Welcome, Ending> {
        let mut status = self.parts.status.clone();
        let settled = |status: &Status| matches!(status, Status::Connected(_) | Status::Closed(_));
        match status.wait_for(settled).await.as_deref() {
            Ok(Status::Connected(welcome)) => Ok(welcome.clone()),
            Ok(Status::Closed(ending)) => Err(ending.clone()),
            _ => Err(Ending::Closed),
        }
    }

    /// Leaves the connection, if there is one, and makes another at once: for an app that learns
    /// of another network before the connection does.
    pub fn reconnect_now(&self) {
        self.parts.handover.reconnect();
    }

    /// Tells the server the last acks, says goodbye and ends. What waits in the outbox ends with
    /// [`SendError::Closed`]; to wait for it, [`flush`](Self::flush) first.
    pub async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.parts.commands.send(Command::Close(reply)).await.is_ok() {
            // Gone without a word is closed as well.
            drop(closed.await);
        }
    }

    fn ending(&self) -> Ending {
        match &*self.parts.status.borrow() {
            Status::Closed(ending) => ending.clone(),
            _ => Ending::Closed,
        }
    }
}
