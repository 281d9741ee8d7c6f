//! The requests that are not answered yet. They are safe to repeat, so they are asked again on the
//! next connection until their time is up. Must never hold more than the callers' places allow.

use std::collections::VecDeque;
use std::time::Duration;

use packetboat_proto::id::ChatId;
use packetboat_proto::packet::{Answer, AskReceipts, ChatState, Operation, Request, Response};
use packetboat_proto::time::Time;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::error::RequestError;
use crate::event::Ending;

/// What comes of a request.
pub(crate) type Outcome = Result<Answer, RequestError>;

/// A request of the app.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) operation: Operation,
    pub(crate) reply: oneshot::Sender<Outcome>,
    /// Its place among those that may be unanswered.
    pub(crate) place: Option<OwnedSemaphorePermit>,
}

impl Ask {
    /// Ends it before it was asked.
    pub(crate) fn refuse(self, ending: &Ending) {
        drop(self.reply.send(Err(RequestError::Closed(ending.clone()))));
    }
}

/// The requests without an answer, as they go out.
#[derive(Debug)]
pub(crate) struct Asks {
    open: VecDeque<Open>,
    next_id: u64,
    timeout: Duration,
}

#[derive(Debug)]
struct Open {
    id: u64,
    operation: Operation,
    due: Time,
    sent: bool,
    asker: Asker,
}

#[derive(Debug)]
enum Asker {
    App(oneshot::Sender<Outcome>, Option<OwnedSemaphorePermit>),
    /// The client itself has on this connection what the app had on the last one.
    Live,
    /// The client itself wants to know how far this device is in a chat, of which it had all up to
    /// there when it asked.
    Inbox(ChatId, u64),
}

/// What comes of a question of the client's own.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stand {
    pub(crate) chat: ChatId,
    /// How far the client was when it asked.
    pub(crate) cursor: u64,
    /// `None`: there is no answer.
    pub(crate) state: Option<ChatState>,
}

impl Asks {
    pub(crate) const fn new(timeout: Duration) -> Self {
        Self { open: VecDeque::new(), next_id: 1, timeout }
    }

    pub(crate) fn push(&mut self, now: Time, ask: Ask) {
        let asker = Asker::App(ask.reply, ask.place);
        self.add(now, ask.operation, asker);
    }

    /// Asks how far this device is in `chat`, unless such a question is open already.
    pub(crate) fn push_position(&mut self, now: Time, chat: ChatId, cursor: u64) {
        let operation = Operation::Chat { chat: chat.clone() };
        self.add(now, operation, Asker::Inbox(chat, cursor));
    }

    /// Asks the client's own.
    pub(crate) fn push_own(&mut self, now: Time, operation: Operation) {
        self.add(now, operation, Asker::Live);
    }

    /// Asks for what the app had on the last connection, before all that it has asked since: that
    /// may be to have it no more.
    pub(crate) fn put_first(&mut self, now: Time, operations: Vec<Operation>) {
        for (at, operation) in operations.into_iter().enumerate() {
            let open = self.made(now, operation, Asker::Live);
            self.open.insert(at, open);
        }
    }

    /// What is asked by that id, and whether it is the client's own.
    pub(crate) fn of(&self, id: u64) -> Option<(Operation, bool)> {
        let open = self.open.iter().find(|open| open.id == id)?;
        Some((open.operation.clone(), matches!(open.asker, Asker::Live)))
    }

    /// Whether the app waits for a change of what it has on its connection.
    pub(crate) fn app_changes_live(&self) -> bool {
        let changes = |open: &Open| {
            matches!(open.asker, Asker::App(..))
                && matches!(
                    open.operation,
                    Operation::Watch { .. }
                        | Operation::Receipts(AskReceipts::Watch { .. })
                        | Operation::SetPresence { .. }
                )
        };
        self.open.iter().any(changes)
    }

    /// How many questions about a room the server has and did not answer yet.
    pub(crate) fn asked_of(&self, of: &ChatId) -> usize {
        let is_of = |open: &&Open| match &open.operation {
            Operation::RoomJoin { room } | Operation::Room { room } => open.sent && room == of,
            _ => false,
        };
        self.open.iter().filter(is_of).count()
    }

    /// How far this device is in `chat` is not asked any more: what was known of it is void.
    pub(crate) fn forget_position(&mut self, chat: &ChatId) {
        self.open.retain(|open| !matches!(&open.asker, Asker::Inbox(of, _) if of == chat));
    }

    /// Whether the client itself waits for an answer.
    pub(crate) fn position_is_open(&self) -> bool {
        let own = |open: &Open| matches!(open.asker, Asker::Inbox(..));
        self.open.iter().any(own)
    }

    fn add(&mut self, now: Time, operation: Operation, asker: Asker) {
        let open = self.made(now, operation, asker);
        self.open.push_back(open);
    }

    fn made(&mut self, now: Time, operation: Operation, asker: Asker) -> Open {
        let (id, due) = (self.next_id, now + self.timeout);
        self.next_id += 1;
        Open { id, operation, due, sent: false, asker }
    }

    /// The next request to send on this connection.
    pub(crate) fn next_to_send(&mut self) -> Option<Request> {
        let open = self.open.iter_mut().find(|open| !open.sent)?;
        open.sent = true;
        Some(Request { id: open.id, operation: Some(open.operation.clone()) })
    }

    /// Takes an answer. Returns what the client itself asked for.
    pub(crate) fn answered(&mut self, response: Response) -> Option<Stand> {
        // An answer that came too late has nobody who waits for it.
        let at = self.open.iter().position(|open| open.id == response.id)?;
        match (self.open.remove(at)?.asker, response.answer) {
            (Asker::App(reply, _place), answer) => {
                drop(reply.send(answer.map_err(RequestError::Refused)));
                None
            }
            (Asker::Live, _) => None,
            (Asker::Inbox(chat, cursor), Ok(Answer::Chat(state))) if state.chat == chat => {
                Some(Stand { chat, cursor, state: Some(*state) })
            }
            (Asker::Inbox(chat, cursor), _) => Some(Stand { chat, cursor, state: None }),
        }
    }

    /// The connection is gone: all are to be sent on the next one, but for the client's own.
    pub(crate) fn disconnected(&mut self) {
        self.open.retain(|open| matches!(open.asker, Asker::App(..)));
        self.open.iter_mut().for_each(|open| open.sent = false);
    }

    /// Ends those whose time is up. Returns the client's own, of which there is one at most.
    pub(crate) fn expire(&mut self, now: Time) -> Option<Stand> {
        let mut own = None;
        while let Some(at) = self.open.iter().position(|open| open.due <= now) {
            let open = self.open.remove(at)?;
            let error = if open.sent { RequestError::Timeout } else { RequestError::Disconnected };
            if let Asker::Inbox(chat, cursor) = &open.asker {
                own = Some(Stand { chat: chat.clone(), cursor: *cursor, state: None });
            }
            open.end(error);
        }
        own
    }

    /// Ends them all.
    pub(crate) fn end(&mut self, ending: &Ending) {
        for open in self.open.drain(..) {
            open.end(RequestError::Closed(ending.clone()));
        }
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        self.open.iter().map(|open| open.due).min()
    }
}

impl Open {
    fn end(self, error: RequestError) {
        if let Asker::App(reply, _place) = self.asker {
            drop(reply.send(Err(error)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use packetboat_proto::code::RejectCode;
    use packetboat_proto::packet::Verdict;

    fn chat() -> ChatId {
        ChatId::new("dm:a:b").unwrap()
    }

    fn asks() -> Asks {
        Asks::new(Duration::from_millis(100))
    }

    fn ask(asks: &mut Asks, now: u64) -> oneshot::Receiver<Outcome> {
        let (reply, outcome) = oneshot::channel();
        let operation = Operation::Presence { users: Vec::new() };
        let place = None;
        asks.push(Time::from_ms(now), Ask { operation, reply, place });
        outcome
    }

    #[test]
    fn a_request_is_asked_again_on_the_next_connection_and_answered_once() {
        let mut asks = asks();
        let mut outcome = ask(&mut asks, 0);
        let first = asks.next_to_send().unwrap();
        assert_eq!(asks.next_to_send(), None);
        asks.disconnected();
        let again = asks.next_to_send().unwrap();
        assert_eq!(first, again);
        let answer = Ok(Answer::Presence(Vec::new()));
        let response = Response { id: first.id, answer };
        assert_eq!(asks.answered(response.clone()), None);
        assert_eq!(outcome.try_recv(), Ok(Ok(Answer::Presence(Vec::new()))));
        assert_eq!(asks.answered(response), None);
        assert_eq!(asks.deadline(), None);
    }

    #[test]
    fn time_that_is_up_says_whether_there_was_a_connection() {
        let mut asks = asks();
        let mut sent = ask(&mut asks, 0);
        asks.next_to_send().unwrap();
        let mut unsent = ask(&mut asks, 1);
        assert_eq!(asks.deadline(), Some(Time::from_ms(100)));
        asks.expire(Time::from_ms(99));
        assert!(sent.try_recv().is_err());
        asks.expire(Time::from_ms(101));
        assert_eq!(sent.try_recv(), Ok(Err(RequestError::Timeout)));
        assert_eq!(unsent.try_recv(), Ok(Err(RequestError::Disconnected)));
    }

    #[test]
    fn what_the_client_asks_first_goes_out_first_and_keeps_nothing_from_ending_in_time() {
        let mut asks = asks();
        let mut of_app = ask(&mut asks, 0);
        let away = |away| Operation::SetPresence { away };
        asks.put_first(Time::from_ms(50), vec![away(true), away(false)]);
        assert_eq!(asks.deadline(), Some(Time::from_ms(100)));
        let sent: Vec<_> = std::iter::from_fn(|| asks.next_to_send()?.operation).collect();
        let asked = Operation::Presence { users: Vec::new() };
        assert_eq!(sent, [away(true), away(false), asked]);
        asks.expire(Time::from_ms(100));
        assert_eq!(of_app.try_recv(), Ok(Err(RequestError::Timeout)));
        assert_eq!(asks.deadline(), Some(Time::from_ms(150)));
        asks.expire(Time::from_ms(150));
        assert_eq!(asks.deadline(), None);
    }

    #[test]
    fn a_refusal_reaches_the_app_and_the_end_reaches_all() {
        let mut asks = asks();
        let mut refused = ask(&mut asks, 0);
        let mut ended = ask(&mut asks, 0);
        let verdict = Verdict::reject(RejectCode::NoSuchChat, "", 0);
        let id = asks.next_to_send().unwrap().id;
        let answer = Err(verdict.clone());
        asks.answered(Response { id, answer });
        assert_eq!(refused.try_recv(), Ok(Err(RequestError::Refused(verdict))));
        asks.end(&Ending::Closed);
        let closed = RequestError::Closed(Ending::Closed);
        assert_eq!(ended.try_recv(), Ok(Err(closed)));
    }

    #[test]
    fn the_clients_own_question_does_not_outlive_the_connection() {
        let mut asks = asks();
        asks.push_position(Time::from_ms(0), chat(), 0);
        assert!(asks.position_is_open());
        asks.disconnected();
        assert!(!asks.position_is_open());
        assert_eq!(asks.next_to_send(), None);
    }
}
