//! Does what the view wants done, and tells it what came of it. Must never make it wait, nor send
//! messages in another order than they were written.

mod about;
mod door;
mod file;
mod folder;
mod receipt;

use bytes::Bytes;
use packetboat_client::proto::limits::PAGE_ITEMS_MAX;
use packetboat_client::{ChatId, ChatState, Client, Edge, Entry, MessageId, Page, RequestError};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::own_errands::OwnErrands;
use crate::format::text;
use crate::patience::asks_again_in;
use crate::view::{Answer, Effect, Here, Trouble};

use super::{devices, people};

/// Answers that may wait for the view.
const ANSWERS_MAX: usize = 256;
/// Messages that may wait for the client. The view puts fewer on their way at a time.
const SENDS_MAX: usize = 512;
/// Chats that are asked for.
const CHATS_MAX: usize = 1_000;
/// Entries of a thread that are asked for.
const THREAD_MAX: usize = 1_000;
/// Entries of one page.
const PAGE: u32 = 100;

type Draft = (ChatId, MessageId, Bytes);

/// Runs errands.
pub(crate) struct Errands {
    client: Client,
    answers: mpsc::Sender<Answer>,
    sends: mpsc::Sender<Draft>,
    own: OwnErrands,
}

impl Errands {
    /// Errands of this client, and where their answers come.
    pub(crate) fn start(client: Client) -> (Self, mpsc::Receiver<Answer>) {
        let (answers, received) = mpsc::channel(ANSWERS_MAX);
        let (sends, drafts) = mpsc::channel(SENDS_MAX);
        tokio::spawn(send_all(client.clone(), drafts, answers.clone()));
        let own = OwnErrands::start(client.clone(), answers.clone());
        (Self { client, answers, sends, own }, received)
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
        Effect::AskChats => chats(client).await.map_or_else(failed, Answer::Chats),
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
        Effect::AskPage { chat, edge } => {
            let page = page(client, &chat, edge).await.map_err(Trouble::from);
            Answer::Page { chat, edge, page }
        }
        Effect::SyncOwn
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

/// A page of a log. One that cannot be had for now is not taken for one of which there is none.
async fn page(client: &Client, chat: &ChatId, edge: Edge) -> Result<Page<Entry>, RequestError> {
    loop {
        let page = client.history(chat, edge, PAGE).await;
        let Some(wait) = page.as_ref().err().and_then(asks_again_in) else { return page };
        sleep(wait).await;
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

/// The liveliest chats: those that have been silent longest are left out.
async fn chats(client: &Client) -> Result<Vec<ChatState>, RequestError> {
    let mut chats: Vec<ChatState> = Vec::new();
    loop {
        let behind = chats.last().map(|state| (state.last_at_ms, state.chat.clone()));
        let page = match client.recent(behind, PAGE_ITEMS_MAX, 0).await {
            Ok(page) => page,
            Err(error) => {
                // Nothing asks for them again while the link stands.
                sleep(asks_again_in(&error).ok_or(error)?).await;
                continue;
            }
        };
        let empty = page.items.is_empty();
        chats.extend(page.items);
        if empty || !page.more || chats.len() >= CHATS_MAX {
            chats.truncate(CHATS_MAX);
            return Ok(chats);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use packetboat_client::proto::code::RejectCode;
    use packetboat_client::proto::packet::{self, Packet};
    use packetboat_client::{OwnState, Verdict};

    use super::*;
    use crate::fake::{Fake, response};
    use crate::format::tests::entry;

    /// The answers to effects, where the server refuses the first question for now.
    async fn after_a_refusal(effect: Effect, count: usize) -> Vec<Answer> {
        let (server, account) = Fake::start().await;
        let mut refused = false;
        let serving = server.serve(move |came| {
            let Packet::Request(request) = came else { return Vec::new() };
            if !std::mem::replace(&mut refused, true) {
                let verdict = Verdict::reject(RejectCode::Unavailable, "", 1);
                return vec![response(request.id, Err(verdict))];
            }
            let text = entry("dm:alice:bob", 1, "bob", &packetboat_client::Content::text("hi"));
            let own = packet::OwnPage { items: Vec::new(), more: false, revision: 0, floor: 0 };
            let answer = match request.operation.unwrap() {
                packet::Operation::History { .. } => {
                    packet::Answer::History { entries: vec![text.encode()], more: false }
                }
                packet::Operation::Recent(_) => {
                    let state = ChatState::of(text.chat);
                    packet::Answer::Recent { chats: vec![state], more: false }
                }
                packet::Operation::Own(_) => packet::Answer::Own(packet::OwnAnswer::Changes(own)),
                other => panic!("{other:?}"),
            };
            vec![response(request.id, Ok(answer))]
        });
        let asking = async {
            let (client, _events) = Client::start(account.config(account.device())).unwrap();
            let (errands, mut answers) = Errands::start(client.clone());
            errands.run(effect);
            let mut came = Vec::new();
            while came.len() < count {
                came.push(answers.recv().await.unwrap());
            }
            client.close().await;
            came
        };
        let both = async { tokio::join!(serving, asking).1 };
        tokio::time::timeout(Duration::from_secs(20), both).await.unwrap()
    }

    #[tokio::test]
    async fn a_log_that_cannot_be_had_for_now_is_not_taken_for_an_empty_one() {
        let chat = "dm:alice:bob".parse().unwrap();
        let asked = Effect::AskPage { chat, edge: Edge::Before(0) };
        let answers = after_a_refusal(asked, 1).await;
        let [Answer::Page { page: Ok(page), .. }] = answers.as_slice() else {
            panic!("{answers:?}")
        };
        assert_eq!(page.items.len(), 1);
    }

    #[tokio::test]
    async fn the_chats_are_asked_for_until_they_are_there() {
        let answers = after_a_refusal(Effect::AskChats, 1).await;
        assert!(matches!(answers.as_slice(), [Answer::Chats(chats)] if chats.len() == 1));
    }

    #[tokio::test]
    async fn what_is_deleted_is_asked_for_until_it_is_known() {
        let answers = after_a_refusal(Effect::SyncOwn, 2).await;
        let [Answer::Failed(_), Answer::Own(own)] = answers.as_slice() else {
            panic!("{answers:?}")
        };
        assert_eq!(own.revision(), OwnState::default().revision());
    }
}
