//! Does what the view wants done, and tells it what came of it. Must never make it wait, nor send
//! messages in another order than they were written.

mod about;
mod door;
mod file;
mod folder;
mod log;
mod receipt;

use bytes::Bytes;
use packetboat_client::proto::limits::PAGE_ITEMS_MAX;
use packetboat_client::{ChatId, Client, Edge, Entry, MessageId, Page, RequestError};
use tokio::sync::mpsc;

use self::log::Log;
use super::own_errands::OwnErrands;
use crate::format::text;
use crate::view::{Answer, Effect, Here};

use super::{devices, people};

/// Answers that may wait for the view.
const ANSWERS_MAX: usize = 256;
/// Messages that may wait for the client. The view puts fewer on their way at a time.
const SENDS_MAX: usize = 512;
/// Entries of a thread that are asked for.
const THREAD_MAX: usize = 1_000;

type Draft = (ChatId, MessageId, Bytes);

/// Runs errands.
pub(crate) struct Errands {
    client: Client,
    answers: mpsc::Sender<Answer>,
    sends: mpsc::Sender<Draft>,
    own: OwnErrands,
    log: Log,
}

impl Errands {
    /// Errands of this client, and where their answers come.
    pub(crate) fn start(client: Client) -> (Self, mpsc::Receiver<Answer>) {
        let (answers, received) = mpsc::channel(ANSWERS_MAX);
        let (sends, drafts) = mpsc::channel(SENDS_MAX);
        tokio::spawn(send_all(client.clone(), drafts, answers.clone()));
        let own = OwnErrands::start(client.clone(), answers.clone());
        let log = Log::start(&client, &answers);
        (Self { client, answers, sends, own, log }, received)
    }

    /// Starts one.
    pub(crate) fn run(&self, effect: Effect) {
        match effect {
            Effect::Send { chat, id, content } => self.send((chat, id, content)),
            Effect::Read { chat, seq } => self.client.read(&chat, seq),
            Effect::Signal { chat, kind } => {
                self.client
                    .signal(&chat, kind, Bytes::new())
                    .expect("a signal without data is not too long");
            }
            // What the screen is to do, and what ends the chat, is no errand.
            Effect::Repaint | Effect::Quit | Effect::GiveUp(_) => {}
            errand @ (Effect::SyncOwn
            | Effect::Mark(_)
            | Effect::KeepDraft(_)
            | Effect::Watch { .. }
            | Effect::WatchReceipts { .. }
            | Effect::Hide { .. }) => self.own.run(errand),
            Effect::AskChats => self.log.chats(),
            Effect::AskPage { chat, edge } => self.log.page(chat, edge),
            question => {
                let (client, answers) = (self.client.clone(), self.answers.clone());
                tokio::spawn(async move {
                    // A view that is gone does not want to know.
                    drop(answers.send(ask(&client, &answers, question).await).await);
                });
            }
        }
    }

    /// Ends with what the user's other devices are to know, if there is a connection for that.
    pub(crate) async fn finish(self) {
        self.own.finish().await;
    }

    fn send(&self, draft: Draft) {
        self.sends.try_send(draft).expect("the view bounds what is on its way, and the task lives");
    }
}

/// Gives messages to the client in their order.
async fn send_all(
    client: Client,
    mut drafts: mpsc::Receiver<Draft>,
    answers: mpsc::Sender<Answer>,
) {
    while let Some((chat, id, content)) = drafts.recv().await {
        let sending = client.send_with_id(&chat, id, content).await;
        let answers = answers.clone();
        tokio::spawn(async move {
            let outcome = match sending {
                Ok(sending) => sending.await,
                Err(error) => Err(error),
            };
            drop(answers.send(Answer::Sent { id, outcome }).await);
        });
    }
}

async fn ask(client: &Client, answers: &mpsc::Sender<Answer>, question: Effect) -> Answer {
    let failed = |error: RequestError| Answer::Failed(error.to_string());
    match question {
        Effect::AskChat(chat) => client.chat(&chat).await.map_or_else(failed, Answer::Chat),
        Effect::AskRoom(room) => client.room(&room).await.map_or_else(failed, Answer::Room),
        Effect::AskReceipts { chat, ranges } => receipt::counts(client, chat, ranges).await,
        Effect::AskCounts { chat, first } => {
            receipt::from(client, &chat, first).await.unwrap_or_else(failed)
        }
        Effect::AskThread { chat, of } => thread(client, chat, of).await.unwrap_or_else(failed),
        Effect::About(chat) => about::run(client, &chat).await.unwrap_or_else(failed),
        Effect::Here(here) => set(client, here).await.unwrap_or_else(failed),
        Effect::AskPaths(paths) => folder::list(paths).await,
        Effect::AskMembers(chat) => match client.members(&chat, None, PAGE_ITEMS_MAX).await {
            Ok(members) => Answer::Members { chat, members },
            Err(error) => failed(error),
        },
        Effect::AskNames(chat) => match client.members(&chat, None, PAGE_ITEMS_MAX).await {
            Ok(members) => {
                let users = members.items.into_iter().map(|member| member.user).collect();
                Answer::Names { chat, users }
            }
            // Nobody has asked to be told.
            Err(_) => Answer::Names { chat, users: Vec::new() },
        },
        Effect::Door(door) => door::run(client, door).await,
        Effect::Files(errand) => file::run(client, answers, errand).await,
        Effect::Devices(errand) => devices::run(client, errand).await,
        Effect::People(errand) => people::run(client, errand).await,
        Effect::AskReaders { chat, seq } => {
            receipt::readers(client, &chat, seq).await.unwrap_or_else(failed)
        }
        Effect::AskKeys(user) => {
            about::keys(client, &user.unwrap_or_else(|| client.user().clone()))
                .await
                .unwrap_or_else(failed)
        }
        Effect::TellReads(rule) => receipt::tell_reads(client, rule).await.unwrap_or_else(failed),
        Effect::Search(words, chat) => super::search::run(client, &words, chat.as_ref()).await,
        Effect::Later(later) => super::later::run(client, later).await,
        Effect::AskPins(chat) => match client.pins(&chat).await {
            Ok(seqs) => Answer::Pins { chat, seqs },
            Err(error) => failed(error),
        },
        Effect::Join(room) => client.join(&room).await.map_or_else(failed, Answer::Joined),
        Effect::Part(room) => match client.leave_room(&room).await {
            Ok(()) => Answer::Failed(format!("{room} is not listened to any more")),
            Err(error) => failed(error),
        },
        Effect::AskChats
        | Effect::AskPage { .. }
        | Effect::SyncOwn
        | Effect::Mark(_)
        | Effect::KeepDraft(_)
        | Effect::Watch { .. }
        | Effect::WatchReceipts { .. }
        | Effect::Hide { .. }
        | Effect::Send { .. }
        | Effect::Read { .. }
        | Effect::Signal { .. }
        | Effect::Repaint
        | Effect::Quit
        | Effect::GiveUp(_) => Answer::Failed("that is no question".to_owned()),
    }
}

/// Sets what others see of the user, or tells it.
async fn set(client: &Client, here: Here) -> Result<Answer, RequestError> {
    match here {
        Here::Ask => {
            let asked = client.presence(vec![client.user().clone()]).await?;
            let own = asked.first().ok_or(RequestError::Unexpected)?;
            Ok(Answer::Told(text::own_presence(own)))
        }
        Here::Away(away) => client.set_away(away).await.map(|()| Answer::Away(away)),
        Here::Status(text, visible_to) => {
            client.set_profile(&text, visible_to).await?;
            Ok(Answer::Told("set, on all of your devices".to_owned()))
        }
    }
}

/// What is said in a thread, behind the message that it begins with.
async fn thread(client: &Client, chat: ChatId, of: u64) -> Result<Answer, RequestError> {
    let first = client.history(&chat, Edge::After(of - 1), 1).await?;
    let mut items: Vec<Entry> = first.items.into_iter().filter(|entry| entry.seq == of).collect();
    let mut after = 0;
    loop {
        let page = client.thread(&chat, of, after, PAGE_ITEMS_MAX).await?;
        after = page.items.last().map_or(0, |last| last.seq);
        items.extend(page.items);
        let more = page.more && after > 0;
        if !more || items.len() >= THREAD_MAX {
            return Ok(Answer::Thread { chat, of, entries: Page { items, more } });
        }
    }
}

#[cfg(test)]
mod tests;
