//! A message on its way: a future of what becomes of it. Must never take the message back when it
//! is dropped.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use packetboat_proto::id::{ChatId, MessageId};
use packetboat_proto::packet::Verdict;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::error::SendError;
use crate::event::Ending;

/// The server has stored it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Where.
    pub chat: ChatId,
    /// Which message.
    pub id: MessageId,
    /// Its place in the chat's log.
    pub seq: u64,
    /// When the server took it, in milliseconds of Unix time.
    pub at_ms: u64,
    /// It had been stored before: by an earlier try, or an earlier process.
    pub duplicate: bool,
}

/// A message in the outbox. It goes its way whether this is awaited or dropped.
#[derive(Debug)]
pub struct Sending {
    id: MessageId,
    outcome: oneshot::Receiver<Result<Accepted, SendError>>,
    refusal: Arc<Mutex<Option<Verdict>>>,
}

/// Where the outcome goes. Holds the message's place in the outbox for as long.
#[derive(Debug)]
pub(crate) struct SendReply {
    outcome: oneshot::Sender<Result<Accepted, SendError>>,
    refusal: Arc<Mutex<Option<Verdict>>>,
    _place: Option<Place>,
}

/// A message's place in the outbox.
#[derive(Debug)]
pub(crate) struct Place {
    /// Among the messages.
    pub(crate) _message: OwnedSemaphorePermit,
    /// Among their bytes.
    pub(crate) _bytes: OwnedSemaphorePermit,
}

impl Sending {
    pub(crate) fn new(id: MessageId, place: Option<Place>) -> (Self, SendReply) {
        let (sender, outcome) = oneshot::channel();
        let refusal = Arc::default();
        let reply = SendReply { outcome: sender, refusal: Arc::clone(&refusal), _place: place };
        (Self { id, outcome, refusal }, reply)
    }

    /// How the message is named.
    pub const fn id(&self) -> MessageId {
        self.id
    }

    /// Why the server did not store it for now, when it last said so. The outbox sends it again; an
    /// app that gives up before that can say what was in the way.
    pub fn refusal(&self) -> Option<Verdict> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Future for Sending {
    type Output = Result<Accepted, SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let id = self.id;
        Pin::new(&mut self.outcome).poll(cx).map(|outcome| {
            // Only a task that the runtime ended leaves without a word.
            let gone = |_| SendError::Closed { id, ending: Ending::Closed };
            outcome.map_err(gone).flatten()
        })
    }
}

impl SendReply {
    /// The server did not store it for now.
    pub(crate) fn put_off(&self, verdict: Verdict) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
    }

    pub(crate) fn end(self, outcome: Result<Accepted, SendError>) {
        // The app may have dropped its half: it does not want to know.
        drop(self.outcome.send(outcome));
    }
}
