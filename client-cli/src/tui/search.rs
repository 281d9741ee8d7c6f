//! The errand of a search.

use packetboat_client::{ChatId, Client};

use crate::clock::Clock;
use crate::format::text;
use crate::script::search::found;
use crate::view::Answer;

/// Messages that are shown.
const SHOWN: u32 = 50;

/// Shows what has the words in a chat, or in all of them, the newest first.
pub(super) async fn run(client: &Client, words: &str, chat: Option<&ChatId>) -> Answer {
    let clock = Clock::system();
    match found(client, words, chat, SHOWN).await {
        Ok(entries) if entries.is_empty() => Answer::Told("nothing was found".to_owned()),
        Ok(entries) => {
            let line = |entry| text::entry(&clock, entry).replace('\n', " ");
            let lines = entries.iter().map(line).collect();
            Answer::Sheet { title: format!("What has: {words}"), lines }
        }
        Err(error) => Answer::Failed(error.to_string()),
    }
}
