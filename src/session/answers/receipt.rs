//! What is asked of receipts. Must never look whether a user hides what it reads before its session
//! watches: what is set in between would not end the watch.

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::{ChatId, SessionId, UserId};
use packetboat_proto::limits::RECEIPTS_WATCHED_MAX;
use packetboat_proto::packet::{AskReceipts, ReceiptRule, Receipts};

use crate::hub::receipts::ReceiptsError;
use crate::session::house::House;
use crate::store::act::Act;
use crate::store::receipt::ReadersQuery;
use crate::store::{Profile, Refusal, Store, StoreError};

/// The answer to a user.
pub(super) async fn find<S: Store>(
    house: &House<S>,
    user: UserId,
    session: SessionId,
    asked: AskReceipts,
) -> Result<Receipts, StoreError> {
    let store = &house.store;
    Ok(match asked {
        AskReceipts::Counts { chat, ranges } => {
            Receipts::Counts(store.receipts(user, chat, ranges).await?)
        }
        AskReceipts::Readers { chat, seq, state, after, limit } => {
            let Some(state) = state else {
                let reason = "the question says how far the entry has come";
                return Err(Refusal::new(RejectCode::Invalid, reason).into());
            };
            let query = ReadersQuery { chat, seq, state, after };
            Receipts::Readers(store.readers(user, query, limit as usize).await?)
        }
        AskReceipts::Set(rule) => {
            let Some(rule) = rule else {
                let reason = "the question says whether others are told";
                return Err(Refusal::new(RejectCode::Invalid, reason).into());
            };
            store.act(user, Act::SetReceipts(rule)).await?;
            Receipts::Set
        }
        AskReceipts::Watch { add, remove } => {
            watch(house, user, session, &add, &remove).await?;
            Receipts::Watched
        }
    })
}

async fn watch<S: Store>(
    house: &House<S>,
    user: UserId,
    session: SessionId,
    add: &[ChatId],
    remove: &[ChatId],
) -> Result<(), StoreError> {
    let watched = house.hub.watch_receipts(&user, session, add, remove);
    watched.map_err(|error| match error {
        ReceiptsError::TooMany => {
            let reason = format!("a session watches the receipts of {RECEIPTS_WATCHED_MAX} groups");
            Refusal::new(RejectCode::LimitReached, reason)
        }
        ReceiptsError::NoSeat => Refusal::new(RejectCode::NoSuchChat, "that is no group of yours"),
    })?;
    if add.is_empty() {
        return Ok(());
    }
    let found = house.store.profiles(vec![user.clone()]).await;
    if let Ok([Profile { receipts: ReceiptRule::Told, .. }]) = found.as_deref() {
        return Ok(());
    }
    // Where the session has gone meanwhile, it watches nothing.
    let _ = house.hub.watch_receipts(&user, session, &[], add);
    found?;
    let reason = "you hide what you read, so you are not told what others read";
    Err(Refusal::new(RejectCode::NotAllowed, reason).into())
}
