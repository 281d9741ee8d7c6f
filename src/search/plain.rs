//! No index: whatever stands in a user's chats may have the words, seen by the user or not. For the
//! proofs in simulated time, where no index can be fed by a thread; finds what the worst index
//! would. Must never be in what is shipped.

use packetboat_proto::packet::SearchPlace;

use super::indexer::READ;
use super::said::{Meaning, meaning_of};
use crate::store::StoreError;
use crate::store::embedded::EmbeddedStore;
use crate::store::said::Seen;

/// The newest entries with words in some chats, at most so many, behind a place.
pub(super) async fn newest(
    store: &EmbeddedStore,
    chats: &[Seen],
    before: Option<&SearchPlace>,
    limit: usize,
) -> Result<Vec<SearchPlace>, StoreError> {
    let mut found: Vec<SearchPlace> = Vec::new();
    for (chat, _) in chats {
        let mut after = 0;
        loop {
            let (_, page) = store.log(chat.clone(), after, READ).await?;
            for logged in &page.items {
                after = logged.seq;
                if let Meaning::Words { at_ms, .. } = meaning_of(&logged.body) {
                    found.push(SearchPlace { at_ms, chat: chat.clone(), seq: logged.seq });
                }
            }
            if !page.more {
                break;
            }
        }
    }
    let rank = |place: &SearchPlace| (place.at_ms, place.chat.clone(), place.seq);
    found.retain(|place| before.is_none_or(|before| rank(place) < rank(before)));
    found.sort_unstable_by_key(|place| std::cmp::Reverse(rank(place)));
    found.truncate(limit);
    Ok(found)
}
