//! `search`: what was said in the user's chats, by its words. Must never ask without an end: a
//! server may have pages with nothing in them.

use packetboat_client::proto::limits::PAGE_ITEMS_MAX;
use packetboat_client::{ChatId, Client, Entry, RequestError};

use crate::account::Account;
use crate::clock::Clock;
use crate::command::search::SearchArgs;
use crate::failure::Failure;
use crate::format::{json, text};
use crate::out::Out;
use crate::visit::Visit;

/// Pages that one search asks for.
const PAGES_MAX: usize = 100;

/// Prints what is found, the newest first.
pub(crate) async fn search(
    visit: &mut Visit,
    account: &Account,
    args: SearchArgs,
    out: &mut Out,
) -> Result<(), Failure> {
    let chat = args.chat.map(|chat| chat.chat(&account.user));
    let words = args.words.join(" ");
    let ask = async |client: &Client| found(client, &words, chat.as_ref(), args.limit).await;
    let clock = Clock::system();
    for entry in visit.ask(ask).await? {
        out.put(|| json::entry(&entry), || text::entry(&clock, &entry))?;
    }
    Ok(())
}

/// At most so many of what is found.
pub(crate) async fn found(
    client: &Client,
    words: &str,
    chat: Option<&ChatId>,
    limit: u32,
) -> Result<Vec<Entry>, RequestError> {
    let (mut entries, mut before) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let had = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let missing = limit.saturating_sub(had).min(PAGE_ITEMS_MAX);
        let page = client.search(words, chat, before.as_ref(), missing).await?;
        entries.extend(page.entries);
        before = page.next;
        if before.is_none() || entries.len() >= limit as usize {
            break;
        }
    }
    Ok(entries)
}
