//! What is done to messages: `edit`, `recall`, `react`, `reply`, `forward`, `pin`, `unpin`, `pins`,
//! `thread`. Must never send what was meant for another chat.

use std::time::Duration;

use packetboat_client::proto::limits::PAGE_ITEMS_MAX;
use packetboat_client::timeline::{Said, Timeline};
use packetboat_client::{
    Alteration, Body, ChatId, Content, Context, Edge, FileSent, Forwarded, Origin, UserId,
};

use super::own::hidden_of;
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
        ChangeCommand::Forward { chat, seq, to, untold, context } => {
            let chat = chat.chat(me);
            let look = async |visit: &mut Visit| said(visit, &chat, seq).await;
            let (said, sender) = visit(account, timeout, look).await?;
            let (content, forwarded) = again(said, Origin { chat, seq, sender }, untold)?;
            let forwarded = Some(forwarded);
            let context = context.in_context(Context { forwarded, ..Context::default() });
            (to.chat(me), content, context)
        }
        ChangeCommand::Reply { chat, seq, text, thread, context } => {
            let thread = if thread { seq } else { 0 };
            let context =
                context.in_context(Context { reply_to: seq, thread, ..Context::default() });
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
    let (hidden, clock) = (hidden_of(visit, chat).await?, Clock::system());
    loop {
        let ask = async |client: &packetboat_client::Client| {
            client.thread(chat, of, after, PAGE_ITEMS_MAX).await
        };
        let page = visit.ask(ask).await?;
        for entry in page.items.iter().filter(|entry| !hidden.holds(entry.seq)) {
            out.put(|| json::entry(entry), || text::entry(&clock, entry))?;
        }
        let Some(last) = page.items.last().filter(|_| page.more) else { return Ok(()) };
        after = last.seq;
    }
}

/// What a message says now, and who sent it.
async fn said(visit: &mut Visit, chat: &ChatId, seq: u64) -> Result<(Said, UserId), Failure> {
    let edge = Edge::After(seq - 1);
    let page = visit.ask(async |client| client.history(chat, edge, PAGE_ITEMS_MAX).await).await?;
    let mut timeline = Timeline::default();
    page.items.iter().for_each(|entry| timeline.insert(entry));
    let shown = timeline.view(now_ms()).messages.into_iter().find(|shown| shown.seq == seq);
    let none = || Failure::Usage(format!("there is no message at {seq} of {chat}"));
    shown.map(|shown| (shown.said, shown.sender)).ok_or_else(none)
}

/// The same to be said elsewhere; `untold`: not from where.
fn again(said: Said, origin: Origin, untold: bool) -> Result<(Content, Forwarded), Failure> {
    match said {
        Said::Body(body) if untold => Ok((body.into(), Forwarded::Somewhere)),
        Said::Body(body) => Ok((body.into(), Forwarded::From(origin))),
        // An origin vouches for words alone; `from` lets the server find that the file was seen.
        Said::File(file) => {
            let from = (!untold).then_some(origin.chat);
            Ok((Content::File(FileSent { from, ..file }), Forwarded::Somewhere))
        }
        Said::Group(_)
        | Said::Room(_)
        | Said::Recalled { .. }
        | Said::Expired
        | Said::Unknown(_) => {
            let Origin { chat, seq, .. } = origin;
            Err(Failure::Usage(format!("there is no text, data or file at {seq} of {chat}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use packetboat_client::proto::packet::{
        Answer, Item, Operation, OwnAnswer, OwnItem, OwnPage, Packet,
    };
    use packetboat_client::{Client, SeqRange, SeqSet};

    use crate::command::target::Target;
    use crate::fake::{Fake, response};
    use crate::format::tests::entry;
    use crate::out::tests::Page;

    #[tokio::test]
    async fn of_a_thread_what_the_user_has_deleted_is_not_printed() {
        let (server, account) = Fake::start().await;
        let said =
            |seq: u64| entry("dm:alice:bob", seq, "bob", &Content::text(format!("text {seq}")));
        let serving = server.serve(|packet| {
            let Packet::Request(request) = packet else { return Vec::new() };
            let answer = if let Operation::Own(_) = request.operation.unwrap() {
                let mut seqs = SeqSet::default();
                seqs.insert(SeqRange::new(2, 2).unwrap());
                let item = Item::Hidden { chat: said(1).chat, seqs };
                let items = vec![OwnItem { revision: 1, item: Some(item) }];
                let page = OwnPage { items, more: false, revision: 1, floor: 0 };
                Answer::Own(OwnAnswer::Changes(page))
            } else {
                let entries = (1..=3).map(|seq| said(seq).encode()).collect();
                Answer::Thread { entries, more: false }
            };
            vec![response(request.id, Ok(answer))]
        });
        let page = Page::default();
        let mut out = Out::new(page.clone(), false);
        let chat = "dm:alice:bob".parse().unwrap();
        let command = ChangeCommand::Thread { chat: Target::Chat(chat), seq: 1, after: 0 };
        let both = async { tokio::join!(serving, run(&account, command, None, &mut out)).1 };
        tokio::time::timeout(Duration::from_secs(20), both).await.unwrap().unwrap();
        let texts: Vec<String> = page
            .text()
            .lines()
            .map(|line| line.split("bob: ").nth(1).unwrap().to_owned())
            .collect();
        assert_eq!(texts, ["text 1", "text 3"]);
    }

    fn origin() -> Origin {
        let (chat, sender) = ("dm:a:b".parse().unwrap(), "a".parse().unwrap());
        Origin { chat, seq: 3, sender }
    }

    #[test]
    fn words_are_forwarded_with_their_origin_unless_it_is_not_to_be_told() {
        let words = || Said::Body(Body::Text("hi".into()));
        let (content, forwarded) = again(words(), origin(), false).unwrap();
        assert_eq!((content, forwarded), (Content::text("hi"), Forwarded::From(origin())));
        let (_, forwarded) = again(words(), origin(), true).unwrap();
        assert_eq!(forwarded, Forwarded::Somewhere);
    }

    #[test]
    fn a_file_is_forwarded_by_the_chat_that_it_was_seen_in() {
        let sent = FileSent {
            file: Client::new_file_id(),
            name: "a.png".into(),
            media_type: "image/png".into(),
            size: 1,
            sha256: [0; 32],
            caption: String::new(),
            from: None,
        };
        for (untold, from) in [(false, Some(origin().chat)), (true, None)] {
            let (content, forwarded) = again(Said::File(sent.clone()), origin(), untold).unwrap();
            assert_eq!(forwarded, Forwarded::Somewhere);
            assert_eq!(content, Content::File(FileSent { from, ..sent.clone() }));
        }
    }

    #[test]
    fn what_is_gone_is_not_forwarded() {
        assert!(matches!(again(Said::Expired, origin(), false), Err(Failure::Usage(_))));
    }
}
