//! `history`: what was said in a chat. Must never hold more entries than were asked for, nor show
//! one that the user has deleted for itself.

use packetboat_client::proto::limits::PAGE_ITEMS_MAX;
use packetboat_client::{ChatId, Edge, Entry};

use crate::clock::Clock;
use crate::failure::Failure;
use crate::format::{json, text};
use crate::out::Out;
use crate::script::own::hidden_of;
use crate::visit::Visit;

/// Which entries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    /// How many.
    pub(crate) limit: u32,
    /// The last ones before this one.
    pub(crate) before: Option<u64>,
    /// The first ones after this one.
    pub(crate) after: Option<u64>,
}

/// Prints entries, the oldest first.
pub(crate) async fn history(
    visit: &mut Visit,
    chat: &ChatId,
    range: Range,
    out: &mut Out,
) -> Result<(), Failure> {
    let entries = match range.after {
        Some(after) => ahead(visit, chat, after, range.limit).await?,
        None => back(visit, chat, range.before.unwrap_or(0), range.limit).await?,
    };
    let (hidden, clock) = (hidden_of(visit, chat).await?, Clock::system());
    for entry in entries.iter().filter(|entry| !hidden.holds(entry.seq)) {
        out.put(|| json::entry(entry), || text::entry(&clock, entry))?;
    }
    Ok(())
}

/// The first entries after `after`.
async fn ahead(
    visit: &mut Visit,
    chat: &ChatId,
    mut after: u64,
    limit: u32,
) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    while let Some(missing) = missing(limit, entries.len()) {
        let edge = Edge::After(after);
        let page = visit.ask(async |client| client.history(chat, edge, missing).await).await?;
        let Some(last) = page.items.last() else { break };
        after = last.seq;
        entries.extend(page.items);
        if !page.more {
            break;
        }
    }
    Ok(entries)
}

/// The last entries before `before`; 0 is the end.
async fn back(
    visit: &mut Visit,
    chat: &ChatId,
    mut before: u64,
    limit: u32,
) -> Result<Vec<Entry>, Failure> {
    let mut pages = Vec::new();
    let mut count = 0;
    while let Some(missing) = missing(limit, count) {
        let edge = Edge::Before(before);
        let page = visit.ask(async |client| client.history(chat, edge, missing).await).await?;
        let Some(first) = page.items.first() else { break };
        before = first.seq;
        count += page.items.len();
        pages.push(page.items);
        // Before the first entry there is nothing, and 0 would mean the end of the log.
        if !page.more || before <= 1 {
            break;
        }
    }
    Ok(pages.into_iter().rev().flatten().collect())
}

/// How many entries the next page is to have.
fn missing(limit: u32, count: usize) -> Option<u32> {
    let missing = limit.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
    (missing > 0).then_some(missing.min(PAGE_ITEMS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_asked_for_until_the_limit() {
        assert_eq!(missing(250, 0), Some(200));
        assert_eq!(missing(250, 200), Some(50));
        assert_eq!(missing(250, 250), None);
        assert_eq!(missing(250, 251), None);
    }
}
