//! `send`: messages on their way until each has its outcome. Must never call a message sent that
//! the server has not stored, nor leave a refused one unnamed.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use packetboat_client::{
    Accepted, ChatId, Client, Content, Context, Ending, MessageId, SendError, Sending, Verdict,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::lines;
use crate::account::Account;
use crate::failure::{Failure, reason};
use crate::format::{json, text};
use crate::out::{Out, complain};
use crate::visit::{Visit, within};

/// Messages without an outcome; further lines wait.
const PENDING_MAX: usize = 256;
/// How long no answer may come while some are waited for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A message to send, and the line of stdin that it was.
#[derive(Debug)]
pub(crate) struct Draft {
    line: Option<u64>,
    /// Encoded.
    content: Bytes,
}

/// Where messages come from.
pub(crate) enum Drafts {
    /// A single one, encoded.
    One(Option<Bytes>),
    /// The lines of stdin, and how they are said.
    Lines(mpsc::Receiver<io::Result<lines::Line>>, Manner),
}

/// How a text is said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manner {
    /// What it belongs to.
    pub(crate) context: Context,
    /// It is data of this media type.
    pub(crate) media_type: Option<String>,
}

impl Manner {
    /// The text, encoded.
    fn say(&self, text: String) -> Bytes {
        let said = match self.media_type.clone() {
            Some(media_type) => Content::Data { media_type, body: text.into() },
            None => Content::text(text),
        };
        said.encode_in(&self.context)
    }
}

struct Pending {
    line: Option<u64>,
    id: MessageId,
    content: Bytes,
    sending: Sending,
}

/// What `text` says, or, for a hyphen, each line of stdin.
pub(crate) fn drafts(text: String, manner: Manner) -> Result<Drafts, Failure> {
    // What the server would refuse all the same is refused here with a better sentence.
    let example = manner.say("x".to_owned());
    Content::decode(&example, usize::MAX).map_err(|error| Failure::Usage(error.to_string()))?;
    match text.as_str() {
        "-" => Ok(Drafts::Lines(lines::stdin().map_err(Failure::Input)?, manner)),
        _ => Ok(Drafts::One(Some(manner.say(text)))),
    }
}

impl Drafts {
    /// Whether it is a change of its chat, and no message.
    fn is_change(&self) -> bool {
        let Self::One(Some(content)) = self else { return false };
        let said = Content::decode(content, usize::MAX);
        matches!(said, Ok(Content::Group(_) | Content::Room(_)))
    }

    /// The next one that says something. Cancel safe.
    async fn next(&mut self) -> Option<io::Result<Draft>> {
        match self {
            Self::One(content) => content.take().map(|content| Ok(Draft { line: None, content })),
            Self::Lines(lines, manner) => loop {
                match lines.recv().await? {
                    Ok((_, text)) if text.trim().is_empty() => {}
                    Ok((line, text)) => {
                        let content = manner.say(text);
                        return Some(Ok(Draft { line: Some(line), content }));
                    }
                    Err(error) => return Some(Err(error)),
                }
            },
        }
    }
}

/// Sends all drafts. Goes on when one is refused, and fails in the end.
pub(crate) async fn post(
    account: &Account,
    chat: &ChatId,
    drafts: Drafts,
    timeout: Option<Duration>,
    out: &mut Out,
) -> Result<(), Failure> {
    let mut visit = within(timeout, Visit::open(account, timeout.is_some())).await?;
    if chat.is_room() && !drafts.is_change() {
        // Only who listens to a room is heard in it.
        if let Err(failure) = within(timeout, join(&mut visit, chat)).await {
            visit.close().await;
            return Err(failure);
        }
    }
    let limit = timeout.unwrap_or(ANSWER_TIMEOUT);
    let pending = VecDeque::new();
    let mut post = Post { visit, chat, limit, pending, sent: 0, failed: 0, out };
    let outcome = post.run(drafts).await;
    let (sent, failed) = (post.sent, post.failed);
    post.visit.close().await;
    outcome?;
    if failed > 0 { Err(Failure::Some { failed, total: sent + failed }) } else { Ok(()) }
}

async fn join(visit: &mut Visit, room: &ChatId) -> Result<(), Failure> {
    visit.ask(async |client| client.join(room).await).await.map(drop)
}

struct Post<'a> {
    visit: Visit,
    chat: &'a ChatId,
    /// How long no answer may come.
    limit: Duration,
    /// In the order in which they were given.
    pending: VecDeque<Pending>,
    sent: u64,
    failed: u64,
    out: &'a mut Out,
}

impl Post<'_> {
    /// Goes on with another session, if that helps: it is in no room yet, and was sent nothing.
    async fn go_on(&mut self, ending: Ending) -> Result<(), Failure> {
        let again = async {
            self.visit.recover(ending).await?;
            if self.chat.is_room() { join(&mut self.visit, self.chat).await } else { Ok(()) }
        };
        within(Some(self.limit), again).await?;
        self.send_again().await;
        Ok(())
    }

    async fn run(&mut self, mut drafts: Drafts) -> Result<(), Failure> {
        let mut unread = None;
        let mut more = true;
        let mut heard = Instant::now();
        while more || !self.pending.is_empty() {
            let (room, waiting) = (self.pending.len() < PENDING_MAX, !self.pending.is_empty());
            tokio::select! {
                draft = drafts.next(), if more && room => match draft {
                    Some(Ok(draft)) => {
                        if !waiting {
                            heard = Instant::now();
                        }
                        self.push(draft).await?;
                    }
                    Some(Err(error)) => (unread, more) = (Some(error), false),
                    None => more = false,
                },
                outcome = first_outcome(&mut self.pending), if waiting => {
                    heard = Instant::now();
                    self.settle(outcome).await?;
                }
                () = sleep_until(heard + self.limit), if waiting => {
                    self.unanswered().iter().for_each(|lines| complain(lines));
                    return Err(self.out_of_time());
                }
            }
        }
        unread.map_or(Ok(()), |error| Err(Failure::Input(error)))
    }

    /// The lines that have no outcome, if they are lines.
    fn unanswered(&self) -> Option<String> {
        let first = self.pending.front()?.line?;
        let last = self.pending.back()?.line?;
        Some(format!("lines {first} to {last}: no answer; they may have been sent"))
    }

    /// Time is up: says what is in the way of the first one, if the server has said so.
    fn out_of_time(&self) -> Failure {
        let limit = self.limit;
        match self.pending.front().and_then(|first| first.sending.refusal()) {
            Some(verdict) => Failure::PutOff { limit, verdict },
            None => Failure::TimedOut(limit),
        }
    }

    async fn push(&mut self, draft: Draft) -> Result<(), Failure> {
        let (id, content) = (Client::new_message_id(), draft.content);
        let sending = self.start(id, &content).await?;
        self.pending.push_back(Pending { line: draft.line, id, content, sending });
        Ok(())
    }

    async fn start(&mut self, id: MessageId, content: &Bytes) -> Result<Sending, Failure> {
        loop {
            match self.visit.client().send_with_id(self.chat, id, content.clone()).await {
                Ok(sending) => return Ok(sending),
                Err(SendError::Closed { ending, .. }) => self.go_on(ending).await?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives all that have no outcome to the client, which is a new one. Where it ends as well,
    /// the outcome of the first one says so.
    async fn send_again(&mut self) {
        for pending in &mut self.pending {
            let again =
                self.visit.client().send_with_id(self.chat, pending.id, pending.content.clone());
            match again.await {
                Ok(sending) => pending.sending = sending,
                Err(_) => return,
            }
        }
    }

    /// The first one has its outcome.
    async fn settle(&mut self, outcome: Result<Accepted, SendError>) -> Result<(), Failure> {
        if let Err(SendError::Closed { ending, .. }) = outcome {
            return self.go_on(ending).await;
        }
        let first = self.pending.pop_front().expect("an outcome is of one that is pending");
        match outcome {
            Ok(accepted) => {
                self.sent += 1;
                let json = || json::accepted(&accepted, first.line);
                read_or_not(self.out.put(json, || text::accepted(&accepted)))
            }
            Err(SendError::Rejected { verdict, .. }) => self.refused(&first, verdict),
            Err(error) => Err(error.into()),
        }
    }

    /// One is refused: what has no line is the only one.
    fn refused(&mut self, message: &Pending, verdict: Verdict) -> Result<(), Failure> {
        if self.out.is_json() {
            let object = json::rejected(self.chat, message.id, &verdict, message.line);
            read_or_not(self.out.put(|| object, String::new))?;
        }
        let Some(line) = message.line else { return Err(Failure::Refused(verdict)) };
        complain(&format!("line {line}: refused: {}", reason(&verdict)));
        self.failed += 1;
        Ok(())
    }
}

/// What is to be sent is sent, though nobody reads what became of it.
fn read_or_not(written: Result<(), Failure>) -> Result<(), Failure> {
    match written {
        Err(Failure::Unread) => Ok(()),
        written => written,
    }
}

/// What becomes of the first one. Cancel safe.
async fn first_outcome(pending: &mut VecDeque<Pending>) -> Result<Accepted, SendError> {
    match pending.front_mut() {
        Some(first) => (&mut first.sending).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use packetboat_client::proto::code::{CloseCode, RejectCode};
    use packetboat_client::proto::packet::{self, Packet, Rejected};

    use crate::fake::Fake;
    use crate::out::tests::{Closed, Page};

    /// What a server says whose disk is nearly full.
    fn full(packet: Packet) -> Vec<Packet> {
        let Packet::Send(send) = packet else { return Vec::new() };
        let verdict = Verdict::reject(RejectCode::StoreFull, "1% free", 60_000);
        vec![Packet::Rejected(Rejected { chat: send.chat, id: send.id, verdict })]
    }

    #[tokio::test]
    async fn a_send_that_is_given_up_says_what_was_in_its_way() {
        let (server, account) = Fake::start().await;
        let serving = tokio::spawn(async move { server.serve(full).await });
        let chat = "dm:alice:bob".parse().unwrap();
        let (limit, mut out) = (Duration::from_millis(500), Out::new(Page::default(), false));
        let drafts = drafts("hi".to_owned(), Manner::default()).unwrap();
        let failure = post(&account, &chat, drafts, Some(limit), &mut out).await.unwrap_err();
        assert_eq!(failure.to_string(), "not done within 0.5 s: STORE_FULL: 1% free");
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn time_goes_on_while_another_session_is_looked_for() {
        let (server, account) = Fake::start().await;
        let serving = async move {
            let replaced = Verdict::close(CloseCode::Replaced, "", 0);
            let says = |packet| match packet {
                Packet::Send(_) => vec![Packet::Goodbye(replaced.clone())],
                _ => Vec::new(),
            };
            server.serve(says).await;
            // From here on nobody takes a connection.
        };
        let (chat, limit) = ("dm:alice:bob".parse().unwrap(), Duration::from_millis(500));
        let mut out = Out::new(Page::default(), false);
        let drafts = drafts("hi".to_owned(), Manner::default()).unwrap();
        let posting = post(&account, &chat, drafts, Some(limit), &mut out);
        let both = async { tokio::join!(serving, posting).1 };
        let outcome = tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
        assert!(matches!(outcome, Err(Failure::TimedOut(_))), "{outcome:?}");
    }

    #[tokio::test]
    async fn all_lines_are_sent_though_nobody_reads_what_became_of_them() {
        let (server, account) = Fake::start().await;
        let mut sent = 0;
        let serving = server.serve(|packet| {
            let Packet::Send(send) = packet else { return Vec::new() };
            sent += 1;
            let (chat, id) = (send.chat, send.id);
            vec![Packet::Accepted(packet::Accepted {
                chat,
                id,
                seq: sent,
                at_ms: 1,
                duplicate: false,
            })]
        });
        let (lines, received) = mpsc::channel(4);
        let feeding = async move {
            for number in 1..=500 {
                lines.send(Ok((number, format!("text {number}")))).await.unwrap();
            }
        };
        let (chat, mut out) = ("dm:alice:bob".parse().unwrap(), Out::new(Closed, false));
        let drafts = Drafts::Lines(received, Manner::default());
        let limit = Some(Duration::from_secs(10));
        let posting = post(&account, &chat, drafts, limit, &mut out);
        let all = async { tokio::join!(serving, feeding, posting).2 };
        tokio::time::timeout(Duration::from_secs(20), all).await.unwrap().unwrap();
        assert_eq!(sent, 500);
    }

    #[tokio::test]
    async fn lines_that_are_given_up_are_named() {
        let (server, account) = Fake::start().await;
        let serving = tokio::spawn(async move { server.serve(|_| Vec::new()).await });
        let (lines, received) = mpsc::channel(4);
        for (number, text) in [(7, "seven"), (8, ""), (9, "nine")] {
            lines.send(Ok((number, text.to_owned()))).await.unwrap();
        }
        drop(lines);
        let mut out = Out::new(Page::default(), false);
        let mut post = Post {
            visit: Visit::open(&account, true).await.unwrap(),
            chat: &"dm:alice:bob".parse().unwrap(),
            limit: Duration::from_millis(200),
            pending: VecDeque::new(),
            sent: 0,
            failed: 0,
            out: &mut out,
        };
        assert_eq!(post.unanswered(), None);
        let drafts = Drafts::Lines(received, Manner::default());
        assert!(matches!(post.run(drafts).await, Err(Failure::TimedOut(_))));
        let expected = "lines 7 to 9: no answer; they may have been sent";
        assert_eq!(post.unanswered().as_deref(), Some(expected));
        post.visit.close().await;
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn blank_lines_are_not_sent_and_keep_their_numbers() {
        let (lines, received) = mpsc::channel(4);
        for (number, text) in [(1, "one"), (2, " "), (3, "three")] {
            lines.send(Ok((number, text.to_owned()))).await.unwrap();
        }
        drop(lines);
        let mut drafts = Drafts::Lines(received, Manner::default());
        let mut found = Vec::new();
        while let Some(draft) = drafts.next().await {
            found.push(draft.unwrap().line.unwrap());
        }
        assert_eq!(found, [1, 3]);
    }

    #[tokio::test]
    async fn a_single_text_is_sent_once_as_it_is() {
        let mut drafts = drafts(" spaced\nlines ".to_owned(), Manner::default()).unwrap();
        let draft = drafts.next().await.unwrap().unwrap();
        assert_eq!(draft.content, Content::text(" spaced\nlines ").encode());
        assert!(drafts.next().await.is_none());
    }

    #[tokio::test]
    async fn a_text_of_a_media_type_is_data() {
        let data = Manner { media_type: Some("text/csv".into()), ..Manner::default() };
        let mut drafts = drafts("a,b".to_owned(), data).unwrap();
        let draft = drafts.next().await.unwrap().unwrap();
        let expected = Content::Data { media_type: "text/csv".into(), body: "a,b".into() };
        assert_eq!(draft.content, expected.encode());
        let none = Manner { media_type: Some("é".into()), ..Manner::default() };
        assert!(matches!(super::drafts("x".to_owned(), none), Err(Failure::Usage(_))));
    }
}
