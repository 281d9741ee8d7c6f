//! Does what the view wants done, and tells it what came of it. Must never make it wait, nor send
//! messages in another order than they were written.

mod file;
mod receipt;

use bytes::Bytes;
use packetboat_client::proto::limits::PAGE_ITEMS_MAX;
use packetboat_client::{
    ChatId, ChatState, Client, Entered, InviteLink, MessageId, RequestError, UserId,
};
use tokio::sync::mpsc;

use super::own_errands::OwnErrands;
use crate::clock::Clock;
use crate::format::text;
use crate::view::{Answer, Door, Effect, Trouble};

use super::{devices, people};

/// Answers that may wait for the view.
const ANSWERS_MAX: usize = 256;
/// Messages that may wait for the client. The view puts fewer on their way at a time.
const SENDS_MAX: usize = 512;
/// Chats that are asked for.
const CHATS_MAX: usize = 1_000;
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
        Effect::AskPresence(users) => {
            client.presence(users).await.map_or_else(failed, Answer::Presence)
        }
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
        Effect::Door(door) => at_door(client, door).await,
        Effect::Devices(errand) => devices::run(client, errand).await,
        Effect::People(errand) => people::run(client, errand).await,
        Effect::AskReaders { chat, seq } => {
            receipt::readers(client, &chat, seq).await.unwrap_or_else(failed)
        }
        Effect::AskKeys(user) => keys(client, &user).await.unwrap_or_else(failed),
        Effect::TellReads(rule) => receipt::tell_reads(client, rule).await.unwrap_or_else(failed),
        Effect::Search(words) => super::search::run(client, &words).await,
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
            let page = client.history(&chat, edge, PAGE).await.map_err(Trouble::from);
            Answer::Page { chat, edge, page }
        }
        Effect::SendFile { chat, path } => file::send(client, answers, &chat, &path).await,
        Effect::SaveFile { chat, seq, path } => file::save(client, answers, &chat, seq, path).await,
        Effect::SyncOwn
        | Effect::Mark(_)
        | Effect::KeepDraft(_)
        | Effect::Hide { .. }
        | Effect::Send { .. }
        | Effect::Read { .. }
        | Effect::Signal { .. }
        | Effect::Repaint
        | Effect::Quit
        | Effect::GiveUp(_) => Answer::Failed("that is no question".to_owned()),
    }
}

async fn at_door(client: &Client, door: Door) -> Answer {
    let done = match door {
        Door::Enter(link) => match client.enter(&link).await {
            Ok(entered) => return entered_as(link.group, &entered),
            Err(error) => return Answer::Failed(error.to_string()),
        },
        Door::Invite { group, expires_ms } => invite(client, &group, expires_ms).await,
        Door::Invites(group) => invites(client, &group).await,
        Door::Requests(group) => requests(client, &group).await,
        Door::Refuse { group, users } => {
            let refused = client.refuse_join(&group, users).await;
            refused.map(|()| Answer::Told("they are told".to_owned()))
        }
    };
    done.unwrap_or_else(|error| Answer::Failed(error.to_string()))
}

fn entered_as(group: ChatId, entered: &Entered) -> Answer {
    match entered {
        Entered::Joined(_) | Entered::Member => Answer::Entered(group),
        Entered::Waiting => Answer::Told(format!("you have asked to come into {group}")),
        Entered::Refused => Answer::Failed(format!("you are not let into {group}")),
    }
}

async fn invite(client: &Client, group: &ChatId, expires_ms: u64) -> Result<Answer, RequestError> {
    let (link, invitation) = InviteLink::open(group, expires_ms);
    client.invite(group, invitation).await?;
    let title = format!("A link to {group}: /join brings in who has it");
    Ok(Answer::Sheet { title, lines: vec![link.to_string()] })
}

async fn invites(client: &Client, group: &ChatId) -> Result<Answer, RequestError> {
    let clock = Clock::system();
    let invitations = client.invitations(group).await?;
    let line = |invitation| text::invitation(&clock, group, invitation);
    let lines = invitations.iter().map(line).collect();
    Ok(Answer::Sheet { title: format!("Links to {group}"), lines })
}

async fn requests(client: &Client, group: &ChatId) -> Result<Answer, RequestError> {
    let clock = Clock::system();
    let page = client.join_requests(group, None, PAGE_ITEMS_MAX).await?;
    let lines = page.items.iter().map(|request| text::join_request(&clock, request)).collect();
    Ok(Answer::Sheet { title: format!("Who asks to come into {group}"), lines })
}

async fn keys(client: &Client, user: &UserId) -> Result<Answer, RequestError> {
    let page = client.keys(user, None, PAGE_ITEMS_MAX).await?;
    let lines = page.items.iter().map(|keys| text::keys::device(user, keys)).collect();
    Ok(Answer::Sheet { title: format!("Devices of {user} that have keys"), lines })
}

/// The liveliest chats: those that have been silent longest are left out.
async fn chats(client: &Client) -> Result<Vec<ChatState>, RequestError> {
    let mut chats: Vec<ChatState> = Vec::new();
    loop {
        let behind = chats.last().map(|state| (state.last_at_ms, state.chat.clone()));
        let page = client.recent(behind, PAGE_ITEMS_MAX, 0).await?;
        let empty = page.items.is_empty();
        chats.extend(page.items);
        if empty || !page.more || chats.len() >= CHATS_MAX {
            chats.truncate(CHATS_MAX);
            return Ok(chats);
        }
    }
}
