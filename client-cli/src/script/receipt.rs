//! `receipts`, `readers`, `read`, `tell-reads`: who has had a message, and who has read it.
//! Must never ask for more than is printed.

use std::collections::HashMap;
use std::time::Duration;

use packetboat_client::{
    ChatId, Client, Notice, ReceiptCounts, ReceiptState, ReceiptStep, RequestError, SeqRange,
    SetMarks, UserId,
};
use serde_json::json;
use tokio::time::sleep;

use super::follow::{Tally, follow};
use crate::account::Account;
use crate::command::receipt::{ReceiptCommand, Tell};
use crate::failure::Failure;
use crate::format::{json, text};
use crate::out::Out;
use crate::visit::{Visit, visit};

/// How often the server is asked whether it knows what was read.
const READ_TRIES: u32 = 100;
/// The time between two of these.
const READ_PAUSE: Duration = Duration::from_millis(20);

/// Does what is asked of receipts.
pub(crate) async fn run(
    account: &Account,
    command: ReceiptCommand,
    timeout: Option<Duration>,
    out: &mut Out,
) -> Result<(), Failure> {
    let me = &account.user;
    match command {
        ReceiptCommand::Receipts { chat, first, last, follow: args } => {
            let range = SeqRange::new(first, last.unwrap_or(u64::MAX));
            let wrong = || Failure::Usage("the last message comes before the first".to_owned());
            let (chat, range) = (owing(chat.chat(me))?, range.ok_or_else(wrong)?);
            if args.follow {
                let shown = Shown { steps: None, tally: Tally::of(args), out };
                let errand = async |visit: &mut Visit| watch(visit, &chat, range, shown).await;
                return follow(account, timeout, args.count, errand).await;
            }
            let errand = async |visit: &mut Visit| receipts(visit, &chat, range, out).await;
            visit(account, timeout, errand).await
        }
        ReceiptCommand::Readers { chat, seq } => {
            let chat = owing(chat.chat(me))?;
            visit(account, timeout, async |visit| readers(visit, &chat, seq, out).await).await
        }
        ReceiptCommand::Read { chat, seq } => {
            let chat = owing(chat.chat(me))?;
            visit(account, timeout, async |visit| read(visit, &chat, seq, out).await).await
        }
        ReceiptCommand::TellReads { tell } => {
            let set = async |client: &Client| client.set_receipts(tell.into()).await;
            visit(account, timeout, async |visit| visit.ask(set).await).await?;
            out.done(|| json::done::done("tell-reads", json!({ "told": tell == Tell::On })))
        }
    }
}

/// The chat, if it has receipts: a room owes nobody anything, and is told nothing.
fn owing(chat: ChatId) -> Result<ChatId, Failure> {
    if chat.is_room() {
        let why = format!("{chat} is a room: who has had or read what is said in one is not kept");
        return Err(Failure::Usage(why));
    }
    Ok(chat)
}

async fn receipts(
    visit: &mut Visit,
    chat: &ChatId,
    range: SeqRange,
    out: &mut Out,
) -> Result<(), Failure> {
    let mut left = Some(range);
    while let Some(range) = left {
        let counts = page(visit, chat, range).await?;
        counts.steps.iter().try_for_each(|step| put(chat, step, counts.hidden, out))?;
        left = behind(&counts, range);
    }
    Ok(())
}

fn put(chat: &ChatId, step: &ReceiptStep, hidden: bool, out: &mut Out) -> Result<(), Failure> {
    out.put(|| json::receipt::step(chat, step, hidden), || text::receipt::step(step, hidden))
}

async fn page(visit: &mut Visit, chat: &ChatId, range: SeqRange) -> Result<ReceiptCounts, Failure> {
    visit.ask(async |client| client.receipts(chat, vec![range]).await).await
}

/// What of a range is to be asked for next.
fn behind(counts: &ReceiptCounts, range: SeqRange) -> Option<SeqRange> {
    let last = counts.steps.last().filter(|_| counts.more);
    let next = last.and_then(|step| step.last.checked_add(1));
    next.and_then(|next| SeqRange::new(next, range.last()))
}

/// What was printed of the receipts of a chat.
struct Shown<'a> {
    /// By the first seq of each; `None`: nothing yet.
    steps: Option<HashMap<u64, ReceiptStep>>,
    tally: Tally,
    out: &'a mut Out,
}

impl Shown<'_> {
    /// Prints those receipts of a range that are others than those printed last.
    async fn put(
        &mut self,
        visit: &mut Visit,
        chat: &ChatId,
        range: SeqRange,
    ) -> Result<(), Failure> {
        let (mut found, mut left) = (HashMap::new(), Some(range));
        while let Some(range) = left {
            let counts = page(visit, chat, range).await?;
            for step in &counts.steps {
                if self.has(step) {
                    continue;
                }
                put(chat, step, counts.hidden, self.out)?;
                if self.steps.is_some() {
                    self.tally.one();
                }
                if self.tally.is_full() {
                    return Ok(());
                }
            }
            found.extend(counts.steps.iter().map(|step| (step.first, *step)));
            left = behind(&counts, range);
        }
        self.steps = Some(found);
        Ok(())
    }

    fn has(&self, step: &ReceiptStep) -> bool {
        self.steps.as_ref().is_some_and(|steps| steps.get(&step.first) == Some(step))
    }
}

/// Prints the receipts, and those that are others each time that they have moved.
async fn watch(
    visit: &mut Visit,
    chat: &ChatId,
    range: SeqRange,
    mut shown: Shown<'_>,
) -> Result<(), Failure> {
    let me = visit.client().user().clone();
    loop {
        // In a direct chat they are told to all sessions.
        if chat.peer_of(&me).is_none() {
            let ask =
                async |client: &Client| client.watch_receipts(vec![chat.clone()], vec![]).await;
            visit.ask(ask).await?;
        }
        let mut is_told = true;
        while is_told {
            shown.put(visit, chat, range).await?;
            if shown.tally.is_full() {
                return Ok(());
            }
            is_told = moved(visit, chat, &me).await?;
        }
    }
}

/// Waits until receipts of the chat have moved; false: it is to be asked for anew that this is
/// told.
async fn moved(visit: &mut Visit, chat: &ChatId, me: &UserId) -> Result<bool, Failure> {
    loop {
        match visit.notice().await? {
            Some(Notice::Receipts(moved)) if moved == *chat => return Ok(true),
            Some(Notice::Cursor(moved)) if moved.chat == *chat && moved.user != *me => {
                return Ok(true);
            }
            Some(_) => {}
            None => return Ok(false),
        }
    }
}

/// Tells others that the user has read a chat, and waits until the server knows.
async fn read(
    visit: &mut Visit,
    chat: &ChatId,
    seq: Option<u64>,
    out: &mut Out,
) -> Result<(), Failure> {
    let mut state = visit.ask(async |client| client.chat(chat).await).await?;
    if state.marks.unread {
        let set = SetMarks { unread: Some(false), ..SetMarks::of(chat.clone()) };
        visit.ask(async |client| client.set_marks(set.clone()).await).await?;
    }
    let upto = seq.unwrap_or(state.head).min(state.head);
    for _ in 0..READ_TRIES {
        if state.read >= upto {
            let of = json!({ "chat": chat.as_str(), "read": state.read, "unread": state.unread });
            return out.done(|| json::done::done("read", of));
        }
        // It is not answered, and another client does not know it yet.
        visit.client().read(chat, upto);
        sleep(READ_PAUSE).await;
        state = visit.ask(async |client| client.chat(chat).await).await?;
    }
    Err(Failure::Request(RequestError::Timeout))
}

async fn readers(visit: &mut Visit, chat: &ChatId, seq: u64, out: &mut Out) -> Result<(), Failure> {
    for state in [ReceiptState::Read, ReceiptState::Delivered, ReceiptState::Waiting] {
        let mut after = None;
        loop {
            let ask =
                async |client: &Client| client.readers(chat, seq, state, after.clone(), 0).await;
            let page = visit.ask(ask).await?;
            for user in &page.users {
                out.put(
                    || json::receipt::reader(chat, seq, user, state),
                    || text::receipt::reader(user, state),
                )?;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::command::{Command, CommandLine};
    use crate::fake::Fake;
    use crate::out::tests::Page;

    #[tokio::test]
    async fn a_room_has_no_receipts_and_the_server_is_not_asked_for_any() {
        // Nobody takes the connection: what asks waits for good.
        let (_server, account) = Fake::start().await;
        for words in
            ["read %lobby", "read room:lobby 3", "receipts %lobby --follow", "readers %lobby 1"]
        {
            let line = ["packetboat-cli"].into_iter().chain(words.split(' '));
            let Some(Command::Receipt(command)) =
                CommandLine::try_parse_from(line).unwrap().command
            else {
                panic!("{words}")
            };
            let mut out = Out::new(Page::default(), false);
            let asked = run(&account, command, None, &mut out);
            let outcome = tokio::time::timeout(Duration::from_secs(10), asked).await.unwrap();
            let failure = outcome.unwrap_err();
            assert!(
                matches!(&failure, Failure::Usage(why) if why.contains("is a room")),
                "{failure}"
            );
        }
    }
}
