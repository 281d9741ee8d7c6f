//! What is done to messages: `edit`, `recall`, `react`, `reply`, `forward`, `pin`, `unpin`, `pins`,
//! `thread`. Must never send what was meant for another chat.

use std::time::Duration;

use packetboat_client::proto::limits::PAGE_ITEMS_MAX;
use packetboat_client::timeline::{Said, Timeline};
use packetboat_client::{Alteration, Body, ChatId, Content, Context, Edge, Forwarded, Origin};

use super::send::{Drafts, post};
use crate::account::Account;
use crate::clock::{Clock, now_ms};
use crate::command::change::ChangeCommand;
use crate::failure::Failure;
use crate::format::{json, text};
use crate::out::Out;
use crate::visit::{Visit, visit};

/// Does what is asked of a message.
pub(crate) async fn run(
    account: &Account,
    command: ChangeCommand,
    timeout: Option<Duration>,
    out: &mut Out,
) -> Result<(), Failure> {
    let me = &account.user;
    let (chat, content, context) = match command {
        ChangeCommand::Pins { chat } => {
            let chat = chat.chat(me);
            return visit(account, timeout, async |visit| pins(visit, &chat, out).await).await;
        }
        ChangeCommand::Thread { chat, seq, after } => {
            let chat = chat.chat(me);
            let read = async |visit: &mut Visit| thread(visit, &chat, seq, after, out).await;
            return visit(account, timeout, read).await;
        }
        ChangeCommand::Forward { chat, seq, to, untold } => {
            let chat = chat.chat(me);
            let look = async |visit: &mut Visit| said(visit, &chat, seq).await;
            let (body, origin) = visit(account, timeout, look).await?;
            let forwarded = if untold { Forwarded::Somewhere } else { Forwarded::From(origin) };
            let context = Context { forwarded: Some(forwarded), ..Context::default() };
            (to.chat(me), body.into(), context)
        }
        ChangeCommand::Reply { chat, seq, text, thread } => {
            let thread = if thread { seq } else { 0 };
            let context = Context { reply_to: seq, thread, ..Context::default() };
            (chat.chat(me), Content::text(text), context)
        }
        ChangeCommand::Edit { chat, seq, text } => {
            altering(chat.chat(me), Alteration::Edited { seq, new: Body::Text(text) })
        }
        ChangeCommand::Recall { chat, seq } => {
            altering(chat.chat(me), Alteration::Recalled { seq })
        }
        ChangeCommand::React { chat, seq, reaction, take_back: taken_back } => {
            altering(chat.chat(me), Alteration::Reacted { seq, reaction, taken_back })
        }
        ChangeCommand::Pin { chat, seq } => {
            altering(chat.chat(me), Alteration::Pinned { seq, unpinned: false })
        }
        ChangeCommand::Unpin { chat, seq } => {
            altering(chat.chat(me), Alteration::Pinned { seq, unpinned: true })
        }
    };
    let content = content.encode_in(&context);
    // What the server would refuse all the same is refused here with a better sentence.
    Content::decode(&content, usize::MAX).map_err(|error| Failure::Usage(error.to_string()))?;
    post(account, &chat, Drafts::One(Some(content)), timeout, out).await
}

fn altering(chat: ChatId, alteration: Alteration) -> (ChatId, Content, Context) {
    (chat, Content::Entry(alteration), Context::default())
}

async fn pins(visit: &mut Visit, chat: &ChatId, out: &mut Out) -> Result<(), Failure> {
    let seqs = visit.ask(async |client| client.pins(chat).await).await?;
    for seq in seqs {
        out.put(|| json::pin(chat, seq), || seq.to_string())?;
    }
    Ok(())
}

async fn thread(
    visit: &mut Visit,
    chat: &ChatId,
    of: u64,
    mut after: u64,
    out: &mut Out,
) -> Result<(), Failure> {
    let clock = Clock::system();
    loop {
        let ask = async |client: &packetboat_client::Client| {
            client.thread(chat, of, after, PAGE_ITEMS_MAX).await
        };
        let page = visit.ask(ask).await?;
        for entry in &page.items {
            out.put(|| json::entry(entry), || text::entry(&clock, entry))?;
        }
        let Some(last) = page.items.last().filter(|_| page.more) else { return Ok(()) };
        after = last.seq;
    }
}

/// What a message says now, and where it was said.
async fn said(visit: &mut Visit, chat: &ChatId, seq: u64) -> Result<(Body, Origin), Failure> {
    let edge = Edge::After(seq - 1);
    let page = visit.ask(async |client| client.history(chat, edge, PAGE_ITEMS_MAX).await).await?;
    let mut timeline = Timeline::default();
    page.items.iter().for_each(|entry| timeline.insert(entry));
    let shown = timeline.view(now_ms()).messages.into_iter().find(|shown| shown.seq == seq);
    match shown.map(|shown| (shown.said, shown.sender)) {
        Some((Said::Body(body), sender)) => Ok((body, Origin { chat: chat.clone(), seq, sender })),
        _ => Err(Failure::Usage(format!("there is no text or data at {seq} of {chat}"))),
    }
}
