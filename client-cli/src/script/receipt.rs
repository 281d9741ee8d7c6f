//! `receipts`, `readers`, `tell-reads`: who has had a message, and who has read it. Must never ask
//! for more than is printed.

use std::time::Duration;

use packetboat_client::{ChatId, ReceiptState, SeqRange};

use crate::account::Account;
use crate::command::receipt::ReceiptCommand;
use crate::failure::Failure;
use crate::format::{json, text};
use crate::out::Out;
use crate::visit::{Visit, visit};

/// Does what is asked of receipts.
pub(crate) async fn run(
    account: &Account,
    command: ReceiptCommand,
    timeout: Option<Duration>,
    out: &mut Out,
) -> Result<(), Failure> {
    let me = &account.user;
    visit(account, timeout, async |visit| match &command {
        ReceiptCommand::Receipts { chat, first, last } => {
            let range = SeqRange::new(*first, last.unwrap_or(u64::MAX));
            let wrong = || Failure::Usage("the last message comes before the first".to_owned());
            receipts(visit, &chat.chat(me), range.ok_or_else(wrong)?, out).await
        }
        ReceiptCommand::Readers { chat, seq } => readers(visit, &chat.chat(me), *seq, out).await,
        ReceiptCommand::TellReads { tell } => {
            visit.ask(async |client| client.set_receipts((*tell).into()).await).await
        }
    })
    .await
}

async fn receipts(
    visit: &mut Visit,
    chat: &ChatId,
    range: SeqRange,
    out: &mut Out,
) -> Result<(), Failure> {
    let mut left = Some(range);
    while let Some(range) = left.take() {
        let ask =
            async |client: &packetboat_client::Client| client.receipts(chat, vec![range]).await;
        let counts = visit.ask(ask).await?;
        for step in &counts.steps {
            out.put(
                || json::receipt::step(chat, step, counts.hidden),
                || text::receipt::step(step, counts.hidden),
            )?;
        }
        let last = counts.steps.last().filter(|_| counts.more);
        left = last.and_then(|step| SeqRange::new(step.last + 1, range.last()));
    }
    Ok(())
}

async fn readers(visit: &mut Visit, chat: &ChatId, seq: u64, out: &mut Out) -> Result<(), Failure> {
    for state in [ReceiptState::Read, ReceiptState::Delivered, ReceiptState::Waiting] {
        let mut after = None;
        loop {
            let ask = async |client: &packetboat_client::Client| {
                client.readers(chat, seq, state, after.clone(), 0).await
            };
            let page = visit.ask(ask).await?;
            for user in &page.users {
                out.put(
                    || json::receipt::reader(user, state),
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
