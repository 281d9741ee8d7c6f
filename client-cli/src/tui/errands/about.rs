//! The errands that show how something is: a group, a room, the keys of a user. Must never change
//! it.

use packetboat_client::proto::limits::PAGE_ITEMS_MAX;
use packetboat_client::{ChatId, Client, RequestError, UserId};

use crate::clock::Clock;
use crate::format::text;
use crate::view::Answer;

/// How a group or a room is.
pub(super) async fn run(client: &Client, chat: &ChatId) -> Result<Answer, RequestError> {
    let clock = Clock::system();
    let lines = if chat.is_room() {
        let state = client.room(chat).await?;
        let mute = text::group::mute(&clock, state.muted_until_ms);
        std::iter::once(text::room::state(&state)).chain(mute).collect()
    } else {
        text::group::about(&clock, &client.chat(chat).await?)
    };
    Ok(Answer::Sheet { title: format!("About {chat}"), lines })
}

/// Who the devices of a user are.
pub(super) async fn keys(client: &Client, user: &UserId) -> Result<Answer, RequestError> {
    let page = client.keys(user, None, PAGE_ITEMS_MAX).await?;
    let mut lines: Vec<_> = page.items.iter().map(|keys| text::keys::device(user, keys)).collect();
    lines.extend(page.more.then(|| "… and more".to_owned()));
    Ok(Answer::Sheet { title: format!("Devices of {user} that have keys"), lines })
}
