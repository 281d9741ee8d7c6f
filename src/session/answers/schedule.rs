//! Answers what is asked about messages that are to be sent later. Must never take a content that
//! the same user could not send now.

use packetboat_proto::content::Content;
use packetboat_proto::id::UserId;
use packetboat_proto::packet::{Scheduled, ScheduledMessage, Scheduling};

use super::page_limit;
use crate::session::house::House;
use crate::store::act::Act;
use crate::store::agenda::Scheduled as Waiting;
use crate::store::{Draft, Refusal, Store, StoreError};

/// The answer to a user.
pub(super) async fn find<S: Store>(
    house: &House<S>,
    user: UserId,
    scheduling: Scheduling,
) -> Result<Scheduled, StoreError> {
    Ok(match scheduling {
        Scheduling::Schedule { name, content, at_ms } => {
            let said = Content::decode_sent(&content, house.rules.max_content as usize);
            let said = said.map_err(|error| Refusal::new(error.code(), error.to_string()))?;
            let draft = Box::new(Draft::new(name.chat, name.id, content, said));
            house.store.act(user, Act::Schedule { draft, at_ms }).await?;
            Scheduled::Schedule
        }
        Scheduling::Unschedule(name) => {
            house.store.act(user, Act::Unschedule(name)).await?;
            Scheduled::Unschedule
        }
        Scheduling::List { after, limit } => {
            let page = house.store.scheduled(user, after, page_limit(house, limit)).await?;
            let messages = page.items.into_iter().map(message).collect();
            Scheduled::List { messages, more: page.more }
        }
    })
}

fn message(waiting: Waiting) -> ScheduledMessage {
    let Waiting { name, content, at_ms, failed } = waiting;
    ScheduledMessage { name, content, at_ms, failed: failed.map(|refusal| refusal.verdict(0)) }
}
