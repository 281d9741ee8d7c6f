//! `schedule`, `scheduled`, `unschedule`: messages that the server sends later. Must never print
//! one as sent.

use std::time::Duration;

use packetboat_client::proto::limits::PAGE_ITEMS_MAX;
use packetboat_client::{Client, Content, Context, RequestError, ScheduledMessage, ScheduledName};
use serde_json::json;

use crate::account::Account;
use crate::clock::{Clock, now_ms};
use crate::command::schedule::ScheduleCommand;
use crate::failure::Failure;
use crate::format::{json, text};
use crate::out::Out;
use crate::visit::{Visit, visit};

/// Does what is asked about messages that are sent later.
pub(crate) async fn run(
    account: &Account,
    command: ScheduleCommand,
    timeout: Option<Duration>,
    out: &mut Out,
) -> Result<(), Failure> {
    match command {
        ScheduleCommand::Schedule { target, text, when, context } => {
            let chat = target.chat(&account.user);
            let name = ScheduledName { chat, id: Client::new_message_id() };
            let context = context.in_context(Context::default());
            let content = Content::text(text);
            // What the server would refuse all the same is refused here with a better sentence.
            let encoded = content.encode_in(&context);
            let wrong = |error: packetboat_client::proto::content::ContentError| {
                Failure::Usage(error.to_string())
            };
            Content::decode(&encoded, usize::MAX).map_err(wrong)?;
            let at_ms = when.at_ms(now_ms());
            let ask =
                async |client: &Client| client.schedule(&name, &content, &context, at_ms).await;
            visit(account, timeout, async |visit| visit.ask(ask).await).await?;
            let made = ScheduledMessage { name, content: encoded, at_ms, failed: None };
            put(&Clock::system(), &made, out)
        }
        ScheduleCommand::Scheduled => {
            visit(account, timeout, async |visit| list(visit, out).await).await
        }
        ScheduleCommand::Unschedule { target, id } => {
            let name = ScheduledName { chat: target.chat(&account.user), id };
            let ask = async |client: &Client| client.unschedule(&name).await;
            visit(account, timeout, async |visit| visit.ask(ask).await).await?;
            let of = json!({ "chat": name.chat.as_str(), "id": id.to_string() });
            out.done(|| json::done::done("unschedule", of))
        }
    }
}

fn put(clock: &Clock, message: &ScheduledMessage, out: &mut Out) -> Result<(), Failure> {
    out.put(|| json::schedule::message(message), || text::schedule::lines(clock, message))
}

async fn list(visit: &mut Visit, out: &mut Out) -> Result<(), Failure> {
    let all = visit.ask(async |client| all(client).await).await?;
    all.iter().try_for_each(|message| put(&Clock::system(), message, out))
}

/// All that is to be sent, or could not be, in the order of its time.
pub(crate) async fn all(client: &Client) -> Result<Vec<ScheduledMessage>, RequestError> {
    let mut all: Vec<ScheduledMessage> = Vec::new();
    loop {
        let after = all.last().map(|last| last.name.clone());
        let page = client.scheduled(after.as_ref(), PAGE_ITEMS_MAX).await?;
        let ends = !page.more || page.items.is_empty();
        all.extend(page.items);
        if ends {
            break;
        }
    }
    all.sort_by_key(|message| message.at_ms);
    Ok(all)
}
