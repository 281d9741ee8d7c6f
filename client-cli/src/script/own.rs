//! What a user sets for itself: `quiet`, `pin-chat`, `archive`, `mark-unread`, `draft`, `hide`,
//! `own`. Must never send anything to another user.

use packetboat_client::{ChatDraft, ChatId, Client, OwnChat, OwnState, SeqRange, SeqSet, SetMarks};
use serde_json::json;

use crate::clock::{Clock, after_minutes, now_ms};
use crate::command::own::OwnCommand;
use crate::failure::Failure;
use crate::format::{json, text};
use crate::out::Out;
use crate::visit::Visit;

/// Does what is asked.
pub(crate) async fn run(
    visit: &mut Visit,
    command: OwnCommand,
    out: &mut Out,
) -> Result<(), Failure> {
    let me = visit.client().user().clone();
    match command {
        OwnCommand::Quiet { chat, minutes, off } => {
            let until = minutes.map_or(u64::MAX, |minutes| after_minutes(now_ms(), minutes));
            let quiet_until_ms = Some(if off { 0 } else { until });
            let set = SetMarks { quiet_until_ms, ..SetMarks::of(chat.chat(&me)) };
            mark(visit, "quiet", set, out).await
        }
        OwnCommand::PinChat { chat, place, off } => {
            let pinned = Some(if off { 0 } else { place });
            mark(visit, "pin-chat", SetMarks { pinned, ..SetMarks::of(chat.chat(&me)) }, out).await
        }
        OwnCommand::Archive { chat, off } => {
            let set = SetMarks { archived: Some(!off), ..SetMarks::of(chat.chat(&me)) };
            mark(visit, "archive", set, out).await
        }
        OwnCommand::MarkUnread { chat, off } => {
            let set = SetMarks { unread: Some(!off), ..SetMarks::of(chat.chat(&me)) };
            mark(visit, "mark-unread", set, out).await
        }
        OwnCommand::Draft { chat, text: Some(text), reply_to } => {
            let draft = ChatDraft { chat: chat.chat(&me), text, reply_to };
            visit.ask(async |client| client.set_draft(draft.clone()).await).await?;
            out.done(|| json::done::to_chat("draft", &draft.chat))
        }
        OwnCommand::Draft { chat, text: None, .. } => {
            let chat = chat.chat(&me);
            let draft = read(visit).await?.chat(&chat).draft;
            let Some(draft) = draft else {
                let none = ChatDraft { chat, text: String::new(), reply_to: 0 };
                return out.done(|| json::own::draft(&none));
            };
            out.put(|| json::own::draft(&draft), || text::own::draft(&draft))
        }
        OwnCommand::Hide { chat, seq, last } => {
            let range = SeqRange::new(seq, last.unwrap_or(seq));
            let wrong = || Failure::Usage("the last message comes before the first".to_owned());
            let (chat, range) = (chat.chat(&me), range.ok_or_else(wrong)?);
            visit.ask(async |client| client.hide(&chat, vec![range]).await).await?;
            let (first, last) = (range.first(), range.last());
            let of = json!({ "chat": chat.as_str(), "first": first, "last": last });
            out.done(|| json::done::done("hide", of))
        }
        OwnCommand::Own => list(visit, out).await,
    }
}

async fn mark(
    visit: &mut Visit,
    command: &str,
    set: SetMarks,
    out: &mut Out,
) -> Result<(), Failure> {
    visit.ask(async |client| client.set_marks(set.clone()).await).await?;
    out.done(|| json::done::to_chat(command, &set.chat))
}

/// All that is set, read anew.
async fn read(visit: &mut Visit) -> Result<OwnState, Failure> {
    let read = async |client: &Client| {
        let mut own = OwnState::default();
        client.sync_own(&mut own).await.map(|()| own)
    };
    visit.ask(read).await
}

/// What the user has deleted of a chat for itself.
pub(crate) async fn hidden_of(visit: &mut Visit, chat: &ChatId) -> Result<SeqSet, Failure> {
    Ok(read(visit).await?.chat(chat).hidden)
}

async fn list(visit: &mut Visit, out: &mut Out) -> Result<(), Failure> {
    let (own, clock) = (read(visit).await?, Clock::system());
    let mut chats: Vec<(&ChatId, &OwnChat)> = own.chats().collect();
    chats.sort_by_key(|(chat, _)| *chat);
    for (chat, own) in chats {
        out.put(|| json::own::chat(chat, own), || text::own::chat(&clock, chat, own))?;
    }
    Ok(())
}
