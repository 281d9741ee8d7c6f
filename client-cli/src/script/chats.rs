//! `chats`: how the user's chats stand. Must never show another device's cursor as the user's.

use packetboat_client::{ChatState, Client};

use crate::clock::Clock;
use crate::command::CHATS_LISTED_MAX;
use crate::command::target::Target;
use crate::failure::Failure;
use crate::format::{json, text};
use crate::out::{Out, complain};
use crate::visit::Visit;

/// Bytes of a last message that is shown.
const LAST_BYTES: u32 = 1_024;

/// Lists the chats, the liveliest first: all of them, or only so many with their last messages; or
/// only those that are `named`, as they are.
pub(crate) async fn chats(
    visit: &mut Visit,
    named: &[Target],
    recent: Option<u32>,
    out: &mut Out,
) -> Result<(), Failure> {
    let (clock, user) = (Clock::system(), visit.client().user().clone());
    let (chats, more) = if let Some(count) = recent {
        (self::recent(visit, count).await?, false)
    } else if named.is_empty() {
        let (mut chats, more) = all(visit).await?;
        chats.sort_by_key(|state| std::cmp::Reverse(state.last_at_ms));
        (chats, more)
    } else {
        let mut chats = Vec::with_capacity(named.len());
        for chat in named.iter().map(|chat| chat.chat(&user)) {
            chats.push(visit.ask(async |client| client.chat(&chat).await).await?);
        }
        (chats, false)
    };
    out.note(text::chats::head())?;
    for state in &chats {
        out.put(|| json::chat(state), || text::chats::chat(&clock, &user, state))?;
    }
    if more {
        complain(&format!("there are more than {CHATS_LISTED_MAX} chats; only those are listed"));
    }
    Ok(())
}

async fn recent(visit: &mut Visit, count: u32) -> Result<Vec<ChatState>, Failure> {
    let wanted = count as usize;
    let mut chats: Vec<ChatState> = Vec::new();
    loop {
        let behind = chats.last().map(|state| (state.last_at_ms, state.chat.clone()));
        let ask = async |client: &Client| client.recent(behind.clone(), count, LAST_BYTES).await;
        let page = visit.ask(ask).await?;
        let empty = page.items.is_empty();
        chats.extend(page.items);
        if empty || !page.more || chats.len() >= wanted {
            chats.truncate(wanted);
            return Ok(chats);
        }
    }
}

async fn all(visit: &mut Visit) -> Result<(Vec<ChatState>, bool), Failure> {
    let mut chats: Vec<ChatState> = Vec::new();
    loop {
        let after = chats.last().map(|state| state.chat.clone());
        let page = visit.ask(async |client| client.chats(after.clone(), 0).await).await?;
        let empty = page.items.is_empty();
        chats.extend(page.items);
        if chats.len() > CHATS_LISTED_MAX as usize {
            chats.truncate(CHATS_LISTED_MAX as usize);
            return Ok((chats, true));
        }
        if empty || !page.more {
            return Ok((chats, false));
        }
    }
}
