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
    /// `None`: the client of this session has not taken it.
    sending: Option<Sending>,
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
    if outcome.is_err() {
        post.unanswered().iter().for_each(|lines| complain(lines));
    }
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
        let (limit, mut ended) = (self.limit, Some(ending));
        within(Some(limit), async {
            while let Some(ending) = ended {
                self.pending.iter_mut().for_each(|pending| pending.sending = None);
                self.visit.recover(ending).await?;
                if self.chat.is_room() {
                    join(&mut self.visit, self.chat).await?;
                }
                ended = self.start().await?;
            }
            Ok(())
        })
        .await
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
                () = sleep_until(heard + self.limit), if waiting => return Err(self.out_of_time()),
            }
        }
        unread.map_or(Ok(()), |error| Err(Failure::Input(error)))
    }

    /// Names the lines that have no outcome, if they are lines.
    fn unanswered(&self) -> Option<String> {
        let first = self.pending.front()?.line?;
        let last = self.pending.back()?.line?;
        Some(if last == first {
            format!("line {first}: no answer; it may have been sent")
        } else {
            format!("lines {first} to {last}: no answer; they may have been sent")
        })
    }

    /// Time is up: says what is in the way of the first one, if the server has said so.
    fn out_of_time(&self) -> Failure {
        let limit = self.limit;
        match self.pending.front().and_then(|first| first.sending.as_ref()?.refusal()) {
            Some(verdict) => Failure::PutOff { limit, verdict },
            None => Failure::TimedOut(limit),
        }
    }

    async fn push(&mut self, draft: Draft) -> Result<(), Failure> {
        let Draft { line, content } = draft;
        let id = Client::new_message_id();
        self.pending.push_back(Pending { line, id, content, sending: None });
        match self.start().await? {
            Some(ending) => self.go_on(ending).await,
            None => Ok(()),
        }
    }

    /// Gives the client what it has not taken yet. Returns how the client has ended, if it has.
    async fn start(&mut self) -> Result<Option<Ending>, Failure> {
        let client = self.visit.client();
        for pending in self.pending.iter_mut().filter(|pending| pending.sending.is_none()) {
            let Pending { id, content, .. } = pending;
            match client.send_with_id(self.chat, *id, content.clone()).await {
                Ok(sending) => pending.sending = Some(sending),
                Err(SendError::Closed { ending, .. }) => return Ok(Some(ending)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
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
        if let Some(line) = message.line {
            complain(&format!("line {line}: refused: {}", reason(&verdict)));
            self.failed += 1;
        }
        if self.out.is_json() {
            let object = json::rejected(self.chat, message.id, &verdict, message.line);
            read_or_not(self.out.put(|| object, String::new))?;
        }
        message.line.map_or(Err(Failure::Refused(verdict)), |_| Ok(()))
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
    match pending.front_mut().and_then(|first| first.sending.as_mut()) {
        Some(sending) => sending.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
