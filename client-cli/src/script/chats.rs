//! `chats`: how the user's chats stand. Must never show another device's cursor as the user's.

use packetboat_client::ChatState;

use crate::clock::Clock;
use crate::failure::Failure;
use crate::format::{json, text};
use crate::out::{Out, complain};
use crate::visit::Visit;

/// Chats that are listed; more are said to be there.
const CHATS_MAX: usize = 10_000;

/// Lists the chats, the liveliest first.
pub(crate) async fn chats(visit: &mut Visit, out: &mut Out) -> Result<(), Failure> {
    let (mut chats, more) = all(visit).await?;
    chats.sort_by_key(|state| std::cmp::Reverse(state.last_at_ms));
    let (clock, user) = (Clock::system(), visit.client().user().clone());
    out.note(text::chats_head())?;
    for state in &chats {
        out.put(|| json::chat(state), || text::chat(&clock, &user, state))?;
    }
    if more {
        complain(&format!("there are more than {CHATS_MAX} chats; only those are listed"));
    }
    Ok(())
}

async fn all(visit: &mut Visit) -> Result<(Vec<ChatState>, bool), Failure> {
    let mut chats: Vec<ChatState> = Vec::new();
    loop {
        let after = chats.last().map(|state| state.chat.clone());
        let page = visit.ask(async |client| client.chats(after.clone(), 0).await).await?;
        let empty = page.items.is_empty();
        chats.extend(page.items);
        if chats.len() > CHATS_MAX {
            chats.truncate(CHATS_MAX);
            return Ok((chats, true));
        }
        if empty || !page.more {
            return Ok((chats, false));
        }
    }
}
