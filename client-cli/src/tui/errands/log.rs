//! Asks for the user's chats, and for the log of the open one. Must never have more than one
//! question of each on its way, nor take what cannot be had for now for what is not there.

use packetboat_client::proto::limits::PAGE_ITEMS_MAX;
use packetboat_client::{ChatId, ChatState, Client, Edge, Entry, Page, RequestError};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use crate::patience::Pauses;
use crate::view::{Answer, Trouble};

/// Chats that are asked for.
const CHATS_MAX: usize = 1_000;
/// Entries of one page.
const PAGE: u32 = 100;

/// What is wanted of a log.
type Wanted = Option<(ChatId, Edge)>;

/// What asks.
pub(super) struct Log {
    chats: watch::Sender<()>,
    page: watch::Sender<Wanted>,
}

impl Log {
    /// Asks this client, once something is wanted.
    pub(super) fn start(client: &Client, answers: &mpsc::Sender<Answer>) -> Self {
        let (chats, wanted) = watch::channel(());
        tokio::spawn(all_chats(client.clone(), wanted, answers.clone()));
        let (page, wanted) = watch::channel(None);
        tokio::spawn(all_pages(client.clone(), wanted, answers.clone()));
        Self { chats, page }
    }

    /// The chats are wanted. While they are asked for already, they will be once more.
    pub(super) fn chats(&self) {
        self.chats.send_replace(());
    }

    /// A page is wanted, and none of those that were before: the view shows one log.
    pub(super) fn page(&self, chat: ChatId, edge: Edge) {
        self.page.send_replace(Some((chat, edge)));
    }
}

async fn all_chats(client: Client, mut wanted: watch::Receiver<()>, answers: mpsc::Sender<Answer>) {
    while wanted.changed().await.is_ok() {
        let failed = |error: RequestError| Answer::Failed(error.to_string());
        let answer = chats(&client).await.map_or_else(failed, Answer::Chats);
        // A view that is gone does not want to know.
        drop(answers.send(answer).await);
    }
}

async fn all_pages(
    client: Client,
    mut wanted: watch::Receiver<Wanted>,
    answers: mpsc::Sender<Answer>,
) {
    while wanted.changed().await.is_ok() {
        loop {
            let newest = wanted.borrow_and_update().clone();
            let Some((chat, edge)) = newest else { break };
            tokio::select! {
                page = page(&client, &chat, edge) => {
                    let page = page.map_err(Trouble::from);
                    drop(answers.send(Answer::Page { chat, edge, page }).await);
                    break;
                }
                another = wanted.changed() => if another.is_err() {
                    return;
                },
            }
        }
    }
}

/// A page of a log.
async fn page(client: &Client, chat: &ChatId, edge: Edge) -> Result<Page<Entry>, RequestError> {
    let mut pauses = Pauses::default();
    loop {
        let page = client.history(chat, edge, PAGE).await;
        let again = page.as_ref().err().and_then(|error| pauses.before_again(error));
        let Some(pause) = again else { return page };
        sleep(pause).await;
    }
}

/// The liveliest chats: those that have been silent longest are left out.
async fn chats(client: &Client) -> Result<Vec<ChatState>, RequestError> {
    let (mut chats, mut pauses): (Vec<ChatState>, _) = (Vec::new(), Pauses::default());
    loop {
        let behind = chats.last().map(|state| (state.last_at_ms, state.chat.clone()));
        let page = match client.recent(behind, PAGE_ITEMS_MAX, 0).await {
            Ok(page) => page,
            Err(error) => {
                // Nothing asks for them again while the link stands.
                sleep(pauses.before_again(&error).ok_or(error)?).await;
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
